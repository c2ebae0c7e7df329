//! What a node expects of its channels and what it asks for: forecasts, policies, model files.
//!
//! Pure: it must never read a clock or a file, draw randomness, or fail because of a model. All
//! answers leave as integers (parts per million, seconds), so every consumer is deterministic.
//!
//! | module | question |
//! | --- | --- |
//! | [`arcs`] | which arcs of the network carry an amount? |
//! | [`forecast`] | when will this end run dry, or full, and how sure is that? |
//! | [`policy`] | which balance does this end want, how urgently, what may it lend? |
//! | [`model`] | which network decides, or why does the rule? |
//! | [`rounds`] | which rules do few price rounds follow? |
//! | [`net`] | what does a small network answer? |

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod arcs;
pub mod forecast;
pub mod model;
pub mod net;
pub mod policy;
pub mod rounds;

/// One whole in parts per million.
pub const MILLION: u32 = 1_000_000;

/// A share in [0, 1] as parts per million, rounded; what is no number counts as nothing.
pub fn ppm(share: f64) -> u32 {
    let scaled = (share * f64::from(MILLION)).round();
    if scaled.is_finite() { scaled.clamp(0.0, f64::from(MILLION)) as u32 } else { 0 }
}

//! Advice from outside: whoever remembers a channel's past names its fee.
//!
//! The rules say within which limits and how much must be known; the adviser answers. Rules stay
//! pure: without an adviser `learning_enabled` changes nothing. An adviser must never be asked for
//! a channel whose section does not set `learning_enabled`.

/// What the rules ask an adviser.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ask {
    /// The channel.
    pub chan_id: u64,
    /// The fee rate in force, ppm.
    pub present_ppm: u32,
    /// The lowest rate allowed, ppm.
    pub min_fee_ppm: u32,
    /// The highest rate allowed, ppm.
    pub max_fee_ppm: u32,
    /// Hours in which the channel could forward before anything is advised.
    pub least_hours: f64,
    /// Forwards before anything is advised.
    pub least_forwards: u32,
    /// The channel's capacity, sat.
    pub capacity_sat: u64,
}

/// What an adviser answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Advice {
    /// Too little is known: what the strategy says holds.
    Fallback {
        /// Why, for people.
        why: String,
    },
    /// This rate.
    Fee {
        /// The rate, ppm.
        fee_ppm: u32,
        /// How it came about, for people.
        why: String,
    },
}

/// Whoever remembers channels' pasts.
pub trait Adviser {
    /// The rate of a channel.
    fn advise(&self, ask: &Ask) -> Advice;
}

//! Statistics on a node's fee history: what a change of fees did to a channel's revenue, and which
//! fee to try next.
//!
//! Pure: no clock, no database, no network; the same history gives the same answer on every
//! machine. It must never decide to send anything: it answers with figures and reasons, and the
//! caller, who knows budgets and hold times, acts.
//!
//! | module | question |
//! | --- | --- |
//! | [`span`] | how long could this channel forward at all? |
//! | [`guard`] | did a change cost revenue, and is it to be taken back? |
//! | [`demand`] | how much would be sent at which fee? |
//! | [`supply`] | how much can it send in the long run? |
//! | [`choose`] | which fee next, with bounded regret? |
//! | [`learner`] | the three together, from a channel's recorded past |
//! | [`replay`] | what would other fees have earned on a recorded past? |
//! | [`market`], [`contest`] | does it beat fixed and proportional fees on unseen demand? |

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod choose;
pub mod contest;
pub mod demand;
pub mod guard;
pub mod learner;
pub mod market;
pub mod replay;
pub mod span;
pub mod supply;

/// Seconds of a day.
pub const DAY_S: i64 = 86_400;
/// Seconds of a week.
pub const WEEK_S: i64 = 7 * DAY_S;

//! Price rounds: what neighbours tell each other before an epoch, and the rule that answers.
//!
//! A quote promises nothing. The core must never know the arithmetic of prices: a potential is two
//! bytes that it passes on, and [`PriceRule`] alone reads them.

use crate::amount::Msat;
use crate::bounded::Bounded;
use crate::ids::{ChannelId, Epoch};
use crate::limits::{QUOTE_CHANNELS_MAX, QUOTE_ROUNDS_MAX};
use crate::summary::Want;
use serde::{Deserialize, Serialize};

/// How what a member offers to the leader comes about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlanMode {
    /// Offers in buckets; no price rounds.
    #[default]
    Leader,
    /// Price rounds from zero; only what they come to is offered.
    Market,
    /// Price rounds from the prices of the newest plan.
    Hybrid,
}

impl PlanMode {
    /// All modes.
    pub const ALL: [Self; 3] = [Self::Leader, Self::Market, Self::Hybrid];

    /// The mode of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.name() == name)
    }

    /// Its name, as operators write it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Leader => "leader",
            Self::Market => "market",
            Self::Hybrid => "hybrid",
        }
    }
}

/// How this member takes part in price rounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Market {
    /// Whether, and where it starts.
    pub mode: PlanMode,
    /// Quotes it sends each neighbour before an epoch, 2 to [`QUOTE_ROUNDS_MAX`]. The first only
    /// shows what can move.
    pub rounds: u8,
}

impl Default for Market {
    fn default() -> Self {
        Self { mode: PlanMode::Leader, rounds: 10 }
    }
}

impl Market {
    /// Whether this member runs price rounds.
    #[must_use]
    pub fn runs(&self) -> bool {
        self.mode != PlanMode::Leader
    }

    /// Its rounds within what a quote may count.
    #[must_use]
    pub fn rounds(&self) -> u8 {
        self.rounds.clamp(2, QUOTE_ROUNDS_MAX)
    }
}

/// A potential in the two bytes of the rule that reads it; zero is no price.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Potential(pub u16);

/// One end of a channel as it is shown to the other end, which knows the balance anyway: the exact
/// offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuotedEnd {
    /// The channel.
    pub channel: ChannelId,
    /// What this end wants.
    pub want: Want,
    /// How much it would send.
    pub send_msat: Msat,
    /// How much it would receive.
    pub receive_msat: Msat,
    /// How badly, 0 (helper) to 255.
    pub urgency: u8,
    /// What it asks for lending, millionths of the amount.
    pub price_ppm: u32,
}

/// What a member tells one neighbour in one round. Complete in itself: what is lost leaves the
/// last word standing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quote {
    /// The epoch the rounds are for: the next one.
    pub epoch: Epoch,
    /// The round, from 0.
    pub round: u8,
    /// The sender's price of liquidity.
    pub potential: Potential,
    /// Its ends of the channels it shares with the receiver, strictly ascending.
    pub ends: Bounded<QuotedEnd, QUOTE_CHANNELS_MAX>,
}

/// A channel of which both ends are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    /// Which neighbour is at the other end, as a place in [`Standing::heard`].
    pub neighbour: usize,
    /// Our own end, as we quoted it.
    pub own: QuotedEnd,
    /// The neighbour's end, as it quoted it.
    pub other: QuotedEnd,
}

/// What a rule is given: everything one node knows in one round.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// What this node said last.
    pub said: Potential,
    /// What each neighbour said last.
    pub heard: Vec<Potential>,
    /// The channels, ascending by id.
    pub channels: Vec<Known>,
}

/// What the rounds came to for one channel end, at most its quoted offer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Agreed {
    /// How much it sends.
    pub send_msat: Msat,
    /// How much it receives.
    pub receive_msat: Msat,
}

/// The arithmetic of prices: pure functions, the same on every member.
#[derive(Clone, Copy, Debug)]
pub struct PriceRule {
    /// The potential that stands for a plan's price, in ppm.
    pub start: fn(i64) -> Potential,
    /// One round: what to say next.
    pub step: fn(&Standing) -> Potential,
    /// What the channels offer after the last round, in their order.
    pub offers: fn(&Standing) -> Vec<Agreed>,
    /// A potential in ppm, for people.
    pub ppm: fn(Potential) -> i64,
}

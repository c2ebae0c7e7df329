//! A scenario: everything that will happen to a world, as plain data.
//!
//! A scenario is drawn once from a seed, printed, stored as a `.scn` file (JSON) and cut down by
//! the shrinker. Running one must never draw anything that is not in it or in the streams of its
//! seed.

mod draw;
mod faults;

pub use faults::{Fault, FaultKind, Script};

use debal_protocol::market::{Market, PlanMode};
use serde::{Deserialize, Serialize};

/// Fewest members of a world.
const NODES_MIN: usize = 2;

/// One channel of the topology.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelPlan {
    /// Its id.
    pub number: u64,
    /// The end that proposes it.
    pub a: usize,
    /// The end that expects it.
    pub b: usize,
    /// Capacity.
    pub capacity_msat: u64,
    /// What `a` starts with.
    pub a_msat: u64,
}

/// How links behave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkModel {
    /// Shortest delay, milliseconds.
    pub delay_min_ms: u64,
    /// Longest ordinary delay, milliseconds.
    pub delay_max_ms: u64,
    /// Messages under way per direction; more are dropped at the tail.
    pub queue_max: usize,
    /// Losses per thousand, in the chaos phase only.
    pub loss_per_mille: u32,
    /// Duplicates per thousand, in the chaos phase only.
    pub duplicate_per_mille: u32,
    /// Corrupted messages per thousand, in the chaos phase only.
    pub corrupt_per_mille: u32,
}

/// How disks behave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiskModel {
    /// Shortest flush, milliseconds.
    pub flush_min_ms: u64,
    /// Longest flush, milliseconds.
    pub flush_max_ms: u64,
    /// Chance per thousand that a crash damages unflushed records at all.
    pub damage_per_mille: u32,
}

/// What every operator in the world wishes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wishes {
    /// Fixed forwarding fee, msat.
    pub base_msat: u32,
    /// Proportional forwarding fee, millionths.
    pub ppm: u32,
    /// What lending costs others, millionths.
    pub price_ppm: u32,
    /// Bits of the summaries' buckets.
    pub summary_bits: u8,
    /// What each end of a channel keeps, msat.
    pub reserve_msat: u64,
    /// Cap on open cycle amounts towards one counterparty, msat.
    pub exposure_msat: u64,
    /// The leader scales the planner's amounts by this many percent: above 100 it over-asks.
    pub greed_percent: u64,
}

/// What is odd about a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum PaymentKind {
    /// Nothing.
    Plain,
    /// The recipient's operator holds it, then settles.
    HeldSettled,
    /// The recipient's operator holds it, then cancels.
    HeldCancelled,
    /// The sender leaves out the forwarding fees.
    Underpaid,
    /// The sender pays one msat less than asked.
    Short,
    /// The sender pays itself around a cycle.
    Circular,
}

/// One payment of the workload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payment {
    /// When, milliseconds after the chaos phase began.
    pub at_ms: u64,
    /// Sender.
    pub from: usize,
    /// Recipient.
    pub to: usize,
    /// Amount the recipient asks for.
    pub amount_msat: u64,
    /// Picks the route.
    pub route: u64,
    /// What is odd about it.
    pub kind: PaymentKind,
}

/// A scenario.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scenario {
    /// Where it came from; also seeds the running world's streams.
    pub seed: u64,
    /// Members.
    pub nodes: usize,
    /// Sign with the real curves.
    pub real_curves: bool,
    /// Length of an epoch, milliseconds.
    pub epoch_ms: u64,
    /// Length of the chaos phase, milliseconds.
    pub chaos_ms: u64,
    /// Topology and starting balances.
    pub channels: Vec<ChannelPlan>,
    /// Links.
    pub link: LinkModel,
    /// Disks.
    pub disk: DiskModel,
    /// Operators.
    pub wishes: Wishes,
    /// Payments, by time.
    pub payments: Vec<Payment>,
    /// Faults, by time.
    pub faults: Vec<Fault>,
    /// Each member's plan mode; leader mode where the list is too short.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub modes: Vec<PlanMode>,
    /// Price rounds of members that run them.
    #[serde(default = "rounds_default")]
    pub rounds: u8,
    /// Which of the seed's identities each member has, where that is not the one of its number:
    /// the shrinker drops members and the others keep theirs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub identities: Vec<usize>,
}

fn rounds_default() -> u8 {
    Market::default().rounds
}

impl Scenario {
    /// Draws the scenario of a seed.
    #[must_use]
    pub fn from_seed(seed: u64) -> Self {
        draw::scenario(seed, None)
    }

    /// Draws the scenario of a seed with a fixed number of members.
    #[must_use]
    pub fn from_seed_with(seed: u64, nodes: usize) -> Self {
        draw::scenario(seed, Some(nodes))
    }

    /// The scenario as the text of a `.scn` file.
    ///
    /// # Errors
    /// Those of the JSON writer; none happen for this type.
    pub fn to_text(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string_pretty(self)
    }

    /// Reads a `.scn` file.
    ///
    /// # Errors
    /// Those of the JSON reader, with line and column.
    pub fn from_text(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }

    /// Whether the member lies or forgets at some time. What it does to itself, and what its direct
    /// counterparties had locked with it, is not promised in mode B.
    #[must_use]
    pub fn is_tainted(&self, node: usize) -> bool {
        self.faults.iter().any(|fault| fault.kind.taints() == Some(node))
    }

    /// A member's part in price rounds.
    #[must_use]
    pub fn market(&self, node: usize) -> Market {
        let mode = self.modes.get(node).copied().unwrap_or_default();
        Market { mode, rounds: self.rounds }
    }

    /// Number of a member's identity among the seed's.
    #[must_use]
    pub fn identity(&self, node: usize) -> usize {
        self.identities.get(node).copied().unwrap_or(node)
    }

    /// The same without one member and all that names it; the members after it move up. `None` if
    /// too few would be left for as many liars.
    #[must_use]
    pub fn without(&self, gone: usize) -> Option<Self> {
        let moved = |node: usize| if node > gone { node - 1 } else { node };
        let mut less = self.clone();
        less.identities =
            (0..self.nodes).filter(|node| *node != gone).map(|node| self.identity(node)).collect();
        less.nodes = self.nodes.checked_sub(1)?;
        if gone < less.modes.len() {
            less.modes.remove(gone);
        }
        less.channels.retain(|channel| channel.a != gone && channel.b != gone);
        for channel in &mut less.channels {
            (channel.a, channel.b) = (moved(channel.a), moved(channel.b));
        }
        less.payments.retain(|payment| payment.from != gone && payment.to != gone);
        for payment in &mut less.payments {
            (payment.from, payment.to) = (moved(payment.from), moved(payment.to));
        }
        less.faults.retain_mut(|fault| fault.kind.forget(gone));
        let liars = draw::tainted_max(less.nodes);
        (less.nodes >= NODES_MIN && less.tainted_count() <= liars).then_some(less)
    }

    /// Members that lie or forget.
    #[must_use]
    pub fn tainted_count(&self) -> usize {
        (0..self.nodes).filter(|node| self.is_tainted(*node)).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scenario_survives_its_text() -> Result<(), serde_json::Error> {
        for seed in 0..200 {
            let scenario = Scenario::from_seed(seed);
            assert_eq!(Scenario::from_text(&scenario.to_text()?)?, scenario);
        }
        Ok(())
    }

    #[test]
    fn a_scenario_without_a_member_names_nobody_beyond_the_others() {
        for seed in 0..50 {
            let whole = Scenario::from_seed(seed);
            for gone in 0..whole.nodes {
                let Some(less) = whole.without(gone) else { continue };
                assert_eq!(less.nodes, whole.nodes - 1);
                assert!(less.channels.iter().all(|c| c.a < less.nodes && c.b < less.nodes));
                assert!(less.payments.iter().all(|p| p.from < less.nodes && p.to < less.nodes));
                assert!(less.faults.iter().all(|fault| !fault.kind.names(less.nodes)));
                assert!(!less.identities.contains(&gone) && less.identities.len() == less.nodes);
            }
        }
    }

    #[test]
    fn a_seed_draws_one_scenario_and_seeds_differ() {
        assert_eq!(Scenario::from_seed(7), Scenario::from_seed(7));
        assert_ne!(Scenario::from_seed(7).payments, Scenario::from_seed(8).payments);
    }
}

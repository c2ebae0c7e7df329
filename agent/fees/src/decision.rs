//! Decisions: what is to become of a channel, and why, as data.
//!
//! A decision must never be applied here: it says what should be sent, and somebody else sends it.

use std::sync::Arc;

use serde::Serialize;

use crate::breaker::Wish;
use crate::fault::Fault;
use crate::select::Trail;

/// What the rules decide for one channel.
#[derive(Debug, Clone)]
pub struct Decision {
    /// The channel.
    pub chan_id: u64,
    /// The section that applies; without one the channel is left alone.
    pub section: Option<Arc<str>>,
    /// The section of the included rule file that applies.
    pub inner_section: Option<Arc<str>>,
    /// The strategy in force.
    pub strategy: Option<Arc<str>>,
    /// Why the channel is left alone, if something is wrong.
    pub error: Option<ChannelError>,
    /// What was odd on the way.
    pub warnings: Vec<Warning>,
    /// What the rules ask for; nothing where no section applies.
    pub target: Option<Target>,
    /// The policy update to send.
    pub update: Option<PolicyUpdate>,
    /// The switch to send.
    pub status: Option<Status>,
    /// How the strategy came to its result.
    pub notes: Vec<String>,
    /// What the rules ask for and this node does not have; the rest of the decision stands.
    pub unsupported: Vec<String>,
    /// How the change is to be watched.
    pub safety: Safety,
    /// The rate is an adviser's, not the strategy's.
    pub learned: bool,
    pub(crate) breaker: Option<Wish>,
    pub(crate) trail: Trail,
}

/// Why a channel is left alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelError {
    /// What failed.
    pub kind: ErrorKind,
    /// Where and how.
    pub fault: Fault,
}

/// What failed for a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// A criterion could not be judged.
    Criteria,
    /// The strategy could not be carried out.
    Strategy,
    /// The graph does not know the channel.
    NoChannelInfo,
    /// The run ended before the channel.
    NotReached,
}

/// What was odd on the way to a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Warning {
    /// A section asks for something in a name space that does not exist.
    UnknownNamespace,
    /// The strategy does not exist.
    UnknownStrategy,
    /// A list file has an entry that is none.
    IgnoredListEntry,
}

/// What the rules ask for; nothing in a member means "as it is".
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Target {
    /// Fee per forward, msat.
    pub base_fee_msat: Option<i128>,
    /// Fee rate, ppm.
    pub fee_ppm: Option<i128>,
    /// Inbound fee per forward, msat.
    pub inbound_base_fee_msat: Option<i128>,
    /// Inbound fee rate, ppm.
    pub inbound_fee_ppm: Option<i128>,
    /// Time lock delta, blocks.
    pub time_lock_delta: Option<i128>,
    /// Smallest HTLC, msat.
    pub min_htlc_msat: Option<i128>,
    /// Largest HTLC, msat.
    pub max_htlc_msat: Option<i128>,
    /// Whether the channel is switched off.
    pub disabled: Option<bool>,
}

/// A policy update: all its members are sent together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PolicyUpdate {
    /// Fee per forward, msat.
    pub base_fee_msat: i128,
    /// Fee rate, ppm.
    pub fee_ppm: i128,
    /// Inbound fee per forward, msat.
    pub inbound_base_fee_msat: i128,
    /// Inbound fee rate, ppm.
    pub inbound_fee_ppm: i128,
    /// Time lock delta, blocks.
    pub time_lock_delta: i128,
    /// Smallest HTLC, msat; nothing leaves it unspecified.
    pub min_htlc_msat: Option<i128>,
    /// Largest HTLC, msat; 0 leaves it as it is.
    pub max_htlc_msat: i128,
}

/// A switch to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Status {
    /// On; a node that refuses it is asked for AUTO.
    Enable,
    /// Off.
    Disable,
}

/// How a change is to be watched.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Safety {
    /// Whether other fees may be tried to learn from.
    pub learning_enabled: bool,
    /// Whether a change that costs revenue is taken back by itself.
    pub enable_auto_rollback: bool,
    /// The share of revenue that may be lost before it is taken back, 0 to 1.
    pub rollback_threshold: f64,
}

impl Default for Safety {
    fn default() -> Safety {
        Safety { learning_enabled: false, enable_auto_rollback: false, rollback_threshold: 0.3 }
    }
}

impl Decision {
    /// Whether anything is to be sent for the channel.
    pub fn is_change(&self) -> bool {
        self.update.is_some() || self.status.is_some()
    }

    /// A decision about a channel that was not looked at.
    pub(crate) fn not_reached(chan_id: u64, fault: Fault) -> Decision {
        let mut decision = Decision::untouched(chan_id);
        decision.error = Some(ChannelError { kind: ErrorKind::NotReached, fault });
        decision
    }

    /// A decision to leave a channel alone.
    pub(crate) fn untouched(chan_id: u64) -> Decision {
        Decision {
            chan_id,
            section: None,
            inner_section: None,
            strategy: None,
            error: None,
            warnings: Vec::new(),
            target: None,
            update: None,
            status: None,
            notes: Vec::new(),
            unsupported: Vec::new(),
            safety: Safety::default(),
            learned: false,
            breaker: None,
            trail: Trail::default(),
        }
    }
}

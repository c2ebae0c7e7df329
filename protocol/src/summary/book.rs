//! The newest summary of every member.
//!
//! The book must never go back: an older sequence number of a sender is refused, so a replayed
//! summary changes nothing.

use super::Summary;
use crate::ids::Epoch;
use crate::limits::ROSTER_MAX;
use crate::mutant::{Mutant, active};
use crate::reject::Reject;
use debal_crypto::NodeId;
use std::collections::BTreeMap;

/// Summaries older than this many epochs are not planned with.
const FRESH_EPOCHS: u64 = 2;

/// The book.
#[derive(Debug, Default)]
pub struct SummaryBook(BTreeMap<NodeId, Summary>);

impl SummaryBook {
    /// Takes a summary if it is newer than what is known of its sender.
    ///
    /// # Errors
    /// [`Reject::Stale`], [`Reject::Duplicate`], [`Reject::Malformed`], or [`Reject::Full`].
    pub fn take(&mut self, sender: NodeId, summary: Summary) -> Result<(), Reject> {
        if summary.bits > 8 {
            return Err(Reject::malformed("summary", "bits must be at most 8"));
        }
        if summary.bits == 0 && summary.channels.iter().any(|end| end.ratio_bucket != 0) {
            return Err(Reject::malformed("summary", "a ratio of no bits"));
        }
        let channels = summary.channels.iter();
        if channels.zip(summary.channels.iter().skip(1)).any(|(a, b)| a.channel >= b.channel) {
            return Err(Reject::malformed("summary", "channels must ascend"));
        }
        match self.0.get(&sender) {
            Some(known) if known.seq == summary.seq => return Err(Reject::Duplicate),
            Some(known) if known.seq > summary.seq && !active(Mutant::StaleSummary) => {
                return Err(Reject::Stale { found: summary.seq, newest: known.seq });
            }
            None if self.0.len() >= ROSTER_MAX => return Err(Reject::Full("summaries")),
            _ => {}
        }
        self.0.insert(sender, summary);
        Ok(())
    }

    /// Summaries fresh enough to plan with in `epoch`, ascending by sender.
    #[must_use]
    pub fn fresh(&self, epoch: Epoch) -> Vec<(NodeId, Summary)> {
        let fresh = self.0.iter().filter(|(_, summary)| summary.epoch.plus(FRESH_EPOCHS) > epoch);
        fresh.map(|(node, summary)| (*node, summary.clone())).collect()
    }

    /// The newest summary of a member.
    #[must_use]
    pub fn of(&self, sender: &NodeId) -> Option<&Summary> {
        self.0.get(sender)
    }

    /// Everything known, ascending by sender.
    #[must_use]
    pub fn all(&self) -> Vec<(NodeId, Summary)> {
        self.0.iter().map(|(node, summary)| (*node, summary.clone())).collect()
    }
}

//! Records about channels: opening, proposing, completing, adopting.
//!
//! A complete state must follow the one before it by [`next_state`]; signatures were checked before
//! the record was written and are not checked again here, so that replay is fast.

use super::{ApplyError, Durable, Opening};
use crate::channel::{Change, Channel, Proposal, SignedState, State, first_state, next_state};
use crate::ids::ChannelId;
use crate::input::OpenChannel;
use crate::journal::Changes;
use crate::summary::ForwardPolicy;
use debal_crypto::Signature;
use std::collections::BTreeMap;

impl Durable {
    pub(super) fn on_opening(&mut self, open: &OpenChannel, ours: bool) -> Result<(), ApplyError> {
        let channel = open.terms.channel;
        if self.channels.contains_key(&channel) {
            return Err(ApplyError::Order("a channel that is open cannot be opened"));
        }
        self.openings.insert(channel, Opening { open: *open, proposed_by_us: ours });
        Ok(())
    }

    pub(super) fn on_opened(
        &mut self,
        opening: &OpenChannel,
        peer_policy: ForwardPolicy,
        state: &SignedState,
    ) -> Result<(), ApplyError> {
        let terms = opening.terms;
        let channel = terms.channel;
        let side = terms
            .side_of(&self.node)
            .ok_or(ApplyError::Order("a channel must have this node at one end"))?;
        let first = first_state(&terms, opening.low_msat)
            .map_err(|error| ApplyError::State { channel, error })?;
        if first != state.state || self.channels.contains_key(&channel) {
            return Err(ApplyError::Order("a channel must begin once, with its first state"));
        }
        self.openings.remove(&channel);
        self.channels.insert(
            channel,
            Channel {
                terms,
                side,
                newest: state.clone(),
                proposal: None,
                our_policy: opening.policy,
                peer_policy,
                ended: BTreeMap::new(),
                frozen: false,
            },
        );
        Ok(())
    }

    pub(super) fn on_proposed(
        &mut self,
        channel: ChannelId,
        changes: &Changes,
        signature: Signature,
    ) -> Result<(), ApplyError> {
        let entry = self.channel_mut(channel)?;
        if entry.proposal.is_some() {
            return Err(ApplyError::Order("one proposal at a time"));
        }
        let state = next_state(&entry.terms, entry.state(), changes)
            .map_err(|error| ApplyError::State { channel, error })?;
        entry.proposal = Some(Proposal { changes: changes.clone(), state, signature });
        Ok(())
    }

    pub(super) fn on_countersigned(
        &mut self,
        channel: ChannelId,
        high: Signature,
    ) -> Result<(), ApplyError> {
        let entry = self.channel_mut(channel)?;
        let proposal = entry.proposal.take().ok_or(ApplyError::Order("nothing was proposed"))?;
        let Proposal { changes, state, signature: low } = proposal;
        self.complete(channel, &changes, SignedState { state, low, high })
    }

    pub(super) fn on_completed(
        &mut self,
        channel: ChannelId,
        changes: &Changes,
        low: Signature,
        high: Signature,
    ) -> Result<(), ApplyError> {
        let entry = self.channel_mut(channel)?;
        let state = next_state(&entry.terms, entry.state(), changes)
            .map_err(|error| ApplyError::State { channel, error })?;
        self.complete(channel, changes, SignedState { state, low, high })
    }

    fn complete(
        &mut self,
        channel: ChannelId,
        changes: &Changes,
        state: SignedState,
    ) -> Result<(), ApplyError> {
        let entry = self.channel_mut(channel)?;
        let before = std::mem::replace(&mut entry.newest, state).state;
        for change in changes {
            self.note_change(channel, &before, change)?;
        }
        Ok(())
    }

    /// A newer complete state shown by the peer after our journal was lost or rolled back. Locks we
    /// know nothing about become orphans; hops whose lock is gone are read off the balances by
    /// nobody: they are taken as released for the payer and settled for the payee only if the new
    /// balance proves it, which a single state cannot. So they stay as they are and the audit says
    /// so.
    pub(super) fn on_adopted(
        &mut self,
        channel: ChannelId,
        state: &SignedState,
    ) -> Result<(), ApplyError> {
        let entry = self.channel_mut(channel)?;
        if state.state.seq <= entry.newest.state.seq {
            return Err(ApplyError::Order("an adopted state must be newer"));
        }
        entry.proposal = None;
        let before: State = std::mem::replace(&mut entry.newest, state.clone()).state;
        let fresh: Vec<_> =
            state.state.locks.iter().filter(|lock| before.lock(lock.key).is_none()).collect();
        for lock in fresh {
            self.note_change(channel, &before, &Change::Add { lock: *lock, route: None })?;
        }
        Ok(())
    }
}

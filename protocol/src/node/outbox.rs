//! The effects of one step, in order, with the journal position each must wait for.
//!
//! After a halt nothing may leave any more: what was queued in the same step is dropped, except the
//! halt itself.

use super::OwnMessages;
use crate::effect::{Effect, Position};
use crate::event::Event;
use crate::journal::Record;
use crate::message::Message;
use crate::reject::{Blame, Reject};

/// What the network layer should do with a gossiped message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Verdict {
    /// Forward it.
    #[default]
    Accept,
    /// Do not forward it; nobody is to blame.
    Ignore,
    /// Do not forward it; no honest node would have.
    Reject,
}

impl From<&Reject> for Verdict {
    fn from(reject: &Reject) -> Self {
        match reject.blame() {
            Blame::None => Self::Ignore,
            Blame::Forwarder => Self::Reject,
        }
    }
}

/// Everything that follows from one input.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Step {
    /// What to do, in order.
    pub effects: Vec<Effect>,
    /// What to tell the network layer, if the input was a gossiped message.
    pub verdict: Verdict,
}

#[derive(Debug, Default)]
pub(super) struct Outbox {
    effects: Vec<Effect>,
    own: OwnMessages,
    appended: u64,
    halted: bool,
}

impl Outbox {
    pub(super) const fn halted(&self) -> bool {
        self.halted
    }

    pub(super) const fn position(&self) -> Position {
        Position(self.appended)
    }

    pub(super) const fn count_replayed(&mut self) {
        self.appended = self.appended.saturating_add(1);
    }

    pub(super) const fn resume_at(&mut self, position: Position) {
        self.appended = position.0;
    }

    pub(super) fn append(&mut self, record: Record) {
        self.appended = self.appended.saturating_add(1);
        self.push(Effect::Append(record));
    }

    pub(super) fn push(&mut self, effect: Effect) {
        if !self.halted {
            self.effects.push(effect);
        }
    }

    pub(super) fn emit(&mut self, event: Event) {
        self.push(Effect::Emit(event));
    }

    pub(super) fn halt(&mut self, reason: String) {
        if !self.halted {
            self.effects = vec![Effect::Halt(reason)];
            self.halted = true;
        }
        self.own.clear();
    }

    pub(super) fn push_own(&mut self, message: Message) {
        self.own.push_back(message);
    }

    pub(super) fn pop_own(&mut self) -> Option<Message> {
        self.own.pop_front()
    }

    pub(super) fn take(&mut self, verdict: Verdict) -> Step {
        Step { effects: std::mem::take(&mut self.effects), verdict }
    }
}

//! Everything a node can want from the world.
//!
//! Effects are data in order. One that must wait for the disk carries the journal position it waits
//! for: "journal before send" is a type here, and a driver that releases an effect earlier is
//! wrong.

use crate::amount::Msat;
use crate::channel::ChannelTerms;
use crate::event::Event;
use crate::ids::{Epoch, TransferId};
use crate::input::{Ticket, Timer};
use crate::journal::Record;
use crate::message::{Refusal, Travel};
use crate::summary::Summary;
use debal_crypto::{LockHash, NodeId};

/// How many records have been appended in the life of this journal. Position 0 waits for nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position(pub u64);

/// One effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Append this record to the journal. Positions count up by one per record.
    Append(Record),
    /// Send a sealed envelope to one member.
    Send {
        /// To whom.
        to: NodeId,
        /// The sealed envelope.
        bytes: Vec<u8>,
        /// What it is, for logs and metrics.
        name: &'static str,
        /// Not before this position is durable.
        after: Position,
    },
    /// Publish a sealed envelope to all.
    Gossip {
        /// On which topic.
        travel: Travel,
        /// The sealed envelope.
        bytes: Vec<u8>,
        /// Not before this position is durable.
        after: Position,
    },
    /// Wake the node at this monotonic tick. Replaces an earlier time of the same timer.
    SetTimer {
        /// Which timer.
        timer: Timer,
        /// When, milliseconds of the monotonic clock.
        at_tick_ms: u64,
    },
    /// This node leads: make a plan and answer with [`crate::input::Input::PlanMade`].
    MakePlan(PlanRequest),
    /// The answer to an operator's request.
    Answer {
        /// Which request.
        ticket: Ticket,
        /// The answer.
        answer: Result<Answer, OperatorError>,
        /// Not before this position is durable.
        after: Position,
    },
    /// Tell whoever watches.
    Emit(Event),
    /// Stop the process: an invariant is broken. Nothing may be sent any more.
    Halt(String),
}

/// What the leader plans from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanRequest {
    /// The epoch led.
    pub epoch: Epoch,
    /// The round that certified the leader.
    pub round: u8,
    /// The freshest summary of every member, ascending by node.
    pub summaries: Vec<(NodeId, Summary)>,
    /// How many hops all cycles together may have, so that the plan fits its message.
    pub hops_max: usize,
}

/// Answers to operators.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Done.
    Done,
    /// The channel is open.
    Opened(ChannelTerms),
    /// Ready to receive under this hash.
    Receive(LockHash),
    /// The transfer is on its way; an event will tell the outcome.
    Sending(TransferId),
}

/// Why an operator's request was not carried out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OperatorError {
    /// Refused for a named reason.
    #[error("refused: {0:?}")]
    Refused(Refusal),
    /// The channel exists already with other terms.
    #[error("channel {0} exists already")]
    ChannelExists(crate::ids::ChannelId),
    /// There is no such channel.
    #[error("no channel {0} here")]
    NoChannel(crate::ids::ChannelId),
    /// The request contradicts itself.
    #[error("{0}")]
    Invalid(&'static str),
    /// The roster does not admit the change.
    #[error("the roster does not admit it: {0}")]
    Roster(#[from] crate::roster::RosterError),
    /// The free balance is too small.
    #[error("only {available_msat} can be sent over that channel now")]
    Insufficient {
        /// What could be sent.
        available_msat: Msat,
    },
    /// A cap is reached.
    #[error("too many {0} at once")]
    Full(&'static str),
    /// The receive is settled, or its secret is out: it cannot be cancelled any more.
    #[error("the payment is settled already")]
    Settled,
    /// Nothing is known under that hash.
    #[error("no receive with that hash")]
    NoReceive,
}

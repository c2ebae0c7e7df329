//! One machine: a node, its disk, its clock, what it has not sent yet.
//!
//! Only [`super::driver`] may feed a node and release what it wants sent.

use super::queue::Event;
use crate::scenario::Script;
use debal_crypto::Suite;
use debal_protocol::Node;
use debal_protocol::effect::{Answer, OperatorError, Position};
use debal_protocol::input::{Ticket, Timer};
use debal_protocol::journal::Record;
use debal_protocol::message::Travel;
use debal_protocol::time::Now;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

/// Something that waits for its records.
#[derive(Clone, Debug)]
pub(crate) enum Outgoing {
    Send { to: usize, bytes: Vec<u8>, name: &'static str },
    Gossip { travel: Travel, bytes: Vec<u8> },
    Answer { ticket: Ticket, answer: Result<Answer, OperatorError> },
}

/// A journal on a disk that forgets what was not flushed.
#[derive(Debug, Default)]
pub(crate) struct Disk {
    /// Everything appended, in order; position n waits for the first n.
    pub records: Vec<Record>,
    /// How many of them are durable.
    pub durable: usize,
    /// How many will be durable when the flush under way ends.
    pub flushing: Option<usize>,
    /// The flush under way, or the next one, fails.
    pub fail_flush: bool,
    /// The next append fails.
    pub full: bool,
}

/// The wall clock of a host: the true time plus an offset that may drift.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Clock {
    pub offset_ms: i64,
    pub drift_ppm: i64,
    pub drift_since_ms: u64,
    pub booted_ms: u64,
}

/// Unix time of the world's first millisecond.
pub(crate) const WALL_BEGIN_MS: u64 = 1_000_000_000;

impl Clock {
    pub fn now(&self, now_ms: u64) -> Now {
        let drifted =
            now_ms.saturating_sub(self.drift_since_ms) as i64 * self.drift_ppm / 1_000_000;
        let wall = (WALL_BEGIN_MS + now_ms) as i64 + self.offset_ms + drifted;
        Now { tick_ms: self.tick(now_ms), wall_ms: wall.max(0) as u64 }
    }

    pub fn tick(&self, now_ms: u64) -> u64 {
        1_000 + now_ms.saturating_sub(self.booted_ms)
    }

    /// Drift becomes an offset and stops.
    pub fn settle(&mut self, now_ms: u64) {
        let drifted =
            now_ms.saturating_sub(self.drift_since_ms) as i64 * self.drift_ppm / 1_000_000;
        self.offset_ms += drifted;
        self.drift_ppm = 0;
    }
}

/// Where a process is made to die.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DeathTrap {
    /// Before this many more effects are carried out.
    Effects(u64),
    /// Before the journal's record of this index is appended.
    BeforeAppend(usize),
    /// After it is appended, before it is flushed.
    BeforeFlush(usize),
    /// After it is flushed, before what waits for it leaves.
    BeforeSend(usize),
    /// After what waits for it has left.
    AfterSend(usize),
}

/// What a fault has done to the process.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ailments {
    pub paused: bool,
    pub slow: bool,
    pub trap: Option<DeathTrap>,
    /// How long it stays down after the trap.
    pub trap_down_ms: u64,
    pub scripts: BTreeSet<Script>,
}

pub(crate) struct Host {
    pub node: Node,
    pub suite: Arc<dyn Suite>,
    pub disk: Disk,
    pub clock: Clock,
    pub timers: BTreeMap<Timer, u64>,
    pub held: VecDeque<(Position, Outgoing)>,
    /// Counts restarts; what belongs to an earlier life is void.
    pub life: u64,
    pub up: bool,
    pub ailments: Ailments,
    /// What happened to it while it was paused.
    pub parked: Vec<Event>,
    /// Connections as this host knows them, with the generation it was told of.
    pub peers: BTreeMap<usize, (u64, u64, u64)>,
}

impl Host {
    /// The process is there and stands still.
    pub const fn is_paused(&self) -> bool {
        self.up && self.ailments.paused
    }

    /// Records appended and not flushed, without a flush under way.
    pub fn wants_flush(&self) -> bool {
        self.disk.flushing.is_none() && self.disk.durable < self.disk.records.len()
    }
}

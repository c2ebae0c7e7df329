//! The fault menu as data.
//!
//! A fault says what goes wrong, when and how long. How it is carried out is the world's business;
//! nothing here may draw randomness.

use serde::{Deserialize, Serialize};

/// What a Byzantine member does while its script runs. The member's own core stays honest; its
/// messages are dropped, replaced, repeated or forged on their way out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Script {
    /// As leader, shows different plans to different members.
    EquivocatePlan,
    /// As leader, never gives the Go.
    WithholdGo,
    /// Proposes states with wrong sequence numbers, and shows old states.
    StaleSeq,
    /// Repeats old summaries.
    ReplaySummaries,
    /// Promises in its summaries what it does not have.
    LieBalance,
    /// Repeats all its gossip many times.
    FloodGossip,
    /// Never pays a lock, though it knows the secret.
    RefuseSettle,
    /// Never gives a lock back.
    RefuseCancel,
    /// Never shows a secret.
    WithholdSecret,
    /// Proposes locks larger than its balance.
    DoubleLock,
    /// Signs wrongly.
    ForgeSignature,
    /// Pays a lock back to itself before its time.
    EarlyRelease,
    /// Votes for two claims in one round.
    SplitVote,
    /// Shows different claims of one epoch to different members.
    EquivocateClaim,
    /// Shows its secret before the last hop is locked, or to somebody it is not for.
    EarlyReveal,
    /// Signs states with locks nobody asked for, or with wrong amounts, deadlines or hashes.
    ForgeLockProof,
    /// Quotes amounts it does not have, prices that mean nothing, channels of others, other epochs.
    LieQuotes,
}

impl Script {
    /// Scripts drawn with the faults; [`Self::LieQuotes`] is drawn where price rounds run.
    pub const DRAWN: [Self; 16] = [
        Self::EquivocatePlan,
        Self::WithholdGo,
        Self::StaleSeq,
        Self::ReplaySummaries,
        Self::LieBalance,
        Self::FloodGossip,
        Self::RefuseSettle,
        Self::RefuseCancel,
        Self::WithholdSecret,
        Self::DoubleLock,
        Self::ForgeSignature,
        Self::EarlyRelease,
        Self::SplitVote,
        Self::EquivocateClaim,
        Self::EarlyReveal,
        Self::ForgeLockProof,
    ];

    /// All scripts.
    pub fn all() -> impl Iterator<Item = Self> {
        Self::DRAWN.into_iter().chain([Self::LieQuotes])
    }
}

/// What goes wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FaultKind {
    /// These members cannot talk to the others.
    Partition {
        /// One side.
        side: Vec<usize>,
        /// Only messages from that side are lost, and nobody is told.
        one_way: bool,
    },
    /// Two members cannot talk to each other.
    CutEdge {
        /// From.
        a: usize,
        /// To.
        b: usize,
        /// Only messages from `a` to `b` are lost, and nobody is told.
        one_way: bool,
    },
    /// Whoever leads at that time cannot talk to anybody.
    IsolateLeader,
    /// A link passes nothing for a while, then everything.
    Clog {
        /// From.
        a: usize,
        /// To.
        b: usize,
    },
    /// The process dies.
    Crash {
        /// Who.
        node: usize,
    },
    /// The process dies at the k-th effect of a later batch.
    CrashAtEffect {
        /// Who.
        node: usize,
        /// Which effect, counted from the fault's time.
        effect: u64,
    },
    /// All processes die.
    CrashAll,
    /// The process stands still.
    Pause {
        /// Who.
        node: usize,
    },
    /// Everything takes ten times as long.
    Slow {
        /// Who.
        node: usize,
    },
    /// The next flush fails; the process halts and is restarted after `lasts_ms`.
    FlushError {
        /// Who.
        node: usize,
    },
    /// The next append fails; the process halts and is restarted after `lasts_ms`.
    DiskFull {
        /// Who.
        node: usize,
    },
    /// The process is restarted from an old copy of its journal.
    Restore {
        /// Who.
        node: usize,
        /// How many percent of the journal the copy holds.
        percent: u64,
    },
    /// A second process starts from a copy of the disk and acts under the same identity until the
    /// fault ends.
    CloneHost {
        /// Who.
        node: usize,
    },
    /// The process is restarted with an empty journal.
    LostJournal {
        /// Who.
        node: usize,
    },
    /// The wall clock jumps, and is set right when the fault ends.
    ClockJump {
        /// Who.
        node: usize,
        /// By how much.
        by_ms: i64,
    },
    /// The wall clock drifts while the fault lasts.
    ClockDrift {
        /// Who.
        node: usize,
        /// How fast.
        ppm: i64,
    },
    /// A member lies.
    Byzantine {
        /// Who.
        node: usize,
        /// How.
        script: Script,
    },
}

impl FaultKind {
    /// Names of all classes, as coverage marks.
    pub const CLASSES: [&'static str; 17] = [
        "partition",
        "cut_edge",
        "isolate_leader",
        "clog",
        "crash",
        "crash_at_effect",
        "crash_all",
        "pause",
        "slow",
        "flush_error",
        "disk_full",
        "restore",
        "clone_host",
        "lost_journal",
        "clock_jump",
        "clock_drift",
        "byzantine",
    ];

    /// Name of the class.
    #[must_use]
    pub const fn class(&self) -> &'static str {
        match self {
            Self::Partition { .. } => "partition",
            Self::CutEdge { .. } => "cut_edge",
            Self::IsolateLeader => "isolate_leader",
            Self::Clog { .. } => "clog",
            Self::Crash { .. } => "crash",
            Self::CrashAtEffect { .. } => "crash_at_effect",
            Self::CrashAll => "crash_all",
            Self::Pause { .. } => "pause",
            Self::Slow { .. } => "slow",
            Self::FlushError { .. } => "flush_error",
            Self::DiskFull { .. } => "disk_full",
            Self::Restore { .. } => "restore",
            Self::CloneHost { .. } => "clone_host",
            Self::LostJournal { .. } => "lost_journal",
            Self::ClockJump { .. } => "clock_jump",
            Self::ClockDrift { .. } => "clock_drift",
            Self::Byzantine { .. } => "byzantine",
        }
    }

    /// Who lies or forgets by this fault.
    #[must_use]
    pub const fn taints(&self) -> Option<usize> {
        match self {
            Self::Byzantine { node, .. }
            | Self::Restore { node, .. }
            | Self::CloneHost { node }
            | Self::LostJournal { node } => Some(*node),
            _ => None,
        }
    }

    /// The numbers of the members the fault is about.
    fn members_mut(&mut self) -> Vec<&mut usize> {
        match self {
            Self::Partition { side, .. } => side.iter_mut().collect(),
            Self::CutEdge { a, b, .. } | Self::Clog { a, b } => vec![a, b],
            Self::IsolateLeader | Self::CrashAll => Vec::new(),
            Self::Crash { node }
            | Self::CrashAtEffect { node, .. }
            | Self::Pause { node }
            | Self::Slow { node }
            | Self::FlushError { node }
            | Self::DiskFull { node }
            | Self::Restore { node, .. }
            | Self::CloneHost { node }
            | Self::LostJournal { node }
            | Self::ClockJump { node, .. }
            | Self::ClockDrift { node, .. }
            | Self::Byzantine { node, .. } => vec![node],
        }
    }

    /// Whether the fault names this member.
    #[must_use]
    pub fn names(&self, wanted: usize) -> bool {
        self.clone().members_mut().into_iter().any(|node| *node == wanted)
    }

    /// Takes a member out of the world, those after it moving up; false if nothing is left.
    pub(super) fn forget(&mut self, gone: usize) -> bool {
        if let Self::Partition { side, .. } = self {
            side.retain(|node| *node != gone);
            if side.is_empty() {
                return false;
            }
        }
        if self.names(gone) {
            return false;
        }
        for node in self.members_mut() {
            *node -= usize::from(*node > gone);
        }
        true
    }
}

/// One fault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// When, milliseconds after the chaos phase began.
    pub at_ms: u64,
    /// How long, milliseconds.
    pub lasts_ms: u64,
    /// What.
    pub kind: FaultKind,
}

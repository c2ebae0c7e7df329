//! The nouns of the history.
//!
//! Only data; nothing here may decide.

use rusqlite::Row;
use serde::{Deserialize, Serialize};

/// A channel's whole policy, ours.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// Fee per forward, msat.
    pub base_fee_msat: i64,
    /// Fee rate, ppm.
    pub fee_ppm: i64,
    /// Inbound fee per forward, msat; below zero a discount.
    pub inbound_base_fee_msat: i64,
    /// Inbound fee rate, ppm; below zero a discount.
    pub inbound_fee_ppm: i64,
    /// Blocks between an incoming and an outgoing time lock.
    pub time_lock_delta: i64,
    /// The smallest HTLC forwarded, msat.
    pub min_htlc_msat: i64,
    /// The largest HTLC forwarded, msat.
    pub max_htlc_msat: i64,
    /// Whether our side is switched off.
    pub disabled: bool,
}

/// The columns of a policy, in the order of [`Policy::read`] and [`Policy::values`].
pub(crate) const POLICY: [&str; 8] = [
    "base_fee_msat",
    "fee_ppm",
    "inbound_base_fee_msat",
    "inbound_fee_ppm",
    "time_lock_delta",
    "min_htlc_msat",
    "max_htlc_msat",
    "disabled",
];

impl Policy {
    pub(crate) fn values(&self) -> [i64; 8] {
        [
            self.base_fee_msat,
            self.fee_ppm,
            self.inbound_base_fee_msat,
            self.inbound_fee_ppm,
            self.time_lock_delta,
            self.min_htlc_msat,
            self.max_htlc_msat,
            i64::from(self.disabled),
        ]
    }

    /// Reads the eight columns from `first` on.
    pub(crate) fn read(row: &Row<'_>, first: usize) -> rusqlite::Result<Self> {
        let at = |offset: usize| row.get::<_, i64>(first + offset);
        Ok(Self {
            base_fee_msat: at(0)?,
            fee_ppm: at(1)?,
            inbound_base_fee_msat: at(2)?,
            inbound_fee_ppm: at(3)?,
            time_lock_delta: at(4)?,
            min_htlc_msat: at(5)?,
            max_htlc_msat: at(6)?,
            disabled: at(7)? != 0,
        })
    }
}

/// Names a run of the rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct RunId(pub i64);

/// Names a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct ChangeId(pub i64);

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RunEnd {
    /// Every channel was dealt with.
    Finished,
    /// Some were refused or could not be judged.
    Partly,
    /// The node went away, or somebody stopped it.
    Stopped,
}

impl RunEnd {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Finished => "finished",
            Self::Partly => "partly",
            Self::Stopped => "stopped",
        }
    }
}

/// A decision about one channel and how it came about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decided {
    /// The channel.
    pub channel: u64,
    /// The section that applied.
    pub section: Option<String>,
    /// Its strategy.
    pub strategy: Option<String>,
    /// What the rules saw, as JSON.
    pub inputs_json: String,
    /// Why, as JSON.
    pub reason_json: String,
}

/// Who wanted a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// The rule file.
    Rules,
    /// The learner.
    Learning,
    /// The guard, or an operator, took an earlier change back.
    Rollback,
    /// Somebody else: it was found, not made.
    Foreign,
}

/// How far a change is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeState {
    /// Written down, not sent yet as far as anybody knows.
    Decided,
    /// Handed to the node; its answer is not known.
    Sent,
    /// In force.
    Confirmed,
    /// The node refused.
    Refused,
    /// Found not to be in force after a crash or a lost answer.
    Abandoned,
}

macro_rules! words {
    ($type:ty, $($variant:ident => $word:literal),+ $(,)?) => {
        impl $type {
            /// Its word in the database.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }
        impl rusqlite::types::FromSql for $type {
            fn column_result(
                value: rusqlite::types::ValueRef<'_>,
            ) -> rusqlite::types::FromSqlResult<Self> {
                match value.as_str()? {
                    $($word => Ok(Self::$variant),)+
                    _ => Err(rusqlite::types::FromSqlError::InvalidType),
                }
            }
        }
    };
}

words!(Origin, Rules => "rules", Learning => "learning", Rollback => "rollback",
    Foreign => "foreign");
words!(ChangeState, Decided => "decided", Sent => "sent", Confirmed => "confirmed",
    Refused => "refused", Abandoned => "abandoned");

/// A change with both whole policies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// Its number.
    pub id: ChangeId,
    /// The channel.
    pub channel: u64,
    /// Who wanted it.
    pub origin: Origin,
    /// How far it is.
    pub state: ChangeState,
    /// When it was decided, unix seconds.
    pub decided_s: i64,
    /// When it came into force or failed, unix seconds.
    pub ended_s: Option<i64>,
    /// Why it failed, or was made.
    pub reason: Option<String>,
    /// The change that it takes back.
    pub undoes: Option<ChangeId>,
    /// The rule file at that time.
    pub rules_digest: String,
    /// The policy before.
    pub old: Policy,
    /// The policy it wants.
    pub new: Policy,
}

/// A settled forward as the node told it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ForwardRow {
    /// When it settled, unix nanoseconds.
    pub timestamp_ns: i64,
    /// Where it came in.
    pub channel_in: u64,
    /// Where it went out.
    pub channel_out: u64,
    /// What came in.
    pub in_msat: i64,
    /// What went out.
    pub out_msat: i64,
    /// What it earned.
    pub fee_msat: i64,
}

/// A forward that failed on our own link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FailedForward {
    /// When, unix nanoseconds.
    pub timestamp_ns: i64,
    /// Where it came in.
    pub channel_in: u64,
    /// Where it wanted to go out.
    pub channel_out: u64,
    /// Its number in the channel it came in by.
    pub htlc_in: u64,
    /// What it wanted to send.
    pub amount_msat: i64,
    /// The fee it offered.
    pub offered_msat: i64,
    /// Why it failed, in the node's word.
    pub reason: String,
}

/// A channel's balance at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct SampleRow {
    /// The channel.
    pub channel: u64,
    /// When, unix seconds.
    pub at_s: i64,
    /// The whole channel.
    pub capacity_msat: i64,
    /// What can be sent.
    pub outbound_msat: i64,
    /// What can be received.
    pub inbound_msat: i64,
    /// Whether it is usable.
    pub active: bool,
}

/// SQLite's integers are signed: the 64 bits are kept, and come back as they were.
pub(crate) const fn id(channel: u64) -> i64 {
    channel.cast_signed()
}

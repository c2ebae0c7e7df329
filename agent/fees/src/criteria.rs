//! Criteria: what a section asks of a channel before it applies.
//!
//! The table below is the order in which criteria of one name space are judged; it is the
//! original's, because a wrong value behind a criterion that fails is never looked at. A criterion
//! that cannot be judged must never count as met or as failed: it is a fault, and the channel is
//! left alone.

mod judge;
mod list;
mod operand;

pub(crate) use judge::{CONFIRMATION_TARGET, Have, LEVEL_SECONDS, Outcome, Subject, Unmet};
pub use list::ReadFile;
pub(crate) use list::file_name;
pub(crate) use list::{Files, entries as list_entries};
pub(crate) use operand::{Operand, items};

use crate::fault::{Fault, Place};
use crate::ini::Entry;
use crate::names::{Origin, nearest};

/// A name space of criteria.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Space {
    /// The channel.
    Chan,
    /// The peer.
    Node,
    /// The chain.
    Onchain,
    /// One of the superset's.
    Superset,
}

/// How a quantity is compared with the operand; bounds are inclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bound {
    /// At least the operand.
    Min,
    /// At most the operand.
    Max,
    /// Equal to the operand, or one of its entries.
    Is,
    /// No comparison: it says how others are judged.
    Parameter,
}

/// What is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[rustfmt::skip]
pub(crate) enum Quantity {
    ChannelId, Initiator, Private, Ratio, Capacity, Local, Remote,
    PeerBaseFee, PeerFee, PeerDisabled, Age, ActivityPeriod, IgnoreAge,
    HtlcsIn, HtlcsOut, SatsIn, SatsOut, HtlcsRatio, SatsRatio, PendingCount, NextExpiry,
    Active, AgeDays,
    NodeId, NodeChannels, NodeCapacity, NodeAlias,
    SharedRatioActive, SharedRatioInactive, SharedRatio, SharedActive, SharedInactive,
    SharedCapacityActive, SharedCapacityInactive,
    Synced, ConfTarget, FeeRate,
    Level, LevelPeriod, Flow, Revenue, Failed, Missed, Alternatives, FeeRatio, TimeOfDay, DayOfWeek,
}

/// A criterion that exists.
#[derive(Debug)]
pub(crate) struct Definition {
    /// Its whole key; `*` stands for a window such as `7d`.
    pub name: &'static str,
    /// Its name space.
    pub space: Space,
    /// What must be known before it is judged; see `judge`.
    pub stage: u8,
    /// How it compares.
    pub bound: Bound,
    /// What it compares.
    pub quantity: Quantity,
    /// What its value must be.
    pub kind: operand::Kind,
    /// Whether charge-lnd has it too.
    pub origin: Origin,
}

macro_rules! definitions {
    ($($name:literal $space:ident $stage:literal $bound:ident $quantity:ident $kind:ident
        $origin:ident),* $(,)?) => {
        /// All criteria, in the order of judging.
        pub(crate) const DEFINITIONS: &[Definition] = &[$(Definition {
            name: $name,
            space: Space::$space,
            stage: $stage,
            bound: Bound::$bound,
            quantity: Quantity::$quantity,
            kind: operand::Kind::$kind,
            origin: Origin::$origin,
        },)*];
    };
}

definitions! {
    "chan.id" Chan 0 Is ChannelId ChannelIds Original,
    "chan.initiator" Chan 0 Is Initiator Flag Original,
    "chan.private" Chan 0 Is Private Flag Original,
    "chan.max_ratio" Chan 1 Max Ratio Float Original,
    "chan.min_ratio" Chan 1 Min Ratio Float Original,
    "chan.max_capacity" Chan 1 Max Capacity Integer Original,
    "chan.min_capacity" Chan 1 Min Capacity Integer Original,
    "chan.max_local_balance" Chan 1 Max Local Integer Original,
    "chan.min_local_balance" Chan 1 Min Local Integer Original,
    "chan.max_remote_balance" Chan 1 Max Remote Integer Original,
    "chan.min_remote_balance" Chan 1 Min Remote Integer Original,
    "chan.min_base_fee_msat" Chan 2 Min PeerBaseFee Integer Original,
    "chan.max_base_fee_msat" Chan 2 Max PeerBaseFee Integer Original,
    "chan.min_fee_ppm" Chan 2 Min PeerFee Integer Original,
    "chan.max_fee_ppm" Chan 2 Max PeerFee Integer Original,
    "chan.disabled" Chan 2 Is PeerDisabled Flag Original,
    "chan.min_age" Chan 2 Min Age Integer Original,
    "chan.max_age" Chan 2 Max Age Integer Original,
    "chan.activity_period" Chan 3 Parameter ActivityPeriod Seconds Original,
    "chan.activity_period_ignore_channel_age" Chan 3 Parameter IgnoreAge Flag Original,
    "chan.max_htlcs_in" Chan 3 Max HtlcsIn Integer Original,
    "chan.min_htlcs_in" Chan 3 Min HtlcsIn Integer Original,
    "chan.max_htlcs_out" Chan 3 Max HtlcsOut Integer Original,
    "chan.min_htlcs_out" Chan 3 Min HtlcsOut Integer Original,
    "chan.max_sats_in" Chan 3 Max SatsIn Integer Original,
    "chan.min_sats_in" Chan 3 Min SatsIn Integer Original,
    "chan.max_sats_out" Chan 3 Max SatsOut Integer Original,
    "chan.min_sats_out" Chan 3 Min SatsOut Integer Original,
    "chan.max_htlcs_ratio" Chan 3 Max HtlcsRatio Float Original,
    "chan.min_htlcs_ratio" Chan 3 Min HtlcsRatio Float Original,
    "chan.max_sats_ratio" Chan 3 Max SatsRatio Float Original,
    "chan.min_sats_ratio" Chan 3 Min SatsRatio Float Original,
    "chan.min_count_pending_htlcs" Chan 4 Min PendingCount Integer Original,
    "chan.max_count_pending_htlcs" Chan 4 Max PendingCount Integer Original,
    "chan.min_next_pending_htlc_expiry" Chan 4 Min NextExpiry Integer Original,
    "chan.max_next_pending_htlc_expiry" Chan 4 Max NextExpiry Integer Original,
    "chan.active" Chan 4 Is Active Flag Superset,
    "chan.min_age_days" Chan 4 Min AgeDays Float Superset,
    "chan.max_age_days" Chan 4 Max AgeDays Float Superset,
    "node.id" Node 0 Is NodeId NodeIds Original,
    "node.min_channels" Node 1 Min NodeChannels Integer Original,
    "node.max_channels" Node 1 Max NodeChannels Integer Original,
    "node.min_capacity" Node 1 Min NodeCapacity Integer Original,
    "node.max_capacity" Node 1 Max NodeCapacity Integer Original,
    "node.alias" Node 1 Is NodeAlias Texts Superset,
    "node.max_shared_ratio_active" Node 2 Max SharedRatioActive Float Original,
    "node.min_shared_ratio_active" Node 2 Min SharedRatioActive Float Original,
    "node.max_shared_ratio_inactive" Node 2 Max SharedRatioInactive Float Original,
    "node.min_shared_ratio_inactive" Node 2 Min SharedRatioInactive Float Original,
    "node.max_shared_ratio" Node 2 Max SharedRatio Float Original,
    "node.min_shared_ratio" Node 2 Min SharedRatio Float Original,
    "node.max_shared_channels_active" Node 2 Max SharedActive Integer Original,
    "node.min_shared_channels_active" Node 2 Min SharedActive Integer Original,
    "node.max_shared_channels_inactive" Node 2 Max SharedInactive Integer Original,
    "node.min_shared_channels_inactive" Node 2 Min SharedInactive Integer Original,
    "node.max_shared_capacity_active" Node 2 Max SharedCapacityActive Integer Original,
    "node.min_shared_capacity_active" Node 2 Min SharedCapacityActive Integer Original,
    "node.max_shared_capacity_inactive" Node 2 Max SharedCapacityInactive Integer Original,
    "node.min_shared_capacity_inactive" Node 2 Min SharedCapacityInactive Integer Original,
    "onchain.synced_to_chain" Onchain 0 Is Synced Flag Original,
    "onchain.conf_target" Onchain 1 Parameter ConfTarget Integer Original,
    "onchain.max_fee_rate" Onchain 1 Max FeeRate Float Original,
    "onchain.min_fee_rate" Onchain 1 Min FeeRate Float Original,
    "activity.level" Superset 0 Is Level Levels Superset,
    "activity.period" Superset 0 Parameter LevelPeriod Seconds Superset,
    "flow.*.min" Superset 0 Min Flow Msat Superset,
    "flow.*.max" Superset 0 Max Flow Msat Superset,
    "revenue.*.min" Superset 0 Min Revenue Msat Superset,
    "revenue.*.max" Superset 0 Max Revenue Msat Superset,
    "failed.*.min" Superset 0 Min Failed Integer Superset,
    "failed.*.max" Superset 0 Max Failed Integer Superset,
    "missed.*.min" Superset 0 Min Missed Msat Superset,
    "missed.*.max" Superset 0 Max Missed Msat Superset,
    "network.min_alternatives" Superset 0 Min Alternatives Integer Superset,
    "network.max_alternatives" Superset 0 Max Alternatives Integer Superset,
    "peer.fee_ratio.min" Superset 0 Min FeeRatio Float Superset,
    "peer.fee_ratio.max" Superset 0 Max FeeRatio Float Superset,
    "time.of_day" Superset 0 Is TimeOfDay Clock Superset,
    "time.day_of_week" Superset 0 Is DayOfWeek Days Superset,
}

impl Definition {
    /// The definition of a whole key, and the seconds of its window if it has one.
    pub fn of(key: &str) -> Option<(usize, Option<i128>)> {
        let found = DEFINITIONS.iter().position(|definition| definition.name == key);
        if let Some(found) = found {
            return Some((found, None));
        }
        let (space, rest) = key.split_once('.')?;
        let (window, bound) = rest.split_once('.')?;
        let seconds = match window.as_bytes() {
            [digits @ .., b'd' | b'h'] if digits.iter().all(u8::is_ascii_digit) => {
                crate::number::seconds(window)?
            }
            _ => return None,
        };
        let found = DEFINITIONS.iter().position(|definition| {
            let mut parts = definition.name.split('.');
            (parts.next(), parts.next(), parts.next()) == (Some(space), Some("*"), Some(bound))
        })?;
        Some((found, Some(seconds)))
    }

    /// Whether charge-lnd's check of names lets a key pass: it looks at two components only.
    fn passes(key: &str) -> bool {
        let mut parts = key.split('.');
        let two = (parts.next(), parts.next());
        DEFINITIONS.iter().filter(|definition| definition.origin == Origin::Original).any(
            |definition| {
                let mut parts = definition.name.split('.');
                (parts.next(), parts.next()) == two
            },
        )
    }
}

/// One criterion of a section.
#[derive(Debug)]
pub(crate) struct Criterion {
    /// Which it is: a place in [`DEFINITIONS`].
    pub number: usize,
    /// The seconds it looks back, if its key says so.
    pub window: Option<i128>,
    /// The key as written.
    pub key: String,
    /// The value with its references followed.
    pub text: String,
    /// Where the value stands.
    pub place: Place,
    /// What it is compared with, or why it cannot be.
    pub operand: Result<Operand, Fault>,
}

/// All criteria of one name space in a section.
#[derive(Debug)]
pub(crate) struct Test {
    /// The name space, if there is such a one.
    pub space: Option<Space>,
    /// Its name as written.
    pub name: String,
    /// The first key in it.
    pub first: Entry,
    /// The first key that does not exist: the whole test cannot be judged.
    pub unknown: Option<Fault>,
    /// Its criteria in the order of judging.
    pub criteria: Vec<Criterion>,
}

/// Who judges what a key means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// charge-lnd alone: what it does not know is refused as it refuses it.
    ChargeLnd,
    /// The superset.
    Debal,
}

/// What a criterion is.
pub(crate) fn definition(criterion: &Criterion) -> Option<&'static Definition> {
    DEFINITIONS.get(criterion.number)
}

/// What a criterion compares.
pub(crate) fn quantity(criterion: &Criterion) -> Option<Quantity> {
    definition(criterion).map(|definition| definition.quantity)
}

/// Sorts a section's criteria into tests, in the order in which their name spaces first appear.
/// `value` gives a key's value with its references followed.
pub(crate) fn tests<'a>(
    entries: impl Iterator<Item = &'a Entry>,
    dialect: Dialect,
    value: &dyn Fn(&Entry) -> Result<String, Fault>,
    files: &mut Files<'_>,
) -> Vec<Test> {
    let mut tests: Vec<Test> = Vec::new();
    for entry in entries {
        let Some((name, _)) = entry.key.split_once('.') else { continue };
        let known = tests.iter().position(|test| test.name == name);
        let index = known.unwrap_or(tests.len());
        if known.is_none() {
            tests.push(Test {
                space: space(name, dialect),
                name: name.to_owned(),
                first: entry.clone(),
                unknown: None,
                criteria: Vec::new(),
            });
        }
        if let Some(test) = tests.get_mut(index) {
            test.add(entry, dialect, value, files);
        }
    }
    for test in &mut tests {
        // Stable: two windows of one criterion stay in file order.
        test.criteria.sort_by_key(|criterion| criterion.number);
    }
    tests
}

impl Test {
    fn add(
        &mut self,
        entry: &Entry,
        dialect: Dialect,
        value: &dyn Fn(&Entry) -> Result<String, Fault>,
        files: &mut Files<'_>,
    ) {
        let definition = Definition::of(&entry.key);
        let theirs = |number: usize| {
            DEFINITIONS.get(number).is_some_and(|found| found.origin == Origin::Original)
        };
        match definition {
            Some((number, window)) if dialect == Dialect::Debal || theirs(number) => {
                let text = value(entry);
                let kind = DEFINITIONS.get(number).map(|found| found.kind);
                let operand = match (&text, kind) {
                    (Ok(text), Some(kind)) => Operand::read(kind, text, entry, files),
                    (Err(fault), _) => Err(fault.clone()),
                    (_, None) => Err(Fault::new(&entry.place, "no such criterion")),
                };
                let text = text.unwrap_or_default();
                let key = entry.key.clone();
                let place = entry.value_place.clone();
                self.criteria.push(Criterion { number, window, key, text, place, operand });
            }
            _ if Definition::passes(&entry.key) => {} // read by nobody, as in the original
            _ if self.unknown.is_none() => self.unknown = Some(unknown_key(entry)),
            _ => {}
        }
    }
}

/// The name space of a name. In a file that is charge-lnd's alone only its own exist.
fn space(name: &str, dialect: Dialect) -> Option<Space> {
    let found = DEFINITIONS.iter().find(|definition| {
        definition.name.split('.').next() == Some(name)
            && (dialect == Dialect::Debal || definition.space != Space::Superset)
    });
    found.map(|definition| definition.space)
}

/// The fault of a key that is no criterion.
pub(crate) fn unknown_key(entry: &Entry) -> Fault {
    if Definition::of(&entry.key).is_some() {
        let message = format!(
            "{} is not charge-lnd's, and nothing else in this file is; write '# dialect: debal' \
             on a line of its own to have it evaluated",
            entry.key
        );
        return Fault::new(&entry.place, message);
    }
    let names = DEFINITIONS.iter().map(|definition| definition.name);
    Fault::new(&entry.place, format!("{} is no criterion", entry.key))
        .near(nearest(&entry.key, names))
}

//! What a criterion is compared with.
//!
//! A value that cannot be read must never be guessed at: it is a fault at its place.

use std::collections::HashSet;

use super::list::{Files, entries, file_name};
use crate::fault::{Fault, Place};
use crate::ini::Entry;
use crate::limits::LIST_FILE_MAX_BYTES;
use crate::{number, scid};

/// What a criterion's value must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// An integer.
    Integer,
    /// A fraction.
    Float,
    /// true, yes, on, 1, false, no, off or 0.
    Flag,
    /// A span of time.
    Seconds,
    /// An amount.
    Msat,
    /// Channel ids, or files of them.
    ChannelIds,
    /// Keys, or files of them.
    NodeIds,
    /// Texts.
    Texts,
    /// inactive, low, medium, high.
    Levels,
    /// `HH:MM-HH:MM`, UTC.
    Clock,
    /// mon to sun.
    Days,
}

impl Kind {
    fn wanted(self) -> &'static str {
        match self {
            Kind::Integer => "an integer",
            Kind::Float => "a number",
            Kind::Flag => "true or false",
            Kind::Seconds => "seconds, or a number with s, m, h or d",
            Kind::Msat => "msat, or a number with k, m, g and sat",
            Kind::ChannelIds => "channel ids: a number, BxTxO or B:T:O",
            Kind::NodeIds => "node keys",
            Kind::Texts => "names",
            Kind::Levels => "inactive, low, medium or high",
            Kind::Clock => "HH:MM-HH:MM",
            Kind::Days => "mon, tue, wed, thu, fri, sat or sun",
        }
    }
}

/// How busy a channel is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Level {
    /// Nothing went through.
    Inactive,
    /// Up to a hundredth of the capacity.
    Low,
    /// Up to a tenth.
    Medium,
    /// More.
    High,
}

impl Level {
    /// Its name in a rule file.
    pub fn name(self) -> &'static str {
        match self {
            Level::Inactive => "inactive",
            Level::Low => "low",
            Level::Medium => "medium",
            Level::High => "high",
        }
    }

    fn of(name: &str) -> Option<Level> {
        [Level::Inactive, Level::Low, Level::Medium, Level::High]
            .into_iter()
            .find(|level| level.name() == name)
    }
}

/// A criterion's value, read.
#[derive(Debug)]
pub(crate) enum Operand {
    /// An integer, also seconds and amounts.
    Integer(i128),
    /// A fraction.
    Float(f64),
    /// A flag.
    Flag(bool),
    /// Channel ids; and whether a list file had entries that are none.
    ChannelIds(HashSet<u64>, bool),
    /// Texts; and whether a list file had entries that are none.
    Texts(HashSet<String>, bool),
    /// Levels.
    Levels(Vec<Level>),
    /// Minutes of the day, from and to; the end is not included and may lie before the start.
    Clock(u32, u32),
    /// Days of the week, Monday is 0.
    Days(Vec<i64>),
}

impl Operand {
    /// Reads a value of a kind.
    pub fn read(
        kind: Kind,
        text: &str,
        entry: &Entry,
        files: &mut Files<'_>,
    ) -> Result<Operand, Fault> {
        let place = &entry.value_place;
        let read = match kind {
            Kind::Integer => number::integer(text).map(Operand::Integer),
            Kind::Float => number::float(text).map(Operand::Float),
            Kind::Flag => number::flag(text).map(Operand::Flag),
            Kind::Seconds => number::seconds(text).map(Operand::Integer),
            Kind::Msat => number::msat(text).map(Operand::Integer),
            Kind::ChannelIds => return channel_ids(text, place, files),
            Kind::NodeIds => return node_ids(text, place, files),
            Kind::Texts => Some(Operand::Texts(items(text).map(str::to_owned).collect(), false)),
            Kind::Levels => all(items(text).map(Level::of)).map(Operand::Levels),
            Kind::Clock => clock(text),
            Kind::Days => all(items(text).map(day)).map(Operand::Days),
        };
        read.ok_or_else(|| {
            Fault::new(place, format!("'{text}' is no value for {}: {}", entry.key, kind.wanted()))
        })
    }
}

/// The entries of an inline list.
pub(crate) fn items(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(number::strip)
}

fn all<T>(read: impl Iterator<Item = Option<T>>) -> Option<Vec<T>> {
    read.collect()
}

fn list_file(name: &str, place: &Place, files: &mut Files<'_>) -> Result<String, Fault> {
    let text = files.get(name, LIST_FILE_MAX_BYTES);
    let text = text.map_err(|reason| Fault::new(place, format!("list file {name}: {reason}")))?;
    Ok(text.as_ref().to_owned())
}

fn channel_ids(text: &str, place: &Place, files: &mut Files<'_>) -> Result<Operand, Fault> {
    let mut ids = HashSet::new();
    let mut ignored = false;
    let mut add = |id: i128| {
        if let Ok(id) = u64::try_from(id) {
            ids.insert(id);
        }
    };
    for item in items(text) {
        if let Some(name) = file_name(item) {
            for (_, entry) in entries(&list_file(&name, place, files)?) {
                match scid::parse(entry) {
                    Some(id) => add(id),
                    None => ignored = true,
                }
            }
        } else if let Some(id) = scid::parse(item) {
            add(id);
        } else if item.is_empty() {
            let message = "an empty entry: is there a comma too many?";
            return Err(Fault::new(place, message));
        } else {
            let wanted = Kind::ChannelIds.wanted();
            return Err(Fault::new(place, format!("'{item}' is no channel id: {wanted}")));
        }
    }
    Ok(Operand::ChannelIds(ids, ignored))
}

/// Whether an entry of a list file is a key: 66 characters, lower case.
pub(crate) fn is_key(text: &str) -> bool {
    text.len() == 66 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'z'))
}

fn node_ids(text: &str, place: &Place, files: &mut Files<'_>) -> Result<Operand, Fault> {
    let mut keys = HashSet::new();
    let mut ignored = false;
    for item in items(text) {
        if let Some(name) = file_name(item) {
            for (_, entry) in entries(&list_file(&name, place, files)?) {
                if is_key(entry) {
                    keys.insert(entry.to_owned());
                } else {
                    ignored = true;
                }
            }
        } else {
            keys.insert(item.to_owned());
        }
    }
    Ok(Operand::Texts(keys, ignored))
}

fn clock(text: &str) -> Option<Operand> {
    let (from, to) = text.split_once('-')?;
    let minutes = |text: &str| {
        let (hours, minutes) = number::strip(text).split_once(':')?;
        let (hours, minutes): (u32, u32) = (hours.parse().ok()?, minutes.parse().ok()?);
        (hours <= 24 && minutes < 60).then_some(hours * 60 + minutes)
    };
    Some(Operand::Clock(minutes(from)?, minutes(to)?))
}

fn day(text: &str) -> Option<i64> {
    let days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    let text = text.to_lowercase();
    let found = days.iter().position(|day| text == *day)?;
    i64::try_from(found).ok()
}

/// The name of a day.
pub(crate) fn day_name(day: i64) -> &'static str {
    match day {
        0 => "mon",
        1 => "tue",
        2 => "wed",
        3 => "thu",
        4 => "fri",
        5 => "sat",
        _ => "sun",
    }
}

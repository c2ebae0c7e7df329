//! Values: wrong kinds, ranges that a node refuses, lists that say something else.
//!
//! It must never repeat what compiling already found.

use super::Findings;
use crate::criteria::{Quantity, ReadFile, file_name, items, list_entries, quantity};
use crate::fault::{Fault, Place};
use crate::names::{Kind, Property, Strategy};
use crate::rules::{Section, Setting};
use crate::state::{Lack, Node};
use crate::{number, scid};

/// Time lock deltas that LND has accepted at any time, blocks.
const TIME_LOCK_RANGE: (i128, i128) = (18, 65_535);

/// Lints what a section sets.
pub(super) fn lint(section: &Section, node: Option<&Node>, found: &mut Findings) {
    for property in Property::ALL {
        if let Some(setting) = section.setting(*property) {
            kind(*property, setting, found);
        }
    }
    ranges(section, node, found);
    inbound(section, node, found);
    if let Some(node) = node {
        too_old(section, node, found);
    }
    let integer = |property| section.setting(property).and_then(|setting| setting.integer);
    if let (Some(least), Some(most)) = (integer(Property::MinHtlc), integer(Property::MaxHtlc))
        && most != 0
        && least > most
    {
        let place = section.setting(Property::MinHtlc).map_or(&section.place, |it| &it.place);
        let message = format!("min_htlc_msat {least} is above max_htlc_msat {most}: refused");
        found.error(Fault::new(place, message));
    }
    let bounded = section.strategy.as_ref().and_then(|named| named.strategy);
    let bounded = bounded
        .is_some_and(|strategy| !matches!(strategy, Strategy::Proportional | Strategy::Static));
    if let (Some(least), Some(most)) = (integer(Property::MinFee), integer(Property::MaxFee))
        && bounded
        && least > most
    {
        let place = section.setting(Property::MinFee).map_or(&section.place, |it| &it.place);
        let message = format!("min_fee_ppm {least} is above max_fee_ppm {most}");
        found.error(Fault::new(place, message));
    }
}

fn kind(property: Property, setting: &Setting, found: &mut Findings) {
    let Setting { text, place, .. } = setting;
    let wanted = match property.kind() {
        Kind::Integer if setting.integer.is_none() => "an integer",
        Kind::Float if setting.float.is_none() => "a number",
        Kind::Span if setting.integer.is_none() => "seconds, or a number with s, m, h or d",
        Kind::Flag if !text.is_empty() && number::flag(text).is_none() => {
            let message = format!("'{text}' counts as true for {}", property.name());
            return found.warn(place, message);
        }
        _ => return,
    };
    let message = format!("'{text}' is no value for {}: {wanted}", property.name());
    found.error(Fault::new(place, message));
}

fn ranges(section: &Section, node: Option<&Node>, found: &mut Findings) {
    let integer = |property: Property| {
        let setting = section.setting(property)?;
        Some((setting.integer?, &setting.place))
    };
    if let Some((delta, place)) = integer(Property::TimeLockDelta) {
        let (least, most) = node.map_or(TIME_LOCK_RANGE, |node| {
            (node.time_lock_delta_range.0.into(), node.time_lock_delta_range.1.into())
        });
        if !(least..=most).contains(&delta) {
            let message = format!("time_lock_delta {delta} is outside {least} to {most}: refused");
            found.error(Fault::new(place, message));
        } else if node.is_none() && delta < 24 {
            found.warn(place, format!("time_lock_delta {delta}: LND 0.21 and newer want 24"));
        }
    }
    if let Some((mode, place)) = integer(Property::BreakerMode)
        && !(0..=3).contains(&mode)
    {
        found.error(Fault::new(place, format!("cb_mode {mode} is none of 0, 1, 2, 3")));
    }
    for property in [Property::Fee, Property::BaseFee] {
        if let Some((fee, place)) = integer(property)
            && fee < 0
        {
            let message = format!("{} is below zero: refused", property.name());
            found.error(Fault::new(place, message));
        }
    }
    let float = |property: Property| {
        let setting = section.setting(property)?;
        Some((setting.float?, &setting.place))
    };
    for property in [Property::MaxHtlcRatio, Property::RollbackThreshold] {
        if let Some((value, place)) = float(property)
            && !(0.0..=1.0).contains(&value)
        {
            found.warn(place, format!("{} {value} is not between 0 and 1", property.name()));
        }
    }
    if let Some((value, place)) = float(Property::OnchainFeeBtc)
        && (value == 0.0 || !value.is_finite())
    {
        found.error(Fault::new(place, "onchain_fee_btc is no amount"));
    }
}

/// Inbound fees above zero, and modes that do not exist.
fn inbound(section: &Section, node: Option<&Node>, found: &mut Findings) {
    for property in [Property::InboundFee, Property::InboundBaseFee] {
        let Some(setting) = section.setting(property) else { continue };
        if setting.integer.is_none_or(|fee| fee <= 0) {
            continue;
        }
        let name = property.name();
        let without = node.is_some_and(|node| node.lacks.contains(&Lack::InboundFees));
        match node.map(|node| node.accept_positive_inbound_fees || without) {
            Some(true) => {}
            Some(false) => {
                let message = format!("{name} is above zero: this node refuses the whole update");
                found.error(Fault::new(&setting.place, message));
            }
            None => {
                let message = format!("{name} is above zero: LND refuses it by default");
                found.warn(&setting.place, message);
            }
        }
    }
    if let Some(setting) = section.setting(Property::InboundMode) {
        let modes = crate::strategy::MODES;
        if !modes.contains(&setting.text.as_str()) {
            let message = format!("'{}' is no value for inbound_mode", setting.text);
            let fault = Fault::new(&setting.place, message);
            found.error(fault.near(crate::names::nearest(&setting.text, modes)));
        }
    }
}

/// What the node's version cannot do.
fn too_old(section: &Section, node: &Node, found: &mut Findings) {
    let version = crate::facts::version(&node.version);
    let older = |major, minor| version.is_none_or(|version| version < (major, minor, 0));
    let strategy = section.strategy.as_ref().and_then(|named| named.strategy);
    if !node.lacks.is_empty() {
        return lacking(section, strategy, node, found);
    }
    if strategy == Some(Strategy::Disable) && older(0, 13) {
        let place = section.setting(Property::Strategy).map_or(&section.place, |it| &it.place);
        let message = format!("strategy disable needs LND 0.13; this node is {}", node.version);
        found.error(Fault::new(place, message));
    }
    for property in [Property::InboundFee, Property::InboundBaseFee, Property::InboundLevel] {
        if let Some(setting) = section.setting(property).filter(|_| older(0, 18)) {
            let name = property.name();
            let message = format!("{name} needs LND 0.18; this node is {}", node.version);
            found.warn(&setting.place, message);
        }
    }
}

/// What a node of this kind does not have.
fn lacking(section: &Section, strategy: Option<Strategy>, node: &Node, found: &mut Findings) {
    let lacks = |lack: Lack| node.lacks.contains(&lack);
    if strategy == Some(Strategy::Disable) && lacks(Lack::Switch) {
        let place = section.setting(Property::Strategy).map_or(&section.place, |it| &it.place);
        let message = "strategy disable: this node cannot switch a channel off";
        found.error(Fault::new(place, message));
    }
    let inbound = [Property::InboundFee, Property::InboundBaseFee, Property::InboundLevel];
    let inbound = inbound.map(|property| (property, Lack::InboundFees, "no inbound fees"));
    let delta = (Property::TimeLockDelta, Lack::TimeLockDelta, "one delta for all channels");
    for (property, _, why) in inbound.into_iter().chain([delta]).filter(|it| lacks(it.1)) {
        if let Some(setting) = section.setting(property) {
            let message = format!("{} is left out: this node has {why}", property.name());
            found.warn(&setting.place, message);
        }
    }
}

/// Lists whose entries are not what they seem, in the rule file and in the files it names.
pub(super) fn lists(section: &Section, read: &mut ReadFile<'_>, found: &mut Findings) {
    for test in &section.tests {
        for criterion in &test.criteria {
            let channels = match quantity(criterion) {
                Some(Quantity::ChannelId) => true,
                Some(Quantity::NodeId) => false,
                _ => continue,
            };
            let place = &criterion.place;
            for item in items(&criterion.text) {
                if item.contains(number::is_space) {
                    let message = format!("'{}' is one entry: is a comma missing?", shown(item));
                    found.warn(place, message);
                } else if let Some(name) = file_name(item) {
                    list_file(&name, channels, read, found);
                } else if !channels && !is_node(item) {
                    let message = format!("'{}' is no key: it never matches", shown(item));
                    found.warn(place, message);
                }
            }
        }
    }
}

fn list_file(name: &str, channels: bool, read: &mut ReadFile<'_>, found: &mut Findings) {
    // A file that cannot be read is already found.
    let Ok(text) = read(name) else { return };
    for (line, entry) in list_entries(&text) {
        let sound = if channels { scid::parse(entry).is_some() } else { is_node(entry) };
        if !sound {
            let place = Place { file: name.into(), line, column: 1 };
            let what = if channels { "channel id" } else { "key in lower case" };
            found.warn(&place, format!("'{}' is no {what}: it is passed over", shown(entry)));
        }
    }
}

fn is_node(text: &str) -> bool {
    text.len() == 66 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// The start of an entry, on one line.
fn shown(entry: &str) -> String {
    let start: String = entry.chars().take(40).collect();
    start.replace(['\n', '\r'], " ")
}

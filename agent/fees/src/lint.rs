//! Lint: what is wrong with a rule file before any channel meets it.
//!
//! charge-lnd's `--check` only reads the file; this looks at every name, value, list and section.
//! It must never accept what an evaluation would stumble over for every channel.

mod reach;
mod values;

use std::collections::BTreeSet;

use serde::Serialize;

use crate::criteria::{DEFINITIONS, Definition, ReadFile, unknown_key};
use crate::fault::{Fault, Place};
use crate::ini::Entry;
use crate::names::{Property, Strategy, nearest};
use crate::rules::{Options, Rules, Section};
use crate::state::Node;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// A rule that cannot do what it says.
    Error,
    /// A rule that probably does something else than was meant.
    Warning,
}

/// Something found in a rule file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// Where and what.
    #[serde(flatten)]
    pub fault: Fault,
}

impl std::fmt::Display for Finding {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Fault { place, message, nearest } = &self.fault;
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        write!(formatter, "{place}: {severity}: {message}")?;
        match nearest {
            Some(nearest) => write!(formatter, "; did you mean {nearest}?"),
            None => Ok(()),
        }
    }
}

/// Lints a rule file and all that it names. With a node, what that node would refuse is found too.
///
/// ```
/// use debal_fees::{Options, lint};
/// let text = "[default]\nstrategy = statik\n";
/// let mut no_files = |name: &str| Err(format!("no file {name}"));
/// let found = lint(text, "rules", &mut no_files, Options::default(), None);
/// assert_eq!(found[0].to_string(),
///     "rules:2:12: error: there is no strategy 'statik'; did you mean static?");
/// ```
pub fn lint(
    text: &str,
    file: &str,
    read: &mut ReadFile<'_>,
    options: Options,
    node: Option<&Node>,
) -> Vec<Finding> {
    let mut found = Findings(Vec::new());
    match Rules::compile(text, file, read, options) {
        Err(fault) => found.error(fault),
        Ok(rules) => lint_rules(&rules, read, node, &mut found),
    }
    let mut found = found.0;
    found.sort_by(|one, other| one.fault.place.cmp(&other.fault.place));
    found.dedup();
    found
}

/// What is found, in any order.
pub(crate) struct Findings(Vec<Finding>);

impl Findings {
    fn error(&mut self, fault: Fault) {
        self.0.push(Finding { severity: Severity::Error, fault });
    }

    fn warn(&mut self, place: &Place, message: impl Into<String>) {
        self.0.push(Finding { severity: Severity::Warning, fault: Fault::new(place, message) });
    }
}

fn lint_rules(rules: &Rules, read: &mut ReadFile<'_>, node: Option<&Node>, found: &mut Findings) {
    let gathered = Read::of(rules);
    for entry in entries(rules) {
        name(entry, &gathered, found);
    }
    for section in &rules.sections {
        if let Some(fault) = &section.broken {
            found.error(fault.clone());
        }
        for criterion in section.tests.iter().flat_map(|test| &test.criteria) {
            if let Err(fault) = &criterion.operand {
                found.error(fault.clone());
            }
        }
        strategy(section, rules, found);
        values::lint(section, node, found);
        values::lists(section, read, found);
        match &section.included {
            Some(Err(fault)) => found.error(fault.clone()),
            Some(Ok(inner)) => lint_rules(inner, read, node, found),
            None => {}
        }
    }
    reach::lint(rules, found);
}

/// A key that nobody reads.
fn name(entry: &Entry, gathered: &Read<'_>, found: &mut Findings) {
    let key = entry.key.as_str();
    if let Some((space, _)) = key.split_once('.') {
        let known = DEFINITIONS.iter().any(|it| it.name.split('.').next() == Some(space));
        if !known {
            let spaces = DEFINITIONS.iter().filter_map(|it| it.name.split('.').next());
            let message = format!("there is no name space '{space}': the section never matches");
            found.error(Fault::new(&entry.place, message).near(nearest(space, spaces)));
        } else if !gathered.judged.contains(key) {
            found.error(unread(entry));
        }
        return;
    }
    if Property::of(key).is_some() || gathered.referred.contains(key) {
        return;
    }
    let names = Property::ALL.iter().map(|property| property.name());
    let fault = Fault::new(&entry.place, format!("{key} is no property; nothing reads it"));
    let fault = fault.near(nearest(key, names));
    found.0.push(Finding { severity: Severity::Warning, fault });
}

fn unread(entry: &Entry) -> Fault {
    match Definition::of(&entry.key) {
        // Only in a file that is charge-lnd's alone; or under [DEFAULT] without any section.
        Some(_) => unknown_key(entry),
        None => {
            let names = DEFINITIONS.iter().map(|definition| definition.name);
            Fault::new(&entry.place, format!("{} is no criterion", entry.key))
                .near(nearest(&entry.key, names))
        }
    }
}

/// What is read of a rule file, gathered once.
struct Read<'a> {
    /// The keys of all criteria that are judged.
    judged: BTreeSet<&'a str>,
    /// The keys that some value refers to: names for values, not properties.
    referred: BTreeSet<String>,
}

impl<'a> Read<'a> {
    fn of(rules: &'a Rules) -> Read<'a> {
        let criteria = rules.sections.iter().flat_map(|section| &section.tests);
        let judged = criteria.flat_map(|test| &test.criteria).map(|it| it.key.as_str()).collect();
        let mut referred = BTreeSet::new();
        for entry in entries(rules) {
            for part in entry.value.split("${").skip(1) {
                let path = part.split('}').next().unwrap_or_default();
                referred.insert(path.rsplit(':').next().unwrap_or_default().to_lowercase());
            }
        }
        Read { judged, referred }
    }
}

fn entries(rules: &Rules) -> impl Iterator<Item = &Entry> {
    let document = &rules.document;
    document.sections.iter().chain([&document.defaults]).flat_map(|block| &block.entries)
}

/// A strategy that does not exist, or that lacks what it needs.
fn strategy(section: &Section, rules: &Rules, found: &mut Findings) {
    let Some(named) = &section.strategy else { return };
    let place = section.setting(Property::Strategy).map_or(&section.place, |it| &it.place);
    let Some(strategy) = named.strategy else {
        let names = Strategy::ALL.iter().map(|strategy| strategy.name());
        let fault = Fault::new(place, format!("there is no strategy '{}'", named.name));
        found.error(fault.near(nearest(&named.name, names)));
        return;
    };
    let lacks = |property: Property| section.setting(property).is_none();
    let needed: &[Property] = match strategy {
        Strategy::Proportional => &[Property::MinFee, Property::MaxFee],
        Strategy::UseConfig => &[Property::ConfigFile],
        _ => &[],
    };
    for property in needed.iter().filter(|property| lacks(**property)) {
        let mut passed = rules.sections.iter().filter(|it| !it.is_final && it.enabled);
        let message = format!("strategy {} needs {}", strategy.name(), property.name());
        if passed.any(|it| it.setting(*property).is_some()) {
            found.warn(place, message + ": not every way here sets it");
        } else {
            found.error(Fault::new(place, message));
        }
    }
    match strategy {
        Strategy::Static if !lacks(Property::MinFee) || !lacks(Property::MaxFee) => {
            let inherited = section.setting(Property::MinFee).or(section.setting(Property::MaxFee));
            if let Some(setting) = inherited {
                found.warn(&setting.place, "strategy static does not look at its bounds");
            }
        }
        Strategy::MatchPeer if !lacks(Property::InboundLevel) => {
            if let Some(setting) = section.setting(Property::InboundLevel) {
                found
                    .warn(&setting.place, "strategy match_peer does not look at inbound_level_ppm");
            }
        }
        _ => {}
    }
}

#[cfg(test)]
#[path = "lint/tests.rs"]
mod tests;

//! From text to [`Rules`].
//!
//! It must never look at a channel.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Named, Options, Rules, Section, Setting};
use crate::criteria::{DEFINITIONS, Definition, Dialect, Files, ReadFile, Space, file_name, tests};
use crate::fault::{Fault, Place};
use crate::ini::{self, Block, Document, Entry};
use crate::interpolate::resolve;
use crate::limits::{INCLUDE_DEPTH_MAX, INCLUDES_MAX, RULE_FILE_MAX_BYTES};
use crate::names::{Kind, Origin, Property, Strategy};
use crate::number;

/// The priority of a section that names none.
const PRIORITY: i128 = 100;

/// Compiles a rule file and all that it includes.
pub(super) fn compile(
    text: &str,
    file: &str,
    read: &mut ReadFile<'_>,
    options: Options,
) -> Result<Rules, Fault> {
    let mut compiler =
        Compiler { files: Files::new(read), options, open: Vec::new(), done: BTreeMap::new() };
    compiler.rules(text, file)
}

struct Compiler<'a> {
    files: Files<'a>,
    options: Options,
    /// The files that are being compiled, outermost first.
    open: Vec<String>,
    /// The files that are compiled.
    done: BTreeMap<String, Result<Arc<Rules>, Fault>>,
}

impl Compiler<'_> {
    fn rules(&mut self, text: &str, file: &str) -> Result<Rules, Fault> {
        let document = ini::parse(text, file)?;
        let dialect = self.options.dialect.unwrap_or_else(|| spoken(&document));
        self.open.push(file.to_owned());
        let mut sections = Vec::with_capacity(document.sections.len());
        for block in &document.sections {
            sections.push(self.section(&document, block, dialect));
        }
        self.open.pop();
        let mut order: Vec<usize> = Vec::new();
        let mut default = None;
        let mut refusals = Vec::new();
        for (index, section) in sections.iter().enumerate() {
            if !section.enabled {
                continue;
            }
            refusals.extend(thresholds(section));
            if &*section.name == "default" {
                default = Some(index);
            } else {
                order.push(index);
            }
        }
        let priority = |index: &usize| sections.get(*index).map(|section| section.priority);
        order.sort_by_key(priority);
        Ok(Rules { file: Arc::from(file), dialect, sections, order, default, refusals, document })
    }

    fn section(&mut self, document: &Document, block: &Block, dialect: Dialect) -> Section {
        let value = |entry: &Entry| resolve(document, block, entry);
        let tests = tests(document.entries(block), dialect, &value, &mut self.files);
        let mut section = Section {
            name: Arc::from(block.name.as_str()),
            place: block.place.clone(),
            tests,
            settings: vec![None; Property::COUNT],
            strategy: None,
            is_final: false,
            enabled: true,
            priority: PRIORITY,
            broken: None,
            included: None,
        };
        for entry in document.entries(block) {
            let text = match value(entry) {
                Ok(text) => text,
                Err(fault) => {
                    // The original reads every value of a section that matches.
                    section.broken.get_or_insert(fault);
                    continue;
                }
            };
            if let Some(property) = Property::of(&entry.key) {
                section.set(property, text, &entry.value_place);
            }
        }
        section.control();
        section.included = self.included(&section);
        section
    }

    /// The rule file that a section names, compiled.
    fn included(&mut self, section: &Section) -> Option<Result<Arc<Rules>, Fault>> {
        let setting = section.setting(Property::ConfigFile)?;
        let name = file_name(&setting.text).unwrap_or_else(|| setting.text.clone());
        if name.is_empty() {
            return None;
        }
        Some(self.include(&name, &setting.place))
    }

    fn include(&mut self, name: &str, place: &Place) -> Result<Arc<Rules>, Fault> {
        if self.open.iter().any(|open| open == name) {
            let way = format!("{} -> {name}", self.open.join(" -> "));
            return Err(Fault::new(place, format!("{name} includes itself: {way}")));
        }
        if self.open.len() > INCLUDE_DEPTH_MAX || self.done.len() >= INCLUDES_MAX {
            return Err(Fault::new(place, format!("{name}: too many included files")));
        }
        if let Some(done) = self.done.get(name) {
            return done.clone();
        }
        let text = self.files.get(name, RULE_FILE_MAX_BYTES);
        let rules = match text {
            Ok(text) => self.rules(&text, name).map(Arc::new),
            Err(reason) => Err(Fault::new(place, format!("rule file {name}: {reason}"))),
        };
        // What failed for going in circles may be sound from elsewhere; everything else stays.
        if self.open.len() <= 1 || rules.is_ok() {
            self.done.insert(name.to_owned(), rules.clone());
        }
        rules
    }
}

impl Section {
    fn set(&mut self, property: Property, text: String, place: &Place) {
        let (integer, float) = match property.kind() {
            Kind::Integer => (number::integer(&text), None),
            Kind::Float => (None, number::float(&text)),
            Kind::Span => (number::seconds(&text), None),
            Kind::Flag | Kind::Text => (None, None),
        };
        if let Some(slot) = self.settings.get_mut(property.number()) {
            *slot = Some(Setting { text, integer, float, place: place.clone() });
        }
    }

    /// Reads the keys that say how the section itself is treated.
    fn control(&mut self) {
        let named = self.setting(Property::Strategy).filter(|setting| !setting.text.is_empty());
        let named = named.map(|setting| Named {
            name: Arc::from(setting.text.as_str()),
            strategy: Strategy::of(&setting.text),
        });
        self.is_final = named.is_some();
        self.strategy = named;
        let priority = self.setting(Property::Priority);
        match priority.map(|setting| (setting.integer, setting.place.clone())) {
            None => {}
            Some((Some(priority), _)) => self.priority = priority,
            Some((None, place)) => self.break_with(&place, "priority is no integer"),
        }
        let flag = |section: &Section, property: Property| {
            let setting = section.setting(property)?;
            Some((number::flag(&setting.text), setting.place.clone()))
        };
        match flag(self, Property::Final) {
            None => {}
            Some((Some(is_final), _)) => self.is_final = is_final,
            Some((None, place)) => self.break_with(&place, "final is neither true nor false"),
        }
        match flag(self, Property::Enabled) {
            None => {}
            Some((Some(enabled), _)) => self.enabled = enabled,
            Some((None, place)) => self.break_with(&place, "enabled is neither true nor false"),
        }
    }

    fn break_with(&mut self, place: &Place, message: &str) {
        self.broken.get_or_insert_with(|| Fault::new(place, message));
    }
}

/// The thresholds of a section that are no integers. The original dies of them halfway through a
/// run, so they refuse the file.
fn thresholds(section: &Section) -> impl Iterator<Item = Fault> {
    [Property::MinFeeDelta, Property::MinInboundFeeDelta].into_iter().filter_map(|property| {
        let setting = section.setting(property)?;
        let message = format!("'{}' is no value for {}: an integer", setting.text, property.name());
        setting.integer.is_none().then(|| Fault::new(&setting.place, message))
    })
}

/// Whose language a file speaks. Four keys of the superset lie in charge-lnd's own name spaces,
/// where charge-lnd refuses what it does not know; so a file counts as the superset's only if
/// something else in it is the superset's, or a comment says so.
fn spoken(document: &Document) -> Dialect {
    let mut entries =
        document.sections.iter().chain([&document.defaults]).flat_map(|block| &block.entries);
    if document.asks_for_superset || entries.any(shows_superset) {
        Dialect::Debal
    } else {
        Dialect::ChargeLnd
    }
}

fn shows_superset(entry: &Entry) -> bool {
    let criterion = || {
        let (number, _) = Definition::of(&entry.key)?;
        DEFINITIONS.get(number).map(|definition| definition.space == Space::Superset)
    };
    let property = || Property::of(&entry.key).map(|found| found.origin() == Origin::Superset);
    let strategy = || match entry.key.as_str() {
        "strategy" => Strategy::of(&entry.value).map(|found| found.origin() == Origin::Superset),
        _ => None,
    };
    entry.commented || [criterion(), property(), strategy()].contains(&Some(true))
}

//! A decision in words: which section, why not the others, where each setting comes from.
//!
//! It must never judge again: it reads the way that the decision took.

use serde::Serialize;

use crate::criteria::{DEFINITIONS, Have, Unmet};
use crate::decision::Decision;
use crate::names::Property;
use crate::rules::{Rules, Section};
use crate::select::{Trail, Verdict};

/// A decision in words.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// What happened at each section, in the order of looking.
    pub steps: Vec<Step>,
    /// Each property that is set: `name = value (file:line:column)`.
    pub origins: Vec<String>,
    /// How the strategy came to its result.
    pub notes: Vec<String>,
    /// The same for the included rule file.
    pub included: Option<Box<Explanation>>,
}

/// What happened at a section.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    /// The section.
    pub section: String,
    /// Where it stands.
    pub place: String,
    /// Whether it matched.
    pub matched: bool,
    /// What happened, in words.
    pub why: String,
}

/// Explains a decision by the rules that it was made with.
pub fn explain(rules: &Rules, decision: &Decision) -> Explanation {
    let mut explanation = along(rules, &decision.trail);
    explanation.notes = decision.notes.clone();
    let unsupported = decision.unsupported.iter().map(|what| format!("left out: {what}"));
    explanation.notes.extend(unsupported);
    if let Some(error) = &decision.error {
        explanation.notes.push(format!("left alone: {}", error.fault));
    }
    explanation
}

fn along(rules: &Rules, trail: &Trail) -> Explanation {
    let mut explanation = Explanation::default();
    for step in &trail.steps {
        let Some(section) = rules.section(index_of(step.section)) else { continue };
        let (matched, why) = words(section, &step.verdict);
        explanation.steps.push(shown(section, matched, why));
    }
    let looked_at = |index: &usize| trail.steps.iter().any(|step| index_of(step.section) == *index);
    for index in rules.order.iter().chain(&rules.default).filter(|index| !looked_at(index)) {
        if let Some(section) = rules.section(*index) {
            let why = "not looked at: a section before it ended the evaluation";
            explanation.steps.push(shown(section, false, why.to_owned()));
        }
    }
    for section in rules.sections.iter().filter(|section| !section.enabled) {
        explanation.steps.push(shown(section, false, "switched off: enabled = false".to_owned()));
    }
    for property in Property::ALL {
        let origin = trail.origins.of(*property).and_then(|index| rules.section(index));
        if let Some((section, setting)) = origin.and_then(|s| Some((s, s.setting(*property)?))) {
            explanation.origins.push(format!(
                "{} = {} (from [{}], {})",
                property.name(),
                setting.text,
                section.name,
                setting.place
            ));
        }
    }
    if let Some((source, way)) = &trail.inner {
        let included = rules.section(*source).and_then(|section| section.included.as_ref());
        if let Some(Ok(inner)) = included {
            explanation.included = Some(Box::new(along(inner, way)));
        }
    }
    explanation
}

/// A place in a list.
fn index_of(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

fn shown(section: &Section, matched: bool, why: String) -> Step {
    Step { section: section.name.to_string(), place: section.place.to_string(), matched, why }
}

fn words(section: &Section, verdict: &Verdict) -> (bool, String) {
    let name = |test: u32| section.tests.get(index_of(test)).map_or("", |test| test.name.as_str());
    match verdict {
        Verdict::Passed => (true, "matches and goes on: it is not final".to_owned()),
        Verdict::Ended if &*section.name == "default" => {
            (true, "applies: no other section did".to_owned())
        }
        Verdict::Ended => (true, "matches and ends the evaluation".to_owned()),
        Verdict::Unmet { test, unmet } => (false, unmet_words(section, *test, *unmet)),
        Verdict::UnknownSpace { test } => {
            (false, format!("never matches: there is no name space '{}'", name(*test)))
        }
        Verdict::Failed(fault) => (false, format!("cannot be judged: {fault}")),
    }
}

fn unmet_words(section: &Section, test: u32, unmet: Unmet) -> String {
    let have = match unmet.have {
        Have::Integer(value) => value.to_string(),
        Have::Float(value) => value.to_string(),
        Have::Flag(value) => value.to_string(),
        Have::Words(words) => words.to_owned(),
    };
    let test = section.tests.get(index_of(test));
    let criterion = test.and_then(|test| test.criteria.get(index_of(unmet.criterion?)));
    match criterion {
        None => have,
        Some(criterion) => {
            let text = &criterion.text;
            // A long list says nothing that the rule file does not.
            let shown: String = text.chars().take(60).collect();
            let dots = if shown.len() < text.len() { "..." } else { "" };
            let kind = DEFINITIONS.get(criterion.number).map(|definition| definition.name);
            let key = if criterion.key.is_empty() { kind.unwrap_or("") } else { &criterion.key };
            format!("{key} = {}{dots}, but it is {have}", shown.replace('\n', " "))
        }
    }
}

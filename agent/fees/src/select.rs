//! Which section applies to a channel, and what the sections on the way set.
//!
//! It must never apply a section whose criteria could not be judged, nor any section behind it.

use crate::criteria::{Outcome, Subject, Unmet};
use crate::decision::Warning;
use crate::fault::Fault;
use crate::names::Property;
use crate::number;
use crate::rules::{Named, Rules, Section, Setting};

/// The way a channel took through a rule file.
#[derive(Debug, Clone, Default)]
pub(crate) struct Trail {
    /// What happened at each section that was looked at.
    pub steps: Vec<Step>,
    /// Which section set each property, by the property's number.
    pub origins: Origins,
    /// The section that applies.
    pub chosen: Option<usize>,
    /// The section that included another rule file, and the way through that.
    pub inner: Option<(usize, Box<Trail>)>,
}

/// What happened at a section.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    /// The section.
    pub section: u32,
    /// What happened.
    pub verdict: Verdict,
}

impl Step {
    fn at(section: usize, verdict: Verdict) -> Step {
        // Files have far fewer sections than 32 bits count.
        Step { section: u32::try_from(section).unwrap_or(u32::MAX), verdict }
    }
}

/// What can happen at a section.
#[derive(Debug, Clone)]
pub(crate) enum Verdict {
    /// It matched, set what it sets, and evaluation went on.
    Passed,
    /// It matched and ended the evaluation.
    Ended,
    /// A criterion of one of its tests was not met.
    Unmet {
        /// The test's place in the section.
        test: u32,
        /// What was not met.
        unmet: Unmet,
    },
    /// A test's name space does not exist.
    UnknownSpace {
        /// The test's place in the section.
        test: u32,
    },
    /// It could not be judged.
    Failed(Box<Fault>),
}

/// Which section set each property.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Origins([u32; Property::COUNT]);

impl Default for Origins {
    fn default() -> Origins {
        Origins([0; Property::COUNT])
    }
}

impl Origins {
    /// The section that set a property.
    pub fn of(&self, property: Property) -> Option<usize> {
        // Zero is nobody, so sections count from one.
        let origin = self.0.get(property.number()).copied().unwrap_or_default();
        usize::try_from(origin).ok()?.checked_sub(1)
    }

    fn overlay(&mut self, index: usize, section: &Section) {
        let origin = u32::try_from(index + 1).unwrap_or_default();
        for (slot, setting) in self.0.iter_mut().zip(&section.settings) {
            if setting.is_some() {
                *slot = origin;
            }
        }
    }
}

/// What the sections on the way set together.
#[derive(Clone, Copy)]
pub(crate) struct Collected<'a> {
    /// The rules.
    pub rules: &'a Rules,
    /// Who set what.
    pub origins: Origins,
}

impl<'a> Collected<'a> {
    /// What a property is set to.
    pub fn get(&self, property: Property) -> Option<&'a Setting> {
        let section = self.rules.section(self.origins.of(property)?)?;
        section.setting(property)
    }

    /// A property as an integer.
    pub fn integer(&self, property: Property) -> Result<Option<i128>, Fault> {
        self.read(property, |setting| setting.integer, "an integer")
    }

    /// A property as a fraction.
    pub fn float(&self, property: Property) -> Result<Option<f64>, Fault> {
        self.read(property, |setting| setting.float, "a number")
    }

    fn read<T>(
        &self,
        property: Property,
        value: impl Fn(&Setting) -> Option<T>,
        wanted: &str,
    ) -> Result<Option<T>, Fault> {
        let Some(setting) = self.get(property) else { return Ok(None) };
        match value(setting) {
            Some(value) => Ok(Some(value)),
            None => {
                let (text, name) = (&setting.text, property.name());
                let message = format!("'{text}' is no value for {name}: {wanted}");
                Err(Fault::new(&setting.place, message))
            }
        }
    }

    /// A property as a flag. An empty value is false; of the original's flags, which take any text
    /// for true, only what says no is false.
    pub fn flag(&self, property: Property) -> Option<bool> {
        let setting = self.get(property)?;
        Some(!setting.text.is_empty() && number::flag(&setting.text) != Some(false))
    }
}

/// What was found for a channel.
pub(crate) struct Selection<'a> {
    /// The section that applies, with its strategy.
    pub chosen: Option<(usize, Option<Named>)>,
    /// What was set on the way.
    pub collected: Collected<'a>,
    /// The way.
    pub trail: Trail,
    /// Why nothing applies, if something could not be judged.
    pub failure: Option<Fault>,
}

/// Walks a channel through the sections.
pub(crate) fn select<'a>(
    rules: &'a Rules,
    subject: &Subject<'_>,
    warnings: &mut Vec<Warning>,
) -> Selection<'a> {
    let mut walk =
        Walk { rules, trail: Trail::default(), fallback: None, chosen: None, failure: None };
    for &index in &rules.order {
        let Some(section) = rules.section(index) else { continue };
        let verdict = judge(section, subject, warnings);
        if !walk.step(index, section, verdict) {
            break;
        }
    }
    walk.finish()
}

/// Judges a section's tests in order; the first that is not met ends the section.
fn judge(section: &Section, subject: &Subject<'_>, warnings: &mut Vec<Warning>) -> Option<Verdict> {
    for (test, criteria) in (0u32..).zip(&section.tests) {
        if criteria.space.is_none() {
            warn(warnings, Warning::UnknownNamespace);
            return Some(Verdict::UnknownSpace { test });
        }
        let mut ignored = false;
        let outcome = subject.judge(criteria, &mut ignored);
        if ignored {
            warn(warnings, Warning::IgnoredListEntry);
        }
        match outcome {
            Outcome::Met => {}
            Outcome::Unmet(unmet) => return Some(Verdict::Unmet { test, unmet }),
            Outcome::Failed(fault) => return Some(Verdict::Failed(Box::new(fault))),
        }
    }
    let broken = section.broken.clone();
    broken.map(|fault| Verdict::Failed(Box::new(fault)))
}

/// Notes a warning once.
pub(crate) fn warn(warnings: &mut Vec<Warning>, warning: Warning) {
    if !warnings.contains(&warning) {
        warnings.push(warning);
    }
}

struct Walk<'a> {
    rules: &'a Rules,
    trail: Trail,
    /// The last section that named a strategy and was not final.
    fallback: Option<usize>,
    chosen: Option<usize>,
    failure: Option<Fault>,
}

impl<'a> Walk<'a> {
    /// Takes one section; whether evaluation goes on. No verdict means that everything is met.
    fn step(&mut self, index: usize, section: &Section, verdict: Option<Verdict>) -> bool {
        let verdict = match verdict {
            Some(verdict) => verdict,
            None => {
                self.trail.origins.overlay(index, section);
                if section.strategy.is_some() {
                    self.fallback = Some(index);
                }
                if section.is_final { Verdict::Ended } else { Verdict::Passed }
            }
        };
        let goes_on = !matches!(verdict, Verdict::Ended | Verdict::Failed(_));
        match &verdict {
            Verdict::Ended => self.chosen = self.fallback,
            Verdict::Failed(fault) => self.failure = Some((**fault).clone()),
            _ => {}
        }
        self.trail.steps.push(Step::at(index, verdict));
        goes_on
    }

    fn finish(mut self) -> Selection<'a> {
        let ended =
            self.trail.steps.last().is_some_and(|step| matches!(step.verdict, Verdict::Ended));
        if !ended && self.failure.is_none() {
            self.last_resort();
        }
        let chosen = if self.failure.is_some() { None } else { self.chosen };
        self.trail.chosen = chosen;
        let strategy = |index: usize| self.rules.section(index)?.strategy.clone();
        Selection {
            chosen: chosen.map(|index| (index, strategy(index))),
            collected: Collected { rules: self.rules, origins: self.trail.origins },
            trail: self.trail,
            failure: self.failure,
        }
    }

    /// `[default]`, whose criteria are not judged; else the last strategy that was not final.
    fn last_resort(&mut self) {
        self.chosen = self.fallback;
        let Some(index) = self.rules.default else { return };
        let Some(section) = self.rules.section(index) else { return };
        if let Some(fault) = &section.broken {
            self.failure = Some(fault.clone());
            let verdict = Verdict::Failed(Box::new(fault.clone()));
            self.trail.steps.push(Step::at(index, verdict));
            return;
        }
        if section.strategy.is_some() {
            self.trail.origins.overlay(index, section);
            self.chosen = Some(index);
            self.trail.steps.push(Step::at(index, Verdict::Ended));
        } else if self.fallback.is_some() {
            self.trail.origins.overlay(index, section);
            self.trail.steps.push(Step::at(index, Verdict::Passed));
        }
    }
}

//! A rule file, compiled: what needs no channel to be known is decided here, once.
//!
//! Compiling must never fail for a fault that only concerns some channels: such a fault is kept
//! where it stands, and meets the channels that reach it.

mod compile;

use std::sync::Arc;

use crate::criteria::{Dialect, ReadFile, Test};
use crate::fault::{Fault, Place};
use crate::ini::Document;
use crate::names::{Property, Strategy};

/// A compiled rule file.
#[derive(Debug)]
pub struct Rules {
    pub(crate) file: Arc<str>,
    pub(crate) dialect: Dialect,
    pub(crate) sections: Vec<Section>,
    /// The sections to try, in order; without `[default]` and what is switched off.
    pub(crate) order: Vec<usize>,
    /// The last resort.
    pub(crate) default: Option<usize>,
    /// Faults that refuse the file as a whole.
    pub(crate) refusals: Vec<Fault>,
    pub(crate) document: Document,
}

/// A compiled section.
#[derive(Debug)]
pub(crate) struct Section {
    pub name: Arc<str>,
    pub place: Place,
    /// What a channel must meet, by name space.
    pub tests: Vec<Test>,
    /// What it sets, by the number of the property.
    pub settings: Vec<Option<Setting>>,
    /// Its strategy, if it names one.
    pub strategy: Option<Named>,
    /// Whether evaluation goes on behind it: what `final` says, or else whether it has a strategy.
    pub is_final: bool,
    /// Whether it is looked at.
    pub enabled: bool,
    /// Where it comes among the sections; equal ones keep the file's order.
    pub priority: i128,
    /// A value that cannot be had: whoever matches the section is left alone.
    pub broken: Option<Fault>,
    /// The rule file its `config_file` names.
    pub included: Option<Result<Arc<Rules>, Fault>>,
}

/// A strategy as it is named.
#[derive(Debug, Clone)]
pub(crate) struct Named {
    /// The name.
    pub name: Arc<str>,
    /// The strategy, if there is such a one.
    pub strategy: Option<Strategy>,
}

/// What a section sets a property to.
#[derive(Debug, Clone)]
pub(crate) struct Setting {
    /// The value with its references followed.
    pub text: String,
    /// Read as an integer.
    pub integer: Option<i128>,
    /// Read as a fraction.
    pub float: Option<f64>,
    /// Where the value stands.
    pub place: Place,
}

/// How rules are compiled.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// Who judges what a key means; nothing lets the file itself decide.
    pub dialect: Option<Dialect>,
}

impl Rules {
    /// Compiles a rule file. `file` names it in messages, `read` gives the files that it names.
    ///
    /// # Errors
    ///
    /// The syntax fault that refuses the file.
    ///
    /// ```
    /// use debal_fees::{Options, Rules};
    /// let text = "[default]\nstrategy = static\nfee_ppm = 100\n";
    /// let mut no_files = |name: &str| Err(format!("no file {name}"));
    /// let rules = Rules::compile(text, "rules", &mut no_files, Options::default());
    /// assert!(rules.is_ok());
    /// ```
    pub fn compile(
        text: &str,
        file: &str,
        read: &mut ReadFile<'_>,
        options: Options,
    ) -> Result<Rules, Fault> {
        compile::compile(text, file, read, options)
    }

    /// Who judges what a key means in this file.
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// Its name in messages.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// Whether any section, also of an included file, names a strategy.
    pub fn names(&self, strategy: Strategy) -> bool {
        self.sections.iter().any(|section| {
            let inner = section.included.as_ref().and_then(|included| included.as_ref().ok());
            section.strategy.as_ref().is_some_and(|named| named.strategy == Some(strategy))
                || inner.is_some_and(|inner| inner.names(strategy))
        })
    }

    /// Faults for which no channel may be touched: a threshold that is no number would otherwise
    /// stop a run halfway.
    pub fn refusals(&self) -> &[Fault] {
        &self.refusals
    }

    pub(crate) fn section(&self, index: usize) -> Option<&Section> {
        self.sections.get(index)
    }
}

impl Section {
    /// What the section sets a property to.
    pub fn setting(&self, property: Property) -> Option<&Setting> {
        self.settings.get(property.number()).and_then(Option::as_ref)
    }
}

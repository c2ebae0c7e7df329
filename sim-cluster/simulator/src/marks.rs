//! Coverage marks: what the worlds of a batch actually reached.
//!
//! A generator has blind spots; counting what it reaches finds them. Marks must never influence a
//! run.

use serde::Serialize;
use std::collections::BTreeMap;

/// Counts by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Marks(pub BTreeMap<String, u64>);

impl Marks {
    /// Counts one hit.
    pub fn hit(&mut self, group: &str, name: &str) {
        let key = format!("{group}.{name}");
        *self.0.entry(key).or_default() += 1;
    }

    /// Adds another run's counts.
    pub fn absorb(&mut self, other: &Self) {
        for (name, count) in &other.0 {
            *self.0.entry(name.clone()).or_default() += count;
        }
    }

    /// Hits of one mark.
    #[must_use]
    pub fn count(&self, name: &str) -> u64 {
        self.0.get(name).copied().unwrap_or(0)
    }

    /// Marks of `required` that were never hit.
    #[must_use]
    pub fn missing<'a>(&self, required: &[&'a str]) -> Vec<&'a str> {
        required.iter().filter(|name| self.count(name) == 0).copied().collect()
    }
}

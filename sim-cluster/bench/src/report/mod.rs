//! What an experiment found, and the ways to show it: JSON and CSV for programs, a table of at
//! most 80 columns, plots, and one page for people. Every experiment uses these and none has its
//! own.
//!
//! Rendering must never compute a figure that the report does not have.

mod page;
mod plot;
mod table;
mod text;

pub use page::page;
pub use plot::{Plot, bars, plots};
pub use table::{Column, table};
pub use text::{csv, json, jsons};

use crate::figures::Figure;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

/// One experiment on one graph from one kind of state.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// `b1` to `b5`.
    pub experiment: String,
    /// The graph's name.
    pub graph: String,
    /// How many seeds, from 1 on.
    pub seeds: u64,
    /// How states are drawn.
    pub state: String,
    /// A row per method.
    pub rows: Vec<Row>,
}

/// What one method reached.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// The method.
    pub method: String,
    /// Its figures, in the experiment's order.
    #[serde(serialize_with = "in_order")]
    pub metrics: Vec<(String, Figure)>,
}

impl Row {
    /// The figure of a metric.
    #[must_use]
    pub fn figure(&self, name: &str) -> Option<Figure> {
        self.metrics.iter().find(|(known, _)| known == name).map(|(_, figure)| *figure)
    }
}

/// A list of pairs as an object that keeps their order.
fn in_order<S: Serializer>(pairs: &[(String, Figure)], to: S) -> Result<S::Ok, S::Error> {
    let mut map = to.serialize_map(Some(pairs.len()))?;
    for (name, figure) in pairs {
        map.serialize_entry(name, figure)?;
    }
    map.end()
}

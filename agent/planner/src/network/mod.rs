//! Flow networks as an operator writes them: places on hubs, directed links with fees, times and
//! limits, and the automatic links between a leaf and its hub.
//!
//! It must never guess: what a definition leaves open has one documented meaning, what it gets
//! wrong is refused with the field named.

mod build;
mod read;

use std::collections::BTreeMap;

use thiserror::Error;

use crate::exact::Decimal;

pub(crate) use read::known_keys;
pub use read::{amount, read_network, text_list};

/// The largest amount that a place may hold, send or take: 2^61. All surpluses together may be
/// 2^62.
pub const AMOUNT_MAX: u64 = 1 << 61;
/// The most places or links of a network.
pub const NETWORK_MAX: usize = 4_000_000;

/// A place that holds funds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Its unique name.
    pub id: String,
    /// The hub it hangs on; `None` for a hub.
    pub hub: Option<String>,
}

/// A directed link as defined.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Link {
    /// The place it leaves.
    pub src: String,
    /// The place it enters.
    pub dest: String,
    /// What one unit costs, base units.
    pub variable_fee: Decimal,
    /// What using it at all costs, base units.
    pub fixed_fee: Decimal,
    /// How long a transfer takes, seconds.
    pub time_sec: Decimal,
    /// The most it carries; `None` is unlimited, zero closes it.
    pub capacity: Option<u64>,
    /// It carries nothing or at least this much.
    pub min_amount: u64,
    /// A transfer above this is split into several steps; `None` is no limit. Fixed fee and time
    /// count once per used link, as the vectors define both, however many steps it takes; a link
    /// that charges every transfer is written as parallel links of that capacity, with other tags.
    pub transfer_limit: Option<u64>,
    /// Tells parallel links apart.
    pub tags: Vec<String>,
    /// A link that is switched off carries nothing.
    pub off: bool,
}

/// What an operator writes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NetworkDefinition {
    /// The places, hubs and leaves, in any order.
    pub places: Vec<Place>,
    /// The links.
    pub links: Vec<Link>,
    /// Whether missing links between a leaf and its hub are added.
    pub auto_intra: bool,
}

/// A link with its place in the network; edge number `n` is called `en`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edge {
    /// The number of the place it leaves.
    pub tail: u32,
    /// The number of the place it enters.
    pub head: u32,
    /// Whether it was added automatically.
    pub auto: bool,
    /// The link as defined.
    pub link: Link,
}

/// A checked network: places and edges by number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Network {
    places: Vec<Place>,
    edges: Vec<Edge>,
    index: BTreeMap<String, u32>,
    chains: Vec<u32>,
}

impl Network {
    /// The places in the order of the definition.
    pub fn places(&self) -> &[Place] {
        &self.places
    }

    /// The edges: automatic ones first, then the defined ones, each in their order.
    pub fn edges(&self) -> &[Edge] {
        &self.edges
    }

    /// The number of a place.
    pub fn place(&self, id: &str) -> Option<u32> {
        self.index.get(id).copied()
    }

    /// The name of a place.
    pub fn name(&self, place: u32) -> &str {
        &self.places[place as usize].id
    }

    /// The number of the hub of a place; a hub is its own.
    pub fn chain(&self, place: u32) -> u32 {
        self.chains[place as usize]
    }

    /// The same network with each edge marked as automatic or not.
    pub(crate) fn with_automatic(mut self, marks: impl Iterator<Item = bool>) -> Network {
        self.edges.iter_mut().zip(marks).for_each(|(edge, auto)| edge.auto = auto);
        self
    }

    /// "; did you mean ...?" for the place whose name is nearest, or nothing.
    pub(crate) fn nearest(&self, wrong: &str) -> String {
        build::nearest(wrong, self.index.keys())
    }

    /// Switches an edge off.
    ///
    /// # Errors
    /// [`InputError::Network`] if there is no such edge.
    pub fn switch_off(&mut self, edge: u32) -> Result<(), InputError> {
        let count = self.edges.len();
        let edge = self.edges.get_mut(edge as usize).ok_or_else(|| {
            InputError::network(format!("e{edge}"), format!("there are only {count} edges"))
        })?;
        edge.link.off = true;
        Ok(())
    }
}

/// Why an input is refused before anything is solved.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum InputError {
    /// The text is no JSON or TOML.
    #[error("{0}")]
    Syntax(#[from] crate::document::SyntaxError),
    /// The network is wrong.
    #[error("{field}: {reason}")]
    Network {
        /// Where, `network.edges[3].capacity` for one.
        field: String,
        /// What is wrong, in plain words.
        reason: String,
    },
    /// A balance, target or other amount is wrong.
    #[error("{field}: {reason}")]
    Amount {
        /// Where.
        field: String,
        /// What is wrong, in plain words.
        reason: String,
    },
    /// A balance or target is given for a place that the network does not have.
    #[error("{field}: the network has no place {place:?}{hint}")]
    UnknownPlace {
        /// Where.
        field: String,
        /// The place.
        place: String,
        /// The nearest name, as the end of the sentence.
        hint: String,
    },
    /// The mode is none of the known ones.
    #[error("mode: {given}; the modes are {known}")]
    Mode {
        /// What was given, as the start of the sentence.
        given: String,
        /// The known ones.
        known: String,
    },
    /// Surplus and deficit differ.
    #[error(
        "target: the targets ask for {wanted} in all, the places that have one hold {held}: \
         {} too {}",
        .wanted.abs_diff(*.held),
        if .wanted > .held { "little" } else { "much" }
    )]
    Unbalanced {
        /// What those places hold.
        held: u128,
        /// What they should hold.
        wanted: u128,
    },
}

impl InputError {
    /// An error in the network.
    pub fn network(field: impl Into<String>, reason: impl Into<String>) -> InputError {
        InputError::Network { field: field.into(), reason: reason.into() }
    }

    /// An error in an amount.
    pub fn amount(field: impl Into<String>, reason: impl Into<String>) -> InputError {
        InputError::Amount { field: field.into(), reason: reason.into() }
    }

    /// The stable name of the kind.
    pub fn kind(&self) -> &'static str {
        match self {
            InputError::Syntax(_) => "invalid_document",
            InputError::Network { .. } => "invalid_network",
            InputError::Amount { .. } => "invalid_amount",
            InputError::UnknownPlace { .. } => "unknown_place",
            InputError::Mode { .. } => "invalid_mode",
            InputError::Unbalanced { .. } => "unbalanced",
        }
    }

    /// The field that is to blame, if it is one.
    pub fn field(&self) -> Option<&str> {
        match self {
            InputError::Network { field, .. }
            | InputError::Amount { field, .. }
            | InputError::UnknownPlace { field, .. } => Some(field),
            InputError::Mode { .. } => Some("mode"),
            InputError::Unbalanced { .. } => Some("target"),
            InputError::Syntax(_) => None,
        }
    }
}

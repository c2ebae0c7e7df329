//! Builds a [`Graph`] and checks every promise it makes, whatever the file format.
//!
//! A reader must never construct a [`Graph`] by hand: what this module lets through is what the
//! whole crate relies on.

use crate::InputError;
use crate::{Channel, Graph, MAX_CHANNELS, MAX_NODES, Node, Policy};
use debal_protocol::amount::Msat;
use debal_protocol::ids::ChannelId;
use std::collections::{HashMap, HashSet};

/// Longest alias kept, in characters.
const ALIAS_CHARACTERS: usize = 32;

/// A policy as files spell it: numbers still unchecked.
#[derive(Clone, Copy, Debug)]
pub struct RawPolicy {
    /// Fixed part of the fee.
    pub base_msat: u64,
    /// Millionths of the amount.
    pub ppm: u64,
    /// Smallest payment.
    pub min_msat: u64,
    /// Largest payment, if announced.
    pub max_msat: Option<u64>,
    /// Blocks.
    pub cltv: u64,
    /// Announced as disabled.
    pub disabled: bool,
}

/// Collects nodes and channels of one file.
pub struct GraphBuilder {
    file: String,
    nodes: Vec<Node>,
    by_pubkey: HashMap<String, usize>,
    channels: Vec<Channel>,
    ids: HashSet<ChannelId>,
}

impl GraphBuilder {
    /// Starts a graph; `file` is named in every error.
    #[must_use]
    pub fn new(file: &str) -> Self {
        let file = file.to_owned();
        let (nodes, by_pubkey) = (Vec::new(), HashMap::new());
        Self { file, nodes, by_pubkey, channels: Vec::new(), ids: HashSet::new() }
    }

    /// An error about this file.
    pub fn refuse(&self, place: &str, problem: impl Into<String>, fix: &str) -> InputError {
        InputError::new(&self.file, place, problem, fix)
    }

    /// Adds a node and returns its number.
    ///
    /// # Errors
    /// A malformed or repeated public key, or too many nodes.
    pub fn node(
        &mut self,
        place: &str,
        pubkey: &str,
        alias: Option<&str>,
    ) -> Result<usize, InputError> {
        if self.nodes.len() >= MAX_NODES {
            let fix = "cut a smaller piece out of it first";
            return Err(self.refuse(place, format!("more than {MAX_NODES} nodes"), fix));
        }
        let hex = pubkey.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        if pubkey.len() != 66 || !hex || !(pubkey.starts_with("02") || pubkey.starts_with("03")) {
            let problem = format!("public key {:?} is not one", clip(pubkey, 70));
            let fix = "write 66 lower-case hex digits that start with 02 or 03";
            return Err(self.refuse(place, problem, fix));
        }
        let number = self.nodes.len();
        if let Some(first) = self.by_pubkey.insert(pubkey.to_owned(), number) {
            let problem = format!("public key {pubkey} is node {first} already");
            return Err(self.refuse(place, problem, "list every node once"));
        }
        let alias = printable(alias.unwrap_or_default());
        let alias = if alias.is_empty() { clip(pubkey, 12) } else { alias };
        self.nodes.push(Node { pubkey: pubkey.to_owned(), alias });
        Ok(number)
    }

    /// Number of the node with this public key.
    #[must_use]
    pub fn number_of(&self, pubkey: &str) -> Option<usize> {
        self.by_pubkey.get(pubkey).copied()
    }

    /// Adds a channel between two known nodes.
    ///
    /// # Errors
    /// Unknown nodes, a channel from a node to itself, capacity 0 or out of range, a repeated id,
    /// fees out of range, too many channels.
    pub fn channel(
        &mut self,
        place: &str,
        id: &str,
        ends: [usize; 2],
        capacity_sat: u64,
        policies: [Option<RawPolicy>; 2],
    ) -> Result<(), InputError> {
        let id: ChannelId = id.parse().map_err(|e| {
            self.refuse(place, format!("{e}"), "give the channel a short channel id")
        })?;
        if self.channels.len() >= MAX_CHANNELS {
            let problem = format!("more than {MAX_CHANNELS} channels");
            return Err(self.refuse(place, problem, "cut a smaller piece out of it first"));
        }
        if let Some(end) = ends.into_iter().find(|end| *end >= self.nodes.len()) {
            let problem = format!("channel {id} names node {end}, which the file does not list");
            return Err(self.refuse(place, problem, "list the node or remove the channel"));
        }
        if ends[0] == ends[1] {
            let problem = format!("channel {id} joins node {} to itself", ends[0]);
            return Err(self.refuse(place, problem, "remove the channel"));
        }
        if capacity_sat == 0 || capacity_sat > Msat::MAX.0 / 1_000 {
            let problem = format!("channel {id} has capacity {capacity_sat} sat");
            let fix = format!("give 1 to {} sat, or remove the channel", Msat::MAX.0 / 1_000);
            return Err(self.refuse(place, problem, &fix));
        }
        if !self.ids.insert(id) {
            let problem = format!("channel id {id} is used twice");
            return Err(self.refuse(place, problem, "list every channel once"));
        }
        let [first, second] = policies;
        let policies =
            [self.policy(place, capacity_sat, first)?, self.policy(place, capacity_sat, second)?];
        self.channels.push(Channel { id, ends, capacity_sat, policies });
        Ok(())
    }

    fn policy(
        &self,
        place: &str,
        capacity_sat: u64,
        raw: Option<RawPolicy>,
    ) -> Result<Policy, InputError> {
        let capacity_msat = capacity_sat.saturating_mul(1_000);
        let Some(raw) = raw else {
            let (base_msat, ppm, min_msat, cltv) = (0, 0, 0, 0);
            let max_msat = capacity_msat;
            return Ok(Policy { base_msat, ppm, min_msat, max_msat, cltv, disabled: true });
        };
        let range = |what: &str, value: u64, max: u64| {
            let problem = format!("{what} {value} is out of range");
            self.refuse(place, problem, &format!("BOLT 7 allows at most {max}"))
        };
        let narrow = |what: &str, value: u64| {
            u32::try_from(value).map_err(|_| range(what, value, u64::from(u32::MAX)))
        };
        Ok(Policy {
            base_msat: narrow("base fee (msat)", raw.base_msat)?,
            ppm: narrow("fee rate (ppm)", raw.ppm)?,
            min_msat: raw.min_msat,
            max_msat: raw.max_msat.unwrap_or(capacity_msat).min(capacity_msat),
            cltv: u16::try_from(raw.cltv)
                .map_err(|_| range("cltv delta", raw.cltv, u64::from(u16::MAX)))?,
            disabled: raw.disabled,
        })
    }

    /// The finished graph. Nodes without a channel are left out: they could neither pay nor help.
    ///
    /// # Errors
    /// A graph without a channel.
    pub fn finish(self, source: String) -> Result<Graph, InputError> {
        if self.channels.is_empty() {
            return Err(self.refuse("the file", "it has no channel", "use a graph with channels"));
        }
        let graph = Graph { source, nodes: self.nodes, channels: self.channels };
        let joined = graph.neighbours(|_| true);
        let keep: Vec<usize> =
            (0..graph.nodes.len()).filter(|node| !joined[*node].is_empty()).collect();
        Ok(graph.induced(&keep))
    }
}

impl Graph {
    /// The piece made of the nodes in `keep` (their new numbers are their positions) and every
    /// channel between two of them.
    #[must_use]
    pub fn induced(&self, keep: &[usize]) -> Self {
        let numbers: HashMap<usize, usize> =
            keep.iter().enumerate().map(|(new, old)| (*old, new)).collect();
        let renumber = |channel: &Channel| {
            let ends = [*numbers.get(&channel.ends[0])?, *numbers.get(&channel.ends[1])?];
            Some(Channel { ends, ..channel.clone() })
        };
        Self {
            source: self.source.clone(),
            nodes: keep.iter().map(|old| self.nodes[*old].clone()).collect(),
            channels: self.channels.iter().filter_map(renumber).collect(),
        }
    }
}

/// An alias made safe to print: no control, direction or zero-width characters, bounded length.
fn printable(alias: &str) -> String {
    let hostile = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}')
            || matches!(c, '\u{2060}'..='\u{206f}')
            || matches!(c, '\u{feff}' | '\u{fffd}' | '\u{fff9}'..='\u{fffb}')
    };
    let clean: String = alias.chars().filter(|c| !hostile(*c)).collect();
    clip(clean.trim(), ALIAS_CHARACTERS)
}

fn clip(text: &str, characters: usize) -> String {
    text.chars().take(characters).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_characters_leave_the_alias() {
        assert_eq!(printable("a\u{202e}b\u{1b}[31mc\u{200b} "), "ab[31mc");
        assert_eq!(printable(&"x".repeat(100)).len(), ALIAS_CHARACTERS);
    }
}

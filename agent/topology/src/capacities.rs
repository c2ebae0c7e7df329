//! The capacity-only format: `node1,node2,capacity_sat`, one channel a line.
//!
//! Such files carry no keys, ids or policies. Keys and ids are numbered here and must never be
//! taken for the network's own; every channel is free to use both ways at no fee.

use crate::Graph;
use crate::InputError;
use crate::builder::{GraphBuilder, RawPolicy};
use std::collections::BTreeMap;

/// The first line of such a file.
const HEADER: &str = "node1,node2,capacity_sat";

/// A policy that asks nothing and forbids nothing.
pub const FREE: RawPolicy =
    RawPolicy { base_msat: 0, ppm: 0, min_msat: 0, max_msat: None, cltv: 0, disabled: false };

/// Whether a first line is this format's header.
pub fn recognises(line: &str) -> bool {
    line.trim_end() == HEADER
}

/// Parses a whole file. Nodes keep the order of their numbers.
///
/// # Errors
/// [`InputError`] with line and field.
pub fn parse(file: &str, text: &str) -> Result<Graph, InputError> {
    let mut builder = GraphBuilder::new(file);
    let mut channels = Vec::new();
    let mut numbers: BTreeMap<u32, usize> = BTreeMap::new();
    for (line, raw) in (1usize..).zip(text.lines()).skip(1) {
        let place = format!("line {line}");
        let mut fields = raw.trim_end().split(',').map(str::parse::<u64>);
        let (Some(Ok(one)), Some(Ok(other)), Some(Ok(capacity_sat)), None) =
            (fields.next(), fields.next(), fields.next(), fields.next())
        else {
            let fix = "write two node numbers and a capacity in sat, separated by commas";
            return Err(builder.refuse(&place, "this is no channel", fix));
        };
        let mut end = |number: u64| {
            let number = u32::try_from(number).map_err(|_| {
                let problem = format!("node number {number} is out of range");
                builder.refuse(&place, problem, "number the nodes below 2^32")
            })?;
            numbers.insert(number, 0);
            Ok(number)
        };
        channels.push((line, [end(one)?, end(other)?], capacity_sat));
    }
    for (number, position) in &mut numbers {
        let place = format!("node {number}");
        *position = builder.node(&place, &numbered_key(u64::from(*number)), None)?;
    }
    for (line, ends, capacity_sat) in channels {
        let ends = ends.map(|end| numbers.get(&end).copied().unwrap_or(usize::MAX));
        let id = numbered_id(line);
        builder.channel(&format!("line {line}"), &id, ends, capacity_sat, [Some(FREE); 2])?;
    }
    builder.finish(format!("{file} (capacities only)"))
}

/// A made-up public key for the node with this number.
#[must_use]
pub fn numbered_key(number: u64) -> String {
    format!("02{number:064x}")
}

/// A made-up short channel id for the channel with this number.
#[must_use]
pub fn numbered_id(number: usize) -> String {
    format!("{}x{}x0", number >> 16, number & 0xffff)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;

    fn file(lines: &[&str]) -> Result<Graph, InputError> {
        parse("f", &format!("{HEADER}\n{}\n", lines.join("\n")))
    }

    #[test]
    fn every_line_is_a_channel_open_both_ways() {
        let graph = file(&["7,3,500", "3,9,20", "7,3,500"]).unwrap();
        assert_eq!((graph.nodes.len(), graph.channels.len()), (3, 3));
        assert_eq!(graph.nodes[0].pubkey, numbered_key(3));
        assert_eq!((graph.channels[0].ends, graph.channels[0].capacity_sat), ([1, 0], 500));
        assert!(graph.channels.iter().all(crate::Channel::enabled_both_ways));
    }

    #[test]
    fn what_is_no_channel_is_refused_by_line() {
        for (line, words) in [
            ("1,2", "this is no channel"),
            ("1,2,3,4", "this is no channel"),
            ("1,2,-3", "this is no channel"),
            ("1,1,3", "joins node 0 to itself"),
            ("1,2,0", "has capacity 0 sat"),
            ("4294967296,2,1", "out of range"),
        ] {
            let refused = file(&["5,6,7", line]).unwrap_err().to_string();
            let named = refused.contains("line 3") && refused.contains(words);
            assert!(named, "{line}: {refused}");
        }
        assert!(file(&[]).unwrap_err().to_string().contains("no channel"));
    }
}

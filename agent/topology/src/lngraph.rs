//! The compact format: a header line, node lines, channel lines, each one JSON object.
//!
//! Unknown keys are left alone (files carry notes); known ones must have their type and range.

use crate::Graph;
use crate::InputError;
use crate::builder::{GraphBuilder, RawPolicy};
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// Longest line, in bytes. The longest real one has about 400.
const MAX_LINE_BYTES: usize = 64 << 10;

#[derive(Deserialize)]
struct Kind {
    format: String,
}

#[derive(Deserialize)]
struct Header {
    version: u64,
    #[serde(default)]
    date: String,
    #[serde(default)]
    network: String,
    nodes: usize,
    channels: usize,
}

#[derive(Deserialize)]
struct NodeLine {
    node: usize,
    pubkey: String,
    alias: Option<String>,
}

#[derive(Deserialize)]
struct PolicyLine {
    base_msat: u64,
    ppm: u64,
    cltv: u64,
    min_msat: u64,
    max_msat: Option<u64>,
    disabled: bool,
}

#[derive(Deserialize)]
struct ChannelLine {
    chan: String,
    node1: usize,
    node2: usize,
    capacity_sat: u64,
    policy1: Option<PolicyLine>,
    policy2: Option<PolicyLine>,
}

/// Whether a first line is this format's header.
pub fn recognises(line: &str) -> bool {
    line.len() <= MAX_LINE_BYTES
        && serde_json::from_str::<Kind>(line).is_ok_and(|kind| kind.format == "lngraph")
}

/// Parses a whole file.
///
/// # Errors
/// [`InputError`] with line and field.
pub fn parse(file: &str, text: &str) -> Result<Graph, InputError> {
    let mut builder = GraphBuilder::new(file);
    let mut lines = (1usize..).zip(text.lines());
    let (_, first) = lines.next().unwrap_or((1, ""));
    let header: Header = line(&builder, 1, first)?;
    if header.version != 1 {
        let problem = format!("lngraph version {} is unknown", header.version);
        return Err(builder.refuse("line 1, field version", problem, "use version 1"));
    }
    let short = |builder: &GraphBuilder, what: &str, promised: usize, found: usize| {
        let problem = format!("the header promises {promised} {what} lines, the file has {found}");
        builder.refuse("the file", problem, "copy the whole file again")
    };
    for expected in 0..header.nodes {
        let Some((number, raw)) = lines.next() else {
            return Err(short(&builder, "node", header.nodes, expected));
        };
        let node: NodeLine = line(&builder, number, raw)?;
        if node.node != expected {
            let problem = format!("node number {} where {expected} was expected", node.node);
            let place = format!("line {number}, field node");
            return Err(builder.refuse(&place, problem, "number the nodes 0, 1, 2, ... in order"));
        }
        builder.node(
            &format!("line {number}, field pubkey"),
            &node.pubkey,
            node.alias.as_deref(),
        )?;
    }
    for expected in 0..header.channels {
        let Some((number, raw)) = lines.next() else {
            return Err(short(&builder, "channel", header.channels, expected));
        };
        let channel: ChannelLine = line(&builder, number, raw)?;
        let (ends, capacity) = ([channel.node1, channel.node2], channel.capacity_sat);
        let policies = [channel.policy1.map(raw_policy), channel.policy2.map(raw_policy)];
        builder.channel(&format!("line {number}"), &channel.chan, ends, capacity, policies)?;
    }
    if let Some((number, _)) = lines.find(|(_, rest)| !rest.trim().is_empty()) {
        let problem = "content after the last channel the header promises";
        let fix = "correct the counts in the header";
        return Err(builder.refuse(&format!("line {number}"), problem, fix));
    }
    let source = format!("{file}: {} {} (lngraph)", header.network, header.date);
    builder.finish(source)
}

fn raw_policy(line: PolicyLine) -> RawPolicy {
    let PolicyLine { base_msat, ppm, cltv, min_msat, max_msat, disabled } = line;
    RawPolicy { base_msat, ppm, min_msat, max_msat, cltv, disabled }
}

fn line<T: DeserializeOwned>(
    builder: &GraphBuilder,
    number: usize,
    raw: &str,
) -> Result<T, InputError> {
    if raw.len() > MAX_LINE_BYTES {
        let problem = format!("it has {} bytes", raw.len());
        let fix = format!("a line has at most {MAX_LINE_BYTES}");
        return Err(builder.refuse(&format!("line {number}"), problem, &fix));
    }
    let mut json = serde_json::Deserializer::from_str(raw);
    serde_path_to_error::deserialize(&mut json).map_err(|e| {
        let place = match e.path().to_string().as_str() {
            "." => format!("line {number}"),
            path => format!("line {number}, field {path}"),
        };
        let fix = "see the lngraph format: header, node lines, channel lines";
        builder.refuse(&place, e.inner().to_string(), fix)
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const HEADER: &str = r#"{"format":"lngraph","version":1,"nodes":2,"channels":1}"#;

    fn node(number: usize) -> String {
        let pubkey = format!("02{:064x}", number + 1);
        format!(r#"{{"node":{number},"pubkey":"{pubkey}","alias":null}}"#)
    }

    fn channel(id: &str, ends: [usize; 2], capacity: &str, policy: &str) -> String {
        let [a, b] = ends;
        format!(
            r#"{{"chan":"{id}","node1":{a},"node2":{b},"capacity_sat":{capacity},"policy1":{policy},"policy2":null}}"#
        )
    }

    fn file(lines: &[String]) -> Result<Graph, InputError> {
        parse("f", &lines.join("\n"))
    }

    fn refused(channel: String) -> String {
        file(&[HEADER.into(), node(0), node(1), channel]).unwrap_err().to_string()
    }

    const POLICY: &str =
        r#"{"base_msat":1,"ppm":2,"cltv":3,"min_msat":4,"max_msat":null,"disabled":false}"#;

    #[test]
    fn a_missing_policy_keeps_the_channel_with_that_direction_disabled() {
        let graph =
            file(&[HEADER.into(), node(0), node(1), channel("1x2x3", [0, 1], "10", POLICY)])
                .unwrap();
        let policies = graph.channels.first().unwrap().policies;
        assert_eq!((policies[0].disabled, policies[1].disabled), (false, true));
        assert_eq!((policies[0].ppm, policies[0].max_msat), (2, 10_000));
    }

    #[test]
    fn every_malformed_channel_names_line_and_problem() {
        for (line, words) in [
            (channel("1x2x3", [0, 0], "10", POLICY), "joins node 0 to itself"),
            (channel("1x2x3", [0, 7], "10", POLICY), "names node 7, which the file does not list"),
            (channel("1x2x3", [0, 1], "0", POLICY), "has capacity 0 sat"),
            (
                channel("1x2x3", [0, 1], "2000000000000000000", POLICY),
                "has capacity 2000000000000000000",
            ),
            (channel("zebra", [0, 1], "10", POLICY), "is no channel id"),
            (channel("1x2x3", [0, 1], "\"x\"", POLICY), "field capacity_sat"),
            (channel("1x2x3", [0, 1], "10", r#"{"ppm":-1}"#), "field policy1"),
            (
                channel("1x2x3", [0, 1], "10", &POLICY.replace("\"ppm\":2", "\"ppm\":4294967296")),
                "ppm) 4294967296",
            ),
            (
                channel("1x2x3", [0, 1], "10", &POLICY.replace("\"cltv\":3", "\"cltv\":65536")),
                "cltv delta 65536",
            ),
        ] {
            let message = refused(line);
            assert!(message.starts_with("f, line 4"), "{message}");
            assert!(message.contains(words), "{message}");
        }
    }

    #[test]
    fn a_channel_id_used_twice_is_refused() {
        let header = HEADER.replace("\"channels\":1", "\"channels\":2");
        let one = channel("1x2x3", [0, 1], "10", POLICY);
        let refused = file(&[header, node(0), node(1), one.clone(), one]).unwrap_err().to_string();
        assert!(refused.contains("channel id 1x2x3 is used twice"), "{refused}");
    }

    #[test]
    fn counts_that_do_not_match_the_header_are_refused() {
        let missing_channel = file(&[HEADER.into(), node(0), node(1)]).unwrap_err().to_string();
        assert!(missing_channel.contains("promises 1 channel lines, the file has 0"));
        let missing_node = file(&[HEADER.into(), node(0)]).unwrap_err().to_string();
        assert!(missing_node.contains("promises 2 node lines, the file has 1"));
        let one = channel("1x2x3", [0, 1], "10", POLICY);
        let extra = file(&[HEADER.into(), node(0), node(1), one.clone(), one]).unwrap_err();
        assert_eq!(extra.place, "line 5");
    }

    #[test]
    fn versions_numbers_and_keys_of_nodes_are_checked() {
        let version = HEADER.replace("\"version\":1", "\"version\":2");
        assert!(file(&[version]).unwrap_err().problem.contains("version 2"));
        assert_eq!(file(&[HEADER.into(), node(1)]).unwrap_err().place, "line 2, field node");
        let bad = r#"{"node":0,"pubkey":"05aa","alias":null}"#.to_owned();
        assert_eq!(file(&[HEADER.into(), bad]).unwrap_err().place, "line 2, field pubkey");
        let twice = file(&[HEADER.into(), node(0), node(0).replace("\"node\":0", "\"node\":1")]);
        assert!(twice.unwrap_err().problem.contains("is node 0 already"));
    }
}

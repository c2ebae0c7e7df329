//! The JSON that `lncli describegraph` prints: 64-bit numbers as strings, snake-case keys.
//!
//! Only what a cluster needs is read; features, addresses and time stamps are skipped unread.

use crate::Graph;
use crate::InputError;
use crate::builder::{GraphBuilder, RawPolicy};
use serde::{Deserialize, Deserializer};

#[derive(Deserialize)]
struct File {
    nodes: Vec<NodeItem>,
    edges: Vec<EdgeItem>,
}

#[derive(Deserialize)]
struct NodeItem {
    pub_key: String,
    #[serde(default)]
    alias: Option<String>,
}

#[derive(Deserialize)]
struct EdgeItem {
    #[serde(deserialize_with = "number")]
    channel_id: u64,
    node1_pub: String,
    node2_pub: String,
    #[serde(deserialize_with = "number")]
    capacity: u64,
    #[serde(default)]
    node1_policy: Option<PolicyItem>,
    #[serde(default)]
    node2_policy: Option<PolicyItem>,
}

#[derive(Deserialize)]
struct PolicyItem {
    #[serde(default, deserialize_with = "number")]
    time_lock_delta: u64,
    #[serde(default, deserialize_with = "number")]
    min_htlc: u64,
    #[serde(default, deserialize_with = "number")]
    fee_base_msat: u64,
    #[serde(default, deserialize_with = "number")]
    fee_rate_milli_msat: u64,
    #[serde(default)]
    disabled: bool,
    #[serde(default, deserialize_with = "optional_number")]
    max_htlc_msat: Option<u64>,
}

/// A number, or a number written as a string.
#[derive(Deserialize)]
#[serde(untagged)]
enum NumberOrText {
    Number(u64),
    Text(String),
}

impl NumberOrText {
    fn value<E: serde::de::Error>(self) -> Result<u64, E> {
        match self {
            Self::Number(number) => Ok(number),
            Self::Text(text) => {
                text.parse().map_err(|_| E::custom(format!("{text:?} is no 64-bit number")))
            }
        }
    }
}

fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    NumberOrText::deserialize(deserializer)?.value()
}

fn optional_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    let number = Option::<NumberOrText>::deserialize(deserializer)?;
    let number = number.map(NumberOrText::value).transpose()?;
    Ok(number.filter(|max| *max > 0))
}

/// Parses a whole file.
///
/// # Errors
/// [`InputError`] with line or entry and field.
pub fn parse(file: &str, text: &str) -> Result<Graph, InputError> {
    let mut builder = GraphBuilder::new(file);
    let mut json = serde_json::Deserializer::from_str(text);
    let graph: File = serde_path_to_error::deserialize(&mut json).map_err(|e| {
        let place = match e.path().to_string().as_str() {
            "." => format!("line {}", e.inner().line()),
            path => format!("line {}, field {path}", e.inner().line()),
        };
        let fix = "this is neither lngraph nor the whole output of `lncli describegraph`";
        builder.refuse(&place, e.inner().to_string(), fix)
    })?;
    json.end().map_err(|e| {
        let place = format!("line {}", e.line());
        builder.refuse(&place, "content after the graph", "keep one graph in the file")
    })?;
    for (index, node) in graph.nodes.iter().enumerate() {
        let place = format!("nodes[{index}].pub_key");
        builder.node(&place, &node.pub_key, node.alias.as_deref())?;
    }
    for (index, edge) in graph.edges.into_iter().enumerate() {
        add_edge(&mut builder, index, edge)?;
    }
    builder.finish(format!("{file} (lnd describegraph)"))
}

fn add_edge(builder: &mut GraphBuilder, index: usize, edge: EdgeItem) -> Result<(), InputError> {
    let place = format!("edges[{index}]");
    let end = |builder: &GraphBuilder, pubkey: &str, key: &str| {
        builder.number_of(pubkey).ok_or_else(|| {
            let short: String = pubkey.chars().take(70).collect();
            let problem = format!("node {short:?} is not in the list of nodes");
            let place = format!("{place}.{key}");
            builder.refuse(&place, problem, "list the node or remove the channel")
        })
    };
    let first = end(builder, &edge.node1_pub, "node1_pub")?;
    let second = end(builder, &edge.node2_pub, "node2_pub")?;
    let policies = [edge.node1_policy.map(raw_policy), edge.node2_policy.map(raw_policy)];
    let id = edge.channel_id.to_string();
    builder.channel(&place, &id, [first, second], edge.capacity, policies)
}

fn raw_policy(item: PolicyItem) -> RawPolicy {
    RawPolicy {
        base_msat: item.fee_base_msat,
        ppm: item.fee_rate_milli_msat,
        min_msat: item.min_htlc,
        max_msat: item.max_htlc_msat,
        cltv: item.time_lock_delta,
        disabled: item.disabled,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn graph(edge: &str) -> String {
        let key = |n: u8| format!("02{n:064x}");
        let nodes = format!(
            r#"[{{"pub_key":"{}","alias":"a"}},{{"pub_key":"{}"}},{{"pub_key":"{}"}}]"#,
            key(1),
            key(2),
            key(3)
        );
        let edge = edge.replace("KEY1", &key(1)).replace("KEY2", &key(2)).replace("KEY9", &key(9));
        format!("{{\"nodes\":{nodes},\n\"edges\":[{edge}]}}")
    }

    const EDGE: &str = r#"{"channel_id":"879609302286336","node1_pub":"KEY1","node2_pub":"KEY2",
        "capacity":"500000","node1_policy":{"time_lock_delta":40,"min_htlc":"1000","fee_base_msat":"7",
        "fee_rate_milli_msat":"250","disabled":false,"max_htlc_msat":"495000000"},"node2_policy":null}"#;

    #[test]
    fn strings_and_numbers_are_read_alike_and_a_node_without_channel_is_left_out() {
        for text in [EDGE.to_owned(), EDGE.replace("\"500000\"", "500000")] {
            let graph = parse("f", &graph(&text)).unwrap();
            assert_eq!(graph.nodes.len(), 2);
            let channel = graph.channels.first().unwrap();
            assert_eq!(
                (channel.id.to_string().as_str(), channel.capacity_sat),
                ("800x1x0", 500_000)
            );
            let policy = channel.policies[0];
            assert_eq!((policy.base_msat, policy.ppm, policy.cltv), (7, 250, 40));
            assert_eq!((policy.min_msat, policy.max_msat), (1_000, 495_000_000));
            assert!(channel.policies[1].disabled);
        }
    }

    #[test]
    fn malformed_edges_name_the_entry_and_the_field() {
        for (edge, words) in [
            (EDGE.replace("KEY2", "KEY9"), "edges[0].node2_pub"),
            (EDGE.replace("KEY2", "KEY1"), "joins node 0 to itself"),
            (EDGE.replace("\"500000\"", "\"0\""), "capacity 0"),
            (EDGE.replace("\"500000\"", "\"5e5\""), "field edges[0].capacity"),
            (EDGE.replace("\"500000\"", "-1"), "field edges[0].capacity"),
            (format!("{EDGE},{EDGE}"), "used twice"),
            (EDGE.replace("\"capacity\"", "\"kapacity\""), "missing field `capacity`"),
        ] {
            let refused = parse("f", &graph(&edge)).unwrap_err().to_string();
            assert!(refused.contains(words), "{refused}");
        }
    }

    #[test]
    fn a_cut_off_file_names_its_last_line() {
        let whole = graph(EDGE);
        let half: String = whole.chars().take(whole.len() - 10).collect();
        let refused = parse("f", &half).unwrap_err();
        assert_eq!(refused.place.split(',').next(), Some("line 4"), "{refused}");
    }
}

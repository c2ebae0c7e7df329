//! Which node the user means.
//!
//! It must never choose between two nodes that fit.

use debal_planner::document::Value;
use debal_topology::{Graph, Node};

use crate::failure::Failure;

/// How many nodes an error names.
const NAMED_MAX: usize = 4;
/// The fewest digits of a public key that are worth looking for.
const PREFIX_MIN: usize = 4;

/// The number of the node called `given`: its number, its alias, the start of its public key, or
/// its alias in other letters (small for large), in this order.
pub fn node(graph: &Graph, option: &str, given: &str) -> Result<u32, Failure> {
    let count = graph.nodes.len();
    if let Some(number) = given.parse::<usize>().ok().filter(|number| *number < count) {
        return Ok(number as u32);
    }
    let small = given.to_lowercase();
    let hex = small.len() >= PREFIX_MIN && small.bytes().all(|byte| byte.is_ascii_hexdigit());
    let tries: [&dyn Fn(&Node) -> bool; 3] =
        [&|node| node.alias == given, &|node| hex && node.pubkey.starts_with(&small), &|node| {
            node.alias.to_lowercase() == small
        }];
    for fits in tries {
        match fitting(graph, fits).as_slice() {
            [] => {}
            [one] => return Ok(*one),
            several => {
                let reason = format!("{} nodes are called {given:?}", several.len());
                return Err(failure("ambiguous_node", option, &reason, graph, several));
            }
        }
    }
    let near = fitting(graph, &|node: &Node| {
        !small.is_empty() && node.alias.to_lowercase().contains(&small)
    });
    let reason = format!("no node is called {given:?} (numbers go from 0 to {})", count - 1);
    Err(failure("unknown_node", option, &reason, graph, &near))
}

fn fitting(graph: &Graph, fits: &dyn Fn(&Node) -> bool) -> Vec<u32> {
    (0u32..).zip(&graph.nodes).filter(|(_, node)| fits(node)).map(|(number, _)| number).collect()
}

fn failure(kind: &'static str, option: &str, reason: &str, graph: &Graph, near: &[u32]) -> Failure {
    let name = |&number: &u32| {
        let node = &graph.nodes[number as usize];
        let key: String = node.pubkey.chars().take(12).collect();
        format!("{number} ({}, {key})", node.alias)
    };
    let mut message = format!("{option}: {reason}");
    if !near.is_empty() {
        let names: Vec<String> = near.iter().take(NAMED_MAX).map(name).collect();
        let more = if near.len() > NAMED_MAX { " and others" } else { "" };
        message += &format!("; there is {}{more}", names.join(", "));
    }
    let mut failure = Failure::of(3, kind, message);
    let mut blame = vec![("field".to_owned(), Value::text(option))];
    let near = near.iter().take(NAMED_MAX).map(Value::number).collect();
    blame.push(("near".to_owned(), Value::List(near)));
    failure.blame = vec![Value::Table(blame)];
    failure
}

//! From a definition to a checked network.
//!
//! It must never drop a link or a place: what cannot be used is refused here.

use std::collections::{BTreeMap, BTreeSet};

use super::{Edge, InputError, Link, NETWORK_MAX, Network, NetworkDefinition, Place};
use crate::exact::Decimal;

impl NetworkDefinition {
    /// Checks the definition and numbers its edges.
    ///
    /// # Errors
    /// [`InputError::Network`] that names the first field that is wrong.
    pub fn build(&self) -> Result<Network, InputError> {
        let (places, links) = (self.places.len(), self.links.len());
        if places > NETWORK_MAX || links > NETWORK_MAX {
            return Err(InputError::network("network", "more than four million places or links"));
        }
        let index = self.index()?;
        let chains = self.chains(&index)?;
        let mut edges = Vec::with_capacity(links);
        if self.auto_intra {
            self.add_intra(&index, &chains, &mut edges);
        }
        let mut seen = BTreeMap::new();
        for (number, link) in self.links.iter().enumerate() {
            let (tail, head) = check_link(&index, number, link)?;
            let tags: BTreeSet<&str> = link.tags.iter().map(String::as_str).collect();
            if let Some(first) = seen.insert((tail, head, tags), number) {
                let (src, dest) = (&link.src, &link.dest);
                return Err(InputError::network(
                    format!("network.edges[{number}]"),
                    format!(
                        "a second link from {src:?} to {dest:?}, beside edges[{first}]; \
                         parallel links need different tags"
                    ),
                ));
            }
            edges.push(Edge { tail, head, auto: false, link: link.clone() });
        }
        Ok(Network { places: self.places.clone(), edges, index, chains })
    }

    fn index(&self) -> Result<BTreeMap<String, u32>, InputError> {
        let mut index = BTreeMap::new();
        for (number, place) in (0u32..).zip(&self.places) {
            let field = || format!("network.nodes[{number}].id");
            if place.id.is_empty() {
                return Err(InputError::network(field(), "a place needs a name"));
            }
            if index.insert(place.id.clone(), number).is_some() {
                return Err(InputError::network(field(), format!("{:?} stands twice", place.id)));
            }
        }
        Ok(index)
    }

    fn chains(&self, index: &BTreeMap<String, u32>) -> Result<Vec<u32>, InputError> {
        let chain = |(number, place): (u32, &Place)| {
            let Some(hub) = &place.hub else { return Ok(number) };
            let field = || format!("network.nodes[{number}].hub");
            let Some(&found) = index.get(hub) else {
                let reason = format!("there is no place {hub:?}{}", nearest(hub, index.keys()));
                return Err(InputError::network(field(), reason));
            };
            if self.places[found as usize].hub.is_some() {
                let reason = format!("{hub:?} is a leaf itself; a leaf hangs on a hub");
                return Err(InputError::network(field(), reason));
            }
            Ok(found)
        };
        (0u32..).zip(&self.places).map(chain).collect()
    }

    /// For every leaf, first to its hub and then from it, each only if no link is defined.
    fn add_intra(&self, index: &BTreeMap<String, u32>, chains: &[u32], edges: &mut Vec<Edge>) {
        let number = |id: &String| index.get(id).copied();
        let defined: BTreeSet<_> =
            self.links.iter().map(|link| (number(&link.src), number(&link.dest))).collect();
        for (leaf, place) in (0u32..).zip(&self.places) {
            let Some(hub) = &place.hub else { continue };
            let hub_number = chains[leaf as usize];
            let both = [(leaf, &place.id, hub_number, hub), (hub_number, hub, leaf, &place.id)];
            for (tail, src, head, dest) in both {
                if defined.contains(&(Some(tail), Some(head))) {
                    continue;
                }
                let (src, dest) = (src.clone(), dest.clone());
                let (variable_fee, time_sec) = (Decimal::ONE, Decimal::ONE);
                let link = Link { src, dest, variable_fee, time_sec, ..Link::default() };
                edges.push(Edge { tail, head, auto: true, link });
            }
        }
    }
}

fn check_link(
    index: &BTreeMap<String, u32>,
    number: usize,
    link: &Link,
) -> Result<(u32, u32), InputError> {
    let field = |name: &str| format!("network.edges[{number}].{name}");
    let find = |name: &str, id: &String| {
        let found = index.get(id).copied();
        found.ok_or_else(|| {
            let reason = format!("there is no place {id:?}{}", nearest(id, index.keys()));
            InputError::network(field(name), reason)
        })
    };
    let (tail, head) = (find("src", &link.src)?, find("dest", &link.dest)?);
    if tail == head {
        let reason = format!("the link leads from {:?} to itself", link.src);
        return Err(InputError::network(field("dest"), reason));
    }
    let fees = [
        ("variable_fee", link.variable_fee),
        ("fixed_fee", link.fixed_fee),
        ("time_sec", link.time_sec),
    ];
    for (name, value) in fees {
        if value.is_negative() {
            return Err(InputError::network(field(name), format!("{value} is below zero")));
        }
    }
    if link.transfer_limit == Some(0) {
        return Err(InputError::network(field("transfer_limit"), "0 would forbid every transfer"));
    }
    Ok((tail, head))
}

/// "; did you mean ...?" for the name that differs in the fewest letters, or nothing.
pub(super) fn nearest<'a>(wrong: &str, names: impl Iterator<Item = &'a String>) -> String {
    // Comparing with very many or very long names would cost more than the hint is worth.
    let near = names
        .take(10_000)
        .filter(|name| name.len() <= 64 && wrong.len() <= 64)
        .map(|name| (edits(wrong, name), name))
        .min();
    match near {
        Some((distance, name)) if distance <= 2 => format!("; did you mean {name:?}?"),
        _ => String::new(),
    }
}

/// How many letters must be added, dropped or changed to make one word the other.
fn edits(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (above, c) in one.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = above + 1;
        for (index, &d) in other.iter().enumerate() {
            let changed = diagonal + usize::from(c != d);
            diagonal = row[index + 1];
            row[index + 1] = changed.min(row[index] + 1).min(diagonal + 1);
        }
    }
    row[other.len()]
}

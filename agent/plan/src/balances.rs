//! Who holds what on the channels of a graph: drawn from a stated distribution, or read from a
//! file.
//!
//! It must never guess: a channel that a file does not name has no balance.

use std::collections::BTreeMap;
use std::path::Path;

use debal_topology::balances::StartingBalances;
use debal_topology::{Graph, InputError};

use crate::failure::Failure;

/// The largest balances file, bytes.
const BALANCES_MAX_BYTES: u64 = 128 << 20;

/// What the first end of every channel holds, if it is known: `name` is `uniform`, `bimodal`,
/// `half`, `one-sided` (drawn with `seed`) or a file.
pub fn of(name: &str, seed: u64, graph: &Graph) -> Result<Vec<Option<u64>>, Failure> {
    let drawn = match name {
        "uniform" => StartingBalances::Uniform,
        "bimodal" => StartingBalances::Bimodal,
        "half" => StartingBalances::Half,
        "one-sided" => StartingBalances::OneSided,
        file => return read(Path::new(file), graph),
    };
    Ok(drawn.draw(graph, seed).into_iter().map(Some).collect())
}

/// Reads lines of `CHANNEL MSAT`; empty lines and lines that start with `#` are skipped.
fn read(path: &Path, graph: &Graph) -> Result<Vec<Option<u64>>, Failure> {
    let name = path.display().to_string();
    let bytes = debal_topology::read_bounded(path, BALANCES_MAX_BYTES).map_err(Failure::from)?;
    let text = debal_topology::unpack(&name, &bytes).map_err(Failure::from)?;
    let place: BTreeMap<_, _> =
        (0usize..).zip(&graph.channels).map(|(index, channel)| (channel.id, index)).collect();
    let mut held = vec![None; graph.channels.len()];
    for (number, line) in (1usize..).zip(text.lines()) {
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        let wrong = |problem: &str| {
            let fix = "write a channel of the graph and what its first node holds in msat";
            Failure::from(InputError::new(&name, format!("line {number}"), problem, fix))
        };
        let mut words = line.split([' ', '\t', ',']).filter(|word| !word.is_empty());
        let (id, amount) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let id = id.parse().map_err(|_| wrong("no channel id"))?;
        let index = *place.get(&id).ok_or_else(|| wrong("the graph has no such channel"))?;
        let amount: u64 = amount.parse().map_err(|_| wrong("no whole amount"))?;
        if amount > graph.channels[index].capacity_msat() {
            return Err(wrong("more than the channel's capacity"));
        }
        if held[index].replace(amount).is_some() || words.next().is_some() {
            return Err(wrong("a channel twice, or a third word"));
        }
    }
    Ok(held)
}

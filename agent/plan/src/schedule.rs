//! `debal plan schedule`: ordering given moves.
//!
//! It must never order by anything but the planner's rule.

use std::path::Path;

use debal_planner::document::Value;
use debal_planner::exact::Decimal;
use debal_planner::network::{InputError, Network, NetworkDefinition, amount, read_network};
use debal_planner::schedule::{Funds, Move, Schedule, order};

use crate::failure::Failure;
use crate::{Shown, read};

/// What a file of moves may hold; from `format` on, what a case of the vectors adds.
const KEYS: [&str; 9] =
    ["nodes", "supply", "moves", "format", "name", "category", "source", "note", "expect"];

/// Orders the moves of a file.
pub fn schedule(file: &Path, json: bool) -> Result<Shown, Failure> {
    let value = read::document(file)?;
    let (schedule, ids) = ordered(&value)?;
    if json {
        return Shown::done(format!("{}\n", to_json(&schedule, &ids)));
    }
    let mut text = String::new();
    for (step, (id, after)) in ids.iter().zip(&schedule.after).enumerate() {
        let waits: Vec<String> = after.iter().map(|a| (a + 1).to_string()).collect();
        let waits = if waits.is_empty() {
            "may start at once".to_owned()
        } else {
            format!("after step {}", waits.join(", "))
        };
        text += &format!("{:>4}  {id:<12} {waits}\n", step + 1);
    }
    if schedule.deadlock {
        text += "deadlock: at some point nothing more can be paid for; do not execute this\n";
    }
    Shown::done(text)
}

/// `{"order":[..],"deadlock":bool,"after":[[..]]}`.
pub fn to_json(schedule: &Schedule, ids: &[String]) -> Value {
    let after = schedule
        .after
        .iter()
        .map(|list| Value::List(list.iter().map(Value::number).collect()))
        .collect();
    Value::table([
        ("order", Value::List(ids.iter().map(Value::text).collect())),
        ("deadlock", Value::Bool(schedule.deadlock)),
        ("after", Value::List(after)),
    ])
}

/// The schedule of `{nodes, supply, moves}`, and the names of the moves in its order.
pub fn ordered(value: &Value) -> Result<(Schedule, Vec<String>), InputError> {
    let entries = value.as_table().unwrap_or_default();
    if let Some((key, _)) = entries.iter().find(|(key, _)| !KEYS.contains(&key.as_str())) {
        let field = if key.is_empty() { "the empty key" } else { key };
        return Err(InputError::network(field, "no such key is known in a list of moves"));
    }
    let nodes = value.get("nodes").cloned().unwrap_or(Value::Null);
    let bare = Value::table([
        ("nodes", nodes),
        ("edges", Value::List(Vec::new())),
        ("auto_intra", Value::Bool(false)),
    ]);
    let definition: NetworkDefinition = read_network(&bare)?;
    let network = definition.build()?;
    let place = |name: &str, field: String| {
        network.place(name).ok_or_else(|| InputError::UnknownPlace {
            field,
            place: name.to_owned(),
            hint: String::new(),
        })
    };
    let mut funds = Vec::new();
    for (name, given) in value.get("supply").and_then(Value::as_table).unwrap_or_default() {
        let field = format!("supply.{name}");
        let (place, amount) = (place(name, field.clone())?, amount(given, &field)?);
        funds.push(Funds { place, amount, ready_sec: Decimal::ZERO });
    }
    let (mut moves, mut ids) = (Vec::new(), Vec::new());
    let list = value.get("moves").and_then(Value::as_list);
    let list = list.ok_or_else(|| InputError::network("moves", "a list is expected here"))?;
    for (index, entry) in list.iter().enumerate() {
        let (id, found) = read_move(entry, index, &network)?;
        moves.push(found);
        ids.push(id);
    }
    let chain = |place: u32| network.chain(place);
    let schedule = order(network.places().len(), chain, &funds, &moves);
    let ids = schedule.order.iter().map(|&index| ids[index].clone()).collect();
    Ok((schedule, ids))
}

fn read_move(entry: &Value, index: usize, network: &Network) -> Result<(String, Move), InputError> {
    let at = format!("moves[{index}]");
    let text = |key: &str| entry.get(key).and_then(Value::as_text).unwrap_or_default();
    let id = text("id").to_owned();
    let number = id.strip_prefix('e').and_then(|digits| digits.parse().ok()).ok_or_else(|| {
        InputError::network(format!("{at}.id"), "an edge is called e and its number")
    })?;
    let place = |key: &str| {
        network.place(text(key)).ok_or_else(|| InputError::UnknownPlace {
            field: format!("{at}.{key}"),
            place: text(key).to_owned(),
            hint: String::new(),
        })
    };
    let (src, dest) = (place("src")?, place("dest")?);
    let given = entry.get("amount").unwrap_or(&Value::Null);
    let amount = amount(given, &format!("{at}.amount"))?;
    Ok((id, Move { number, src, dest, amount, time_sec: Decimal::ZERO }))
}

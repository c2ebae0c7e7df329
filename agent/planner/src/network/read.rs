//! From a document to a definition.
//!
//! It must never ignore a key it does not know: a misspelt limit would be no limit.

use super::build::nearest;
use super::{InputError, Link, NetworkDefinition, Place};
use crate::document::Value;
use crate::exact::Decimal;

const NETWORK_KEYS: [&str; 3] = ["nodes", "edges", "auto_intra"];
const NODE_KEYS: [&str; 2] = ["id", "hub"];
const EDGE_KEYS: [&str; 10] = [
    "src",
    "dest",
    "variable_fee",
    "fixed_fee",
    "time_sec",
    "capacity",
    "min_amount",
    "transfer_limit",
    "tags",
    "off",
];

/// Reads `{nodes, edges, auto_intra}`.
///
/// # Errors
/// [`InputError::Network`] that names the field.
pub fn read_network(value: &Value) -> Result<NetworkDefinition, InputError> {
    known_keys(value, "network", &NETWORK_KEYS)?;
    let auto_intra = truth(value, "network", "auto_intra")?.unwrap_or(true);
    let nodes = list(value, "network", "nodes")?;
    let places = nodes.iter().enumerate().map(|(n, node)| read_place(node, n));
    let places = places.collect::<Result<_, _>>()?;
    let edges = list(value, "network", "edges")?;
    let links = edges.iter().enumerate().map(|(n, edge)| read_link(edge, n));
    let links = links.collect::<Result<_, _>>()?;
    Ok(NetworkDefinition { places, links, auto_intra })
}

fn read_place(value: &Value, number: usize) -> Result<Place, InputError> {
    let at = format!("network.nodes[{number}]");
    known_keys(value, &at, &NODE_KEYS)?;
    let id = required_text(value, &at, "id")?;
    let hub = match present(value, "hub") {
        Some(_) => Some(required_text(value, &at, "hub")?),
        None => None,
    };
    Ok(Place { id, hub })
}

fn read_link(value: &Value, number: usize) -> Result<Link, InputError> {
    let at = format!("network.edges[{number}]");
    known_keys(value, &at, &EDGE_KEYS)?;
    let variable_fee = decimal(value, &at, "variable_fee")?.ok_or_else(|| {
        InputError::network(format!("{at}.variable_fee"), "it is missing; 0 is no fee")
    })?;
    let limit = |name: &str| match present(value, name) {
        Some(given) => amount(given, &format!("{at}.{name}"))
            .map(Some)
            .map_err(|error| InputError::network(format!("{at}.{name}"), reason_of(&error))),
        None => Ok(None),
    };
    let tags = match present(value, "tags") {
        Some(tags) => text_list(tags).ok_or_else(|| {
            InputError::network(format!("{at}.tags"), "tags are a list of strings")
        })?,
        None => Vec::new(),
    };
    Ok(Link {
        src: required_text(value, &at, "src")?,
        dest: required_text(value, &at, "dest")?,
        variable_fee,
        fixed_fee: decimal(value, &at, "fixed_fee")?.unwrap_or_default(),
        time_sec: decimal(value, &at, "time_sec")?.unwrap_or_default(),
        capacity: limit("capacity")?,
        min_amount: limit("min_amount")?.unwrap_or(0),
        transfer_limit: limit("transfer_limit")?,
        tags,
        off: truth(value, &at, "off")?.unwrap_or(false),
    })
}

/// What an amount's error says, without the field.
fn reason_of(error: &InputError) -> String {
    match error {
        InputError::Amount { reason, .. } => reason.clone(),
        other => other.to_string(),
    }
}

/// A whole number of base units: a string of digits, or a JSON or TOML integer.
///
/// # Errors
/// [`InputError::Amount`] for anything else, and above 2^63 - 1.
pub fn amount(value: &Value, field: &str) -> Result<u64, InputError> {
    let (Value::Text(text) | Value::Number(text)) = value else {
        return Err(InputError::amount(field, "an amount is a string of digits"));
    };
    if text.is_empty() {
        return Err(InputError::amount(field, "the amount is empty"));
    }
    let shown: String = text.chars().take(40).collect();
    if let Some(rest) = text.strip_prefix('-') {
        let digits = !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit());
        let reason = if digits { "is below zero" } else { "is no whole number" };
        return Err(InputError::amount(field, format!("{shown:?} {reason}")));
    }
    if !text.bytes().all(|b| b.is_ascii_digit()) {
        let reason = format!("{shown:?} is no whole number of base units");
        return Err(InputError::amount(field, reason));
    }
    let parsed = text.parse::<i64>().ok().and_then(|value| u64::try_from(value).ok());
    parsed.ok_or_else(|| InputError::amount(field, format!("{shown} is above 2^63 - 1")))
}

/// Refuses keys that mean nothing.
pub(crate) fn known_keys(value: &Value, at: &str, known: &[&str]) -> Result<(), InputError> {
    let Some(entries) = value.as_table() else {
        return Err(InputError::network(at, "a table is expected here"));
    };
    for (key, _) in entries {
        if !known.contains(&key.as_str()) {
            let names: Vec<String> = known.iter().map(|k| (*k).to_owned()).collect();
            let hint = nearest(key, names.iter());
            return Err(InputError::network(
                format!("{at}.{key}"),
                format!("no such key is known here{hint}"),
            ));
        }
    }
    Ok(())
}

/// The value under `key` unless it is absent or null.
pub(crate) fn present<'a>(value: &'a Value, key: &str) -> Option<&'a Value> {
    value.get(key).filter(|found| **found != Value::Null)
}

/// A list of strings, or `None`.
pub fn text_list(value: &Value) -> Option<Vec<String>> {
    value.as_list()?.iter().map(|item| item.as_text().map(str::to_owned)).collect()
}

fn list<'a>(value: &'a Value, at: &str, key: &str) -> Result<&'a [Value], InputError> {
    let found = value.get(key).and_then(Value::as_list);
    found.ok_or_else(|| InputError::network(format!("{at}.{key}"), "a list is expected here"))
}

fn truth(value: &Value, at: &str, key: &str) -> Result<Option<bool>, InputError> {
    match present(value, key) {
        None => Ok(None),
        Some(Value::Bool(truth)) => Ok(Some(*truth)),
        Some(_) => Err(InputError::network(format!("{at}.{key}"), "true or false is expected")),
    }
}

fn required_text(value: &Value, at: &str, key: &str) -> Result<String, InputError> {
    let found = value.get(key).and_then(Value::as_text).map(str::to_owned);
    found.ok_or_else(|| InputError::network(format!("{at}.{key}"), "a name is expected here"))
}

fn decimal(value: &Value, at: &str, key: &str) -> Result<Option<Decimal>, InputError> {
    let Some(found) = present(value, key) else { return Ok(None) };
    let field = || format!("{at}.{key}");
    let (Value::Number(text) | Value::Text(text)) = found else {
        return Err(InputError::network(field(), "a number is expected here"));
    };
    let shown: String = text.chars().take(40).collect();
    let number = Decimal::parse(text);
    let reason = || format!("{shown:?} is no number of at most 18 places");
    Ok(Some(number.ok_or_else(|| InputError::network(field(), reason()))?))
}

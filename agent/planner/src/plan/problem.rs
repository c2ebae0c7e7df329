//! A problem: a network, what every place holds, what it should hold, and what is best.
//!
//! It must never reach a solver unbalanced or out of range.

use super::Mode;
use crate::document::Value;
use crate::exact::Decimal;
use crate::network::{AMOUNT_MAX, InputError, Network, amount, read_network};
use crate::schedule::Funds;

/// What a problem file may hold; the second line is what a case of the vectors adds.
const KEYS: [&str; 11] = [
    "network",
    "current",
    "target",
    "mode",
    "in_flight", // the problem
    "format",
    "name",
    "category",
    "source",
    "note",
    "expect",
];
/// The keys of a transfer under way.
const IN_FLIGHT_KEYS: [&str; 3] = ["dest", "amount", "remaining_sec"];
/// The most steps that transfer limits may make of one edge.
const STEPS_PER_EDGE_MAX: u64 = 10_000;

/// A transfer that an earlier plan started and that has not arrived yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InFlight {
    /// The place it will arrive at.
    pub dest: u32,
    /// How much.
    pub amount: u64,
    /// In how many seconds.
    pub remaining_sec: Decimal,
}

/// A checked problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The network.
    pub network: Network,
    /// What every place holds now.
    pub current: Vec<u64>,
    /// What it should hold; `None` leaves it as it is, what is under way included.
    pub target: Vec<Option<u64>>,
    /// What is under way.
    pub in_flight: Vec<InFlight>,
    /// What is best.
    pub mode: Mode,
    /// Per place, what it sends (positive) or takes (negative).
    pub(super) supplies: Vec<i64>,
}

impl Problem {
    /// Checks that surplus and deficit agree.
    ///
    /// # Errors
    /// [`InputError::Unbalanced`], and [`InputError::Amount`] above 2^61 at a place or 2^62 in all.
    pub fn new(
        network: Network,
        current: Vec<u64>,
        target: Vec<Option<u64>>,
        in_flight: Vec<InFlight>,
        mode: Mode,
    ) -> Result<Problem, InputError> {
        let places = network.places().len();
        if current.len() != places || target.len() != places {
            return Err(InputError::amount("current", "not one entry per place"));
        }
        let mut held: Vec<u128> = current.iter().map(|&c| u128::from(c)).collect();
        for transfer in &in_flight {
            let slot = held.get_mut(transfer.dest as usize);
            let slot = slot.ok_or_else(|| InputError::amount("in_flight", "no such place"))?;
            *slot += u128::from(transfer.amount);
        }
        let (mut supplies, mut sent) = (Vec::with_capacity(places), 0u128);
        let (mut has, mut wants) = (0u128, 0u128);
        for (place, (&held, target)) in (0u32..).zip(held.iter().zip(&target)) {
            let limit = |field: &str, amount: u128| {
                if amount <= u128::from(AMOUNT_MAX) {
                    return Ok(());
                }
                let field = format!("{field}.{}", network.name(place));
                Err(InputError::amount(field, format!("{amount} is above 2^61")))
            };
            limit("current", held)?;
            let Some(target) = target.map(u128::from) else {
                supplies.push(0);
                continue;
            };
            limit("target", target)?;
            (has, wants) = (has + held, wants + target);
            sent += held.saturating_sub(target);
            supplies.push(held as i64 - target as i64);
        }
        if has != wants {
            return Err(InputError::Unbalanced { held: has, wanted: wants });
        }
        if sent > 2 * u128::from(AMOUNT_MAX) {
            return Err(InputError::amount("current", format!("{sent} to move is above 2^62")));
        }
        check_limits(&network, sent)?;
        Ok(Problem { network, current, target, in_flight, mode, supplies })
    }

    /// Per place, what it sends (positive) or takes (negative).
    pub fn supplies(&self) -> &[i64] {
        &self.supplies
    }

    /// What the surplus places may spend, and when it is there.
    pub(crate) fn funds(&self) -> Vec<Funds> {
        let mut funds = Vec::new();
        for (place, &supply) in (0u32..).zip(&self.supplies) {
            let mut left = supply.max(0).unsigned_abs();
            let now = left.min(self.current[place as usize]);
            if now > 0 {
                funds.push(Funds { place, amount: now, ready_sec: Decimal::ZERO });
            }
            left -= now;
            let mut coming: Vec<&InFlight> =
                self.in_flight.iter().filter(|t| t.dest == place).collect();
            coming.sort_by_key(|transfer| transfer.remaining_sec);
            for transfer in coming {
                let amount = left.min(transfer.amount);
                if amount > 0 {
                    funds.push(Funds { place, amount, ready_sec: transfer.remaining_sec });
                }
                left -= amount;
            }
        }
        funds
    }

    /// The same problem with other supplies that sum to zero, for partial plans.
    pub(super) fn with_supplies(&self, supplies: Vec<i64>) -> Problem {
        Problem { supplies, ..self.clone() }
    }
}

/// Refuses transfer limits that would make millions of steps.
fn check_limits(network: &Network, sent: u128) -> Result<(), InputError> {
    for (number, edge) in network.edges().iter().enumerate() {
        let Some(limit) = edge.link.transfer_limit else { continue };
        let most = sent.min(edge.link.capacity.map_or(u128::MAX, u128::from));
        if most / u128::from(limit.max(1)) > u128::from(STEPS_PER_EDGE_MAX) {
            let reason =
                format!("{limit} would split {most} into more than {STEPS_PER_EDGE_MAX} steps");
            let field = format!("e{number}.transfer_limit");
            return Err(InputError::network(field, reason));
        }
    }
    Ok(())
}

/// Reads a problem file. `mode` overrides the file's.
///
/// # Errors
/// An [`InputError`] that names the field.
pub fn read_problem(value: &Value, mode: Option<&str>) -> Result<Problem, InputError> {
    let network = value.get("network");
    let network = network.ok_or_else(|| InputError::network("network", "it is missing"))?;
    let network = read_network(network)?.build()?;
    if let Some(entries) = value.as_table()
        && let Some((key, _)) = entries.iter().find(|(key, _)| !KEYS.contains(&key.as_str()))
    {
        let field = if key.is_empty() { "the empty key" } else { key };
        return Err(InputError::network(field, "no such key is known in a problem"));
    }
    let named = match (mode, value.get("mode")) {
        (Some(mode), _) => mode,
        (None, Some(found)) => found.as_text().unwrap_or("not a string"),
        (None, None) => {
            let known = Mode::ALL.map(|(name, _)| name).join(", ");
            return Err(InputError::Mode { given: "none is given".to_owned(), known });
        }
    };
    let mode = Mode::parse(named)?;
    let current = amounts(value, "current", &network)?;
    let current = current.into_iter().map(Option::unwrap_or_default).collect();
    let target = amounts(value, "target", &network)?;
    let in_flight = read_in_flight(value, &network)?;
    Problem::new(network, current, target, in_flight, mode)
}

/// A table of amounts by place.
fn amounts(value: &Value, key: &str, network: &Network) -> Result<Vec<Option<u64>>, InputError> {
    let mut found = vec![None; network.places().len()];
    let table = match value.get(key) {
        None | Some(Value::Null) => &[][..],
        Some(table) => table.as_table().ok_or_else(|| {
            InputError::amount(key, "a table of amounts by place is expected here")
        })?,
    };
    for (place, given) in table {
        let field = format!("{key}.{place}");
        let slot = known(network, place, &field)?;
        found[slot as usize] = Some(amount(given, &field)?);
    }
    Ok(found)
}

fn known(network: &Network, place: &str, field: &str) -> Result<u32, InputError> {
    network.place(place).ok_or_else(|| InputError::UnknownPlace {
        field: field.to_owned(),
        place: place.chars().take(40).collect(),
        hint: network.nearest(place),
    })
}

fn read_in_flight(value: &Value, network: &Network) -> Result<Vec<InFlight>, InputError> {
    let list = match value.get("in_flight") {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(list) => list.as_list(),
    };
    let list = list.ok_or_else(|| InputError::amount("in_flight", "a list is expected here"))?;
    let mut found = Vec::with_capacity(list.len());
    for (number, entry) in list.iter().enumerate() {
        let at = format!("in_flight[{number}]");
        crate::network::known_keys(entry, &at, &IN_FLIGHT_KEYS)?;
        let dest = entry.get("dest").and_then(Value::as_text).unwrap_or_default();
        let dest = known(network, dest, &format!("{at}.dest"))?;
        let field = format!("{at}.amount");
        let moved = amount(entry.get("amount").unwrap_or(&Value::Null), &field)?;
        let remaining = match entry.get("remaining_sec") {
            None | Some(Value::Null) => Some(Decimal::ZERO),
            Some(Value::Number(text) | Value::Text(text)) => Decimal::parse(text),
            Some(_) => None,
        };
        let remaining_sec = remaining.filter(|r| !r.is_negative()).ok_or_else(|| {
            InputError::amount(format!("{at}.remaining_sec"), "seconds, not below zero")
        })?;
        found.push(InFlight { dest, amount: moved, remaining_sec });
    }
    Ok(found)
}

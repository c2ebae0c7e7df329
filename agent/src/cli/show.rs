//! Answers for people: tables of at most 80 columns, units in every head, thousands separated.
//!
//! Nothing here may colour, move the cursor or guess the terminal: output may go to a file.

use comfy_table::{Cell, CellAlignment, ContentArrangement, Table, presets};
use serde_json::Value;
use std::fmt::Write as _;

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or("-")
}

fn number(value: &Value, field: &str) -> u64 {
    value[field].as_u64().unwrap_or(0)
}

/// A number with separators between thousands.
#[must_use]
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// An amount in sat, rounded down.
fn sat(msat: u64) -> String {
    thousands(msat / 1_000)
}

/// A fee: below one sat in msat.
fn fee(msat: u64) -> String {
    if msat > 0 && msat < 1_000 {
        return format!("{msat} msat");
    }
    format!("{} sat", sat(msat))
}

/// An identity, shortened.
fn short(hex: &str) -> String {
    match (hex.get(..8), hex.get(hex.len().saturating_sub(4)..)) {
        (Some(head), Some(tail)) if hex.len() > 16 => format!("{head}..{tail}"),
        _ => hex.to_owned(),
    }
}

fn percent(part: u64, whole: u64) -> String {
    let ppm = debal_protocol::Msat(part).ppm_of(debal_protocol::Msat(whole));
    ppm.map_or_else(|| "-".to_owned(), |ppm| format!("{} %", ppm / 10_000))
}

fn table(heads: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_content_arrangement(ContentArrangement::Dynamic).set_width(80).set_header(heads);
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table
}

fn right(text: String) -> Cell {
    Cell::new(text).set_alignment(CellAlignment::Right)
}

/// `debal status`.
#[must_use]
pub fn status(status: &Value) -> String {
    let mut out = String::new();
    let leader = status["leader"].as_str().map_or_else(
        || "none yet".to_owned(),
        |leader| format!("{} (epoch {})", short(leader), number(status, "leader_epoch")),
    );
    let on = if status["rebalancing"].as_bool().unwrap_or(false) { "on" } else { "off" };
    let _ = writeln!(out, "node         {}", text(status, "node"));
    for address in status["addresses"].as_array().into_iter().flatten() {
        // The form that another node's `bootstrap` wants is this node, an @ and the address.
        let _ = writeln!(out, "reachable    @{}", address.as_str().unwrap_or_default());
    }
    let _ = writeln!(out, "epoch        {}   leader {leader}", number(status, "epoch"));
    let _ = writeln!(
        out,
        "members      {} of {} connected",
        number(status, "peers"),
        number(status, "members")
    );
    let _ = writeln!(out, "rebalancing  {on}   asks for help: {}", text(status, "request"));
    prices_line(&mut out, status);
    let _ = writeln!(
        out,
        "fees         {} in the last hour, {} in the last day",
        fee(number(status, "fees_hour_msat")),
        fee(number(status, "fees_day_msat"))
    );
    let deciders = status["deciders"].as_object().into_iter().flatten();
    let deciders: Vec<String> = deciders.map(|(by, ends)| format!("{by} ({ends})")).collect();
    if !deciders.is_empty() {
        let _ = writeln!(out, "decides      {}", deciders.join(", "));
    }
    let channels = status["channels"].as_array().map_or(&[][..], Vec::as_slice);
    if channels.is_empty() {
        out.push_str("\nNo channels yet.\n");
        return out;
    }
    let heads = ["channel", "peer", "capacity sat", "outbound sat", "out", "state"];
    let mut rows = table(&heads);
    for channel in channels {
        let (capacity, local) = (number(channel, "capacity_msat"), number(channel, "local_msat"));
        let frozen = channel["frozen"].as_bool().unwrap_or(false);
        let up = channel["peer_up"].as_bool().unwrap_or(false);
        let locks = number(channel, "locked_msat") > 0;
        let state = match (frozen, up, locks) {
            (true, _, _) => "frozen",
            (_, false, _) => "away",
            (_, _, true) => "up, locks",
            _ => "up",
        };
        rows.add_row(vec![
            Cell::new(text(channel, "channel")),
            Cell::new(text(channel, "peer").get(..8).unwrap_or("-")),
            right(sat(capacity)),
            right(sat(local)),
            right(percent(local, capacity)),
            Cell::new(state),
        ]);
    }
    let _ = writeln!(out, "{rows}");
    out
}

/// The plan mode, and what the newest price rounds came to.
fn prices_line(out: &mut String, status: &Value) {
    let Some(mode) = status["plan_mode"].as_str() else { return };
    let prices = &status["prices"];
    let _ = match prices["price_ppm"].as_i64() {
        Some(ppm) => writeln!(
            out,
            "plan mode    {mode}   price {ppm} ppm after {} rounds with {} neighbours (epoch {})",
            number(prices, "rounds"),
            number(prices, "neighbours"),
            number(prices, "epoch")
        ),
        None if prices.is_null() => writeln!(out, "plan mode    {mode}"),
        None => writeln!(out, "plan mode    {mode}   no price rounds yet"),
    };
}

/// `debal why`.
#[must_use]
pub fn why(why: &Value) -> String {
    let channel = &why["channel"];
    let (capacity, local) = (number(channel, "capacity_msat"), number(channel, "local_msat"));
    let mut out = String::new();
    let _ = writeln!(out, "channel    {}", text(channel, "channel"));
    let _ = writeln!(
        out,
        "outbound   {} of {} sat ({})",
        sat(local),
        sat(capacity),
        percent(local, capacity)
    );
    let _ = writeln!(out, "wants      {}   urgency {} of 255", text(why, "want"), why["urgency"]);
    let _ = writeln!(
        out,
        "offers     send up to {} sat, receive up to {} sat",
        sat(number(why, "send_msat")),
        sat(number(why, "receive_msat"))
    );
    let by = if why["priced"].as_bool().unwrap_or(false) { "price rounds" } else { "buckets" };
    let _ = writeln!(out, "shown by   {by}");
    let rough = channel["depletion_ms"].as_u64().filter(|_| why["forecast"].is_null());
    if let Some(ms) = rough {
        let _ = writeln!(out, "empty in   about {} min at the present flow", ms / 60_000);
    }
    forecast_line(&mut out, &why["forecast"]);
    decision_line(&mut out, &why["decision"]);
    fee_lines(&mut out, &why["fees"]);
    let _ = writeln!(out, "blocked by {}", text(why, "blocked_by"));
    let _ = writeln!(out, "{}", text(why, "explanation"));
    out
}

/// When the channel runs dry or full, at 10, 50 and 90 %.
fn forecast_line(out: &mut String, forecast: &Value) {
    if forecast.is_null() {
        return;
    }
    let hours = |key: &str, index: usize| match forecast[key][index].as_u64() {
        Some(seconds) => format!("{}.{} h", seconds / 3_600, seconds % 3_600 / 360),
        None => "over a week".to_owned(),
    };
    for (label, key) in [("empty in", "depletion_s"), ("full in", "saturation_s")] {
        if forecast[key][1].is_null() && forecast[key][0].is_null() {
            continue;
        }
        let [soon, median, late] = [0, 1, 2].map(|index| hours(key, index));
        let _ = writeln!(out, "{label:<10} {median} (10 %: {soon}, 90 %: {late})");
    }
    let _ = writeln!(out, "forecast   by the {} forecast", text(forecast, "by"));
}

/// What the policy asks for or lends, and which policy it is.
fn decision_line(out: &mut String, decision: &Value) {
    if decision.is_null() {
        return;
    }
    let share = |ppm: u64| format!("{} %", ppm / 10_000);
    let (target, band) = (number(decision, "target_ppm"), number(decision, "lend_ppm"));
    let by = text(decision, "by");
    let _ = match number(decision, "bid_ppm") {
        0 => writeln!(
            out,
            "decision   lends between {} and {} outbound; by the {by}",
            share(target.saturating_sub(band)),
            share(target.saturating_add(band))
        ),
        bid => {
            writeln!(out, "decision   bids {bid} ppm for {} outbound; by the {by}", share(target))
        }
    };
}

/// What the fee rules make a channel's liquidity worth.
fn fee_lines(out: &mut String, fees: &Value) {
    if fees.is_null() {
        return;
    }
    let day = |key| sat(number(fees, key));
    let _ = writeln!(
        out,
        "demand     {} sat out, {} sat in a day",
        day("demand_out_msat_per_day"),
        day("demand_in_msat_per_day")
    );
    if let Some(fault) = fees["fault"].as_str() {
        let _ = writeln!(out, "rules      {fault}");
        return;
    }
    let _ = writeln!(
        out,
        "fee        {} ppm now, {} ppm at its target",
        fees["fee_before_ppm"], fees["fee_after_ppm"]
    );
    let _ = writeln!(
        out,
        "worth      {} ppm to get there; pays at most {} ppm, lends for {} ppm",
        fees["worth_ppm"], fees["fee_max_ppm"], fees["price_ppm"]
    );
}

/// `debal roster`.
#[must_use]
pub fn roster(roster: &Value) -> String {
    let mut out = String::new();
    let members = roster["members"].as_array().map_or(&[][..], Vec::as_slice);
    let waiting = roster["waiting"].as_array().map_or(&[][..], Vec::as_slice);
    let total: u64 = members.iter().map(|member| number(member, "weight")).sum();
    let _ = writeln!(out, "epoch {}, {} members", number(roster, "epoch"), members.len());
    let mut rows = table(&["member", "weight sat", "share", "changes"]);
    let mut row = |member: &Value, share: String, change: String| {
        let node = Cell::new(short(text(member, "node")));
        let weight = right(thousands(number(member, "weight")));
        rows.add_row(vec![node, weight, right(share), Cell::new(change)]);
    };
    for member in members {
        row(member, percent(number(member, "weight"), total), String::new());
    }
    for change in waiting {
        let (what, from) = (text(change, "change"), number(change, "from_epoch"));
        row(change, "-".to_owned(), format!("{what} in epoch {from}"));
    }
    let _ = writeln!(out, "{rows}");
    out
}

/// `debal pay` and `debal rebalance`.
#[must_use]
pub fn paid(paid: &Value, amount_msat: u64) -> String {
    let ms = number(paid, "duration_ms");
    if text(paid, "outcome") == "succeeded" {
        let fee_msat = number(paid, "fee_msat");
        let whole = debal_protocol::Msat(amount_msat);
        let ppm = debal_protocol::Msat(fee_msat).ppm_of(whole).unwrap_or(0);
        return format!(
            "done: {} sat over {} hops, fee {} | {ppm} ppm, {ms} ms\n",
            sat(amount_msat),
            number(paid, "hops"),
            fee(fee_msat)
        );
    }
    let tried = number(paid, "attempts");
    format!("failed: {} after {tried} route(s), {ms} ms; nothing moved\n", text(paid, "reason"))
}

/// `debal privacy`: what is published beside what is private.
#[must_use]
pub fn privacy(privacy: &Value) -> String {
    let published = &privacy["published"];
    let mut out = String::new();
    if published.is_null() {
        out.push_str("Nothing was published yet: no summary left this node since its start.\n");
        return out;
    }
    let bits = number(published, "bits");
    let buckets = 1u64.checked_shl(u32::try_from(bits).unwrap_or(0)).unwrap_or(0);
    let ratios = match bits {
        0 => "ratios are not told".to_owned(),
        _ => format!("{bits} bits = {buckets} buckets per ratio"),
    };
    let _ =
        writeln!(out, "Every member reads this (summary {}, {ratios}):", number(published, "seq"));
    let heads = ["channel", "private outbound", "shown bucket", "shown send", "shown receive"];
    let mut rows = table(&heads);
    let private = privacy["private"].as_array().map_or(&[][..], Vec::as_slice);
    for shown in published["channels"].as_array().map_or(&[][..], Vec::as_slice) {
        let own = private.iter().find(|own| own["channel"] == shown["channel"]);
        let outbound = own.map_or(0, |own| number(own, "local_msat"));
        let bucket = shown["ratio_bucket"].as_u64();
        rows.add_row(vec![
            Cell::new(text(shown, "channel")),
            right(format!("{} sat", sat(outbound))),
            right(bucket.map_or("-".to_owned(), |bucket| format!("{bucket} of {buckets}"))),
            right(format!("{} sat", sat(number(shown, "send_msat")))),
            right(format!("{} sat", sat(number(shown, "receive_msat")))),
        ]);
    }
    let _ = writeln!(out, "{rows}");
    let _ = writeln!(out, "Also public: capacities, peers, fee policies, price, urgency.");
    for line in privacy["prices"].as_array().map_or(&[][..], Vec::as_slice) {
        let _ = writeln!(out, "Prices: {}.", line.as_str().unwrap_or_default());
    }
    for line in privacy["payments"].as_array().map_or(&[][..], Vec::as_slice) {
        let _ = writeln!(out, "Payments: {}.", line.as_str().unwrap_or_default());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn thousands_are_separated() {
        let texts = [0, 999, 1_000, 1_234_567].map(thousands);
        assert_eq!(texts, ["0", "999", "1,000", "1,234,567"]);
    }

    #[test]
    fn tables_fit_eighty_columns_and_name_their_units() {
        let channel = json!({
            "channel": "1000000x10000x100", "peer": "ab".repeat(32),
            "capacity_msat": 1_000_000_000_000u64, "local_msat": 999_999_999_000u64,
            "locked_msat": 1_000_000_000u64, "frozen": false, "peer_up": true,
        });
        let shown = status(&json!({
            "node": "ab".repeat(32), "epoch": 3, "leader": "cd".repeat(32), "leader_epoch": 3,
            "members": 12, "peers": 11, "rebalancing": true, "request": "kappa",
            "channels": [channel],
        }));
        assert!(shown.lines().all(|line| line.chars().count() <= 80), "{shown}");
        assert!(shown.contains("sat") && shown.contains("99 %"), "{shown}");
    }

    #[test]
    fn a_market_shows_its_price_and_tells_no_ratio() {
        let shown = status(&json!({
            "node": "ab", "plan_mode": "market", "channels": [],
            "prices": { "epoch": 7, "rounds": 10, "neighbours": 3, "price_ppm": -412 },
        }));
        assert!(shown.contains("market   price -412 ppm after 10 rounds with 3"), "{shown}");
        let told = privacy(&json!({
            "published": { "seq": 9, "bits": 0, "channels": [{
                "channel": "1x2x3", "ratio_bucket": null, "send_msat": 5_000,
                "receive_msat": 0,
            }]},
            "private": [{ "channel": "1x2x3", "local_msat": 9_000 }],
            "prices": ["a neighbour learns this node's price"],
        }));
        assert!(told.contains("ratios are not told") && !told.contains(" of 1"), "{told}");
        assert!(told.contains("Prices: a neighbour learns"), "{told}");
    }

    #[test]
    fn a_failed_payment_says_that_nothing_moved() {
        let shown = paid(&json!({"outcome": "failed", "reason": "no_route", "attempts": 0}), 1);
        assert!(shown.contains("no_route") && shown.contains("nothing moved"), "{shown}");
    }
}

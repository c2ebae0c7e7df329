//! The page for people: one file, no scripts, nothing fetched, readable in light and dark.
//!
//! Every figure has a sentence that says what it shows and what would be good. All text that comes
//! from outside (aliases, file names, reasons) is escaped.

use super::data::{ArmReport, Report};
use super::figures::{DrawingError, imbalance, leadership, success};
use super::network::network;
use super::svg::{BALANCED, OFF, ON, ONE_SIDED, css, escape};
use super::table::{dash, gini, number, percent, rounded, sat, share};
use std::fmt::Write;

/// Failure reasons listed per arm.
const MAX_REASONS: usize = 6;

/// Renders the whole page.
///
/// # Errors
/// A drawing that failed.
pub fn page(report: &Report) -> Result<String, DrawingError> {
    let mut page = String::new();
    head(&mut page, report)?;
    numbers(&mut page, report)?;
    curves(&mut page, report)?;
    networks(&mut page, report)?;
    leaders(&mut page, report)?;
    settings(&mut page, report)?;
    page.push_str("</main></body></html>\n");
    Ok(page)
}

fn head(page: &mut String, report: &Report) -> Result<(), DrawingError> {
    let (off, on) = (&report.arms.off, &report.arms.on);
    let style = include_str!("page.css")
        .replace("OFF_COLOUR", &css(OFF))
        .replace("ON_COLOUR", &css(ON))
        .replace("ONE_SIDED_COLOUR", &css(ONE_SIDED))
        .replace("BALANCED_COLOUR", &css(BALANCED));
    write!(
        page,
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta name=\"color-scheme\" content=\"light dark\">\
         <title>DEBAL cluster report, seed {seed}</title><style>{style}</style></head><body><main>\
         <h1>What rebalancing changed</h1>\
         <p>{nodes} agents, one process each, ran on a piece of a real Lightning graph with \
         {channels} channels. The same {payments} payments were sent twice over the same starting \
         balances: first with rebalancing off, then with it on.</p>",
        seed = report.seed,
        nodes = report.topology.nodes,
        channels = report.topology.channels,
        payments = number(on.payments),
    )?;
    let money = if report.audit.lost_msat == 0 && report.audit.violations == 0 {
        "No money was lost and every check passed".to_owned()
    } else {
        format!(
            "<strong>{} msat are missing and {} checks failed</strong>",
            number(report.audit.lost_msat),
            number(report.audit.violations)
        )
    };
    write!(
        page,
        "<p class=\"verdict\"><span class=\"on\">{with} of the payments arrived with \
         rebalancing</span>, <span class=\"off\">{without} without</span>. The imbalance went from \
         {before} to {after} with it and to {after_off} without it (lower is better). {money}.</p>",
        with = percent(on.success_ratio),
        without = percent(off.success_ratio),
        before = gini(on.imbalance_before),
        after = gini(on.imbalance_after),
        after_off = gini(off.imbalance_after),
    )?;
    Ok(())
}

fn numbers(page: &mut String, report: &Report) -> Result<(), DrawingError> {
    let (off, on) = (&report.arms.off, &report.arms.on);
    page.push_str(
        "<h2>The comparison</h2><table><thead><tr><th></th><th class=\"off\">off</th>\
         <th class=\"on\">on</th><th class=\"wide\">what it is</th></tr></thead><tbody>",
    );
    let arm = |get: fn(&ArmReport) -> String| (get(off), get(on));
    for (name, (off, on), meaning) in [
        (
            "payments delivered",
            arm(|a| number(a.succeeded)),
            "payments whose recipient got the whole amount",
        ),
        ("success ratio", arm(|a| percent(a.success_ratio)), "delivered / tried; higher is better"),
        ("volume delivered, sat", arm(|a| sat(a.volume_msat)), "sum of the delivered amounts"),
        (
            "volume share",
            arm(|a| share(a.volume_msat, a.demand_msat)),
            "delivered / asked for; large payments weigh more",
        ),
        ("fees paid, sat", arm(|a| sat(a.fees_msat)), "what payers paid to the nodes on the way"),
        (
            "imbalance before",
            arm(|a| gini(a.imbalance_before)),
            "0: each node's channels are equally full; near 1: one channel has everything",
        ),
        (
            "imbalance after",
            arm(|a| gini(a.imbalance_after)),
            "the same when everything had settled; lower is better",
        ),
    ] {
        write!(
            page,
            "<tr><th>{name}</th><td>{off}</td><td>{on}</td><td class=\"wide\">{meaning}</td></tr>"
        )?;
    }
    page.push_str("</tbody></table><h2>How the network worked</h2><table><tbody>");
    for (name, value, meaning) in working(report) {
        write!(page, "<tr><th>{name}</th><td>{value}</td><td class=\"wide\">{meaning}</td></tr>")?;
    }
    page.push_str("</tbody></table>");
    if !report.audit.findings.is_empty() {
        page.push_str("<p><strong>Checks that failed:</strong></p><ul>");
        for finding in &report.audit.findings {
            write!(page, "<li>{}</li>", escape(finding))?;
        }
        page.push_str("</ul>");
    }
    Ok(())
}

/// Name, value and meaning of what only the arm with rebalancing, or the whole run, has.
fn working(report: &Report) -> Vec<(&'static str, String, &'static str)> {
    let (elections, cycles, audit) = (&report.elections, &report.cycles, &report.audit);
    let gossip = &report.gossip;
    vec![
        (
            "epochs with a leader / without",
            format!("{} / {}", elections.certified, elections.skipped),
            "every epoch the agents elect a leader by a verifiable lottery; an epoch without one only waits for the next",
        ),
        (
            "election, median / 99 %, ms",
            format!("{} / {}", dash(elections.p50_ms), dash(elections.p99_ms)),
            "from the epoch's start until an agent holds the leader's certificate",
        ),
        ("cycles planned", number(cycles.planned), "circular transfers the leaders proposed"),
        (
            "cycles committed",
            number(cycles.committed),
            "all hops settled: money moved around the circle, nobody's total changed but for agreed fees",
        ),
        (
            "cycles rolled back / refused",
            format!("{} / {}", cycles.rolled_back, cycles.refused),
            "undone to the last msat / declined by a member before anything moved",
        ),
        (
            "commit, median / 99 %, ms",
            format!("{} / {}", dash(cycles.commit_p50_ms), dash(cycles.commit_p99_ms)),
            "from a cycle's start until its last lock was gone",
        ),
        (
            "moved by cycles, sat",
            sat(cycles.moved_msat),
            "sum of the committed cycles' amounts, each counted once",
        ),
        (
            "gossip delivery, median / 99 %, ms",
            format!("{} / {}", rounded(gossip.delivery_p50_ms), rounded(gossip.delivery_p99_ms)),
            "how long a message takes to reach an agent",
        ),
        (
            "gossip, bytes per node and epoch",
            rounded(gossip.bytes_per_node_per_epoch),
            "what an agent sends in one epoch",
        ),
        (
            "memory per agent, MiB",
            format!("{:.1}", report.memory_mib_per_agent),
            "resident, mean over agents",
        ),
        (
            "checks made / failed",
            format!("{} / {}", number(audit.invariants_checked), number(audit.violations)),
            "the protocol's invariants in every agent, and every channel's two ends compared, both arms",
        ),
        (
            "open locks, lost msat",
            format!("{} / {}", number(audit.open_locks), number(audit.lost_msat)),
            "after all payments had ended; both must be 0",
        ),
    ]
}

const LEGEND: &str = "<p class=\"legend\"><span class=\"swatch off-fill\"></span> rebalancing off \
                      <span class=\"swatch on-fill\"></span> rebalancing on</p>";

fn curves(page: &mut String, report: &Report) -> Result<(), DrawingError> {
    write!(
        page,
        "<h2>Payments over time</h2>{LEGEND}<figure>{}<figcaption>Each point is the share of \
         payments delivered among those sent around that moment (a fifth of the run). Payments \
         drain channels; without rebalancing the line tends to fall, because money piles up on one \
         side of channels.</figcaption></figure>",
        success(report)?
    )?;
    write!(
        page,
        "<h2>Imbalance over time</h2>{LEGEND}<figure>{}<figcaption>How unequally filled each \
         node's channels are: the Gini coefficient of its outbound shares, averaged over nodes. \
         Lower is better. Steps down in the line with rebalancing are epochs whose cycles \
         settled.</figcaption></figure>",
        imbalance(report)?
    )?;
    Ok(())
}

fn networks(page: &mut String, report: &Report) -> Result<(), DrawingError> {
    page.push_str(
        "<h2>The network before and after</h2><p class=\"legend\">\
         <span class=\"swatch balanced-fill\"></span> balanced: both ends can pay \
         <span class=\"swatch sided-fill\"></span> one end has everything</p>\
         <p>Each line is a channel, thicker with more capacity. The dot on it marks the split: the \
         part of the line from a node up to the dot is what that node can send. A dot at one end \
         means that the node there has nothing left to send over this channel.</p>\
         <div class=\"networks\">",
    );
    let drawn = [
        (
            "Before: the starting balances",
            network(report, "Channels at the start", |c| c.before_msat)?,
        ),
        ("After, rebalancing off", network(report, "Channels after, off", |c| c.after_off_msat)?),
        ("After, rebalancing on", network(report, "Channels after, on", |c| c.after_on_msat)?),
    ];
    for (title, figure) in drawn {
        write!(page, "<figure>{figure}<figcaption>{title}</figcaption></figure>")?;
    }
    page.push_str("</div>");
    Ok(())
}

fn leaders(page: &mut String, report: &Report) -> Result<(), DrawingError> {
    write!(
        page,
        "<h2>Who led</h2><figure>{}<figcaption>Epochs led by each node with rebalancing on. The \
         mark is what the node's share of all channel capacity would give in a lottery without \
         rotation; a node that has just led pauses, so large nodes lead less often than their \
         mark. A leader proposes; every member checks; it can waste an epoch, never move \
         money.</figcaption></figure>",
        leadership(report)?
    )?;
    Ok(())
}

fn settings(page: &mut String, report: &Report) -> Result<(), DrawingError> {
    let set = &report.settings;
    let name = |value: serde_json::Result<serde_json::Value>| {
        value.ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
    };
    page.push_str("<h2>How it was set up</h2><table><tbody>");
    for (key, value) in [
        ("network", report.topology.source.clone()),
        ("capacity", format!("{} sat", sat(report.topology.capacity_msat))),
        ("seed", report.seed.to_string()),
        ("epoch", format!("{} ms", number(report.epoch_ms))),
        ("starting balances", name(serde_json::to_value(set.balances))),
        (
            "demand",
            format!(
                "{}, {} of payments on pairs that never circulate",
                name(serde_json::to_value(set.demand)),
                percent(set.dag_share)
            ),
        ),
        ("amounts", format!("{}, times {}", set.amounts, set.load)),
        (
            "payments",
            format!(
                "{} a second for {} s per arm, up to {} route(s) each",
                set.payments_per_second, set.duration_s, set.attempts
            ),
        ),
        ("backend", set.backend.clone()),
        ("wall time", format!("{:.0} s", report.wall_s)),
    ] {
        write!(page, "<tr><th>{key}</th><td class=\"wide\">{}</td></tr>", escape(&value))?;
    }
    page.push_str("</tbody></table>");
    for (arm, title) in [(&report.arms.off, "off"), (&report.arms.on, "on")] {
        let mut reasons: Vec<(&String, &u64)> = arm.failures.iter().collect();
        reasons.sort_by(|a, b| b.1.cmp(a.1));
        if reasons.is_empty() {
            continue;
        }
        let listed: Vec<String> = reasons
            .into_iter()
            .take(MAX_REASONS)
            .map(|(reason, count)| format!("{} {}", number(count), escape(reason)))
            .collect();
        write!(page, "<p>Why payments failed, rebalancing {title}: {}.</p>", listed.join(", "))?;
    }
    Ok(())
}

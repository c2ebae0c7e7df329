//! Runs and verdicts for people, at 80 columns.
//!
//! It must never colour what does not go to a terminal, or where NO_COLOR is set.

use debal_fees::scid;
use debal_fees_history::{PeerLimit, Policy};
use debal_fees_learn::guard::Verdict;
use debal_fees_manager::{Applied, Candidate, ChannelRun, LimitRun, Outcome, Undone};
use std::io::IsTerminal;

/// Whether standard output takes colours.
fn coloured() -> bool {
    std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none()
}

fn paint(code: &str, text: &str) -> String {
    if coloured() { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
}

/// Every channel that changed or could not, and a last line that counts.
pub fn applied(applied: &Applied, verbose: u8) -> String {
    let mut text = String::new();
    let quiet = |channel: &&ChannelRun| {
        verbose > 0 || channel.outcome != Outcome::Unchanged || !channel.unsupported.is_empty()
    };
    for channel in applied.channels.iter().filter(quiet) {
        text += &format!("{:<14} [{}]\n", scid::show(channel.chan_id), channel.peer);
        let name = channel.section.as_deref().unwrap_or("no section");
        let strategy = channel.strategy.as_deref().unwrap_or("-");
        text += &format!("  {:<25}{name} ({strategy})\n", "policy:");
        text += &difference(&channel.old, &channel.new);
        text += &format!("  {:<25}{}\n", "result:", words(&channel.outcome));
        for what in &channel.unsupported {
            text += &format!("  {:<25}{}\n", "left out:", paint("33", what));
        }
        for note in channel.notes.iter().filter(|_| verbose > 0 || channel.learned) {
            text += &wrapped("    ", note);
        }
    }
    for limit in &applied.limits {
        text += &format!("peer           [{}]\n", limit.peer);
        let (old, new) = (limit_words(limit.old), limit_words(limit.new));
        text += &format!("  {:<25}{old} -> {}\n", "circuit breaker:", paint("1", &new));
        text += &format!("  {:<25}{}\n", "result:", words(&limit.outcome));
    }
    for fault in &applied.faults {
        text += &format!("nothing was sent: {fault}\n");
    }
    if let Some(why) = &applied.stopped {
        text += &format!("stopped: {why}; the next run goes on\n");
    }
    text + &one_line(applied)
}

/// A text at 80 columns, each line behind an indent.
pub fn wrapped(indent: &str, text: &str) -> String {
    let (mut lines, mut columns) = (String::new(), 0);
    for word in text.split(' ') {
        let length = word.chars().count();
        let fits = columns > indent.len() && columns + 1 + length <= 80;
        if columns > indent.len() && !fits {
            lines.push('\n');
            columns = 0;
        }
        let before = if fits { " " } else { indent };
        columns += before.len() + length;
        lines += before;
        lines += word;
    }
    lines + "\n"
}

/// One line on a run.
pub fn one_line(applied: &Applied) -> String {
    let count = |is: fn(&Outcome) -> bool| {
        applied.channels.iter().filter(|channel| is(&channel.outcome)).count()
    };
    let mut text = format!("{} channels", applied.channels.len());
    let mut add = |count: usize, what: &str| {
        if count > 0 {
            text += &format!(", {count} {what}");
        }
    };
    add(count(|o| *o == Outcome::Changed), "changed");
    add(count(|o| *o == Outcome::WouldChange), "would change (dry run)");
    add(count(|o| matches!(o, Outcome::HeldBack(_))), "held back");
    add(count(|o| matches!(o, Outcome::Refused(_) | Outcome::NotInForce(_))), "refused");
    add(count(|o| matches!(o, Outcome::Error(_))), "with a rule error, left alone");
    add(count(|o| *o == Outcome::NotReached), "not reached");
    let limits = applied.limits.iter();
    let done = |limit: &&LimitRun| matches!(limit.outcome, Outcome::Changed | Outcome::WouldChange);
    add(limits.clone().filter(done).count(), "limits of peers");
    add(limits.filter(|limit| !done(limit)).count(), "limits of peers not changed");
    let left_out = applied.channels.iter().filter(|channel| !channel.unsupported.is_empty());
    add(left_out.count(), "with something left out that this node does not have");
    add(applied.foreign.len(), "changed by somebody else");
    add(applied.resolved, "resolved from an earlier run");
    text + "\n"
}

fn limit_words(limit: Option<PeerLimit>) -> String {
    let Some(limit) = limit else { return "default".to_owned() };
    let mode = usize::try_from(limit.mode).ok();
    let modes = ["fail", "queue", "queue what the peer started", "block"];
    let mode = mode.and_then(|mode| modes.get(mode)).unwrap_or(&"unknown mode");
    format!("{} an hour, {} pending, {mode}", limit.max_hourly_rate, limit.max_pending)
}

fn words(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Unchanged => "as it is".to_owned(),
        Outcome::WouldChange => paint("33", "would change"),
        Outcome::Changed => paint("32", "changed"),
        Outcome::Refused(why) => paint("31", &format!("refused: {why}")),
        Outcome::NotInForce(why) => paint("31", &format!("not in force: {why}")),
        Outcome::Error(why) => paint("31", &format!("left alone: {why}")),
        Outcome::HeldBack(why) => paint("33", &format!("not now: {why}")),
        Outcome::NotReached => "not reached".to_owned(),
    }
}

fn difference(old: &Policy, new: &Policy) -> String {
    let rows = [
        ("base_fee_msat", old.base_fee_msat, new.base_fee_msat),
        ("fee_ppm", old.fee_ppm, new.fee_ppm),
        ("inbound_base_fee_msat", old.inbound_base_fee_msat, new.inbound_base_fee_msat),
        ("inbound_fee_ppm", old.inbound_fee_ppm, new.inbound_fee_ppm),
        ("time_lock_delta", old.time_lock_delta, new.time_lock_delta),
        ("min_htlc_msat", old.min_htlc_msat, new.min_htlc_msat),
        ("max_htlc_msat", old.max_htlc_msat, new.max_htlc_msat),
    ];
    let moved = rows.into_iter().filter(|(_, old, new)| old != new);
    let line = |(name, old, new): (&str, i64, i64)| {
        format!("  {:<25}{old} -> {}\n", format!("{name}:"), paint("1", &new.to_string()))
    };
    let mut text: String = moved.map(line).collect();
    if old.disabled != new.disabled {
        let word = if new.disabled { "disabled" } else { "enabled" };
        text += &format!("  {:<25}{}\n", "channel status:", paint("1", word));
    }
    text
}

/// Verdicts, and what was taken back.
pub fn judged(judged: &[Candidate], undone: &[Undone], execute: bool) -> String {
    if judged.is_empty() {
        return "no change of ours is being watched\n".to_owned();
    }
    let mut text = String::new();
    let mut due = 0;
    for Candidate { change, verdict } in judged {
        let (old, new) = (change.old.fee_ppm, change.new.fee_ppm);
        text += &format!("{:<14} {old} -> {new} ppm: ", scid::show(change.channel));
        text += &match verdict {
            Verdict::Wait { usable_s, wanted_s } => {
                format!("wait: {} of {} usable hours\n", usable_s / 3_600, wanted_s / 3_600)
            }
            Verdict::NoBaseline { forwards } => {
                format!("no baseline: {forwards} forwards on the same weekdays before\n")
            }
            Verdict::Watching(f) | Verdict::Keep(f) | Verdict::RollBack(f) => {
                let word = match verdict {
                    Verdict::RollBack(_) => "take back",
                    Verdict::Keep(_) => "keep",
                    _ => "watching",
                };
                due += usize::from(matches!(verdict, Verdict::RollBack(_)));
                let sat = |msat: f64| msat / 1_000.0;
                format!(
                    "{word}: {:.1} sat a day, expected {:.1} ({:+.0} %, {:.1} deviations)\n",
                    sat(f.after_msat_per_day),
                    sat(f.expected_msat_per_day),
                    -100.0 * f.drop,
                    f.deviations
                )
            }
        };
    }
    for one in undone {
        text += &format!("{:<14} {}\n", scid::show(one.chan_id), words(&one.outcome));
    }
    if !execute && due > 0 {
        text += &format!("{due} to take back: run again with --execute\n");
    }
    text
}

//! `replay`: what other fees would have earned on the recorded past, before anything is applied.
//!
//! It reads the history and nothing else, and must never hide how little an estimate rests on: the
//! interval, the share on unknown ground and the channels without evidence are always shown.

use crate::Shown;
use crate::access::now_s;
use crate::args::{Common, DialectName, Memory};
use crate::failure::Failure;
use crate::live::{RuleFile, rule_file};
use crate::memory::{failed, open, right, table};
use crate::show;
use comfy_table::Cell;
use debal_fees::{Advice, Adviser, Ask, NodeState, evaluate_advised};
use debal_fees_history::FeeHistory;
use debal_fees_learn::DAY_S;
use debal_fees_learn::demand::Reign;
use debal_fees_learn::learner::{Learner, Past};
use debal_fees_learn::replay::{BALANCES, Case, Estimate, Method, replay as compare};
use debal_fees_learn::span::{Forward, Sample, Span};
use debal_fees_learn::supply::Inbound;
use serde_json::json;
use std::cell::RefCell;
use std::collections::BTreeMap;

/// Draws from the posteriors.
const DRAWS: usize = 1_000;
/// The same history gives the same table.
const SEED: u64 = 1;
/// Fixed fees that are compared, ppm.
const FIXED_PPM: [u32; 7] = [25, 50, 100, 200, 400, 800, 1_600];
/// Ends of proportional fees that are compared, ppm: at a full and at an empty channel.
const PROPORTIONAL_PPM: [(u32, u32); 3] = [(50, 500), (100, 1_000), (200, 2_000)];
/// Fewer forwards than this say little about a channel.
const FEW_FORWARDS: usize = 20;

/// A channel's past as it is read.
struct Record {
    channel: u64,
    reigns: Vec<Reign>,
    forwards: Vec<Forward>,
    incoming: Vec<(i64, u64)>,
    samples: Vec<Sample>,
    capacity_msat: u64,
    limits_ppm: (u32, u32),
    rules_ppm: Option<[u32; BALANCES]>,
}

impl Record {
    fn case(&self, end_s: i64) -> Case<'_> {
        let inbound = Inbound { capacity_msat: self.capacity_msat, incoming: &self.incoming };
        let past = Past {
            reigns: &self.reigns,
            forwards: &self.forwards,
            inbound,
            samples: &self.samples,
            now_s: end_s,
        };
        Case { past, limits_ppm: self.limits_ppm, rules_ppm: self.rules_ppm }
    }

    fn fees_tried(&self) -> usize {
        let fees: std::collections::BTreeSet<u32> =
            self.reigns.iter().map(|reign| reign.fee_ppm).collect();
        fees.len()
    }
}

/// How much the comparison rests on.
struct Evidence {
    channels: usize,
    few_forwards: usize,
    one_fee: usize,
    forwards: usize,
    days: f64,
    unruled: usize,
}

/// `replay`.
pub fn replay(
    memory: &Memory,
    common: &Common,
    days: u32,
    dialect: Option<DialectName>,
) -> Result<Shown, Failure> {
    let file = common.config.as_ref().map(|_| rule_file(common, dialect)).transpose()?;
    let history = open(memory)?;
    let mut records = read(&history, days)?;
    let mut unruled = 0;
    if let Some(file) = &file {
        unruled = rule(&history, file, &mut records)?;
    }
    let end_s = end_of(&records);
    let cases: Vec<Case<'_>> = records.iter().map(|record| record.case(end_s)).collect();
    let mut methods = vec![Method::Present, Method::Recorded];
    methods.extend(file.as_ref().map(|_| Method::Rules));
    methods.extend(FIXED_PPM.map(Method::Fixed));
    methods.extend(
        PROPORTIONAL_PPM.map(|(full_ppm, empty_ppm)| Method::Proportional { full_ppm, empty_ppm }),
    );
    methods.push(Method::Learned);
    let found = compare(&Learner::default(), &cases, &methods, DRAWS, SEED);
    let evidence = evidence(&records, end_s, unruled);
    let text = if common.json {
        format!("{}\n", as_json(&found, &evidence))
    } else {
        shown(&found, &evidence)
    };
    Ok(Shown { text, notes: String::new(), code: 0 })
}

/// The pasts of all channels whose fee is known for some time.
fn read(history: &FeeHistory, days: u32) -> Result<Vec<Record>, Failure> {
    let wrong = |error| failed(&error);
    let newest_ns = history.newest_forward_ns().map_err(wrong)?;
    let newest = newest_ns.map_or_else(now_s, |at_ns| at_ns.div_euclid(1_000_000_000) + 1);
    let samples = history.newest_samples().map_err(wrong)?;
    let end_s = samples.iter().map(|sample| sample.at_s).max().unwrap_or(newest).max(newest);
    let span = Span { from_s: end_s.saturating_sub(i64::from(days) * DAY_S), to_s: end_s };
    let mut out = history.out_by_channel(span).map_err(wrong)?;
    let bounds = Learner::default().bounds;
    let mut records = Vec::new();
    for newest in samples {
        let channel = newest.channel;
        let known = history.reigns(channel, end_s).map_err(wrong)?;
        let within = |reign: &Reign| Reign {
            span: Span { from_s: reign.span.from_s.max(span.from_s), ..reign.span },
            ..*reign
        };
        let reigns: Vec<Reign> =
            known.iter().map(within).filter(|reign| reign.span.length_s() > 0).collect();
        let Some(first) = reigns.first() else { continue };
        let span = Span { from_s: first.span.from_s, ..span };
        let mut forwards = out.remove(&channel).unwrap_or_default();
        // What was sent before the fee was known says nothing about a fee.
        forwards.retain(|forward| span.holds(forward.at_s));
        records.push(Record {
            channel,
            reigns,
            forwards,
            incoming: history.came_into(channel, span).map_err(wrong)?,
            samples: history.samples(channel, span).map_err(wrong)?,
            capacity_msat: newest.capacity_msat.unsigned_abs(),
            limits_ppm: (bounds.min_ppm, bounds.max_ppm),
            rules_ppm: None,
        });
    }
    Ok(records)
}

fn end_of(records: &[Record]) -> i64 {
    let ends = records.iter().filter_map(|record| record.reigns.last());
    ends.map(|reign| reign.span.to_s).max().unwrap_or(0)
}

/// Learns the limits that rules set, and otherwise leaves their own rates alone.
struct Limits(RefCell<BTreeMap<u64, (u32, u32)>>);

impl Adviser for Limits {
    fn advise(&self, ask: &Ask) -> Advice {
        self.0.borrow_mut().insert(ask.chan_id, (ask.min_fee_ppm, ask.max_fee_ppm));
        Advice::Fallback { why: String::new() }
    }
}

/// What the rules set for each channel at every class of balance, on the node as it was last seen.
/// Returns how many channels they leave alone.
fn rule(history: &FeeHistory, file: &RuleFile, records: &mut [Record]) -> Result<usize, Failure> {
    let text = history.newest_state().map_err(|error| failed(&error))?.ok_or_else(|| {
        let text = "the history has no node to try rules on; `debal fees apply --dry-run` adds it";
        Failure::of(1, "history", text)
    })?;
    let mut state = NodeState::from_json(&text)
        .map_err(|error| Failure::of(1, "history", format!("the node as last seen: {error}")))?;
    let limits = Limits(RefCell::default());
    let mut fees: BTreeMap<u64, [u32; BALANCES]> = BTreeMap::new();
    for class in 0..BALANCES {
        for channel in &mut state.channels {
            let funds = &mut channel.funds;
            let usable = funds.local_balance.saturating_add(funds.remote_balance).max(0);
            // Integers: the middle of the class, in twentieths.
            funds.local_balance = usable / 20 * (2 * class as i64 + 1);
            funds.remote_balance = usable - funds.local_balance;
        }
        let evaluation = evaluate_advised(&file.rules, &state, Some(&limits));
        for (decision, channel) in evaluation.decisions.iter().zip(&state.channels) {
            let set = decision.target.as_ref().filter(|_| decision.error.is_none());
            let set = set.and_then(|target| target.fee_ppm);
            let fee = set.unwrap_or(channel.local_policy.fee_ppm.into());
            let fee = u32::try_from(fee.max(0)).unwrap_or(u32::MAX);
            if set.is_some() || fees.contains_key(&channel.chan_id) {
                let of = fees.entry(channel.chan_id).or_insert([fee; BALANCES]);
                if let Some(place) = of.get_mut(class) {
                    *place = fee;
                }
            }
        }
    }
    let limits = limits.0.into_inner();
    let mut unruled = 0;
    for record in records {
        record.rules_ppm = fees.get(&record.channel).copied();
        unruled += usize::from(record.rules_ppm.is_none());
        record.limits_ppm = limits.get(&record.channel).copied().unwrap_or(record.limits_ppm);
    }
    Ok(unruled)
}

fn evidence(records: &[Record], end_s: i64, unruled: usize) -> Evidence {
    let first_s = records.iter().filter_map(|record| record.reigns.first());
    let first_s = first_s.map(|reign| reign.span.from_s).min().unwrap_or(end_s);
    let count = |is: fn(&Record) -> bool| records.iter().filter(|record| is(record)).count();
    Evidence {
        channels: records.len(),
        few_forwards: count(|record| record.forwards.len() < FEW_FORWARDS),
        one_fee: count(|record| record.fees_tried() < 2),
        forwards: records.iter().map(|record| record.forwards.len()).sum(),
        days: (end_s - first_s) as f64 / DAY_S as f64,
        unruled,
    }
}

impl Evidence {
    /// Why the figures may mean little, in plain words.
    fn warnings(&self) -> Vec<String> {
        let Self { channels, few_forwards, one_fee, unruled, days, .. } = *self;
        let mut said = Vec::new();
        if few_forwards > 0 {
            said.push(format!(
                "{few_forwards} of {channels} channels have fewer than {FEW_FORWARDS} forwards: \
                 too thin to tell fees apart."
            ));
        }
        if one_fee > 0 {
            said.push(format!(
                "{one_fee} of {channels} channels have seen one fee only: what others would earn \
                 there is an assumption, not a finding."
            ));
        }
        if days < 14.0 {
            said.push(format!("Only {days:.1} days are recorded: less than two weeks' rhythm."));
        }
        if unruled > 0 {
            said.push(format!(
                "The rules set no fee for {unruled} of {channels} channels: there the present one \
                 counts."
            ));
        }
        said
    }
}

fn name(method: Method) -> String {
    match method {
        Method::Present => "present".to_owned(),
        Method::Recorded => "as it was".to_owned(),
        Method::Rules => "rules".to_owned(),
        Method::Fixed(fee) => format!("fixed {fee}"),
        Method::Proportional { full_ppm, empty_ppm } => {
            format!("proportional {full_ppm}..{empty_ppm}")
        }
        Method::Learned => "learned".to_owned(),
    }
}

/// Whole sat: msat believed, rounded.
fn sat(msat: f64) -> i64 {
    (msat / 1_000.0).round() as i64
}

fn percent(share: f64) -> i64 {
    (100.0 * share).round() as i64
}

fn shown(found: &[Estimate], evidence: &Evidence) -> String {
    let Evidence { channels, forwards, days, .. } = evidence;
    let mut text = format!(
        "{forwards} forwards out of {channels} channels in {days:.1} days, on known fees.\n"
    );
    if *channels == 0 {
        return text + "Nothing to compare: `debal fees daemon` records fees and forwards.\n";
    }
    let heads = ["fees", "sat a day", "95 %", "gain", "95 %", "unknown"];
    let mut rows = table(&heads);
    for estimate in found {
        let (low, high) = estimate.interval_msat_per_day;
        let (gain, least, most) = estimate.gain_msat_per_day;
        rows.add_row(vec![
            Cell::new(name(estimate.method)),
            right(sat(estimate.mean_msat_per_day)),
            right(format!("{} to {}", sat(low), sat(high))),
            right(format!("{:+}", sat(gain))),
            right(format!("{:+} to {:+}", sat(least), sat(most))),
            right(format!("{} %", percent(estimate.unknown_ground))),
        ]);
    }
    text += &format!("\n{rows}\n\n");
    text += "gain: sat a day more than the present fees on the same draws of demand.\n";
    text += "unknown: the share at fees more than twice or less than half of any tried one.\n";
    for warning in evidence.warnings() {
        text += &show::wrapped("", &format!("warning: {warning}"));
    }
    text + "Nothing was applied; payers who saw another fee were never asked.\n"
}

fn as_json(found: &[Estimate], evidence: &Evidence) -> serde_json::Value {
    let rows: Vec<serde_json::Value> = found
        .iter()
        .map(|estimate| {
            let (low, high) = estimate.interval_msat_per_day;
            let (gain, least, most) = estimate.gain_msat_per_day;
            json!({
                "fees": name(estimate.method),
                "method": estimate.method,
                "mean_sat_per_day": sat(estimate.mean_msat_per_day),
                "interval_sat_per_day": [sat(low), sat(high)],
                "gain_sat_per_day": sat(gain),
                "gain_interval_sat_per_day": [sat(least), sat(most)],
                "unknown_ground_percent": percent(estimate.unknown_ground),
            })
        })
        .collect();
    let Evidence { channels, few_forwards, one_fee, forwards, unruled, .. } = *evidence;
    json!({
        "channels": channels,
        "forwards": forwards,
        "channels_with_few_forwards": few_forwards,
        "channels_with_one_fee": one_fee,
        "channels_without_rules": unruled,
        "warnings": evidence.warnings(),
        "estimates": rows,
    })
}

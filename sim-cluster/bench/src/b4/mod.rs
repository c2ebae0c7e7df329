//! B4, path scoring: after 120,000 payments that nobody rebalances, who knows best which arcs carry
//! an amount, and how many first attempts arrive by that?
//!
//! `gap` is the share of what the oracle adds to the uniform prior's first-attempt success on the
//! same pairs and seed; a seed where the oracle adds nothing gives none. Balances are for the last
//! two rows and for scoring; no other row may see one but the sender's own.

mod knowledge;
mod route;

pub use knowledge::Knows;

use crate::BenchError;
use crate::b1::state_name;
use crate::figures::Figure;
use crate::graphs::GraphSource;
use crate::report::{Column, Report, Row};
use debal_learn::arcs::{Scorer, Seen};
use debal_topology::balances::StartingBalances;
use debal_train::arcs::history::{Fees, History};
use debal_train::arcs::score::{auc, brier, judged};
use debal_train::pool;
use debal_train::world::demand::payments;
use debal_train::world::payments::regime;
use knowledge::{Answer, Models};
use route::Router;

/// The ablation, trained like the model without messages between channels.
const LOCAL: &[u8] = include_bytes!("../../models/arcs-local.model");
/// The amounts asked for, msat, and what they are called.
const AMOUNTS: [(u64, &str); 2] = [(50_000_000, "50k"), (200_000_000, "200k")];
/// Payments per channel unless told otherwise: 120,000 over the 25,201 of the 2021 core.
const PER_CHANNEL: f64 = 4.762;
/// Pairs of rows in which every sender knows something else.
const OWN_PAIRS: usize = 150;
/// Of those senders, so many are asked about all arcs.
const OWN_JUDGED: usize = 15;

/// What is run.
#[derive(Debug, Clone)]
pub struct Options {
    /// The graph.
    pub source: GraphSource,
    /// Seeds 1 to this are measured.
    pub seeds: u64,
    /// Payments before it is asked; by the number of channels if not told.
    pub payments: Option<usize>,
    /// Random pairs of nodes.
    pub pairs: usize,
    /// Share of one-way demand, which no circulation serves.
    pub one_way: f64,
    /// How balances are before the first payment.
    pub start: StartingBalances,
    /// The bytes of a model instead of the shipped one.
    pub model: Option<Vec<u8>>,
}

/// The table's columns.
pub const COLUMNS: [Column; 8] = [
    Column { metric: "success_50k", heading: "50k", digits: 3, interval: false },
    Column { metric: "gap_50k", heading: "gap", digits: 2, interval: true },
    Column { metric: "auc_50k", heading: "auc", digits: 3, interval: false },
    Column { metric: "brier_50k", heading: "brier", digits: 3, interval: false },
    Column { metric: "success_200k", heading: "200k", digits: 3, interval: false },
    Column { metric: "gap_200k", heading: "gap", digits: 2, interval: true },
    Column { metric: "auc_200k", heading: "auc", digits: 3, interval: false },
    Column { metric: "ms_1000_arcs", heading: "ms", digits: 2, interval: false },
];

/// The plots: metric and title.
pub const PLOTS: [(&str, &str); 4] = [
    ("success_50k", "First attempts of 50,000 sat that arrive"),
    ("success_200k", "First attempts of 200,000 sat that arrive"),
    ("auc_50k", "Ranking of arcs, 50,000 sat (AUC)"),
    ("auc_200k", "Ranking of arcs, 200,000 sat (AUC)"),
];

/// The rows whose names contain one of `words`; all of them without words.
///
/// # Errors
/// Words that no row's name contains.
pub fn rows(words: &[String]) -> Result<Vec<Knows>, BenchError> {
    let mut all = Knows::ALL.to_vec();
    if !words.is_empty() {
        all.retain(|knows| words.iter().any(|word| knows.name().contains(word.as_str())));
    }
    if all.is_empty() {
        return Err(BenchError::Usage(format!("no row is called like {}", words.join(", "))));
    }
    Ok(all)
}

/// One seed's network after its payments.
#[derive(Debug)]
pub struct Setting {
    /// What was paid and learned.
    pub history: History,
    /// Share of the payments' hops that could not pass, by what payers were told.
    pub refused: f64,
    held_msat: Vec<u64>,
    at: u64,
    pairs: Vec<[u32; 2]>,
}

impl Setting {
    /// Draws the setting of `seed`.
    ///
    /// # Errors
    /// A graph that is none, or without a core.
    pub fn draw(options: &Options, seed: u64) -> Result<Self, BenchError> {
        let state = regime(&options.source, seed)?.started(options.start, seed);
        let count = state.channels.len() as f64 * PER_CHANNEL;
        let count = options.payments.unwrap_or(count as usize);
        let list = payments(&state, count, options.one_way, seed);
        let nodes = state.nodes as usize;
        let at = list.len() as u64;
        let history = History::of(state, &list, &[at], Fees::Unknown, seed)
            .map_err(|misfit| BenchError::Usage(misfit.to_string()))?;
        let held_msat = history.moments.first().map(|one| one.held_msat.clone());
        let refused = history.told.iter().filter(|told| told.bit.seen == Seen::Refused).count();
        let refused = refused as f64 / history.told.len().max(1) as f64;
        let mut draw = debal_train::draw::Draw::new(seed, 4);
        let mut pairs = Vec::with_capacity(options.pairs);
        while pairs.len() < options.pairs {
            let pair = [draw.below(nodes) as u32, draw.below(nodes) as u32];
            if pair[0] != pair[1] {
                pairs.push(pair);
            }
        }
        Ok(Self { history, refused, held_msat: held_msat.unwrap_or_default(), at, pairs })
    }

    /// The pairs of a row, and whether each sender knows something else.
    fn asked(&self, knows: Knows) -> &[[u32; 2]] {
        let count =
            if knows.differs() { OWN_PAIRS.min(self.pairs.len()) } else { self.pairs.len() };
        &self.pairs[..count]
    }
}

/// What a row reached on one seed: per amount, which pairs arrived, AUC, Brier.
#[derive(Debug, Clone, Default)]
struct Reached {
    arrived: [Vec<bool>; 2],
    auc: [f64; 2],
    brier: [f64; 2],
    ms_1000_arcs: f64,
}

fn reach(setting: &Setting, models: &Models, knows: Knows) -> Reached {
    let history = &setting.history;
    let mut router = Router::new(&history.graph, &setting.held_msat);
    let mut reached = Reached::default();
    let whole = (!knows.differs()).then(|| knows.answer(setting, models, None));
    let (mut judgements, mut spent_ms, mut passes) = ([0.0; 4], 0.0, 0.0_f64);
    let mut judge = |answer: &Answer, weight: f64| {
        for (index, (amount_msat, _)) in AMOUNTS.into_iter().enumerate() {
            let all = judged(&history.graph, &setting.held_msat, amount_msat, |arc| {
                answer.chance(&history.graph, arc, amount_msat)
            });
            judgements[index] += weight * auc(&all);
            judgements[2 + index] += weight * brier(&all);
        }
    };
    if let Some(answer) = &whole {
        judge(answer, 1.0);
        (spent_ms, passes) = (answer.ms, 1.0);
        for (arrived, (amount_msat, _)) in reached.arrived.iter_mut().zip(AMOUNTS) {
            router.weigh(|arc| answer.chance(&history.graph, arc, amount_msat));
            let sent = setting.pairs.iter().map(|[from, to]| router.sends(*from, *to, amount_msat));
            *arrived = sent.collect();
        }
    } else {
        let asked = setting.asked(knows);
        for (index, [from, to]) in asked.iter().enumerate() {
            let answer = knows.answer(setting, models, Some(*from));
            spent_ms += answer.ms;
            passes += 1.0;
            if index < OWN_JUDGED {
                judge(&answer, 1.0 / OWN_JUDGED.min(asked.len()) as f64);
            }
            for (arrived, (amount_msat, _)) in reached.arrived.iter_mut().zip(AMOUNTS) {
                router.weigh(|arc| answer.chance(&history.graph, arc, amount_msat));
                arrived.push(router.sends(*from, *to, amount_msat));
            }
        }
    }
    let [auc_one, auc_two, brier_one, brier_two] = judgements;
    (reached.auc, reached.brier) = ([auc_one, auc_two], [brier_one, brier_two]);
    let thousands = history.graph.arcs() as f64 / 1e3;
    reached.ms_1000_arcs = spent_ms / passes.max(1.0) / thousands;
    reached
}

impl Reached {
    /// The metrics in order; no gap where the oracle adds nothing to the prior.
    fn values(&self, uniform: &Self, oracle: &Self) -> Vec<(String, Option<f64>)> {
        let mut values = Vec::new();
        for (index, (_, name)) in AMOUNTS.into_iter().enumerate() {
            let count = self.arrived[index].len();
            let share = |of: &Self| {
                let arrived = of.arrived[index].iter().take(count).filter(|yes| **yes).count();
                arrived as f64 / count.max(1) as f64
            };
            let (mine, least, most) = (share(self), share(uniform), share(oracle));
            let gap = (most > least).then(|| (mine - least) / (most - least));
            values.push((format!("success_{name}"), Some(mine)));
            values.push((format!("gap_{name}"), gap));
            values.push((format!("auc_{name}"), Some(self.auc[index])));
            values.push((format!("brier_{name}"), Some(self.brier[index])));
        }
        values.push(("ms_1000_arcs".to_owned(), Some(self.ms_1000_arcs)));
        values
    }
}

/// Measures `rows` on every seed. `watch` is told what is being done.
///
/// # Errors
/// [`BenchError`] of the graph; a model that is none.
pub fn run(
    options: &Options,
    rows: &[Knows],
    watch: &mut dyn FnMut(&str),
) -> Result<Report, BenchError> {
    let read = |bytes: &[u8]| match Scorer::from_bytes(bytes) {
        Scorer::Prior { why } => Err(BenchError::Usage(format!("the model: {why}"))),
        scorer => Ok(scorer),
    };
    let model = match &options.model {
        Some(bytes) => read(bytes)?,
        None => read(debal_learn::model::ARCS)?,
    };
    let models = Models { model, local: read(LOCAL)? };
    let mut observed: Vec<Vec<(String, Vec<f64>)>> = vec![Vec::new(); rows.len()];
    for seed in 1..=options.seeds {
        watch(&format!("seed {seed}: payments"));
        let setting = Setting::draw(options, seed)?;
        watch(&format!("seed {seed}: {} rows", rows.len()));
        let mut all = rows.to_vec();
        all.extend([Knows::Uniform, Knows::Oracle]);
        let mut reached =
            pool::map(all.len(), pool::threads(), |index| reach(&setting, &models, all[index]));
        let (oracle, uniform) = (reached.pop(), reached.pop());
        let (oracle, uniform) = (oracle.unwrap_or_default(), uniform.unwrap_or_default());
        for (reached, lists) in reached.iter().zip(&mut observed) {
            for (index, (name, value)) in reached.values(&uniform, &oracle).into_iter().enumerate()
            {
                match lists.get_mut(index) {
                    Some((_, list)) => list.extend(value),
                    None => lists.push((name, Vec::from_iter(value))),
                }
            }
        }
    }
    let row = |(knows, lists): (&Knows, Vec<(String, Vec<f64>)>)| Row {
        method: knows.name(),
        // A figure that no seed gave has no row in the report.
        metrics: lists
            .into_iter()
            .filter(|(_, list)| !list.is_empty())
            .map(|(name, list)| (name, Figure::of(&list)))
            .collect(),
    };
    let payments = options.payments.map_or("4.76-a-channel".to_owned(), |count| count.to_string());
    let one_way = options.one_way * 100.0;
    Ok(Report {
        experiment: "b4".to_owned(),
        graph: options.source.name(),
        seeds: options.seeds,
        state: format!(
            "{}-start-{payments}-payments-{one_way:.0}-percent-one-way-{}-pairs",
            state_name(options.start),
            options.pairs
        ),
        rows: rows.iter().zip(observed).map(row).collect(),
    })
}

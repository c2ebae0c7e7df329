//! Training: log-likelihood of what payers of generated networks learned next.
//!
//! It must never see a graph that comes from a file, nor a seed that is measured: its cases have
//! their own seeds. A step draws from its own stream, so a stop and a resume change nothing.

use super::history::{Fees, History, Tell, Told};
use super::module::{Inputs, Label, Labels, Module, count, fresh};
use crate::draw::Draw;
use crate::world::demand::payments;
use crate::world::graphs::{Generator, GraphSource};
use crate::world::payments::regime;
use crate::{Error, Progress, Watch, pool, world};
use debal_learn::arcs::{Features, Graph, Seen};
use debal_topology::balances::StartingBalances;
use serde::{Deserialize, Serialize};

/// First seed of the training's networks.
const TRAINING: u64 = 7 << 40;
/// First seed of the networks that choose when to stop.
const CHECKING: u64 = 8 << 40;
/// Payments per channel of a whole run, as in B4: 120,000 over 25,201.
const PER_CHANNEL: f64 = 4.76;
/// Who tells, in the snapshots of one moment.
pub const TELLS: [Tell; 9] = [
    Tell { share: 1.0, forwards: false },
    Tell { share: 0.5, forwards: false },
    Tell { share: 0.2, forwards: false },
    Tell { share: 0.05, forwards: false },
    Tell { share: 0.0, forwards: false },
    Tell { share: 0.5, forwards: true },
    Tell { share: 0.2, forwards: true },
    Tell { share: 0.05, forwards: true },
    Tell { share: 0.001, forwards: true },
];
/// Share of the training's networks that do not start half and half.
const OTHER_STARTS: f64 = 0.4;
/// Layers of the network.
pub const LAYERS: usize = 3;

/// How much is drawn and how long is learned.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Effort {
    /// Networks drawn to learn on.
    pub cases: usize,
    /// Networks drawn to choose by.
    pub checks: usize,
    /// Nodes of the graphs whose cores they are, from and to.
    pub nodes: (usize, usize),
    /// Moments of a run.
    pub moments: usize,
    /// Steps at most.
    pub steps: usize,
    /// A check every so many steps.
    pub check_every: usize,
    /// Checks without a better one before it stops.
    pub patience: usize,
    /// Step of Adam at the start; it falls by a cosine to a fiftieth.
    pub rate: f32,
}

/// As the shipped model is made.
pub const FULL: Effort = Effort {
    cases: 24,
    checks: 4,
    nodes: (1_500, 4_000),
    moments: 2,
    steps: 2_400,
    check_every: 60,
    patience: 12,
    rate: 3e-3,
};

/// Shows within a minute that the loop learns.
pub const CI: Effort = Effort {
    cases: 3,
    checks: 1,
    nodes: (300, 400),
    moments: 2,
    steps: 120,
    check_every: 20,
    patience: 10,
    rate: 5e-3,
};

/// The whole state after some steps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// Seed of all draws.
    pub seed: u64,
    /// Without messages.
    pub local: bool,
    /// Steps done.
    pub step: usize,
    /// The weights.
    pub values: Vec<f32>,
    first: Vec<f32>,
    second: Vec<f32>,
    /// Loss on what chooses, before the first step.
    pub first_loss: Option<f64>,
    /// The best such loss.
    pub best_loss: Option<f64>,
    /// The weights that had it.
    pub best: Vec<f32>,
    /// Checks since then.
    pub stale: usize,
}

impl State {
    /// A training that has not begun.
    pub fn new(seed: u64, local: bool) -> Self {
        let values = fresh(LAYERS, seed);
        let zeros = vec![0.0; values.len()];
        Self {
            seed,
            local,
            step: 0,
            best: values.clone(),
            values,
            first: zeros.clone(),
            second: zeros,
            first_loss: None,
            best_loss: None,
            stale: 0,
        }
    }

    /// Whether all parts have the size of the network, as they must after a file was read.
    pub fn is_whole(&self) -> bool {
        let width = count(LAYERS);
        [&self.values, &self.first, &self.second, &self.best]
            .iter()
            .all(|part| part.len() == width && part.iter().all(|value| value.is_finite()))
    }
}

/// One graph at one moment with a share of what was learned, and what is to be foretold.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// Which of the graphs.
    pub graph: usize,
    /// What is known.
    pub features: Features,
    /// What comes.
    pub labels: Vec<Label>,
    /// Balances, for scoring alone.
    pub held_msat: Vec<u64>,
    /// Whose results are known.
    pub tell: Tell,
}

/// Snapshots and their graphs.
#[derive(Debug, Clone, Default)]
pub struct Data {
    /// The graphs.
    pub graphs: Vec<Graph>,
    /// The snapshots.
    pub snapshots: Vec<Snapshot>,
}

/// Draws `cases` networks from the seed `first` on, pays over them and looks on.
pub fn data(first: u64, cases: usize, effort: &Effort) -> Result<Data, Error> {
    let drawn = pool::map(cases, pool::threads(), |index| case(first + index as u64, effort));
    let mut data = Data::default();
    for case in drawn {
        let (graph, mut snapshots) = case?;
        snapshots.iter_mut().for_each(|snapshot| snapshot.graph = data.graphs.len());
        data.graphs.push(graph);
        data.snapshots.extend(snapshots);
    }
    Ok(data)
}

/// The network of a seed and its snapshots.
fn case(seed: u64, effort: &Effort) -> Result<(Graph, Vec<Snapshot>), Error> {
    let mut draw = Draw::new(seed, 0);
    let nodes = draw.between(effort.nodes.0 as f64, effort.nodes.1 as f64) as usize;
    let one_way = if draw.uniform() < 0.5 { 0.0 } else { draw.between(0.0, 0.45) };
    let fees = if draw.uniform() < 0.5 { Fees::Unknown } else { Fees::Drawn };
    let mut state = regime(&GraphSource::Generated(Generator::ChungLu, nodes), seed)?;
    capacities(&mut state, &mut draw);
    if draw.uniform() < OTHER_STARTS {
        state = state.started(StartingBalances::Uniform, seed);
    }
    let total = (state.channels.len() as f64 * PER_CHANNEL) as u64;
    let after = total / 10;
    let list = payments(&state, (total + after) as usize, one_way, seed);
    let mut at: Vec<u64> =
        (0..effort.moments).map(|_| (total as f64 * draw.between(0.25, 1.0)) as u64).collect();
    at.sort_unstable();
    let history = History::of(state, &list, &at, fees, seed)
        .map_err(|misfit| Error::Usage(misfit.to_string()))?;
    let mut snapshots = Vec::new();
    for moment in &history.moments {
        let later = history
            .told
            .iter()
            .skip_while(|told| told.bit.at < moment.at)
            .take_while(|told| told.bit.at < moment.at + after / 2);
        let labels: Vec<Label> = later
            .chain(&moment.probes)
            .filter(|told| !told.own)
            .map(|told| label(&history.graph, told))
            .collect();
        for tell in TELLS {
            let pasts = history.shared(moment.at, tell);
            let features = Features::at(&history.graph, &history.position, &pasts, moment.at);
            snapshots.push(Snapshot {
                graph: 0,
                features,
                labels: labels.clone(),
                held_msat: moment.held_msat.clone(),
                tell,
            });
        }
    }
    Ok((history.graph, snapshots))
}

/// Other capacities, of a law drawn for the network: a core's differ from its graph's, and from
/// one network to the next.
fn capacities(state: &mut world::State, draw: &mut Draw) {
    let (mean, spread) = (draw.between(12.5, 14.5), draw.between(0.7, 2.1));
    for channel in &mut state.channels {
        let sat = (mean + spread * draw.normal()).exp().clamp(20_000.0, 2e6) as u64;
        channel.capacity_msat = sat * 1_000;
        channel.held_msat = channel.capacity_msat / 2;
    }
}

fn label(graph: &Graph, told: &Told) -> Label {
    let bit = &told.bit;
    let capacity_msat = graph.capacity_msat(bit.arc as usize).max(1);
    Label {
        arc: bit.arc,
        share: (bit.amount_msat as f64 / capacity_msat as f64) as f32,
        passed: bit.seen != Seen::Refused,
    }
}

/// Learns on from `state`.
pub fn train(
    mut state: State,
    effort: &Effort,
    watch: &mut Watch<'_>,
    save: &mut dyn FnMut(&State) -> Result<(), Error>,
) -> Result<State, Error> {
    let told = Progress {
        stage: "networks",
        done: 0,
        total: effort.cases + effort.checks,
        note: "paying".to_owned(),
    };
    watch(&told);
    let learn = data(TRAINING + (state.seed << 20), effort.cases, effort)?;
    let check = data(CHECKING + (state.seed << 20), effort.checks, effort)?;
    let module = Module::new(LAYERS, state.local, &state.values)?;
    if state.best_loss.is_none() {
        state.first_loss = Some(mean_loss(&module, &check)?);
        state.best_loss = state.first_loss;
    }
    while state.step < effort.steps && state.stale < effort.patience {
        step(&module, &mut state, &learn, effort)?;
        if state.step.is_multiple_of(effort.check_every) || state.step == effort.steps {
            let loss = mean_loss(&module, &check)?;
            if state.best_loss.is_none_or(|best| loss < best) {
                state.best_loss = Some(loss);
                state.best.clone_from(&state.values);
                state.stale = 0;
            } else {
                state.stale += 1;
            }
            save(&state)?;
            let best = state.best_loss.unwrap_or(loss);
            let note = format!("loss {loss:.4}, best {best:.4}");
            let (done, total) = (state.step, effort.steps);
            if !watch(&Progress { stage: "steps", done, total, note }) {
                break;
            }
        }
    }
    Ok(state)
}

fn mean_loss(module: &Module, data: &Data) -> Result<f64, Error> {
    let (mut sum, mut count) = (0.0, 0.0);
    for snapshot in &data.snapshots {
        let inputs = Inputs::new(&data.graphs[snapshot.graph], &snapshot.features)?;
        let loss = module.loss(&inputs, &Labels::new(&snapshot.labels)?)?;
        sum += f64::from(loss.to_scalar::<f32>()?);
        count += 1.0;
    }
    Ok(sum / f64::max(count, 1.0))
}

/// One step of Adam on one snapshot.
fn step(module: &Module, state: &mut State, data: &Data, effort: &Effort) -> Result<(), Error> {
    const KEEP: (f32, f32) = (0.9, 0.98);
    const LONGEST: f32 = 1.0;
    const DECAY: f32 = 1e-5;
    let mut draw = Draw::new(state.seed, state.step as u64);
    let snapshot = &data.snapshots[draw.below(data.snapshots.len())];
    let inputs = Inputs::new(&data.graphs[snapshot.graph], &snapshot.features)?;
    let (_, gradient) = module.gradient(&inputs, &Labels::new(&snapshot.labels)?)?;
    let length = gradient.iter().map(|value| value * value).sum::<f32>().sqrt();
    let cut = if length > LONGEST { LONGEST / length } else { 1.0 };
    let done = state.step as f32 / effort.steps.max(1) as f32;
    let fall = 0.5 + 0.5 * (std::f32::consts::PI * done).cos();
    let rate = effort.rate * (0.02 + 0.98 * fall);
    let count = (state.step + 1) as i32;
    let (first_scale, second_scale) = (1.0 - KEEP.0.powi(count), 1.0 - KEEP.1.powi(count));
    let moments = state.first.iter_mut().zip(&mut state.second);
    for ((value, (first, second)), slope) in state.values.iter_mut().zip(moments).zip(gradient) {
        let slope = slope * cut;
        *first = KEEP.0 * *first + (1.0 - KEEP.0) * slope;
        *second = KEEP.1 * *second + (1.0 - KEEP.1) * slope * slope;
        let way = (*first / first_scale) / ((*second / second_scale).sqrt() + 1e-8);
        *value -= rate * (way + DECAY * *value);
    }
    module.set(&state.values)?;
    state.step += 1;
    Ok(())
}

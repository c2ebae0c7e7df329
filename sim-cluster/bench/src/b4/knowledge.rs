//! What the rows of B4 know, and what they make of it.
//!
//! Only [`Knows::Side`] and [`Knows::Oracle`] may look at balances.

use super::Setting;
use crate::clock::Stopwatch;
use debal_learn::arcs::{Curve, Features, Graph, Pasts, Scorer};
use debal_train::arcs::history::Tell;
use debal_train::arcs::score::holds;

/// lnd's scale of the bimodal prior, msat.
const BIMODAL_SCALE_MSAT: f64 = 3e8;

/// Whose results are known.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Told {
    /// Those of some of the nodes, who tell each other.
    By(Tell),
    /// The sender's own payments and forwards.
    Own,
}

/// The results of payments of a share of the nodes.
const fn payers(share: f64) -> Told {
    Told::By(Tell { share, forwards: false })
}

/// The results of payments and forwards of a fifth of the nodes.
const FORWARDS: Told = Told::By(Tell { share: 0.2, forwards: true });

/// What a row knows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Knows {
    /// Capacities; the shortest way.
    Hops,
    /// Every balance equally likely.
    Uniform,
    /// Balances at one end or the other, as lnd has it.
    Bimodal,
    /// Every balance equally likely that results do not rule out.
    Bounds(Told),
    /// The network without messages between channels.
    Local(Told),
    /// The network.
    Model(Told),
    /// Which end of every channel holds more.
    Side,
    /// Every balance.
    Oracle,
}

/// The networks.
#[derive(Debug)]
pub struct Models {
    /// The one that is shipped, or was named.
    pub model: Scorer,
    /// The ablation.
    pub local: Scorer,
}

/// The probabilities of one row.
#[derive(Debug)]
pub struct Answer {
    says: Says,
    /// What features and forward pass took.
    pub ms: f64,
}

#[derive(Debug)]
enum Says {
    Same,
    Bimodal,
    /// Lowest and highest share of every arc.
    Bounds(Vec<(f64, f64)>),
    Curves(Vec<Curve>),
    Held(Vec<u64>),
    Side(Vec<bool>),
}

impl Knows {
    /// All rows, in the order of the table.
    pub const ALL: [Self; 21] = [
        Self::Hops,
        Self::Uniform,
        Self::Bimodal,
        Self::Bounds(Told::Own),
        Self::Local(Told::Own),
        Self::Model(Told::Own),
        Self::Bounds(payers(0.2)),
        Self::Local(payers(0.2)),
        Self::Model(payers(0.2)),
        Self::Bounds(FORWARDS),
        Self::Local(FORWARDS),
        Self::Model(FORWARDS),
        Self::Bounds(payers(0.5)),
        Self::Local(payers(0.5)),
        Self::Model(payers(0.5)),
        Self::Bounds(payers(1.0)),
        Self::Local(payers(1.0)),
        Self::Model(payers(1.0)),
        Self::Model(payers(0.0)),
        Self::Side,
        Self::Oracle,
    ];

    /// The name of its row.
    #[must_use]
    pub fn name(self) -> String {
        let whose = |told: Told| match told {
            Told::Own => "own".to_owned(),
            Told::By(Tell { share, .. }) if share >= 1.0 => "all tell".to_owned(),
            Told::By(Tell { share, .. }) if share <= 0.0 => "none tell".to_owned(),
            Told::By(Tell { share, forwards }) => {
                format!("{:.0} % tell{}", share * 100.0, if forwards { "+f" } else { "" })
            }
        };
        match self {
            Self::Hops => "hop count".to_owned(),
            Self::Uniform => "uniform prior".to_owned(),
            Self::Bimodal => "bimodal prior".to_owned(),
            Self::Bounds(told) => format!("bounds, {}", whose(told)),
            Self::Local(told) => format!("local, {}", whose(told)),
            Self::Model(told) => format!("model, {}", whose(told)),
            Self::Side => "one true bit".to_owned(),
            Self::Oracle => "oracle".to_owned(),
        }
    }

    /// Whether every sender knows something else.
    pub(super) const fn differs(self) -> bool {
        matches!(self, Self::Bounds(Told::Own) | Self::Local(Told::Own) | Self::Model(Told::Own))
    }

    /// What it says to `sender` (to everybody, where all know the same).
    pub(super) fn answer(self, setting: &Setting, models: &Models, sender: Option<u32>) -> Answer {
        let graph = &setting.history.graph;
        let pasts = |told: Told| match told {
            Told::By(tell) => setting.history.shared(setting.at, tell),
            Told::Own => setting.history.own(setting.at, sender.unwrap_or(u32::MAX)),
        };
        let held = |arc: usize| holds(graph, &setting.held_msat, arc);
        let (says, ms) = match self {
            Self::Hops => (Says::Same, 0.0),
            Self::Uniform => (Says::Curves(vec![Curve::UNIFORM; graph.arcs()]), 0.0),
            Self::Bimodal => (Says::Bimodal, 0.0),
            Self::Bounds(told) => {
                let pasts = pasts(told);
                let bounds = (0..graph.arcs()).map(|arc| pasts.bounds(arc)).collect();
                (Says::Bounds(bounds), 0.0)
            }
            Self::Local(told) => curves(&models.local, setting, &pasts(told)),
            Self::Model(told) => curves(&models.model, setting, &pasts(told)),
            Self::Side => {
                let more = |arc: usize| held(arc) >= graph.capacity_msat(arc) / 2;
                (Says::Side((0..graph.arcs()).map(more).collect()), 0.0)
            }
            Self::Oracle => (Says::Held((0..graph.arcs()).map(held).collect()), 0.0),
        };
        Answer { says, ms }
    }
}

fn curves(scorer: &Scorer, setting: &Setting, pasts: &Pasts) -> (Says, f64) {
    let history = &setting.history;
    let stopwatch = Stopwatch::start();
    let features = Features::at(&history.graph, &history.position, pasts, setting.at);
    let curves = scorer.curves(&history.graph, &features);
    (Says::Curves(curves), stopwatch.spent().processor_s * 1e3)
}

impl Answer {
    /// The probability that an arc carries an amount.
    #[must_use]
    pub fn chance(&self, graph: &Graph, arc: usize, amount_msat: u64) -> f64 {
        let capacity_msat = graph.capacity_msat(arc);
        if amount_msat > capacity_msat {
            return 0.0;
        }
        let (amount, capacity) = (amount_msat as f64, capacity_msat.max(1) as f64);
        match &self.says {
            Says::Same => 1.0,
            Says::Bimodal => bimodal(amount, capacity),
            Says::Bounds(bounds) => {
                let (low, high) = bounds[arc];
                let share = amount / capacity;
                if share <= low {
                    1.0
                } else if share >= high {
                    0.0
                } else {
                    (high - share) / (high - low)
                }
            }
            Says::Curves(curves) => curves[arc].probability(capacity_msat, amount_msat),
            Says::Held(held) => f64::from(u8::from(held[arc] >= amount_msat)),
            Says::Side(more) => {
                let half = capacity / 2.0;
                let within = |amount: f64| ((half - amount) / half).clamp(0.0, 1.0);
                if more[arc] { within(amount - half) } else { within(amount) }
            }
        }
    }
}

/// The density e^(-x/s) + e^((x-c)/s), from the amount to the capacity.
fn bimodal(amount: f64, capacity: f64) -> f64 {
    let (all, at) = ((-capacity / BIMODAL_SCALE_MSAT).exp(), (-amount / BIMODAL_SCALE_MSAT).exp());
    let mirrored = ((amount - capacity) / BIMODAL_SCALE_MSAT).exp();
    ((at - all + 1.0 - mirrored) / (2.0 - 2.0 * all)).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bimodal_prior_is_one_at_nothing_and_nought_at_all() {
        for capacity in [1e7, 1e9, 2e9] {
            assert!((bimodal(0.0, capacity) - 1.0).abs() < 1e-9);
            assert!(bimodal(capacity, capacity).abs() < 1e-9);
            assert!((bimodal(capacity / 2.0, capacity) - 0.5).abs() < 1e-9);
        }
        assert!(bimodal(2e8, 2e9) < 0.9, "less than the uniform prior's for a small share");
    }
}

//! Learned rounds beside hand-set ones, on graphs larger than any trained on.
//!
//! The seeds are the benchmark's, which no training and no choice has met.

use super::{Case, LENGTHS, Reached};
use crate::stats::Row;
use crate::{Error, Progress, Watch};
use debal_learn::rounds::Chosen;
use debal_planner::prices::Schedule;
use debal_topology::Graph;
use debal_topology::generate::Generator;
use std::collections::BTreeMap;

/// What is measured: metric, family, nodes.
const GRAPHS: [(&str, Generator, usize); 2] =
    [("chung_lu_10000", Generator::ChungLu, 10_000), ("ba_2000", Generator::BarabasiAlbert, 2_000)];

/// All metrics: phi and what is offered, by graph.
const METRICS: [&str; 6] = [
    "chung_lu_10000",
    "chung_lu_10000_offered",
    "ba_2000",
    "ba_2000_offered",
    "graph",
    "graph_offered",
];

/// The metrics, in order, with or without those of a given graph.
#[must_use]
pub fn metrics(graph: bool) -> &'static [&'static str] {
    if graph { &METRICS } else { METRICS.split_at(4).0 }
}

/// Every length hand-set (also the 50 rounds of the default) and, where there is a model, learned;
/// phi on `seeds` graphs a family, and on as many states of `graph`. `smaller` divides the sizes,
/// for tests.
///
/// # Errors
/// A graph that cannot be generated.
pub fn compare(
    seeds: usize,
    models: &[Chosen],
    smaller: usize,
    graph: Option<&Graph>,
    watch: &mut Watch<'_>,
) -> Result<Vec<Row>, Error> {
    let mut rules: Vec<(String, usize, Schedule)> = Vec::new();
    for rounds in LENGTHS.into_iter().chain([50]) {
        rules.push((format!("hand-set {rounds}"), rounds, Schedule::default()));
        for model in models {
            match model {
                Chosen::Learned { rounds: of, schedule, .. } if *of as usize == rounds => {
                    rules.push((format!("learned {rounds}"), rounds, schedule.clone()));
                }
                _ => {}
            }
        }
    }
    let mut rows: Vec<Row> = rules
        .iter()
        .map(|(method, ..)| Row { method: method.clone(), metrics: BTreeMap::new() })
        .collect();
    let mut put = |metric: &str, case: &Case| {
        for (row, (_, rounds, schedule)) in rows.iter_mut().zip(&rules) {
            let Reached { phi, offered } = case.reach(*rounds, schedule);
            row.metrics.entry(metric.to_owned()).or_default().push(phi);
            row.metrics.entry(format!("{metric}_offered")).or_default().push(offered);
        }
    };
    for seed in 1..=seeds {
        for (metric, family, nodes) in GRAPHS {
            put(metric, &Case::draw(family, nodes / smaller.max(1), seed as u64)?);
        }
        if let Some(graph) = graph {
            put("graph", &Case::of(graph, seed as u64)?);
        }
        let note = String::new();
        watch(&Progress { stage: "contest", done: seed, total: seeds, note });
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use debal_learn::model::{Kind, ModelFile};
    use debal_learn::rounds::{tensors, width};

    #[test]
    fn a_model_of_zeros_is_level_with_the_hand_set_rules() {
        let tensors = tensors(&vec![0.0; width(3)]).unwrap();
        let file = ModelFile { kind: Kind::Rounds, name: "zeros".into(), version: 1, tensors };
        let graph = Generator::HolmeKim.graph(100, 1).unwrap();
        let models = [Chosen::from_bytes(&file.write()), Chosen::from_bytes(b"broken")];
        let rows = compare(2, &models, 20, Some(&graph), &mut |_| true).unwrap();
        let names: Vec<&str> = rows.iter().map(|row| row.method.as_str()).collect();
        assert_eq!(names, ["hand-set 3", "learned 3", "hand-set 5", "hand-set 10", "hand-set 50"]);
        assert_eq!(rows[0].metrics, rows[1].metrics);
        assert!(metrics(true).iter().all(|metric| rows[0].metrics[*metric].len() == 2));
    }
}

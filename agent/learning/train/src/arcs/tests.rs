//! The loop learns, the node's plain loops say what the tensors say, and results are what happened.

use super::history::{Fees, History, Tell};
use super::module::{self, Inputs, Labels, Module};
use super::score;
use super::training::{CI, LAYERS, State, data, train};
use crate::world::demand::payments;
use crate::world::graphs::{Generator, GraphSource};
use crate::world::payments::regime;
use debal_learn::arcs::{Channel, Curve, Features, Fee, Graph, Network, Pasts, Position, Seen};
use debal_topology::balances::StartingBalances;

fn history(nodes: usize, seed: u64) -> History {
    let state = regime(&GraphSource::Generated(Generator::ChungLu, nodes), seed).unwrap();
    let count = state.channels.len() * 4;
    let list = payments(&state, count, 0.0, seed);
    History::of(state, &list, &[count as u64 / 2, count as u64], Fees::Drawn, seed).unwrap()
}

#[test]
fn results_are_what_balances_allowed() {
    let history = history(400, 3);
    let all = Tell { share: 1.0, forwards: false };
    // Everybody tells and all began half and half: the middle is the balance itself.
    let moment = &history.moments[1];
    let pasts = history.shared(moment.at, all);
    assert_eq!(pasts.heard() as usize, history.told.len());
    for arc in 0..history.graph.arcs() {
        let capacity = history.graph.capacity_msat(arc) as f64;
        let share = score::holds(&history.graph, &moment.held_msat, arc) as f64 / capacity;
        let (low, high) = pasts.bounds(arc);
        assert!((low - 1e-6..=high + 1e-6).contains(&share), "{low} {share} {high}");
    }
    for probe in &moment.probes {
        let (arc, amount) = (probe.bit.arc as usize, probe.bit.amount_msat);
        let can = score::holds(&history.graph, &moment.held_msat, arc) >= amount;
        assert_eq!(can, probe.bit.seen == Seen::Carried);
    }
    // Who tells less knows less.
    let heard = |share, forwards| history.shared(moment.at, Tell { share, forwards }).heard();
    assert!(heard(0.2, false) < heard(0.2, true) && heard(0.2, true) < heard(0.9, true));
    assert_eq!(heard(0.0, true), 0);
}

/// A real piece of the graph, with its fees, and a generated core.
fn graphs() -> Vec<(Graph, Position, Pasts, u64)> {
    let real = debal_topology::embedded().unwrap();
    let fee = |policy: &debal_topology::Policy| {
        Some(Fee { base_msat: policy.base_msat, ppm: policy.ppm })
    };
    let channels = real.channels.iter().map(|channel| Channel {
        ends: channel.ends.map(|end| end as u32),
        capacity_msat: channel.capacity_msat(),
        fees: [fee(&channel.policies[0]), fee(&channel.policies[1])],
    });
    let graph = Graph::new(real.nodes.len() as u32, channels.collect()).unwrap();
    let pasts = Pasts::new(graph.channels().len(), 10.0);
    let position = Position::of(&graph);
    let paid = history(500, 5);
    let at = paid.moments[0].at;
    let pasts_paid = paid.shared(at, Tell { share: 0.3, forwards: true });
    vec![(graph, position, pasts, 0), (paid.graph, paid.position, pasts_paid, at)]
}

#[test]
fn the_nodes_plain_loops_say_what_the_tensors_say() {
    let shipped = debal_learn::model::ModelFile::read(debal_learn::model::ARCS).unwrap();
    let trained: Vec<f32> = shipped.tensors.iter().flat_map(|one| one.values.clone()).collect();
    for (graph, position, pasts, at) in graphs() {
        let features = Features::at(&graph, &position, &pasts, at);
        let inputs = Inputs::new(&graph, &features).unwrap();
        for (values, local) in [
            (module::fresh(LAYERS, 7), false),
            (module::fresh(LAYERS, 8), true),
            (trained.clone(), false),
        ] {
            let tensors = Module::new(LAYERS, local, &values).unwrap().raw(&inputs).unwrap();
            let tensors: Vec<Vec<f32>> = tensors.to_vec2().unwrap();
            let network = Network::from_tensors(&module::tensors(LAYERS, local, &values)).unwrap();
            let plain = network.raw(&graph, &features);
            for (one, other) in plain.iter().flatten().zip(tensors.iter().flatten()) {
                let scale = 1.0_f32.max(one.abs());
                assert!((one - other).abs() <= 1e-5 * scale, "{one} {other}");
            }
        }
    }
}

#[test]
fn a_fresh_network_is_near_the_uniform_prior() {
    let history = history(400, 4);
    let features = Features::at(
        &history.graph,
        &history.position,
        &history.shared(0, Tell { share: 0.0, forwards: false }),
        0,
    );
    let tensors = module::tensors(LAYERS, false, &module::fresh(LAYERS, 1));
    let curves = Network::from_tensors(&tensors).unwrap().curves(&history.graph, &features);
    let off = curves.iter().map(|curve| (curve.probability(1_000, 500) - 0.5).abs());
    assert!(off.sum::<f64>() / (curves.len() as f64) < 0.15);
}

#[test]
fn the_gradient_is_the_slope_of_the_loss() {
    let data = data(77, 1, &CI).unwrap();
    let snapshot = &data.snapshots[0];
    let inputs = Inputs::new(&data.graphs[0], &snapshot.features).unwrap();
    let labels = Labels::new(&snapshot.labels).unwrap();
    let values = module::fresh(LAYERS, 3);
    let module = Module::new(LAYERS, false, &values).unwrap();
    let (_, gradient) = module.gradient(&inputs, &labels).unwrap();
    let length = gradient.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt();
    // Along the gradient itself the loss rises by its length.
    let step = 2e-3;
    let moved = |sign: f64| {
        let scale = sign * step / length;
        let moved: Vec<f32> =
            values.iter().zip(&gradient).map(|(v, g)| v + (scale * f64::from(*g)) as f32).collect();
        module.set(&moved).unwrap();
        f64::from(module.loss(&inputs, &labels).unwrap().to_scalar::<f32>().unwrap())
    };
    let slope = (moved(1.0) - moved(-1.0)) / (2.0 * step);
    assert!((slope / length - 1.0).abs() < 0.03, "{slope} {length}");
}

#[test]
fn the_loop_learns_on_networks_it_has_not_seen() {
    let mut saved = Vec::new();
    let found = train(State::new(1, false), &CI, &mut |_| true, &mut |state| {
        saved.push(state.clone());
        Ok(())
    })
    .unwrap();
    let (first, best) = (found.first_loss.unwrap(), found.best_loss.unwrap());
    assert!(best < 0.93 * first, "{first} {best}");
    // A stop after the third check and a resume is the same training.
    let resumed = train(saved[2].clone(), &CI, &mut |_| true, &mut |_| Ok(())).unwrap();
    assert_eq!(found, resumed);
    // Better than the prior on networks of seeds that neither learned nor chose.
    let network = Network::from_tensors(&module::tensors(LAYERS, false, &found.best)).unwrap();
    let data = data(9 << 40, 2, &CI).unwrap();
    let (mut learned, mut prior) = (0.0, 0.0);
    for snapshot in data.snapshots.iter().filter(|snapshot| snapshot.tell.share >= 0.5) {
        let graph = &data.graphs[snapshot.graph];
        let auc = |curves: &[Curve]| {
            let held = &snapshot.held_msat;
            score::auc(&score::judged_curves(graph, held, 100_000_000, curves))
        };
        learned += auc(&network.curves(graph, &snapshot.features));
        prior += auc(&vec![Curve::UNIFORM; graph.arcs()]);
    }
    assert!(learned > prior + 0.05, "{learned} {prior}");
}

#[test]
fn a_start_is_drawn_by_its_seed() {
    let state = regime(&GraphSource::Generated(Generator::ChungLu, 400), 1).unwrap();
    let half = state.clone().started(StartingBalances::Half, 1);
    assert_eq!(half.channels[0].held_msat, half.channels[0].capacity_msat / 2);
    let other = state.clone().started(StartingBalances::Uniform, 1);
    assert_eq!(other, state.clone().started(StartingBalances::Uniform, 1));
    assert_ne!(other, state.started(StartingBalances::Uniform, 2));
}

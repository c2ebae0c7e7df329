//! Curves, graphs and networks of few numbers.

use super::*;
use crate::model::Tensor;
use crate::net::Misfit;
use proptest::prelude::*;

fn triangle() -> Graph {
    let channel = |ends, capacity_msat| Channel { ends, capacity_msat, fees: [None; 2] };
    let channels =
        vec![channel([0, 1], 1_000_000), channel([1, 2], 2_000_000), channel([2, 0], 500_000)];
    Graph::new(3, channels).unwrap()
}

fn network(layers: usize, value: impl Fn(usize) -> f32) -> Network {
    let mut count = 0;
    let tensor = |(rows, columns): (usize, usize)| {
        let values = (0..rows * columns).map(|index| value(count + index)).collect();
        count += rows * columns;
        Tensor { rows, columns, values }
    };
    let tensors: Vec<Tensor> = shapes(layers).into_iter().map(tensor).collect();
    Network::from_tensors(&tensors).unwrap()
}

fn seen(graph: &Graph) -> Features {
    let mut pasts = Pasts::new(3, 2.0);
    for (arc, seen) in [(0, Seen::Moved), (3, Seen::Refused), (4, Seen::Carried)] {
        pasts.see(
            &Bit { arc, amount_msat: 200_000, seen, at: 5 },
            graph.capacity_msat(arc as usize),
        );
    }
    Features::at(graph, &Position::of(graph), &pasts, 9)
}

#[test]
fn an_end_that_is_no_node_is_refused() {
    let channel = Channel { ends: [0, 3], capacity_msat: 1, fees: [None; 2] };
    assert_eq!(Graph::new(3, vec![channel]), Err(Misfit::Graph(0)));
}

#[test]
fn arcs_leave_the_end_that_has_their_number() {
    let graph = triangle();
    assert_eq!(graph.leaving(2), &[3, 4]);
    assert_eq!((graph.tail(3), graph.head(3), graph.tail(2)), (2, 1, 1));
}

#[test]
fn a_wrong_shape_is_named() {
    let lone = Tensor { rows: 1, columns: 1, values: vec![0.0] };
    assert_eq!(Network::from_tensors(&[lone]), Err(Misfit::Layer(0)));
}

#[test]
fn a_layer_tells_an_arc_about_arcs_it_does_not_touch() {
    let graph = triangle();
    let value = |index: usize| ((index * 7_919 % 101) as f32 - 50.0) / 400.0;
    let features = seen(&graph);
    let mut other = features.clone();
    other.arcs[2][0] += 1.0;
    let moved = |layers| {
        let network = network(layers, value);
        let (one, two) = (network.raw(&graph, &features), network.raw(&graph, &other));
        [0, 2].map(|arc| one[arc] != two[arc])
    };
    assert_eq!(moved(0), [false, true]);
    assert_eq!(moved(1), [true, true]);
}

#[test]
fn the_numbers_of_nodes_do_not_matter() {
    let value = |index: usize| ((index * 7_919 % 101) as f32 - 50.0) / 400.0;
    let graph = triangle();
    let renamed = graph
        .channels()
        .iter()
        .map(|channel| Channel { ends: channel.ends.map(|end| (end + 1) % 3), ..*channel });
    let renamed = Graph::new(3, renamed.collect()).unwrap();
    let network = network(2, value);
    let (one, two) = (network.raw(&graph, &seen(&graph)), network.raw(&renamed, &seen(&renamed)));
    for (one, two) in one.iter().flatten().zip(two.iter().flatten()) {
        assert!((one - two).abs() < 1e-5, "{one} {two}");
    }
}

#[test]
fn knowing_nothing_is_the_uniform_prior() {
    assert_eq!(Curve::UNIFORM.probability(999, 250), 0.75);
    assert_eq!(Curve::UNIFORM.probability(999, 1_000), 0.0);
    assert_eq!(Curve::UNIFORM.parts(999, 500), 1 << 31);
    assert_eq!(Curve::UNIFORM.parts(999, 0), u32::MAX);
}

#[test]
fn a_wrong_model_falls_back_to_the_prior_and_says_why() {
    let scorer = Scorer::from_bytes(crate::model::FORECAST);
    assert_eq!(scorer.says(), "uniform prior: a model of forecast, not of arcs");
    let graph = triangle();
    assert_eq!(scorer.curves(&graph, &seen(&graph)), vec![Curve::UNIFORM; 6]);
    assert!(matches!(Scorer::from_bytes(b""), Scorer::Prior { .. }));
}

#[test]
fn the_model_in_the_repository_is_whole() {
    assert!(matches!(Scorer::shipped(), Scorer::Model { .. }), "{}", Scorer::shipped().says());
}

proptest! {
    #[test]
    fn more_is_never_likelier(
        seed in 0_usize..1_000, scale in 0.001_f32..1.0, a in 0_u64..=500_000, b in 0_u64..=500_000
    ) {
        let value = |index: usize| ((index * 7_919 + seed) % 101) as f32 * scale - 50.0 * scale;
        let graph = triangle();
        let (less, more) = (a.min(b), a.max(b));
        for curve in network(1, value).curves(&graph, &seen(&graph)) {
            let chance = |amount| curve.probability(500_000, amount);
            prop_assert!(chance(less) >= chance(more));
            prop_assert!((0.0..=1.0).contains(&chance(more)));
        }
    }
}

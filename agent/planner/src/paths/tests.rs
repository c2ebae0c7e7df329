//! Facts about payment paths that a reader can check by hand.
//!
//! It must never need a generator; random graphs are in the crate's `tests`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;

fn arc(tail: u32, head: u32, base_fee_msat: u64, fee_ppm: u64) -> PathArc {
    PathArc {
        tail,
        head,
        capacity_msat: 1_000_000_000,
        min_htlc_msat: 1,
        max_htlc_msat: 1_000_000_000,
        base_fee_msat,
        fee_ppm,
        disabled: false,
    }
}

fn arcs_of(path: &Path) -> Vec<u32> {
    path.hops.iter().map(|hop| hop.arc).collect()
}

/// 0 -> 1 -> 2 -> 3, and a dearer way 0 -> 4 -> 3.
fn line() -> Vec<PathArc> {
    vec![
        arc(0, 1, 9_000, 9_000),
        arc(1, 2, 1_000, 100),
        arc(2, 3, 500, 1_000),
        arc(0, 4, 0, 0),
        arc(4, 3, 5_000, 0),
    ]
}

#[test]
fn fees_are_charged_by_whoever_forwards_on_what_it_forwards() {
    let graph = Graph::new(5, line()).unwrap();
    let paths = graph.paths(&Query { k: 2, ..Query::payment(0, 3, 1_000_000) }).unwrap();
    // Node 2 forwards 1,000,000 for 500 + 1,000; node 1 forwards 1,001,500 for 1,000 + 100.15
    // rounded down.
    let best = Path {
        hops: vec![
            PathHop { arc: 0, node: 1, amount_msat: 1_002_600, fee_msat: 0 },
            PathHop { arc: 1, node: 2, amount_msat: 1_001_500, fee_msat: 1_100 },
            PathHop { arc: 2, node: 3, amount_msat: 1_000_000, fee_msat: 1_500 },
        ],
        sent_msat: 1_002_600,
        total_fee_msat: 2_600,
        score_msat: 0,
        cost_msat: 2_600,
    };
    assert_eq!(paths[0], best);
    assert_eq!((arcs_of(&paths[1]), paths[1].cost_msat), (vec![3, 4], 5_000));
    assert_eq!(paths.len(), 2);
}

#[test]
fn every_limit_closes_an_arc() {
    let limits: [fn(&mut PathArc); 4] = [
        |arc| arc.disabled = true,
        |arc| arc.min_htlc_msat = 1_001_501,
        |arc| arc.max_htlc_msat = 1_001_499,
        |arc| arc.capacity_msat = 1_001_499,
    ];
    for limit in limits {
        let mut arcs = line();
        limit(&mut arcs[1]);
        let paths = Graph::new(5, arcs).unwrap().paths(&Query::payment(0, 3, 1_000_000)).unwrap();
        assert_eq!(arcs_of(&paths[0]), [3, 4]);
    }
}

#[test]
fn exclusions_hops_fees_and_outer_arcs_are_respected() {
    let graph = Graph::new(5, line()).unwrap();
    let payment = Query::payment(0, 3, 1_000_000);
    let only = |query: &Query<'_>| -> Vec<Vec<u32>> {
        let query = Query { k: 5, ..query.clone() };
        graph.paths(&query).unwrap().iter().map(arcs_of).collect()
    };
    assert_eq!(only(&Query { excluded_arcs: &[2], ..payment.clone() }), [[3, 4]]);
    assert_eq!(only(&Query { max_hops: 2, ..payment.clone() }), [[3, 4]]);
    assert_eq!(only(&Query { max_fee_msat: 2_600, ..payment.clone() }), [[0, 1, 2]]);
    assert_eq!(only(&Query { max_fee_msat: 2_599, ..payment.clone() }), Vec::<Vec<u32>>::new());
    assert_eq!(only(&Query { first_arc: Some(3), ..payment.clone() }), [[3, 4]]);
    assert_eq!(only(&Query { last_arc: Some(4), ..payment }), [[3, 4]]);
}

#[test]
fn a_known_balance_replaces_the_guess() {
    let graph = Graph::new(5, line()).unwrap();
    let reliability = Reliability::UniformPrior { nat_price_msat: 1_000_000_000 };
    let doubtful = Query { reliability, ..Query::payment(0, 3, 1_000_000) };
    let path = &graph.paths(&doubtful).unwrap()[0];
    assert_eq!((arcs_of(path), path.score_msat), (vec![3, 4], 1_001_000 + 1_006_000));
    let known = [(0, 1_002_600), (1, 1_001_500), (2, 1_000_000)];
    let path = &graph.paths(&Query { known_msat: &known, ..doubtful.clone() }).unwrap()[0];
    assert_eq!((arcs_of(path), path.score_msat), (vec![0, 1, 2], 0));
    let empty = [(3, 999_999), (0, 1_002_599)];
    assert_eq!(graph.paths(&Query { known_msat: &empty, ..doubtful }), Ok(vec![]));
}

#[test]
fn a_score_can_outweigh_a_fee() {
    let graph = Graph::new(5, line()).unwrap();
    let mut scores = [Score::ZERO; 5];
    scores[1] = Score::from_ppm(3_000);
    let reliability = Reliability::Scores(&scores);
    let query = Query { reliability, k: 2, ..Query::payment(0, 3, 1_000_000) };
    let paths = graph.paths(&query).unwrap();
    assert_eq!(arcs_of(&paths[0]), [3, 4]);
    assert_eq!((paths[1].cost_msat, paths[1].score_msat), (5_604, 3_004));
}

#[test]
fn a_circle_leaves_by_one_channel_and_returns_by_another() {
    let mut arcs = line();
    arcs.push(arc(3, 0, 0, 2_000));
    let graph = Graph::new(5, arcs).unwrap();
    let query = Query { k: 3, ..Query::circular(0, 3, 5, 1_000_000) };
    let paths = graph.paths(&query).unwrap();
    assert_eq!(paths.len(), 1);
    assert_eq!(arcs_of(&paths[0]), [3, 4, 5]);
    assert_eq!((paths[0].sent_msat, paths[0].hops[2].fee_msat), (1_007_000, 2_000));
    let paths = graph.paths(&Query::circular(0, 0, 5, 1_000_000)).unwrap();
    assert_eq!(arcs_of(&paths[0]), [0, 1, 2, 5]);
}

#[test]
fn a_hop_cap_finds_the_dearer_short_way() {
    // The cheap way to node 1 is long; only the dear one fits the cap, though it passes the same
    // node.
    let arcs = vec![
        arc(0, 1, 0, 0),
        arc(1, 2, 10, 0),
        arc(2, 3, 10, 0),
        arc(1, 3, 500, 0),
        arc(3, 4, 10, 0),
    ];
    let graph = Graph::new(5, arcs).unwrap();
    let paths = |max_hops| {
        let query = Query { max_hops, ..Query::payment(0, 4, 1_000) };
        graph.paths(&query).unwrap().iter().map(arcs_of).collect::<Vec<_>>()
    };
    assert_eq!(paths(4), [[0, 1, 2, 4]]);
    assert_eq!(paths(3), [[0, 3, 4]]);
    assert_eq!(paths(2), Vec::<Vec<u32>>::new());
}

#[test]
fn queries_without_sense_are_refused_by_name() {
    let graph = Graph::new(5, line()).unwrap();
    let payment = Query::payment(0, 3, 1);
    let refuse = |query: Query<'_>| graph.paths(&query).unwrap_err();
    let wrong = refuse(Query { target: 5, ..payment.clone() });
    assert_eq!(wrong, PathError::UnknownNode { node: 5 });
    assert_eq!(refuse(Query { amount_msat: 0, ..payment.clone() }), PathError::ZeroAmount);
    assert_eq!(refuse(Query { k: 0, ..payment.clone() }), PathError::PathsRange { k: 0 });
    let wrong = refuse(Query { max_hops: 21, ..payment.clone() });
    assert_eq!(wrong, PathError::HopsRange { max_hops: 21 });
    let wrong = refuse(Query { excluded_arcs: &[9], ..payment.clone() });
    assert_eq!(wrong, PathError::UnknownArc { arc: 9 });
    let wrong = refuse(Query { reliability: Reliability::Scores(&[]), ..payment.clone() });
    assert_eq!(wrong, PathError::ScoresLength { arcs: 5, scores: 0 });
    let wrong = refuse(Query { first_arc: Some(1), ..payment.clone() });
    assert_eq!(wrong, PathError::ArcElsewhere { arc: 1 });
    assert_eq!(refuse(Query { target: 0, ..payment }), PathError::CircularNeedsArcs);
    let wrong = Graph::new(1, vec![arc(0, 1, 0, 0)]).unwrap_err();
    assert_eq!(wrong, PathError::UnknownNode { node: 1 });
}

#[test]
fn a_front_keeps_the_cheap_the_quick_and_the_reliable() {
    // 0 -> 1 -> 2 three times over, and a fourth channel that the third beats in everything.
    let mut arcs = vec![
        arc(0, 1, 0, 0),
        arc(1, 2, 10, 0),
        arc(1, 2, 20, 0),
        arc(1, 2, 30, 0),
        arc(1, 2, 31, 0),
    ];
    arcs[3].capacity_msat = 100_000_000_000;
    let graph = Graph::new(3, arcs).unwrap();
    let times = [0, 144, 40, 144, 144];
    let query = Query { k: 9, ..Query::payment(0, 2, 500_000_000) };
    let front = graph.front(&query, &times, MAX_LABELS).unwrap();
    let shown: Vec<_> = front.paths.iter().map(|p| (arcs_of(&p.path), p.time)).collect();
    assert_eq!(shown, [(vec![0, 1], 144), (vec![0, 2], 40), (vec![0, 3], 144)]);
    // Half of a channel is there with probability 1/2: ln 2 is 0.693147.
    let doubt = |at: usize| front.paths[at].unreliability;
    assert!(doubt(0) - doubt(2) > 680_000 && doubt(0) < 2 * 693_149);
    assert_eq!((front.cut_short, front.label_cap_hit), (false, false));
}

#[test]
fn a_front_says_when_it_is_cut_short() {
    let graph = Graph::new(5, line()).unwrap();
    let times = [1, 1, 1, 0, 0];
    let query = Query { k: 1, ..Query::payment(0, 3, 1_000_000) };
    let front = graph.front(&query, &times, MAX_LABELS).unwrap();
    assert_eq!((front.paths.len(), front.cut_short, front.label_cap_hit), (1, true, false));
    let front = graph.front(&Query { k: 9, ..query.clone() }, &times, 3).unwrap();
    assert_eq!((front.cut_short, front.label_cap_hit, front.labels), (true, true, 3));
    let wrong = graph.front(&query, &times[1..], MAX_LABELS).unwrap_err();
    assert_eq!(wrong, PathError::TimesLength { arcs: 5, times: 4 });
}

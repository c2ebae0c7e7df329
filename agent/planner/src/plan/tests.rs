//! Facts about plans that a reader can check by hand.
//!
//! It must never need a generator.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;
use crate::document::parse_json;

/// Hubs `A` to `D` without automatic edges; each edge is `src dest fee fixed time` and more fields.
fn problem(edges: &[&str], current: &str, target: &str, mode: &str) -> Problem {
    let edge = |text: &&str| {
        let words: Vec<&str> = text.splitn(6, ' ').collect();
        let more = words.get(5).map_or(String::new(), |more| format!(",{more}"));
        format!(
            r#"{{"src":"{}","dest":"{}","variable_fee":{},"fixed_fee":{},"time_sec":{}{more}}}"#,
            words[0], words[1], words[2], words[3], words[4]
        )
    };
    let edges: Vec<String> = edges.iter().map(edge).collect();
    let text = format!(
        r#"{{"network":{{"nodes":[{{"id":"A"}},{{"id":"B"}},{{"id":"C"}},{{"id":"D"}}],
        "edges":[{}]}},"current":{{{current}}},"target":{{{target}}},"mode":"{mode}"}}"#,
        edges.join(",")
    );
    read_problem(&parse_json(&text).unwrap(), None).unwrap()
}

fn solved(problem: &Problem) -> Plan {
    let plan = solve(problem, &mut |_| true).unwrap();
    verify::verify(problem, &plan.steps, Some(&plan.after), Some(plan.objective)).unwrap();
    assert!(plan.proven_optimal);
    plan
}

fn edges_of(plan: &Plan) -> Vec<u32> {
    plan.steps.iter().map(|step| step.edge).collect()
}

const MOVE_TEN: (&str, &str) = (r#""A":"10""#, r#""A":"0","B":"10""#);

#[test]
fn a_later_figure_only_breaks_ties_of_an_earlier_one() {
    let edges = ["A B 1 0 30", "A C 0.5 0 1", "C B 0.5 0 1", r#"A B 1.1 0 1 "tags":["x"]"#];
    let objective = |mode| {
        let plan = solved(&problem(&edges, MOVE_TEN.0, MOVE_TEN.1, mode));
        (plan.objective.to_string(), plan.cost.to_string(), plan.time_sec.to_string())
    };
    let of = |a: &str, b: &str, c: &str| (a.to_owned(), b.to_owned(), c.to_owned());
    assert_eq!(objective("cheapest"), of("10", "10", "30"), "one step beats two");
    assert_eq!(objective("cheapest-then-fastest"), of("10", "10", "2"));
    assert_eq!(objective("fastest"), of("1", "11", "1"));
    assert_eq!(objective("fastest-then-cheapest"), of("1", "11", "1"));
}

#[test]
fn earliest_looks_at_the_longest_chain_and_not_at_the_sum() {
    // Two short edges side by side end before one long one, though their sum is larger.
    let edges = ["A C 0 0 6", "B C 0 0 6", "A B 0 0 1", "C D 0 0 1"];
    let (current, target) = (r#""A":"5","B":"5""#, r#""A":"0","B":"0","D":"10""#);
    let fastest = solved(&problem(&edges, current, target, "fastest"));
    assert_eq!(fastest.objective.to_string(), "8");
    let earliest = solved(&problem(&edges, current, target, "earliest"));
    assert_eq!(earliest.objective.to_string(), "7");
    assert_eq!(earliest.duration_sec.unwrap().to_string(), "7");
}

#[test]
fn earliest_leaves_a_chain_that_two_short_ways_would_make() {
    // Every way alone takes 11 at most, but using both middle edges would chain 10 + 10.
    let edges = ["A B 0 0 10", "A C 0 0 1", "B D 0 0 10", "B C 0 0 1", "C D 0 0 10"];
    let (current, target) = (r#""A":"4","B":"4""#, r#""A":"0","B":"2","D":"6""#);
    let plan = solved(&problem(&edges, current, target, "earliest"));
    assert_eq!(plan.objective.to_string(), "11");
}

#[test]
fn a_transfer_limit_splits_steps_that_run_side_by_side() {
    let edges = [r#"A B 0 0 5 "transfer_limit":"4""#, "B C 0 0 1"];
    let plan = solved(&problem(&edges, r#""A":"10""#, r#""A":"0","C":"10""#, "cheapest"));
    let amounts: Vec<u64> = plan.steps.iter().map(|step| step.amount).collect();
    assert_eq!(amounts, [4, 4, 2, 10]);
    assert_eq!(plan.after, [vec![], vec![], vec![], vec![0, 1, 2]]);
    assert_eq!(plan.duration_sec.unwrap().to_string(), "6");
}

#[test]
fn what_is_under_way_counts_and_is_waited_for() {
    let text = r#"{"network":{"nodes":[{"id":"A"},{"id":"B"}],"edges":[
        {"src":"A","dest":"B","variable_fee":0,"time_sec":5}]},
        "current":{"A":"3"},"target":{"A":"0","B":"10"},"mode":"fastest",
        "in_flight":[{"dest":"A","amount":"7","remaining_sec":60}]}"#;
    let problem = read_problem(&parse_json(text).unwrap(), None).unwrap();
    let plan = solved(&problem);
    assert_eq!(plan.steps[0].amount, 10);
    assert_eq!(plan.duration_sec.unwrap().to_string(), "65");
}

#[test]
fn the_diagnosis_raises_the_least() {
    let edges = [r#"A B 0 0 1 "capacity":"3""#, r#"B C 0 0 1 "capacity":"9""#];
    let refused =
        solve(&problem(&edges, r#""A":"10""#, r#""A":"0","C":"10""#, "cheapest"), &mut |_| true);
    let Err(PlanError::Infeasible(diagnosis)) = refused else { panic!("{refused:?}") };
    assert_eq!((diagnosis.shortfall, diagnosis.cut.as_slice()), (7, &[0][..]));
    let raise = |edge, by| Raise { edge, by, off: false };
    assert_eq!(diagnosis.raises, [raise(0, 7), raise(1, 1)]);
    let partial = diagnosis.partial.unwrap();
    assert_eq!(edges_of(&partial), [0, 1]);
    assert_eq!(partial.steps[0].amount, 3);
}

#[test]
fn minimums_that_are_to_blame_are_found_among_very_many() {
    let tagged = |number: usize, src: &str, dest: &str, least: u64| {
        format!(r#"{src} {dest} 0 0 1 "min_amount":"{least}","tags":["{number}"]"#)
    };
    let refused = |edges: &[String]| {
        let edges: Vec<&str> = edges.iter().map(String::as_str).collect();
        let problem = problem(&edges, MOVE_TEN.0, MOVE_TEN.1, "cheapest");
        match solve(&problem, &mut |_| true) {
            Err(PlanError::Infeasible(diagnosis)) => diagnosis,
            other => panic!("{other:?}"),
        }
    };
    // A hundred edges with minimums that matter to nobody, and one that nothing can meet.
    let mut edges: Vec<String> = (0..100).map(|n| tagged(n, "C", "D", 2)).collect();
    edges.push(tagged(100, "A", "B", 20));
    let found = refused(&edges);
    assert_eq!((found.minimums.as_slice(), found.unexamined), (&[100][..], 0));
    // Eighty ways that are all too wide: every one of them is to blame.
    let edges: Vec<String> = (0..80).map(|n| tagged(n, "A", "B", 20)).collect();
    let found = refused(&edges);
    assert_eq!((found.minimums.len(), found.unexamined), (80, 0));
    assert!(found.message.contains("and 75 more"), "{}", found.message);
    // So many that the effort ends first, and the message says so.
    let edges: Vec<String> = (0..600).map(|n| tagged(n, "A", "B", 20)).collect();
    let found = refused(&edges);
    assert!(found.unexamined > 0 && found.minimums.len() == 600);
    let said = format!("{} of these 600 minimums not examined", found.unexamined);
    assert!(found.message.contains(&said), "{}", found.message);
}

#[test]
fn an_edge_that_is_off_is_switched_on_and_raised_only_if_it_must_be() {
    let edges = [r#"A B 0 0 1 "off":true"#, r#"B C 0 0 1 "off":true,"capacity":"4""#];
    let problem = problem(&edges, r#""A":"10""#, r#""A":"0","C":"10""#, "cheapest");
    let Err(PlanError::Infeasible(found)) = solve(&problem, &mut |_| true) else { panic!() };
    let raise = |edge, by| Raise { edge, by, off: true };
    assert_eq!(found.raises, [raise(0, 0), raise(1, 6)]);
    let said = "switch on e0 (A to B), switch on e1 (B to C) and raise it by 6";
    assert!(found.message.contains(said), "{}", found.message);
}

#[test]
fn a_stopped_search_still_gives_a_checked_plan_with_its_bound() {
    let edges = ["A B 0 5 1", "A C 0 3 1", "C B 0 3 1", "B D 0 1 1", "C D 0 7 1"];
    let (current, target) = (r#""A":"10""#, r#""A":"0","B":"6","D":"4""#);
    let problem = problem(&edges, current, target, "cheapest");
    let plan = solve(&problem, &mut |progress| progress.nodes < 1).unwrap();
    verify::verify(&problem, &plan.steps, Some(&plan.after), Some(plan.objective)).unwrap();
    assert!(plan.bound <= plan.objective && plan.objective >= Decimal::new(6, 0));
}

#[test]
fn prices_prove_a_bound_and_meet_the_optimum_where_nothing_is_charged() {
    let edges = ["A B 1 0 30", r#"A C 0.5 0 1 "capacity":"4""#, "C B 0.25 0 1"];
    let linear = problem(&edges, MOVE_TEN.0, MOVE_TEN.1, "cheapest");
    let plan = solved(&linear);
    let certificate = Certificate::of(&linear).unwrap();
    assert_eq!(plan.objective.to_string(), "9");
    assert_eq!(certificate.bound(&linear), Some(plan.objective));
    // With charges the bound is that of the relaxation: 10 units over the quick edge of capacity
    // 10, and nothing else is cheaper.
    let timed = problem(&edges, MOVE_TEN.0, MOVE_TEN.1, "fastest");
    let bound = Certificate::of(&timed).unwrap().bound(&timed).unwrap();
    assert!(bound <= solved(&timed).objective && bound > Decimal::ONE, "{bound}");
    // Any prices prove something, and never too much.
    let nonsense = Certificate { potentials: vec![Decimal::new(-3, 1); 4] };
    assert!(nonsense.bound(&linear).unwrap() <= plan.objective);
    assert_eq!(Certificate { potentials: vec![] }.bound(&linear), None);
    let earliest = problem(&edges, MOVE_TEN.0, MOVE_TEN.1, "earliest");
    assert_eq!(Certificate::of(&earliest), None);
}

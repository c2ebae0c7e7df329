//! Fixed-charge flows against enumeration and a mixed-integer solver; whole problems against the
//! checker; broken documents against everything.
//!
//! It must never accept an optimum that only the search itself vouches for.

use debal_planner::charge::{ChargeError, ChargeProblem, ChargedLink, solve};
use debal_planner::document::{parse_json, parse_toml};
use debal_planner::plan::verify::verify;
use debal_planner::plan::{self, Mode, PlanError, Problem, read_problem};
use microlp::{ComparisonOp, LinearExpr, OptimizationDirection, SolveOutcome};
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

use crate::judge;

/// Small problems with charges and, if wanted, minimums.
fn problems(
    most_nodes: u32,
    most_links: usize,
    most: i64,
    minimums: bool,
) -> impl Strategy<Value = ChargeProblem> {
    (2..=most_nodes).prop_flat_map(move |nodes| {
        let least = if minimums { 0..=most } else { 0..=0 };
        let fees = (0i128..=5, prop_oneof![Just(0i128), 1i128..=20]);
        let link = (0..nodes, 0..nodes, 0..=most, least, fees);
        let link = link.prop_map(|(tail, head, capacity, minimum, (unit_cost, fixed_cost))| {
            ChargedLink { tail, head, capacity, minimum, unit_cost, fixed_cost }
        });
        let shift = (0..nodes, 0..nodes, 0..=most);
        let links = prop::collection::vec(link, 0..=most_links);
        (links, prop::collection::vec(shift, 1..3)).prop_map(move |(links, shifts)| {
            let mut supplies = vec![0; nodes as usize];
            for (from, to, amount) in shifts {
                supplies[from as usize] += amount;
                supplies[to as usize] -= amount;
            }
            ChargeProblem { supplies, links }
        })
    })
}

/// The optimum with its flow proven feasible, `None` if infeasible.
fn found(problem: &ChargeProblem) -> Result<Option<i128>, TestCaseError> {
    match solve(problem, None, &mut |_| true) {
        Ok(best) => {
            prop_assert!(best.is_proven());
            prop_assert!(is_plan(problem, &best.flows), "{:?}", best.flows);
            prop_assert_eq!(problem.cost(&best.flows), best.objective);
            Ok(Some(best.objective))
        }
        Err(ChargeError::Infeasible) => Ok(None),
        Err(error) => Err(TestCaseError::fail(error.to_string())),
    }
}

/// Limits, minimums, conservation, no cycle.
fn is_plan(problem: &ChargeProblem, flows: &[i64]) -> bool {
    let mut rest = problem.supplies.clone();
    for (link, &flow) in problem.links.iter().zip(flows) {
        if flow < 0 || flow > link.capacity || (flow > 0 && flow < link.minimum) {
            return false;
        }
        rest[link.tail as usize] -= flow;
        rest[link.head as usize] += flow;
    }
    // Without a cycle, removing links whose tail nothing enters empties the graph.
    let mut used: Vec<&ChargedLink> =
        problem.links.iter().zip(flows).filter(|(_, f)| **f > 0).map(|(l, _)| l).collect();
    loop {
        let entered: Vec<u32> = used.iter().map(|link| link.head).collect();
        let before = used.len();
        used.retain(|link| entered.contains(&link.tail));
        if used.len() == before {
            break;
        }
    }
    used.is_empty() && rest.iter().all(|&left| left == 0)
}

/// The optimum by trying every flow.
fn by_enumeration(problem: &ChargeProblem) -> Option<i128> {
    let mut flows = vec![0i64; problem.links.len()];
    let mut best = None;
    loop {
        let cost = problem.cost(&flows);
        if best.is_none_or(|found| cost < found) && is_plan(problem, &flows) {
            best = Some(cost);
        }
        let turn = (0..flows.len()).find(|&i| flows[i] < problem.links[i].capacity)?;
        flows[turn] += 1;
        flows[..turn].fill(0);
        if flows.iter().zip(&problem.links).all(|(&f, l)| f == l.capacity) {
            let cost = problem.cost(&flows);
            let last = is_plan(problem, &flows) && best.is_none_or(|found| cost < found);
            return if last { Some(cost) } else { best };
        }
    }
}

/// The optimum of the mixed-integer program, `None` if infeasible.
fn by_integer_program(problem: &ChargeProblem) -> Option<f64> {
    let mut program = microlp::Problem::new(OptimizationDirection::Minimize);
    let mut rows = vec![LinearExpr::empty(); problem.supplies.len()];
    for link in &problem.links {
        let flow = program.add_var(link.unit_cost as f64, (0.0, link.capacity as f64));
        if link.fixed_cost > 0 {
            let used = program.add_binary_var(link.fixed_cost as f64);
            let mut coupling = LinearExpr::empty();
            coupling.add(flow, 1.0);
            coupling.add(used, -(link.capacity as f64));
            program.add_constraint(coupling, ComparisonOp::Le, 0.0);
        }
        if link.tail != link.head {
            rows[link.tail as usize].add(flow, 1.0);
            rows[link.head as usize].add(flow, -1.0);
        }
    }
    for (row, &supply) in rows.into_iter().zip(&problem.supplies) {
        program.add_constraint(row, ComparisonOp::Eq, supply as f64);
    }
    match program.solve() {
        Ok(SolveOutcome::Solution(solution)) => Some(solution.objective()),
        Err(microlp::Error::Infeasible) => None,
        other => panic!("the integer program is not solved: {other:?}"),
    }
}

#[test]
fn tiny_charges_and_minimums_agree_with_enumeration() {
    let property = |problem: ChargeProblem| {
        if !problem.links.is_empty() && problem.links.iter().any(|link| link.capacity > 0) {
            prop_assert_eq!(found(&problem)?, by_enumeration(&problem));
        }
        Ok(())
    };
    judge::runner(2_000).run(&problems(4, 6, 3, true), property).unwrap();
}

#[test]
fn small_charges_agree_with_an_integer_program() {
    let property = |problem: ChargeProblem| {
        match (found(&problem)?, by_integer_program(&problem)) {
            // The optimum is whole; the oracle takes a millionth of a charge for nothing.
            (Some(ours), Some(theirs)) => {
                prop_assert!((ours as f64 - theirs).abs() < 1e-3, "{ours}, not {theirs}");
            }
            (ours, theirs) => prop_assert_eq!(ours.is_some(), theirs.is_some()),
        }
        Ok(())
    };
    judge::runner(500).run(&problems(6, 12, 9, false), property).unwrap();
}

#[test]
fn amounts_of_two_to_the_sixty_scale_exactly() {
    // Units 2^56 times as small cost as much less each: the optimum stays, to the last unit.
    let property = |problem: ChargeProblem| {
        let mut large = problem.clone();
        for link in &mut large.links {
            link.capacity <<= 56;
            link.minimum <<= 56;
            link.fixed_cost <<= 56;
        }
        large.supplies.iter_mut().for_each(|supply| *supply <<= 56);
        prop_assert_eq!(found(&large)?, found(&problem)?.map(|cost| cost << 56));
        Ok(())
    };
    judge::runner(500).run(&problems(6, 12, 9, true), property).unwrap();
}

/// A problem file on three hubs with two leaves each.
fn files() -> impl Strategy<Value = String> {
    let place = || prop::sample::select(vec!["@A", "@B", "@C", "a", "b", "c"]);
    let edge = (place(), place(), 0u32..300, 0u32..30, 1u32..90, 5u64..80, 0u64..9);
    let edge = edge.prop_map(|(src, dest, rate, fixed, time, capacity, least)| {
        format!(
            r#"{{"src":"{src}","dest":"{dest}","variable_fee":{}.{:02},"fixed_fee":{fixed},
            "time_sec":{time},"capacity":"{capacity}","min_amount":"{least}"}}"#,
            rate / 100,
            rate % 100
        )
    });
    let holds = prop::collection::vec(0u64..60, 6);
    (prop::collection::vec(edge, 0..9), holds, 0usize..6).prop_map(|(mut edges, holds, turn)| {
        let key = |edge: &String| edge.split(",\"variable").next().unwrap_or_default().to_owned();
        edges.sort_by_key(key);
        edges.dedup_by_key(|edge| key(edge));
        let names = ["@A", "@B", "@C", "a", "b", "c"];
        let balances = |turn: usize| {
            let entry = |n: usize| format!(r#""{}":"{}""#, names[n], holds[(n + turn) % 6]);
            (0..6).map(entry).collect::<Vec<_>>().join(",")
        };
        format!(
            r#"{{"network":{{"nodes":[{{"id":"@A"}},{{"id":"@B"}},{{"id":"@C"}},
            {{"id":"a","hub":"@A"}},{{"id":"b","hub":"@B"}},{{"id":"c","hub":"@C"}}],
            "edges":[{}]}},"current":{{{}}},"target":{{{}}}}}"#,
            edges.join(","),
            balances(0),
            balances(turn)
        )
    })
}

/// Solves and checks; the objective, `None` if infeasible.
fn planned(problem: &Problem) -> Result<Option<plan::Plan>, TestCaseError> {
    match plan::solve(problem, &mut |_| true) {
        Ok(plan) => {
            let said = Some(plan.objective);
            let checked = verify(problem, &plan.steps, Some(&plan.after), said);
            checked.map_err(|refusal| TestCaseError::fail(refusal.to_string()))?;
            prop_assert!(plan.proven_optimal);
            Ok(Some(plan))
        }
        Err(PlanError::Infeasible(diagnosis)) => {
            prop_assert!(diagnosis.shortfall > 0, "{}", diagnosis);
            prop_assert!(diagnosis.partial.is_some(), "{}", diagnosis);
            Ok(None)
        }
        Err(error) => Err(TestCaseError::fail(error.to_string())),
    }
}

#[test]
fn every_mode_gives_a_plan_that_the_checker_accepts() {
    let property = |file: String| {
        let document = parse_json(&file).map_err(|e| TestCaseError::fail(e.to_string()))?;
        let mut objectives = Vec::new();
        for (name, _) in Mode::ALL {
            let Ok(problem) = read_problem(&document, Some(name)) else { return Ok(()) };
            objectives.push(planned(&problem)?);
        }
        let first = |n: usize| objectives[n].as_ref().map(|plan| plan.objective);
        prop_assert_eq!(first(0), first(2), "cheapest stays cheapest");
        prop_assert_eq!(first(1), first(3), "fastest stays fastest");
        if let (Some(a), Some(b)) = (&objectives[2], &objectives[0]) {
            prop_assert!(a.time_sec <= b.time_sec);
        }
        if let (Some(early), Some(fast)) = (&objectives[4], &objectives[1]) {
            prop_assert!(early.objective <= fast.objective, "a chain is part of the sum");
            prop_assert!(early.duration_sec <= Some(early.objective));
        }
        Ok(())
    };
    judge::runner(500).run(&files(), property).unwrap();
}

#[test]
fn broken_documents_are_refused_and_nothing_else_happens() {
    let cuts = (files(), any::<prop::sample::Index>(), any::<prop::sample::Index>(), "\\PC{0,6}");
    let property = |(file, from, to, noise): (String, _, _, String)| {
        let (from, to): (prop::sample::Index, prop::sample::Index) = (from, to);
        let chars: Vec<char> = file.chars().collect();
        let (one, other) = (from.index(chars.len() + 1), to.index(chars.len() + 1));
        let (start, end) = (one.min(other), one.max(other).min(one.min(other) + 12));
        let broken: String = chars[..start]
            .iter()
            .copied()
            .chain(noise.chars())
            .chain(chars[end..].iter().copied())
            .collect();
        if let Ok(document) = parse_json(&broken)
            && let Ok(problem) = read_problem(&document, Some("cheapest"))
        {
            planned(&problem)?;
        }
        let _ = parse_toml(&broken);
        Ok(())
    };
    judge::runner(2_000).run(&cuts, property).unwrap();
    judge::runner(2_000)
        .run(&"\\PC*", |text: String| {
            let _ = (parse_json(&text), parse_toml(&text));
            Ok(())
        })
        .unwrap();
}

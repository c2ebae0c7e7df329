//! Facts about charges and minimums that a reader can check by hand; random instances are in the
//! crate's `tests`.
//!
//! It must never need a generator.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;

/// tail, head, capacity, minimum, unit cost, fixed cost.
type Row = (u32, u32, i64, i64, i128, i128);

fn problem(supplies: &[i64], rows: &[Row]) -> ChargeProblem {
    let link = |&(tail, head, capacity, minimum, unit_cost, fixed_cost): &Row| ChargedLink {
        tail,
        head,
        capacity,
        minimum,
        unit_cost,
        fixed_cost,
    };
    ChargeProblem { supplies: supplies.to_vec(), links: rows.iter().map(link).collect() }
}

fn best(supplies: &[i64], rows: &[Row]) -> Result<(Vec<i64>, i128), ChargeError> {
    let found = solve(&problem(supplies, rows), None, &mut |_| true)?;
    assert!(found.is_proven());
    Ok((found.flows, found.objective))
}

#[test]
fn one_shared_charge_beats_two_of_its_own() {
    let rows = [(0, 2, 99, 0, 0, 10), (1, 2, 99, 0, 0, 10), (0, 1, 99, 0, 0, 3)];
    assert_eq!(best(&[5, 5, -10], &rows), Ok((vec![0, 10, 5], 13)));
}

#[test]
fn a_flat_charge_is_paid_once_however_much_flows() {
    let rows = [(0, 1, 99, 0, 2, 0), (0, 1, 99, 0, 1, 50)];
    assert_eq!(best(&[40, -40], &rows), Ok((vec![40, 0], 80)));
    assert_eq!(best(&[60, -60], &rows), Ok((vec![0, 60], 110)));
}

#[test]
fn a_link_below_its_minimum_is_not_used() {
    let rows = [(0, 1, 100, 50, 0, 0), (0, 1, 30, 0, 5, 0)];
    assert_eq!(best(&[49, -49], &rows), Err(ChargeError::Infeasible));
    assert_eq!(best(&[60, -60], &rows), Ok((vec![60, 0], 0)));
    assert_eq!(best(&[30, -30], &rows), Ok((vec![0, 30], 150)));
}

#[test]
fn flow_does_not_circulate_to_reach_a_minimum() {
    let rows = [(0, 1, 100, 50, 0, 0), (1, 0, 100, 0, 0, 0), (0, 1, 100, 0, 1, 0)];
    assert_eq!(best(&[20, -20], &rows), Ok((vec![0, 0, 20], 20)));
}

#[test]
fn amounts_of_two_to_the_sixty_lose_no_unit() {
    let most = 1 << 60;
    let rows = [(0, 1, most - 1, 0, 0, 7), (0, 1, most, 0, 0, 9), (0, 1, most, 0, 1, 0)];
    assert_eq!(best(&[most, -most], &rows), Ok((vec![most - 1, 0, 1], 8)));
    assert_eq!(best(&[most - 1, 1 - most], &rows[..2]), Ok((vec![most - 1, 0], 7)));
}

#[test]
fn a_stopped_search_says_what_it_has_proven() {
    let rows = [(0, 1, 60, 0, 0, 10), (0, 1, 70, 0, 0, 12), (0, 1, 40, 0, 1, 3)];
    let problem = problem(&[100, -100], &rows);
    let mut looks = 0;
    let found = solve(&problem, None, &mut |_| {
        looks += 1;
        looks <= 1
    });
    let found = found.unwrap();
    assert!(found.bound <= 22 && found.objective >= 22);
    let none = solve(&problem, None, &mut |_| false);
    assert_eq!(none, Err(ChargeError::Stopped { nodes: 0 }));
}

/// A star: what links of these capacities must carry, and which of them are used in a plan.
fn star(capacities: &[i64]) -> ChargeProblem {
    let rows: Vec<Row> = (0u32..).zip(capacities).map(|(i, &c)| (0, i + 1, c, 0, 0, 1)).collect();
    problem(&vec![0; rows.len() + 1], &rows)
}

#[test]
fn a_rounded_cut_holds_for_every_choice_of_links_that_carries_enough() {
    let thirds = [0, pool::ONE / 3, pool::ONE];
    let mut rounded = 0;
    for capacities in [[3, 3, 3, 3], [2, 3, 5, 7], [1, 4, 4, 9], [6, 10, 15, 1 << 60]] {
        let tight = star(&capacities);
        for (excess, guess) in (1..=20i128).flat_map(|excess| (0..81).map(move |g| (excess, g))) {
            let used: Vec<i64> = (0..4).map(|link| thirds[guess / 3usize.pow(link) % 3]).collect();
            let Some(cut) = round::strongest(&tight, &[0, 1, 2, 3], excess, &used) else {
                continue;
            };
            rounded += 1;
            for chosen in 0..16u32 {
                let is_in = |link: usize| chosen >> link & 1 == 1;
                let carried: i128 =
                    (0..4).filter(|&l| is_in(l)).map(|l| i128::from(capacities[l])).sum();
                let paid: Vec<i64> = (0..4).map(|l| i64::from(is_in(l)) * pool::ONE).collect();
                // Every link's part is rounded down.
                let holds = cut.paid(&paid) + 4 >= pool::ONE;
                assert!(carried < excess || holds, "{capacities:?} {excess} {used:?} {chosen:b}");
            }
        }
    }
    assert!(rounded > 1_000, "only {rounded} cuts were tried");
}

#[test]
fn three_links_are_needed_where_two_are_too_small() {
    // By amounts 2.1 links carry it; of whole links it takes all three.
    let cut = round::strongest(&star(&[10, 10, 10]), &[0, 1, 2], 21, &[pool::ONE * 7 / 10; 3]);
    let cut = cut.unwrap();
    assert!(cut.paid(&[pool::ONE, pool::ONE, 0]) < pool::ONE);
    assert!(cut.paid(&[pool::ONE; 3]) + 3 >= pool::ONE);
}

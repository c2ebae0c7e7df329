//! Random channels: what they are worth, plans of short cycles, and the claims and fees of plans.
//!
//! It must never judge a plan by the code that made it: values come from the two ends' own worth.

use std::collections::BTreeSet;

use debal_planner::circulation::{
    ChannelEnd, ChannelValue, Claim, ClaimedCycle, Directions, Move, ResidualArc, ValueRules,
    certify, check_claim, dual_bound, end_worth, net_gains, solve, split_fees, value_arcs,
};
use debal_planner::cycles::{Capped, Caps, Disjoint, plan_capped};
use debal_planner::score::Score;
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

use crate::judge;

fn end() -> impl Strategy<Value = ChannelEnd> {
    let limits = (0u64..20, 0u64..15, 20u64..90);
    (0u64..=60, 0u64..=40, -9i64..=9, 0u64..=6, limits).prop_map(
        |(target_msat, urgency_ppm, drain_msat_per_hour, lend_ppm, (reserve, least, most))| {
            ChannelEnd {
                target_msat,
                urgency_ppm,
                drain_msat_per_hour,
                lend_ppm,
                reserve_msat: reserve,
                htlc_min_msat: least,
                htlc_max_msat: most,
            }
        },
    )
}

fn channel(nodes: u32) -> impl Strategy<Value = ChannelValue> {
    (0..nodes, 1..nodes, 1u64..=60, 0u64..=60, [end(), end()]).prop_map(
        move |(near, step, capacity_msat, held, ends)| ChannelValue {
            near,
            far: (near + step) % nodes,
            capacity_msat,
            balance_msat: held.min(capacity_msat),
            ends,
            label: 0,
        },
    )
}

fn rules() -> impl Strategy<Value = ValueRules> {
    (0u32..4, 1u32..6, 0u64..12).prop_map(|(horizon_hours, tiers, useful_msat)| ValueRules {
        horizon_hours,
        tiers,
        useful_msat,
    })
}

type Case = (u32, Vec<ChannelValue>, ValueRules);

/// Networks of `2..=most_nodes` nodes whose two ends state what they like, contradictions included.
fn networks(most_nodes: u32, most_channels: usize) -> impl Strategy<Value = Case> {
    (2..=most_nodes).prop_flat_map(move |nodes| {
        let list = prop::collection::vec(channel(nodes), 0..=most_channels);
        let labelled = list.prop_map(|mut list| {
            (0u64..).zip(&mut list).for_each(|(label, channel)| channel.label = label);
            list
        });
        (Just(nodes), labelled, rules())
    })
}

fn arcs_of((_, channels, rules): &Case) -> Vec<ResidualArc> {
    let mut arcs = Vec::new();
    channels.iter().for_each(|channel| value_arcs(channel, rules, &mut arcs));
    arcs
}

#[test]
fn the_arcs_of_a_channel_say_what_its_two_ends_say() {
    let property = |(channel, rules): (ChannelValue, ValueRules)| {
        let case = (2, vec![channel], rules);
        let arcs = arcs_of(&case);
        prop_assert!(matches!(net_gains(&arcs), std::borrow::Cow::Borrowed(_)), "nothing to net");
        let scores = vec![Score::ZERO; arcs.len()];
        let directions = Directions::new(&arcs, &scores);
        for way in 0..directions.count() as u32 {
            let parts: Vec<&ResidualArc> =
                directions.arcs(way).iter().map(|&arc| &arcs[arc as usize]).collect();
            let falling = parts.windows(2).all(|pair| pair[0].value_ppm > pair[1].value_ppm);
            prop_assert!(falling, "best first, each slope once");
            let payer = usize::from(parts[0].tail != channel.near);
            let holds = [channel.balance_msat, channel.capacity_msat - channel.balance_msat][payer];
            let room: u64 = parts.iter().map(|arc| arc.capacity_msat).sum();
            let end = channel.ends[payer];
            prop_assert!(room + end.reserve_msat <= holds && room <= end.htlc_max_msat);
            prop_assert!(room >= end.htlc_min_msat.max(rules.useful_msat));
            for amount in 0..=room {
                let alone = |which| end_worth(&channel, &rules, which, which != payer, amount);
                let worth = directions.worth(&arcs, &scores, way, amount);
                prop_assert_eq!(worth, Some(alone(0) + alone(1)));
            }
            prop_assert_eq!(directions.worth(&arcs, &scores, way, room + 1), None);
        }
        Ok(())
    };
    judge::runner(2_000).run(&(channel(2), rules()), property).unwrap();
}

/// Arcs that may claim anything, both ways of one channel included.
fn claims(nodes: u32) -> impl Strategy<Value = Vec<ResidualArc>> {
    let arc = (0..nodes, 1..nodes, 0u64..=50, -20i64..=20, 0u64..5);
    let list = prop::collection::vec(arc, 0..=14);
    list.prop_map(move |list| {
        let arc = |(tail, step, capacity_msat, value_ppm, label)| ResidualArc {
            tail,
            head: (tail + step) % nodes,
            capacity_msat,
            value_ppm,
            label,
        };
        list.into_iter().map(arc).collect()
    })
}

#[test]
fn contradictory_claims_are_netted_and_still_solved_to_the_optimum() {
    let property = |arcs: Vec<ResidualArc>| {
        let scores = vec![Score::ZERO; arcs.len()];
        let best = solve(4, &arcs, &scores).map_err(|e| TestCaseError::fail(e.to_string()))?;
        prop_assert_eq!(certify(4, &arcs, &scores, &best.flows_msat, &best.potentials), Ok(()));
        prop_assert_eq!(dual_bound(4, &arcs, &scores, &best.potentials), Ok(best.objective));
        let netted = net_gains(&arcs);
        let again = net_gains(&netted);
        prop_assert_eq!(&*again, &*netted, "netting is done after once");
        for (before, after) in arcs.iter().zip(netted.iter()) {
            prop_assert!(after.value_ppm <= before.value_ppm, "netting promises nothing more");
        }
        for (one, a) in arcs.iter().zip(&best.flows_msat) {
            for (other, b) in arcs.iter().zip(&best.flows_msat) {
                let back =
                    one.label == other.label && one.tail == other.head && one.head == other.tail;
                prop_assert!(!back || *a == 0 || *b == 0, "one channel both ways");
            }
        }
        Ok(())
    };
    judge::runner(2_000).run(&claims(4), property).unwrap();
}

fn caps() -> impl Strategy<Value = Caps> {
    let disjoint =
        prop::sample::select(vec![Disjoint::Nothing, Disjoint::Channels, Disjoint::Nodes]);
    (2u32..7, 0u64..8, prop_oneof![Just(usize::MAX), 0usize..4], disjoint).prop_map(
        |(max_hops, min_amount_msat, max_cycles, disjoint)| Caps {
            max_hops,
            min_amount_msat,
            max_cycles,
            disjoint,
            effort: 1_000_000,
        },
    )
}

/// A solved case with its plan.
struct Planned {
    arcs: Vec<ResidualArc>,
    scores: Vec<Score>,
    plan: Capped,
    cycles: Vec<ClaimedCycle>,
    claim: Claim,
}

fn planned(case: &Case, caps: &Caps) -> Result<Planned, TestCaseError> {
    let failed = |error: &dyn std::fmt::Display| TestCaseError::fail(error.to_string());
    let arcs = arcs_of(case);
    let scores = vec![Score::ZERO; arcs.len()];
    let best = solve(case.0, &arcs, &scores).map_err(|e| failed(&e))?;
    let least = |arc: &ResidualArc| {
        let channel = &case.1[arc.label as usize];
        channel.ends[usize::from(channel.near != arc.tail)].htlc_min_msat
    };
    let plan = plan_capped(case.0, &arcs, &scores, &best, caps, least).map_err(|e| failed(&e))?;
    let hop = |&way: &u32| {
        let arc = arcs[plan.directions.arcs(way)[0] as usize];
        Move { label: arc.label, tail: arc.tail, head: arc.head }
    };
    let cycles = plan.cycles.iter().map(|cycle| ClaimedCycle {
        moves: cycle.directions.iter().map(hop).collect(),
        amount_msat: cycle.amount_msat,
    });
    let cycles = cycles.collect();
    let bound = dual_bound(case.0, &arcs, &scores, &best.potentials).map_err(|e| failed(&e))?;
    let claim = Claim { potentials: best.potentials, value: plan.value, bound };
    Ok(Planned { arcs, scores, plan, cycles, claim })
}

/// What the ends of a cycle's channels state for it, after the cycles before it.
fn stated(case: &Case, cycles: &[ClaimedCycle], index: usize) -> Vec<i128> {
    let hops = &cycles[index].moves;
    let mut stated = vec![0; hops.len()];
    for (place, hop) in hops.iter().enumerate() {
        let channel = &case.1[hop.label as usize];
        let payer = usize::from(channel.near != hop.tail);
        let earlier = cycles[..index].iter().filter(|cycle| cycle.moves.contains(hop));
        let before: u64 = earlier.map(|cycle| cycle.amount_msat).sum();
        let adds = |which| {
            let worth = |amount| end_worth(channel, &case.2, which, which != payer, amount);
            worth(before + cycles[index].amount_msat) - worth(before)
        };
        stated[place] += adds(payer);
        stated[(place + 1) % hops.len()] += adds(1 - payer);
    }
    stated
}

#[test]
fn a_capped_plan_keeps_its_caps_and_its_claim_holds() {
    let property = |(case, caps): (Case, Caps)| {
        let Planned { arcs, scores, plan, cycles, claim } = planned(&case, &caps)?;
        let gap = check_claim(case.0, &arcs, &scores, &cycles, &claim);
        prop_assert_eq!(gap, Ok(plan.optimum - plan.value));
        prop_assert_eq!((claim.bound, plan.loss()), (plan.optimum, plan.optimum - plan.value));
        prop_assert!(plan.cut_value <= plan.value && plan.value <= plan.optimum);
        prop_assert!(cycles.len() <= caps.max_cycles);
        let (mut nodes, mut channels) = (BTreeSet::new(), BTreeSet::new());
        for (index, cycle) in cycles.iter().enumerate() {
            prop_assert!(cycle.moves.len() <= caps.max_hops as usize);
            prop_assert!(cycle.amount_msat >= caps.min_amount_msat.max(1));
            for hop in &cycle.moves {
                let channel = &case.1[hop.label as usize];
                let payer = usize::from(channel.near != hop.tail);
                prop_assert!(cycle.amount_msat >= channel.ends[payer].htlc_min_msat);
                let fresh = channels.insert(hop.label);
                prop_assert!(fresh || caps.disjoint == Disjoint::Nothing, "a channel twice");
                let fresh = nodes.insert(hop.tail);
                prop_assert!(fresh || caps.disjoint != Disjoint::Nodes, "a node twice");
            }
            let whole: i128 = stated(&case, &cycles, index).iter().sum();
            prop_assert_eq!(whole, plan.cycles[index].value, "the parties gain what it adds");
            prop_assert!(whole > 0);
        }
        Ok(())
    };
    judge::runner(3_000).run(&(networks(7, 18), caps()), property).unwrap();
}

#[test]
fn without_caps_the_plan_is_the_optimum() {
    let property = |case: Case| {
        let caps = Caps {
            max_hops: u32::MAX,
            min_amount_msat: 1,
            max_cycles: usize::MAX,
            disjoint: Disjoint::Nothing,
            effort: 1_000_000,
        };
        let free = case.1.iter().map(|channel| {
            let ends = channel.ends.map(|end| ChannelEnd { htlc_min_msat: 0, ..end });
            ChannelValue { ends, ..*channel }
        });
        let case = (case.0, free.collect(), case.2);
        let plan = planned(&case, &caps)?.plan;
        prop_assert_eq!((plan.value, plan.loss_ppm()), (plan.optimum, 0));
        Ok(())
    };
    judge::runner(2_000).run(&networks(8, 20), property).unwrap();
}

/// Whether a closed walk of at most `hops` moves gains with one msat more on each channel.
fn short_gain(case: &Case, planned: &Planned, hops: u32) -> bool {
    let Planned { arcs, scores, plan, cycles, .. } = planned;
    let ways = 0..plan.directions.count() as u32;
    let first = |way: u32| arcs[plan.directions.arcs(way)[0] as usize];
    let moved = |label: u64, tail: u32| {
        let here = |hop: &&Move| hop.label == label && hop.tail == tail;
        let of = |cycle: &ClaimedCycle| cycle.moves.iter().filter(here).count() as u64;
        cycles.iter().map(|cycle| of(cycle) * cycle.amount_msat).sum::<u64>()
    };
    let open: Vec<(u32, u32, i128)> = ways
        .filter_map(|way| {
            let arc = first(way);
            let (ahead, back) = (moved(arc.label, arc.tail), moved(arc.label, arc.head));
            let worth = |amount| plan.directions.worth(arcs, scores, way, amount);
            let gain = worth(ahead + 1)? - worth(ahead)?;
            (back == 0).then_some((arc.tail, arc.head, gain))
        })
        .collect();
    (0..case.0).any(|start| {
        let mut best = vec![None; case.0 as usize];
        best[start as usize] = Some(0i128);
        (0..hops).any(|_| {
            let mut next = vec![None; case.0 as usize];
            for &(tail, head, gain) in &open {
                if let Some(sum) = best[tail as usize] {
                    let slot: &mut Option<i128> = &mut next[head as usize];
                    *slot = (*slot).max(Some(sum + gain));
                }
            }
            best = next;
            best[start as usize].is_some_and(|gain| gain > 0)
        })
    })
}

#[test]
fn no_short_cycle_that_gains_is_left_behind() {
    let property = |(case, max_hops): (Case, u32)| {
        let free = case.1.iter().map(|channel| {
            let ends = channel.ends.map(|end| ChannelEnd { htlc_min_msat: 0, ..end });
            ChannelValue { ends, ..*channel }
        });
        let case = (case.0, free.collect(), case.2);
        let caps = Caps {
            max_hops,
            min_amount_msat: 1,
            max_cycles: usize::MAX,
            disjoint: Disjoint::Nothing,
            effort: u64::MAX,
        };
        let planned = planned(&case, &caps)?;
        prop_assert!(planned.plan.exhausted);
        prop_assert!(!short_gain(&case, &planned, max_hops), "a short cycle still gains");
        Ok(())
    };
    judge::runner(2_000).run(&(networks(8, 20), 2u32..6), property).unwrap();
}

#[test]
fn a_perturbed_claim_is_refused_unless_it_says_the_same() {
    let what = (0u32..6, any::<prop::sample::Index>(), 1i64..40, any::<bool>());
    type Change = (u32, prop::sample::Index, i64, bool);
    let property = |(case, caps, (kind, pick, size, less)): (Case, Caps, Change)| {
        let good = planned(&case, &caps)?;
        let (mut cycles, mut claim) = (good.cycles.clone(), good.claim.clone());
        let change = if less { -size } else { size };
        let count = cycles.len();
        match kind {
            0 => claim.value += i128::from(change),
            1 => claim.bound += i128::from(change),
            2 => claim.potentials[pick.index(case.0 as usize)] += change,
            _ if count == 0 => return Ok(()),
            3 => {
                let cycle = &mut cycles[pick.index(count)];
                cycle.amount_msat = cycle.amount_msat.saturating_add_signed(change);
            }
            4 => {
                let cycle = &mut cycles[pick.index(count)];
                let hops = cycle.moves.len();
                cycle.moves[pick.index(hops)].head = size as u32 % case.0;
            }
            _ => drop(cycles.remove(pick.index(count))),
        }
        let verdict = check_claim(case.0, &good.arcs, &good.scores, &cycles, &claim);
        if cycles == good.cycles && claim == good.claim {
            return Ok(());
        }
        let bound = dual_bound(case.0, &good.arcs, &good.scores, &claim.potentials);
        let mut value = Some(0i128);
        for index in 0..cycles.len() {
            let moved: i128 =
                if verdict.is_ok() { stated(&case, &cycles, index).iter().sum() } else { 0 };
            value = value.map(|sum| sum + moved);
        }
        // Only a claim that is true as it stands may pass.
        prop_assert!(verdict.is_err() || (bound == Ok(claim.bound) && value == Some(claim.value)));
        prop_assert!(!(verdict.is_ok() && kind < 2), "a wrong figure never passes");
        Ok(())
    };
    judge::runner(3_000).run(&(networks(6, 14), caps(), what), property).unwrap();
}

/// Everything a split promises.
fn check_split(stated: &[i128], receives: &[i128]) -> Result<(), TestCaseError> {
    prop_assert_eq!(receives.iter().sum::<i128>(), 0, "fees net to zero");
    for (&worth, &receives) in stated.iter().zip(receives) {
        prop_assert!(worth + receives * 1_000_000 >= 0, "worse off than stated");
        prop_assert!(worth > 0 || receives >= 0, "a helper never pays");
    }
    Ok(())
}

#[test]
fn a_split_nets_to_zero_and_leaves_nobody_worse_off() {
    let worth = -60_000_000i128..=60_000_000;
    let property = |stated: Vec<i128>| {
        let prices: i128 = stated.iter().map(|&w| (-w.min(0) + 999_999) / 1_000_000).sum();
        let gains: i128 = stated.iter().map(|&w| w.max(0) / 1_000_000).sum();
        match split_fees(&stated) {
            Some(receives) => {
                prop_assert_eq!(receives.len(), stated.len());
                check_split(&stated, &receives)
            }
            None => {
                prop_assert!(prices > gains, "refused although the gains cover the prices");
                Ok(())
            }
        }
    };
    judge::runner(5_000).run(&prop::collection::vec(worth, 0..10), property).unwrap();
}

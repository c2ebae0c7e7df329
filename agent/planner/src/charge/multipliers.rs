//! Better weights for the cuts of the root: subgradient steps, and new cuts where the relaxation
//! uses less of a border than one link.
//!
//! It must never return a bound that the relaxation did not prove: any weights above zero give one,
//! and only the best that was solved is kept.

use super::cuts::{Ascent, Charges, Cut};
use super::relax::{Relaxation, State};
use super::{ChargeProblem, Progress};
use crate::simplex::Cost;

/// Steps at most.
const STEPS: usize = 2_000;
/// Steps between two searches for new cuts.
const SEARCH_EVERY: usize = 10;
/// Steps without a better bound before they become shorter.
const PATIENCE: usize = 20;
/// Steps this many times shorter than the first end a round; another follows if the bound rose by
/// more than its part of 2^-GAIN_SHIFT.
const SHORTEST: i128 = 512;
const GAIN_SHIFT: u32 = 11;
/// Cuts, and links in all their borders, at most.
const CUTS_MAX: usize = 30_000;
const BORDERS_MAX: usize = 3_000_000;
/// The unit of fractions.
const ONE: i128 = 1 << 20;

/// What is to be improved.
pub(super) struct Goal<'a> {
    pub tight: &'a ChargeProblem,
    /// What is decided at the root.
    pub states: &'a [State],
    /// What the best flow costs; a bound that reaches it is enough.
    pub target: i128,
}

/// Improves `charges`, which the cuts that `ascent` kept gave. `watch` may end it.
pub(super) fn improve<C: Cost>(
    goal: &Goal<'_>,
    relaxation: &mut Relaxation<'_, C>,
    ascent: &mut Ascent<'_>,
    charges: &mut Charges,
    watch: &mut dyn FnMut(&Progress) -> bool,
) {
    let Goal { tight, states, target } = *goal;
    let mut cuts = ascent.take_cuts();
    let (mut best, mut shrink, mut since) = (i128::MIN, 1i128, 0);
    let mut round = i128::MIN;
    let mut average: Option<Vec<i128>> = None;
    for step in 0..STEPS {
        let Some(now) = weighted(tight, relaxation.scale(), &cuts) else { break };
        let Some(relaxed) = relaxation.solve(states, now.clone()) else { break };
        since += 1;
        if relaxed.scaled > best {
            (best, since, *charges) = (relaxed.scaled, 0, now.clone());
        } else if since >= PATIENCE {
            (shrink, since) = (shrink * 2, 0);
        }
        let goes_on = watch(&Progress {
            objective: Some(target),
            bound: relaxed.bound,
            nodes: 0,
            pivots: relaxation.pivots,
        });
        if shrink > SHORTEST && best > round {
            // The cuts found on the way deserve long steps again.
            (round, shrink, since) = (best + (best >> GAIN_SHIFT), 1, 0);
        }
        if !goes_on || relaxed.bound >= target || shrink > SHORTEST {
            break;
        }
        let used = usage(tight, &relaxed.flows, &now);
        let mean = match average.take() {
            Some(old) => old.iter().zip(&used).map(|(o, u)| (o * 7 + u) / 8).collect(),
            None => used.clone(),
        };
        let missing = target.saturating_mul(relaxation.scale()).saturating_sub(relaxed.scaled);
        if !move_weights(tight, &mut cuts, &used, missing / shrink) {
            break;
        }
        if step % SEARCH_EVERY == 0 {
            search(tight, ascent, states, &mean, &mut cuts);
        }
        average = Some(mean);
    }
}

/// What the cuts at their weights leave of the charges. `None` if it does not fit.
fn weighted(tight: &ChargeProblem, scale: i128, cuts: &[Cut]) -> Option<Charges> {
    let mut charges = Charges::new(tight, scale);
    for cut in cuts.iter().filter(|cut| cut.weight > 0) {
        charges.constant = charges.constant.checked_add(cut.weight)?;
        for &link in &cut.border {
            charges.left[link as usize] -= cut.part(tight, link)?;
        }
    }
    charges.settle();
    Some(charges)
}

/// How much of every link the relaxation pays for, as a fraction of [`ONE`].
fn usage(tight: &ChargeProblem, flows: &[i64], charges: &Charges) -> Vec<i128> {
    let share = |(index, (link, &flow)): (usize, (&super::ChargedLink, &i64))| {
        if charges.refund[index] > 0 {
            return ONE;
        }
        if link.capacity == 0 { 0 } else { i128::from(flow) * ONE / i128::from(link.capacity) }
    };
    tight.links.iter().zip(flows).enumerate().map(share).collect()
}

/// One subgradient step of Polyak's length. False if there is no direction or it does not fit.
fn move_weights(tight: &ChargeProblem, cuts: &mut [Cut], used: &[i128], missing: i128) -> bool {
    let slack = |cut: &Cut| {
        let paid: i128 = cut
            .border
            .iter()
            .map(|&link| used[link as usize] * cut.share(tight, link) / cut.excess)
            .sum();
        ONE - paid
    };
    let slacks: Vec<i128> = cuts.iter().map(slack).collect();
    let counts =
        |(cut, slack): (&Cut, &i128)| if cut.weight > 0 || *slack > 0 { slack * slack } else { 0 };
    let norm: i128 = cuts.iter().zip(&slacks).map(counts).sum();
    if norm == 0 || missing <= 0 {
        return false;
    }
    for (cut, slack) in cuts.iter_mut().zip(slacks) {
        let Some(product) = missing.checked_mul(ONE).and_then(|m| m.checked_mul(slack)) else {
            return false;
        };
        cut.weight = (cut.weight + product / norm).max(0);
    }
    true
}

/// Adds cuts whose borders the relaxation pays for least, without weight.
fn search(
    tight: &ChargeProblem,
    ascent: &mut Ascent<'_>,
    states: &[State],
    used: &[i128],
    cuts: &mut Vec<Cut>,
) {
    let links: usize = cuts.iter().map(|cut| cut.border.len()).sum();
    if cuts.len() > CUTS_MAX || links > BORDERS_MAX {
        cuts.retain(|cut| cut.weight > 0);
        return;
    }
    // Sets grow first over what is paid for, so that their borders are what is not.
    let open = |(link, &used): (&super::ChargedLink, &i128)| {
        if link.fixed_cost == 0 { 0 } else { (ONE - used.min(ONE)).max(0) }
    };
    let left: Vec<i128> = tight.links.iter().zip(used).map(open).collect();
    let refund = vec![0; left.len()];
    let mut pretended = Charges { left, refund, constant: 0 };
    ascent.raise(states, &mut pretended);
    let paid = |cut: &Cut| -> i128 {
        let part = |&link: &u32| used[link as usize] * cut.share(tight, link) / cut.excess;
        cut.border.iter().map(part).sum()
    };
    for mut cut in ascent.take_cuts() {
        if paid(&cut) < ONE - ONE / 20 {
            cut.weight = 0;
            cuts.push(cut);
        }
    }
}

//! Who leads over very many epochs when everything is heard: the election's own ranking, chain of
//! seeds and rotation, without messages.
//!
//! A withholder must never use what it cannot know: others' draws of epochs to come.

use super::members::Members;
use super::stats::Tally;
use crate::BenchError;
use debal_crypto::{Digest, Domain, NodeId, VrfOutput};
use debal_protocol::election::ranking::{Rank, draw};
use debal_protocol::election::{Claim, Tip, View};
use debal_protocol::ids::Epoch;
use debal_protocol::limits::RECENT_LEADERS_MAX;
use debal_protocol::roster::Roster;

/// What an identity or a group of them does with a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conduct {
    /// Claims whenever it may.
    Honest,
    /// Hears all others first and keeps back claims when that promises more turns: this one, and
    /// the one two epochs on, whose seed depends on who leads now.
    Withholding,
}

fn founding(members: &Members) -> Result<Tip, BenchError> {
    let genesis = members.genesis();
    let roster = Roster::founding(genesis.members)
        .map_err(|e| BenchError::Usage(format!("{} members: {e}", members.count())))?;
    Ok(Tip::genesis(genesis.network, roster))
}

fn view_of(tip: &Tip, epoch: u64) -> Result<View, BenchError> {
    let late = || BenchError::Usage(format!("epoch {epoch} has no view"));
    tip.view(Epoch(epoch)).ok_or_else(late)
}

fn output(members: &Members, view: &View, member: usize) -> VrfOutput {
    let input = view.vrf_input(None);
    members.suites[member].vrf_prove(&input, &view.base_digest).2
}

/// Everybody who may claim, best first, with their outputs.
fn race(members: &Members, view: &View, rests: &[bool]) -> Vec<(Rank, usize, VrfOutput)> {
    let awake = (0..members.count()).filter(|member| !rests[*member]);
    let mut race: Vec<(Rank, usize, VrfOutput)> = awake
        .map(|member| {
            let output = output(members, view, member);
            let node = members.suites[member].node();
            (Rank::new(&output, members.weights[member], node), member, output)
        })
        .collect();
    race.sort_unstable_by_key(|(rank, _, _)| *rank);
    race
}

fn resting(members: &Members, view: &View) -> Vec<bool> {
    members.nodes().map(|node| view.cools_down(&node)).collect()
}

/// The tip after `leader` led the view's epoch.
fn after(members: &Members, view: &View, leader: usize, output: &VrfOutput) -> Tip {
    let (claim, _) = Claim::make(members.suites[leader].as_ref(), view, None, []);
    view.extend(&claim, 0, output.seed)
}

/// `epochs` elections along one chain; the members of `group` behave as `conduct` says.
///
/// # Errors
/// Members that are no roster.
pub fn along_the_chain(
    members: &Members,
    epochs: u64,
    group: &[bool],
    conduct: Conduct,
) -> Result<Tally, BenchError> {
    let mut tally = Tally::of(members.count());
    let mut tip = founding(members)?;
    for epoch in 1..=epochs {
        let view = view_of(&tip, epoch)?;
        let rests = resting(members, &view);
        let race = race(members, &view, &rests);
        let chosen = match conduct {
            Conduct::Honest => 0,
            Conduct::Withholding => best_turn(members, &view, &race, group)?,
        };
        let Some((_, leader, output)) = race.get(chosen) else { continue };
        let chance = |(weight, rests): (&u64, &bool)| if *rests { 0.0 } else { *weight as f64 };
        let chances: Vec<f64> = members.weights.iter().zip(&rests).map(chance).collect();
        tally.led(epoch, *leader, &chances);
        tip = after(members, &view, *leader, output);
    }
    Ok(tally)
}

/// Which of the race's places leads if the group keeps back the claims before it. Only claims of
/// its own that lead the race can be kept back to any effect.
fn best_turn(
    members: &Members,
    view: &View,
    race: &[(Rank, usize, VrfOutput)],
    group: &[bool],
) -> Result<usize, BenchError> {
    let own = race.iter().take_while(|(_, member, _)| group[*member]).count();
    let mut best = (0, f64::MIN);
    for (place, (_, leader, output)) in race.iter().enumerate().take(own + 1) {
        if own == 0 {
            break;
        }
        let now = f64::from(u8::from(group[*leader]));
        let tip = after(members, view, *leader, output);
        let promise = now + leads_in_two(members, &tip, group)?;
        if promise > best.1 {
            best = (place, promise);
        }
    }
    Ok(best.0)
}

/// The probability that one of the group leads two epochs after this tip's: it knows the seed and
/// so its own draws; of the others it knows the weights.
fn leads_in_two(members: &Members, tip: &Tip, group: &[bool]) -> Result<f64, BenchError> {
    let view = view_of(tip, tip.epoch.0 + 2)?;
    let rests = resting(members, &view);
    let (mut soonest, mut against) = (f64::MAX, 0.0);
    for member in (0..members.count()).filter(|member| !rests[*member]) {
        let weight = members.weights[member] as f64;
        if group[member] {
            let drawn = draw(&output(members, &view, member).rank).max(1) as f64;
            soonest = f64::min(soonest, (128.0 * std::f64::consts::LN_2 - drawn.ln()) / weight);
        } else {
            against += weight;
        }
    }
    Ok((-soonest * against).exp())
}

/// `epochs` elections by ranking and rotation alone, for more members than a roster holds.
#[must_use]
pub fn by_ranking(weights: &[u64], epochs: u64, seed: u64) -> Tally {
    let rest = (weights.len().saturating_sub(1) / 2).min(RECENT_LEADERS_MAX);
    let mut tally = Tally::of(weights.len());
    let mut chances: Vec<f64> = weights.iter().map(|weight| *weight as f64).collect();
    let mut recent = std::collections::VecDeque::new();
    for epoch in 1..=epochs {
        let ranked = (0..weights.len()).filter(|member| chances[*member] > 0.0).map(|member| {
            let number = (member as u64).to_be_bytes();
            let parts: [&[u8]; 3] = [&seed.to_be_bytes(), &epoch.to_be_bytes(), &number];
            let bytes = Digest::of(Domain::VrfRank, &parts).0;
            let output = VrfOutput { rank: bytes, seed: bytes };
            (Rank::new(&output, weights[member], NodeId(bytes)), member)
        });
        let Some((_, leader)) = ranked.min() else { continue };
        tally.led(epoch, leader, &chances);
        chances[leader] = 0.0;
        recent.push_back(leader);
        if recent.len() > rest
            && let Some(rested) = recent.pop_front()
        {
            chances[rested] = weights[rested] as f64;
        }
    }
    tally
}

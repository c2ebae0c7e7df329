//! The leader's plan: from balance summaries to cycles.
//!
//! The only module that knows the protocol's names. It must give the same cycles for the same
//! summaries on every machine, and never a hop that a summary did not offer.

use crate::circulation::{ResidualArc, solve, split_fees};
use crate::cycles::{Caps, Disjoint, plan_capped};
use crate::score::Score;
use debal_protocol::limits::CYCLE_HOPS_MAX;
use debal_protocol::plan::{CyclePlan, Hop};
use debal_protocol::summary::{ChannelSummary, Summary, Want};
use debal_protocol::{Bounded, ChannelId, Msat, NodeId};
use std::collections::BTreeMap;

/// What one step of urgency is worth, millionths of the amount. Full urgency is worth about 1,000
/// ppm, the order of what operators pay to refill a channel.
const URGENCY_PPM: i64 = 4;
/// What the use of an idle channel costs at least, so that no liquidity moves for nothing.
const LEND_PPM: i64 = 5;
/// What an arc's uniform-prior unreliability costs, millionths of the amount per unit of -ln P.
const SCORE_PRICE_PPM: u64 = 10;
/// How many arcs the search for more short cycles may look at: well under a second.
const EFFORT: u64 = 20_000_000;

/// Limits of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlanLimits {
    /// Most hops of a cycle.
    pub max_hops: u32,
    /// Smallest amount of a cycle.
    pub min_amount_msat: u64,
    /// Most cycles.
    pub max_cycles: usize,
}

impl Default for PlanLimits {
    fn default() -> Self {
        Self { max_hops: 6, min_amount_msat: 1_000_000, max_cycles: 48 }
    }
}

/// One direction of a channel that both ends would let liquidity move along.
#[derive(Clone, Copy, Debug)]
struct Candidate {
    channel: ChannelId,
    payer: NodeId,
    payee: NodeId,
    /// What the move is worth to either end by its own statement: its urgency, or less than nothing
    /// where it lends.
    payer_states_ppm: i64,
    payee_states_ppm: i64,
}

/// Plans cycles from the freshest summaries of all members: exact maximum-value circulation over
/// the arcs both ends offer, cut into short cycles, and more short cycles where that left a gain.
/// Best first; empty if nothing is worth
/// moving.
#[must_use]
pub fn plan_cycles(summaries: &[(NodeId, Summary)], limits: &PlanLimits) -> Vec<CyclePlan> {
    let ends = index_ends(summaries);
    let mut nodes: BTreeMap<NodeId, u32> = BTreeMap::new();
    for (node, _) in summaries {
        let next = u32::try_from(nodes.len()).unwrap_or(u32::MAX);
        nodes.entry(*node).or_insert(next);
    }
    let (mut arcs, mut candidates) = (Vec::new(), Vec::new());
    for ((channel, payer), sends) in &ends {
        let Some(receives) = ends.get(&(*channel, sends.peer)) else { continue };
        if receives.peer != *payer {
            continue;
        }
        let (Some(tail), Some(head)) = (nodes.get(payer), nodes.get(&sends.peer)) else { continue };
        let capacity_msat = sends.send_msat.min(receives.receive_msat).0;
        if capacity_msat < limits.min_amount_msat.max(1) {
            continue;
        }
        let (tail, head) = (*tail, *head);
        let stated = [stated_ppm(sends, Want::Send), stated_ppm(receives, Want::Receive)];
        // Whoever lends adds the least price; see `LEND_PPM`.
        let lends = stated.iter().filter(|ppm| **ppm <= 0).count() as i64;
        let value_ppm = stated.iter().sum::<i64>() - lends * LEND_PPM;
        arcs.push(ResidualArc { tail, head, capacity_msat, value_ppm, label: channel.0 });
        candidates.push(Candidate {
            channel: *channel,
            payer: *payer,
            payee: sends.peer,
            payer_states_ppm: stated[0],
            payee_states_ppm: stated[1],
        });
    }
    let count = u32::try_from(nodes.len()).unwrap_or(u32::MAX);
    strip(count, &arcs, &candidates, limits)
}

type Ends<'a> = BTreeMap<(ChannelId, NodeId), &'a ChannelSummary>;

fn index_ends(summaries: &[(NodeId, Summary)]) -> Ends<'_> {
    let mut ends = Ends::new();
    for (node, summary) in summaries {
        for channel in &summary.channels {
            ends.insert((channel.channel, *node), channel);
        }
    }
    ends
}

/// What a move is worth to one end: its urgency if it wants this, its price against it if it lends,
/// and both against it if it wants the opposite. Out and back is worth less than nothing to every
/// end, so no channel gains both ways.
fn stated_ppm(end: &ChannelSummary, this_way: Want) -> i64 {
    let urgency = i64::from(end.urgency) * URGENCY_PPM;
    let price = i64::from(end.price_ppm);
    match end.want {
        want if want == this_way => urgency,
        Want::Nothing => -price,
        _ => -price - urgency,
    }
}

fn strip(
    nodes: u32,
    arcs: &[ResidualArc],
    candidates: &[Candidate],
    limits: &PlanLimits,
) -> Vec<CyclePlan> {
    let scores: Vec<Score> = arcs
        .iter()
        .map(|arc| Score::uniform_prior(arc.capacity_msat, arc.capacity_msat / 2, SCORE_PRICE_PPM))
        .collect();
    let Ok(best) = solve(nodes, arcs, &scores) else { return Vec::new() };
    let longest = u32::try_from(CYCLE_HOPS_MAX).unwrap_or(u32::MAX);
    let caps = Caps {
        max_hops: limits.max_hops.min(longest),
        min_amount_msat: limits.min_amount_msat,
        max_cycles: limits.max_cycles,
        disjoint: Disjoint::Nothing,
        effort: EFFORT,
    };
    let Ok(plan) = plan_capped(nodes, arcs, &scores, &best, &caps, |_| 0) else {
        return Vec::new();
    };
    let planned = plan.cycles.iter().filter_map(|cycle| {
        let hops = cycle.directions.iter().map(|&direction| {
            // One arc per direction: the two offers of its ends.
            let arc = plan.directions.arcs(direction).first()?;
            candidates.get(usize::try_from(*arc).ok()?).copied()
        });
        to_plan(&hops.collect::<Option<Vec<_>>>()?, cycle.amount_msat)
    });
    planned.collect()
}

/// Gives each hop its amount, so that lenders earn their price and those who gain share it. `None`
/// if a channel stands in the cycle twice or the gains do not cover the prices.
fn to_plan(hops: &[Candidate], amount_msat: u64) -> Option<CyclePlan> {
    let twice = |(index, hop): (usize, &Candidate)| {
        hops.iter().skip(index + 1).any(|other| other.channel == hop.channel)
    };
    if hops.iter().enumerate().any(twice) {
        return None;
    }
    let gains = fee_split(hops, amount_msat)?;
    let mut amounts = Vec::with_capacity(hops.len());
    let mut amount = i128::from(amount_msat);
    for gain in &gains {
        // `gain` is what the payer of this hop keeps of what the hop before brought it.
        amount -= gain;
        amounts.push(amount);
    }
    let highest = amounts.iter().max().copied()?;
    let shift = i128::from(amount_msat) - highest;
    let planned = hops.iter().zip(amounts).map(|(hop, amount)| {
        let amount = u64::try_from(amount + shift).ok().filter(|amount| *amount > 0)?;
        Some(Hop {
            channel: hop.channel,
            payer: hop.payer,
            payee: hop.payee,
            amount_msat: Msat(amount),
        })
    });
    let planned: Vec<Hop> = planned.collect::<Option<_>>()?;
    Some(CyclePlan { hops: Bounded::try_from(planned).ok()? })
}

/// What each hop's payer gains, in hop order; sums to zero. A party states the sum of what its two
/// channels state; see [`split_fees`].
fn fee_split(hops: &[Candidate], amount_msat: u64) -> Option<Vec<i128>> {
    let amount = i128::from(amount_msat);
    let before = hops.iter().cycle().skip(hops.len().saturating_sub(1));
    let stated = hops.iter().zip(before).map(|(pays, gets)| {
        (i128::from(pays.payer_states_ppm) + i128::from(gets.payee_states_ppm)) * amount
    });
    split_fees(&stated.collect::<Vec<_>>())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use debal_protocol::Epoch;
    use debal_protocol::summary::ForwardPolicy;

    const POLICY: ForwardPolicy = ForwardPolicy {
        base_msat: 0,
        ppm: 0,
        min_msat: Msat(1),
        max_msat: Msat::MAX,
        disabled: false,
    };

    fn node(number: u8) -> NodeId {
        NodeId([number; 32])
    }

    fn end(channel: u64, peer: u8, want: Want, send: u64, receive: u64) -> ChannelSummary {
        ChannelSummary {
            channel: ChannelId(channel),
            peer: node(peer),
            capacity_msat: Msat(10_000_000),
            ratio_bucket: 0,
            want,
            send_msat: Msat(send),
            receive_msat: Msat(receive),
            urgency: if want == Want::Nothing { 0 } else { 255 },
            price_ppm: if want == Want::Nothing { 50 } else { 0 },
            policy: POLICY,
        }
    }

    fn summary(channels: Vec<ChannelSummary>) -> Summary {
        let channels = Bounded::try_from(channels).unwrap();
        Summary { seq: 1, epoch: Epoch(1), bits: 4, requests: true, channels }
    }

    /// Channel i runs from node i to the next one and is too full on node i's side.
    fn ring(count: u8, amount: u64) -> Vec<(NodeId, Summary)> {
        let before = |index: u8| if index == 0 { count - 1 } else { index - 1 };
        let nodes = (0..count).map(|index| {
            let (next, previous) = ((index + 1) % count, before(index));
            let mut ends = vec![
                end(u64::from(index) + 1, next, Want::Send, amount, 0),
                end(u64::from(previous) + 1, previous, Want::Receive, 0, amount),
            ];
            ends.sort_by_key(|end| end.channel);
            (node(index), summary(ends))
        });
        nodes.collect()
    }

    #[test]
    fn a_ring_of_surpluses_becomes_one_cycle_of_the_whole_amount() {
        let plan = plan_cycles(&ring(4, 3_000_000), &PlanLimits::default());
        assert_eq!(plan.len(), 1);
        let cycle = plan.first().unwrap();
        assert_eq!(cycle.hops.len(), 4);
        assert!(cycle.hops.iter().all(|hop| hop.amount_msat == Msat(3_000_000)));
    }

    #[test]
    fn a_hop_one_end_does_not_offer_is_never_planned() {
        let mut summaries = ring(3, 3_000_000);
        let (_, last) = summaries.pop().unwrap();
        let channels =
            last.channels.iter().map(|end| ChannelSummary { receive_msat: Msat(0), ..*end });
        summaries.push((node(2), summary(channels.collect())));
        assert_eq!(plan_cycles(&summaries, &PlanLimits::default()), []);
    }

    #[test]
    fn a_lender_earns_its_price_and_the_cycle_nets_to_zero() {
        let mut summaries = ring(3, 3_000_000);
        // Node 2 lends on both of its hops.
        let (_, last) = summaries.pop().unwrap();
        let lends = last.channels.iter().map(|end| ChannelSummary {
            want: Want::Nothing,
            urgency: 0,
            price_ppm: 50,
            ..*end
        });
        summaries.push((node(2), summary(lends.collect())));
        let plan = plan_cycles(&summaries, &PlanLimits::default());
        let cycle = plan.first().unwrap();
        let gain = |party: NodeId| {
            let hops = cycle.hops.iter();
            hops.fold(0i64, |sum, hop| {
                let amount = i64::try_from(hop.amount_msat.0).unwrap();
                sum + if hop.payee == party { amount } else { 0 }
                    - if hop.payer == party { amount } else { 0 }
            })
        };
        assert_eq!(gain(node(2)), 300);
        assert_eq!(gain(node(0)) + gain(node(1)) + gain(node(2)), 0);
        assert!(cycle.hops.iter().all(|hop| hop.amount_msat <= Msat(3_000_000)));
    }

    #[test]
    fn nobody_pays_more_than_its_urgency_is_worth() {
        let mut summaries = ring(3, 3_000_000);
        // Node 2 lends dearly: what the others gain by 4 ppm a step of urgency must cover it.
        let lends = |price_ppm| {
            let (_, last) = ring(3, 3_000_000).pop().unwrap();
            let idle = |end: &ChannelSummary| ChannelSummary {
                want: Want::Nothing,
                urgency: 0,
                price_ppm,
                ..*end
            };
            summary(last.channels.iter().map(idle).collect())
        };
        summaries[2].1 = lends(1_900);
        let plan = plan_cycles(&summaries, &PlanLimits::default());
        let hops = &plan.first().unwrap().hops;
        for party in [node(0), node(1)] {
            let paid: u64 = hops.iter().filter(|h| h.payer == party).map(|h| h.amount_msat.0).sum();
            let got: u64 = hops.iter().filter(|h| h.payee == party).map(|h| h.amount_msat.0).sum();
            // Three million msat at 1,020 ppm: 3,060 msat for each channel end that gains.
            assert!(paid - got <= 2 * 3_060, "{} for {party:?}", paid - got);
        }
        summaries[2].1 = lends(2_100);
        assert_eq!(plan_cycles(&summaries, &PlanLimits::default()), [], "dearer than it is worth");
    }

    #[test]
    fn amounts_below_the_minimum_are_left_alone() {
        assert_eq!(plan_cycles(&ring(3, 999_999), &PlanLimits::default()), []);
    }
}

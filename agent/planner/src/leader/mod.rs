//! The leader's plan: from balance summaries to cycles, with the proof of how good they are.
//!
//! It must give the same cycles for the same
//! summaries on every machine, and never a hop that a summary did not offer.

mod published;

use crate::circulation::{
    CertificateError, Claim, ClaimError, ClaimedCycle, check_claim, claimed_value, dual_bound,
    solve, split_fees,
};
use crate::cycles::{Caps, Disjoint, plan_capped};
use debal_protocol::limits::CYCLE_HOPS_MAX;
use debal_protocol::plan::{CyclePlan, Hop, LeaderPlan, Plan};
use debal_protocol::summary::Summary;
use debal_protocol::{Bounded, Msat, NodeId};
use published::{Candidate, Published};

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
    /// Most hops of all cycles together.
    pub max_hops_in_all: usize,
}

impl Default for PlanLimits {
    fn default() -> Self {
        Self {
            max_hops: 6,
            min_amount_msat: 1_000_000,
            max_cycles: 48,
            max_hops_in_all: usize::MAX,
        }
    }
}

/// Plans cycles from the freshest summaries of all members: exact maximum-value circulation over
/// the arcs both ends offer, cut into short cycles, and more short cycles where that left a gain.
/// Best first; empty if nothing is worth moving.
/// With them comes the claim that [`check_plan`] checks.
#[must_use]
pub fn plan(summaries: &[(NodeId, Summary)], limits: &PlanLimits) -> LeaderPlan {
    let published = Published::of(summaries);
    planned(&published, limits).unwrap_or_else(|| nothing(&published))
}

/// [`check_plan`] as the protocol's node takes it: a member's check of a plan that arrived.
///
/// # Errors
/// The name of the first violation.
pub fn plan_check(summaries: &[(NodeId, Summary)], plan: &Plan) -> Result<(), &'static str> {
    let prices = plan.proof.prices.iter();
    let stated = LeaderPlan {
        cycles: plan.cycles.to_vec(),
        potentials: prices.map(|price| (price.node, price.potential_ppm)).collect(),
        value: plan.proof.value,
        bound: plan.proof.bound,
    };
    check_plan(summaries, &stated).map(|_| ()).map_err(|error| error.name())
}

/// Checks a plan against the summaries it was made from, in one pass and without the solver: its
/// cycles move only what was offered, they are worth what it says, and its potentials prove the
/// bound it says. Returns how much more another plan could be worth at most.
///
/// # Errors
/// [`ClaimError`] names the first violation.
pub fn check_plan(summaries: &[(NodeId, Summary)], plan: &LeaderPlan) -> Result<i128, ClaimError> {
    let published = Published::of(summaries);
    let senders = published.nodes.keys();
    if !senders.eq(plan.potentials.iter().map(|(node, _)| node)) {
        let (wanted, found) = (published.nodes.len(), plan.potentials.len());
        return Err(CertificateError::Length { list: "potentials", wanted, found }.into());
    }
    let potentials = plan.potentials.iter().map(|(_, price)| *price).collect();
    let claim = Claim { potentials, value: plan.value, bound: plan.bound };
    let mut cycles: Vec<ClaimedCycle> = Vec::with_capacity(plan.cycles.len());
    for (index, cycle) in plan.cycles.iter().enumerate() {
        let claimed = published.claimed(cycle).ok_or(ClaimError::Stranger { cycle: index })?;
        cycles.push(claimed);
    }
    let Published { arcs, scores, .. } = &published;
    check_claim(published.count(), arcs, scores, &cycles, &claim)
}

/// The empty plan, with the bound of no prices at all.
fn nothing(published: &Published) -> LeaderPlan {
    let potentials: Vec<(NodeId, i64)> = published.nodes.keys().map(|node| (*node, 0)).collect();
    let prices = vec![0; potentials.len()];
    let bound = dual_bound(published.count(), &published.arcs, &published.scores, &prices);
    LeaderPlan { potentials, bound: bound.unwrap_or_default(), ..LeaderPlan::default() }
}

/// `None` if anything leaves the ranges of the solver.
fn planned(published: &Published, limits: &PlanLimits) -> Option<LeaderPlan> {
    let Published { arcs, scores, candidates, .. } = published;
    let nodes = published.count();
    let best = solve(nodes, arcs, scores).ok()?;
    let longest = u32::try_from(CYCLE_HOPS_MAX).unwrap_or(u32::MAX);
    let caps = Caps {
        max_hops: limits.max_hops.min(longest),
        min_amount_msat: limits.min_amount_msat,
        max_cycles: limits.max_cycles,
        disjoint: Disjoint::Nothing,
        effort: EFFORT,
    };
    let capped = plan_capped(nodes, arcs, scores, &best, &caps, |_| 0).ok()?;
    let cycles = capped.cycles.iter().filter_map(|cycle| {
        let hops = cycle.directions.iter().map(|&direction| {
            // One arc per direction: the two offers of its ends.
            let arc = capped.directions.arcs(direction).first()?;
            candidates.get(usize::try_from(*arc).ok()?).copied()
        });
        to_plan(&hops.collect::<Option<Vec<_>>>()?, cycle.amount_msat)
    });
    let mut room = limits.max_hops_in_all;
    let fits = |cycle: &CyclePlan| {
        let left = room.checked_sub(cycle.hops.len());
        room = left.unwrap_or(0);
        left.is_some()
    };
    let cycles: Vec<CyclePlan> = cycles.take_while(fits).collect();
    let claimed: Vec<_> = cycles.iter().filter_map(|cycle| published.claimed(cycle)).collect();
    let value = claimed_value(nodes, arcs, scores, &claimed).ok()?;
    let bound = dual_bound(nodes, arcs, scores, &best.potentials).ok()?;
    let potentials = published.nodes.keys().copied().zip(best.potentials).collect();
    Some(LeaderPlan { cycles, potentials, value, bound })
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
    use debal_protocol::summary::{ChannelSummary, ForwardPolicy, Want};
    use debal_protocol::{ChannelId, Epoch};

    const POLICY: ForwardPolicy = ForwardPolicy {
        base_msat: 0,
        ppm: 0,
        min_msat: Msat(1),
        max_msat: Msat::MAX,
        disabled: false,
    };

    fn plan_cycles(summaries: &[(NodeId, Summary)], limits: &PlanLimits) -> Vec<CyclePlan> {
        plan(summaries, limits).cycles
    }

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

    #[test]
    fn a_plan_proves_itself_and_every_change_of_it_is_refused() {
        let mut summaries = ring(5, 3_000_000);
        summaries.extend(ring(4, 2_000_000).into_iter().map(|(NodeId(name), summary)| {
            let far = |NodeId(name): NodeId| NodeId([name[0] + 100; 32]);
            let moved = |end: &ChannelSummary| ChannelSummary {
                channel: ChannelId(end.channel.0 + 100),
                peer: far(end.peer),
                ..*end
            };
            let channels = summary.channels.iter().map(moved).collect();
            (far(NodeId(name)), super::tests::summary(channels))
        }));
        let good = plan(&summaries, &PlanLimits::default());
        assert_eq!(good.cycles.len(), 2);
        assert_eq!(check_plan(&summaries, &good), Ok(0), "both rings are the optimum");
        let mut backwards = summaries.clone();
        backwards.reverse();
        assert_eq!(check_plan(&backwards, &good), Ok(0), "in whatever order summaries come");
        let fewer = LeaderPlan { cycles: good.cycles[..1].to_vec(), ..good.clone() };
        assert!(matches!(check_plan(&summaries, &fewer), Err(ClaimError::Value { .. })));
        let more = LeaderPlan { bound: good.bound - 1, ..good.clone() };
        assert!(matches!(check_plan(&summaries, &more), Err(ClaimError::Bound { .. })));
        let mut priced = good.clone();
        priced.potentials[0].1 += 50_000;
        assert!(matches!(check_plan(&summaries, &priced), Err(ClaimError::Bound { .. })));
        let nobody = LeaderPlan { potentials: good.potentials[1..].to_vec(), ..good.clone() };
        assert!(matches!(check_plan(&summaries, &nobody), Err(ClaimError::Certificate(_))));
        let older = &ring(5, 2_999_999);
        assert!(check_plan(older, &good).is_err(), "other summaries, another claim");
    }

    #[test]
    fn a_plan_with_room_for_less_claims_less_and_still_proves_itself() {
        let limits = |max_hops_in_all| PlanLimits { max_hops_in_all, ..PlanLimits::default() };
        let summaries = ring(4, 3_000_000);
        let whole = plan(&summaries, &limits(4));
        assert_eq!((whole.cycles.len(), whole.value), (1, whole.bound));
        let none = plan(&summaries, &limits(3));
        assert_eq!((none.cycles.len(), none.value, none.bound), (0, 0, whole.bound));
        assert_eq!(check_plan(&summaries, &none), Ok(whole.bound));
        let fallback = nothing(&Published::of(&summaries));
        assert_eq!(check_plan(&summaries, &fallback), Ok(fallback.bound));
    }

    #[test]
    fn an_end_that_contradicts_itself_spoils_nobody_elses_plan() {
        let mut summaries = ring(4, 3_000_000);
        let own_peer = end(900, 200, Want::Send, u64::MAX, u64::MAX);
        let (one, other) = (node(200), node(201));
        summaries.push((one, summary(vec![own_peer])));
        let greedy = |peer| end(901, peer, Want::Send, u64::MAX, u64::MAX);
        summaries.push((other, summary(vec![greedy(202)])));
        summaries.push((node(202), summary(vec![greedy(201)])));
        assert_eq!(plan_cycles(&summaries, &PlanLimits::default()).len(), 1);
    }
}

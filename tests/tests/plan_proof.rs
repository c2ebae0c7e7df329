//! A leader's plan and its proof, as a member that holds the same summaries, others, or none sees
//! them.
//!
//! The member under test is a whole node with the planner's check; everybody else is played by
//! hand. Nothing here may reach into a node except by its inputs.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use debal_crypto::{Domain, Hasher, Identity, RealSuite, Suite};
use debal_planner::leader::{PlanLimits, plan, plan_check};
use debal_protocol::config::{Caps, Config, Deadlines, Liquidity};
use debal_protocol::effect::Effect;
use debal_protocol::election::{Certificate, Claim, Endorse, Endorsement, Genesis, Tip};
use debal_protocol::event::Event;
use debal_protocol::input::Input;
use debal_protocol::limits::{HOP_MAX_BYTES, PRICE_MAX_BYTES};
use debal_protocol::market::Market;
use debal_protocol::message::Travel;
use debal_protocol::node::Verdict;
use debal_protocol::plan::{CyclePlan, Hop, LeaderPlan, Plan, PlanProof, Price};
use debal_protocol::roster::{Member, Roster};
use debal_protocol::summary::{ChannelSummary, ForwardPolicy, Summary, Want};
use debal_protocol::time::Timetable;
use debal_protocol::wire::{codec, seal};
use debal_protocol::{Bounded, ChannelId, Digest, Epoch, Message, Msat, Node, NodeId, Now};
use std::sync::Arc;

const EPOCH: Epoch = Epoch(1);
const TIMETABLE: Timetable = Timetable { genesis_ms: 900_000, epoch_ms: 600_000 };
const MEMBERS: u8 = 4;
/// The node under test; the others share a ring of channels.
const WITNESS: usize = 3;

fn identity(number: u8) -> Identity {
    Identity::from_seed(&[number + 1; 32]).unwrap()
}

fn network() -> Digest {
    Digest::of(Domain::NetworkId, &[b"proof"])
}

fn now() -> Now {
    let wall_ms = TIMETABLE.start_ms(EPOCH) + TIMETABLE.claim_window_ms() + 1_000;
    Now { tick_ms: wall_ms, wall_ms }
}

/// Everybody but the witness, and what they say.
struct Others {
    suites: Vec<RealSuite>,
    summaries: Vec<(NodeId, Summary)>,
    claim: Claim,
    votes: Vec<Endorsement>,
}

fn members() -> Vec<Member> {
    let identities = (0..MEMBERS).map(identity);
    let members = identities.map(|identity| Member {
        node: identity.node(),
        vrf: identity.vrf_key(),
        weight: 1,
    });
    members.collect()
}

fn end(channel: u64, peer: NodeId, want: Want, amount_msat: u64) -> ChannelSummary {
    let offered = |this: Want| Msat(if want == this { amount_msat } else { 0 });
    ChannelSummary {
        channel: ChannelId(channel),
        peer,
        capacity_msat: Msat(10_000_000),
        ratio_bucket: 0,
        want,
        send_msat: offered(Want::Send),
        receive_msat: offered(Want::Receive),
        urgency: 200,
        price_ppm: 0,
        policy: ForwardPolicy {
            base_msat: 0,
            ppm: 0,
            min_msat: Msat(1),
            max_msat: Msat::MAX,
            disabled: false,
        },
    }
}

/// Member `index` pays the next one over channel `index + 1`, around a ring of three.
fn summary(index: usize, suites: &[RealSuite]) -> (NodeId, Summary) {
    let before = (index + 2) % 3;
    let mut ends = vec![
        end(index as u64 + 1, suites[(index + 1) % 3].node(), Want::Send, 3_000_000),
        end(before as u64 + 1, suites[before].node(), Want::Receive, 3_000_000),
    ];
    ends.sort_by_key(|end| end.channel);
    let channels = Bounded::try_from(ends).unwrap();
    (suites[index].node(), Summary { seq: 7, epoch: EPOCH, bits: 4, requests: true, channels })
}

impl Others {
    fn new() -> Self {
        let suites: Vec<RealSuite> =
            (0..3).map(|number| RealSuite::new(identity(number))).collect();
        let mut summaries: Vec<_> = (0..3).map(|index| summary(index, &suites)).collect();
        summaries.sort_by_key(|(node, _)| *node);
        let tip = Tip::genesis(network(), Roster::founding(members()).unwrap());
        let (claim, _) = Claim::make(&suites[0], &tip.view(EPOCH).unwrap(), None, []);
        let digest = claim.digest(&network());
        let vote = |suite| Endorsement::make(suite, &network(), EPOCH, 0, digest);
        let mut votes: Vec<Endorsement> = suites.iter().map(|suite| vote(suite)).collect();
        votes.sort_by_key(|vote| vote.node);
        Self { suites, summaries, claim, votes }
    }

    fn suite(&self, node: &NodeId) -> &RealSuite {
        self.suites.iter().find(|suite| suite.node() == *node).unwrap()
    }

    /// What an honest leader makes of the summaries.
    fn made(&self) -> LeaderPlan {
        let made = plan(&self.summaries, &PlanLimits::default());
        assert_eq!((made.cycles.len(), made.value), (1, made.bound));
        made
    }

    /// The plan as the leader publishes it.
    fn publish(&self, made: LeaderPlan) -> Plan {
        let mut hasher = Hasher::new(Domain::SummariesDigest);
        for (node, summary) in &self.summaries {
            hasher.part(&node.0).part(&codec::encode(summary).unwrap());
        }
        let votes = self.votes.iter().map(|vote| (vote.node, vote.signature));
        let prices = self.summaries.iter().zip(made.potentials).map(|((node, summary), price)| {
            Price { node: *node, summary_seq: summary.seq, potential_ppm: price.1 }
        });
        let prices = Bounded::first_of(prices);
        Plan {
            certificate: Certificate::from_votes(self.claim.clone(), 0, votes),
            summaries: hasher.finish(),
            proof: PlanProof { prices, value: made.value, bound: made.bound },
            expires_ms: TIMETABLE.plan_expires_ms(EPOCH),
            cycles: Bounded::try_from(made.cycles).unwrap(),
        }
    }

    fn sealed(&self, by: &NodeId, message: Message) -> Vec<u8> {
        seal(self.suite(by), network(), EPOCH, message).unwrap()
    }

    /// A node that has heard these summaries and the election.
    fn witness(&self, heard: &[(NodeId, Summary)]) -> Node {
        let suite = RealSuite::new(identity(WITNESS as u8));
        let config = Config {
            network: network(),
            node: suite.node(),
            timetable: TIMETABLE,
            liquidity: Liquidity::default(),
            caps: Caps::default(),
            deadlines: Deadlines::default(),
            market: Market::default(),
            rebalancing: true,
        };
        let genesis = Genesis { network: network(), timetable: TIMETABLE, members: members() };
        let node = Node::new(config, genesis, Arc::new(suite)).unwrap();
        let mut node = node.checking_plans(plan_check);
        node.handle(Input::Start, now());
        for (from, summary) in heard {
            let bytes = self.sealed(from, Message::Summary(summary.clone()));
            assert_eq!(hear(&mut node, Travel::Summaries, &bytes).0, Verdict::Accept);
        }
        for endorsement in self.votes.iter().copied() {
            let endorse = Endorse { claim: self.claim.clone(), endorsement };
            let bytes = self.sealed(&endorsement.node, Message::Endorse(endorse));
            assert_eq!(hear(&mut node, Travel::Election, &bytes).0, Verdict::Accept);
        }
        node
    }

    /// What a witness that heard `heard` does with the plan the leader makes of `made`.
    fn judged(&self, heard: &[(NodeId, Summary)], made: LeaderPlan) -> (Verdict, Vec<Effect>) {
        let leader = self.claim.node;
        let bytes = self.sealed(&leader, Message::Plan(self.publish(made)));
        hear(&mut self.witness(heard), Travel::Plans, &bytes)
    }

    fn seen(&self, checked: bool) -> (Verdict, Vec<Effect>) {
        let leader = self.claim.node;
        let seen = Event::PlanSeen { epoch: EPOCH, leader, cycles: 1, ours: 0, checked };
        (Verdict::Accept, vec![Effect::Emit(seen)])
    }

    /// What the witness does with a plan whose proof is false, and why.
    fn refused(&self, made: LeaderPlan) -> &'static str {
        let plan = self.publish(made.clone());
        let leader = self.claim.node;
        let bytes = self.sealed(&leader, Message::Plan(plan.clone()));
        let mut witness = self.witness(&self.summaries);
        let digest = witness.open(Travel::Plans, &bytes).unwrap().digest();
        let (message, reason) = ("plan", "plan_proof");
        let rejected = Event::Rejected { from: leader, message, reason, digest };
        let expected = (Verdict::Ignore, vec![Effect::Emit(rejected)]);
        assert_eq!(hear(&mut witness, Travel::Plans, &bytes), expected);
        // Shown once more, it is known already, and nothing is recomputed.
        assert_eq!(hear(&mut witness, Travel::Plans, &bytes), (Verdict::Ignore, vec![]));
        plan_check(&self.summaries, &plan).unwrap_err()
    }
}

fn hear(node: &mut Node, travel: Travel, bytes: &[u8]) -> (Verdict, Vec<Effect>) {
    let message = node.open(travel, bytes).unwrap();
    let step = node.handle(Input::Message(message), now());
    (step.verdict, step.effects)
}

#[test]
fn an_honest_plan_is_checked_by_whoever_holds_its_summaries() {
    let others = Others::new();
    assert_eq!(others.judged(&others.summaries, others.made()), others.seen(true));
}

#[test]
fn an_honest_plan_is_never_refused_for_summaries_that_differ() {
    let others = Others::new();
    let changed = |change: fn(&mut Summary)| {
        let mut heard = others.summaries.clone();
        change(&mut heard[1].1);
        heard
    };
    let fewer = &others.summaries[..2];
    let newer = changed(|summary| summary.seq += 1);
    let older = changed(|summary| summary.seq -= 1);
    // A member told the leader and the witness different things under one number.
    let twin = changed(|summary| summary.channels = Bounded::new());
    for heard in [fewer, &newer, &older, &twin, &[]] {
        assert_eq!(others.judged(heard, others.made()), others.seen(false), "{heard:?}");
    }
}

#[test]
fn a_false_value_is_refused() {
    let others = Others::new();
    let made = others.made();
    let false_value = LeaderPlan { value: made.value - 1, ..made };
    assert_eq!(others.refused(false_value), "its cycles are worth something else");
}

#[test]
fn false_potentials_and_a_false_bound_are_refused() {
    let others = Others::new();
    let made = others.made();
    let looser = LeaderPlan { bound: made.bound + 1, ..made.clone() };
    assert_eq!(others.refused(looser), "its prices prove something else");
    let mut priced = made.clone();
    priced.potentials[0].1 += 50_000;
    assert_eq!(others.refused(priced), "its prices prove something else");
    let mut fewer = made;
    fewer.potentials.pop();
    // The summaries named are no longer those of the digest: nothing can be said.
    assert_eq!(others.judged(&others.summaries, fewer), others.seen(false));
}

#[test]
fn false_amounts_are_refused() {
    let others = Others::new();
    let scaled = |by: i64| {
        let mut made = others.made();
        let hops = made.cycles[0].hops.iter().copied().map(|mut hop| {
            hop.amount_msat = Msat(hop.amount_msat.0.saturating_add_signed(by));
            hop
        });
        made.cycles[0].hops = Bounded::first_of(hops);
        made
    };
    assert_eq!(others.refused(scaled(1)), "its cycles move more than was offered");
    assert_eq!(others.refused(scaled(-1)), "its cycles are worth something else");
    let mut made = others.made();
    made.cycles.clear();
    assert_eq!(others.refused(made), "its cycles are worth something else");
}

#[test]
fn the_widest_hop_and_price_take_what_the_planners_room_is_counted_in() {
    let node = NodeId([0xff; 32]);
    let (channel, amount_msat) = (ChannelId(u64::MAX), Msat(u64::MAX));
    let hop = Hop { channel, payer: node, payee: node, amount_msat };
    let cycle = CyclePlan { hops: Bounded::first_of([hop; 2]) };
    assert!(codec::encode(&cycle).unwrap().len() <= 2 * HOP_MAX_BYTES);
    let price = Price { node, summary_seq: u64::MAX, potential_ppm: i64::MIN };
    assert_eq!(codec::encode(&price).unwrap().len(), PRICE_MAX_BYTES);
}

#[test]
fn a_proof_of_impossible_form_is_malformed_for_everybody() {
    let others = Others::new();
    let made = others.made();
    let more = LeaderPlan { value: made.bound + 1, ..made.clone() };
    let negative = LeaderPlan { value: -2, bound: -1, ..made.clone() };
    let mut twice = others.publish(made.clone());
    let prices = twice.proof.prices.iter().chain(twice.proof.prices.first()).copied();
    twice.proof.prices = Bounded::first_of(prices);
    for plan in [others.publish(more), others.publish(negative), twice] {
        let leader = others.claim.node;
        let bytes = others.sealed(&leader, Message::Plan(plan));
        let mut witness = others.witness(&[]);
        let digest = witness.open(Travel::Plans, &bytes).unwrap().digest();
        let (message, reason) = ("plan", "malformed");
        let rejected = Event::Rejected { from: leader, message, reason, digest };
        let expected = (Verdict::Reject, vec![Effect::Emit(rejected)]);
        assert_eq!(hear(&mut witness, Travel::Plans, &bytes), expected);
    }
}

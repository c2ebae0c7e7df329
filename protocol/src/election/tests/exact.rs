//! Single steps and the exact effects they have.

use super::suite::{FastSuite, members_of, network_id};
use super::world::{EPOCH_MS, genesis};
use crate::election::{
    Certificate, Claim, Context, Election, ElectionEffect, ElectionRecord, Endorse, Endorsement,
    Settings, Tip, View,
};
use crate::evidence::Evidence;
use crate::ids::Epoch;
use crate::limits::SKIPPED_EPOCHS_MAX;
use crate::message::Message;
use crate::reject::Reject;
use crate::roster::Roster;
use crate::time::Now;
use debal_crypto::{NodeId, Suite, VrfError};

pub(super) fn at(wall_ms: u64) -> Now {
    Now { tick_ms: wall_ms, wall_ms }
}

pub(super) fn context(suite: &FastSuite, wall_ms: u64) -> Context<'_> {
    Context { suite, now: at(wall_ms), block: None }
}

pub(super) fn election(weights: &[u64]) -> Election {
    Election::new(genesis(members_of(weights)), Settings::default()).unwrap()
}

pub(super) fn tip(weights: &[u64]) -> Tip {
    Tip::genesis(network_id(), Roster::founding(members_of(weights)).unwrap())
}

pub(super) fn claim_of(number: u8, view: &View) -> Claim {
    Claim::make(&FastSuite::new(number), view, None, []).0
}

pub(super) fn vote(number: u8, claim: &Claim, round: u8) -> Endorsement {
    let digest = claim.digest(&network_id());
    Endorsement::make(&FastSuite::new(number), &network_id(), claim.epoch, round, digest)
}

pub(super) fn certify(view: &View, leader: u8, round: u8, voters: &[u8]) -> Certificate {
    let claim = claim_of(leader, view);
    let votes = voters.iter().map(|number| vote(*number, &claim, round));
    let votes: Vec<_> = votes.map(|vote| (vote.node, vote.signature)).collect();
    Certificate::from_votes(claim, round, votes)
}

pub(super) fn adopt(election: &mut Election, base: &Tip, certificate: &Certificate) {
    let checked = certificate.verify(&FastSuite::new(1), base).unwrap();
    let out = checked.claim.output.seed;
    let record =
        ElectionRecord::Record { base: base.clone(), certificate: certificate.clone(), out };
    election.apply(&record);
    assert_eq!(*election.tip(), checked.tip);
}

#[test]
fn at_the_start_of_an_epoch_a_member_journals_its_claim_and_then_says_it() {
    let suite = FastSuite::new(2);
    let mut election = election(&[1; 5]);
    let view = election.tip().view(Epoch(1)).unwrap();
    let claim = claim_of(2, &view);
    let effects = election.on_wake(&context(&suite, EPOCH_MS));
    assert_eq!(
        effects,
        [
            ElectionEffect::Journal(ElectionRecord::Claimed(claim.clone())),
            ElectionEffect::Gossip(Message::Claim(claim)),
            ElectionEffect::Wake { at_wall_ms: EPOCH_MS + 1_000 },
        ]
    );
    let again = election.on_wake(&context(&suite, EPOCH_MS + 1));
    assert_eq!(again, [ElectionEffect::Wake { at_wall_ms: EPOCH_MS + 1_000 }]);
}

#[test]
fn epoch_zero_has_no_election_and_an_observer_neither_claims_nor_votes() {
    let suite = FastSuite::new(1);
    let mut member = election(&[1; 5]);
    let effects = member.on_wake(&context(&suite, 600));
    assert_eq!(effects, [ElectionEffect::Wake { at_wall_ms: EPOCH_MS }]);
    let observer = FastSuite::new(77);
    let mut watching = election(&[1; 5]);
    let effects = watching.on_wake(&context(&observer, EPOCH_MS));
    assert_eq!(effects, [ElectionEffect::Wake { at_wall_ms: EPOCH_MS + 1_000 }]);
    let view = watching.tip().view(Epoch(1)).unwrap();
    let claim = claim_of(1, &view);
    let heard = watching.on_claim(&context(&observer, EPOCH_MS + 5), claim.node, claim);
    assert_eq!(heard, Ok(vec![]));
    let effects = watching.on_wake(&context(&observer, EPOCH_MS + 1_000));
    assert_eq!(effects, [ElectionEffect::Wake { at_wall_ms: EPOCH_MS + 3_000 }]);
}

#[test]
fn the_deciding_vote_journals_the_record_before_it_announces_the_leader() {
    let suite = FastSuite::new(77);
    let mut election = election(&[1; 4]);
    let base = election.tip().clone();
    let view = base.view(Epoch(1)).unwrap();
    let claim = claim_of(3, &view);
    let now = EPOCH_MS + 700;
    for voter in [1, 2] {
        let endorse = Endorse { claim: claim.clone(), endorsement: vote(voter, &claim, 0) };
        let effects = election.on_endorse(&context(&suite, now), NodeId([voter; 32]), endorse);
        assert_eq!(effects, Ok(vec![]));
    }
    // Two of four is no more than two thirds, three is.
    let endorse = Endorse { claim: claim.clone(), endorsement: vote(4, &claim, 0) };
    let effects = election.on_endorse(&context(&suite, now), NodeId([4; 32]), endorse.clone());
    let certificate = certify(&view, 3, 0, &[1, 2, 4]);
    let (_, _, output) = FastSuite::new(3).vrf_prove(&view.vrf_input(None), &view.base_digest);
    let record =
        ElectionRecord::Record { base, certificate: certificate.clone(), out: output.seed };
    let certified = ElectionEffect::Certified {
        certificate: certificate.clone(),
        leader: NodeId([3; 32]),
        epoch: Epoch(1),
        round: 0,
        elapsed_ms: 700,
        us: false,
    };
    assert_eq!(effects, Ok(vec![ElectionEffect::Journal(record), certified]));
    assert_eq!(election.leader_of(Epoch(1)), Some((NodeId([3; 32]), 0)));
    assert_eq!(election.certificate(Epoch(1), 0), Some(&certificate));
    let again = election.on_endorse(&context(&suite, now), NodeId([4; 32]), endorse);
    assert_eq!(again, Err(Reject::Duplicate));
}

#[test]
fn a_member_votes_for_the_best_claim_once_a_round_and_not_after_a_plan() {
    let suite = FastSuite::new(1);
    let mut election = election(&[1; 7]);
    let view = election.tip().view(Epoch(1)).unwrap();
    let mut ranked = Vec::new();
    for number in 2..=7 {
        let claim = claim_of(number, &view);
        ranked.push((claim.verify(&suite, &view).unwrap().rank, claim.clone()));
        let heard = election.on_claim(&context(&suite, EPOCH_MS + 10), claim.node, claim);
        assert_eq!(heard, Ok(vec![]));
    }
    ranked.sort_by_key(|(rank, _)| *rank);
    let wake = |election: &mut Election, round: u8| {
        election.on_wake(&context(&suite, EPOCH_MS + 1_000 + 2_000 * u64::from(round)))
    };
    let best = &ranked[0].1;
    let endorsement = vote(1, best, 0);
    let voted = |endorsement: Endorsement, claim: &Claim| {
        let said = Endorse { claim: claim.clone(), endorsement };
        [
            ElectionEffect::Journal(ElectionRecord::Voted { claim: claim.clone(), endorsement }),
            ElectionEffect::Gossip(Message::Endorse(said)),
        ]
    };
    let effects = wake(&mut election, 0);
    assert_eq!(effects[..2], voted(endorsement, best));
    assert_eq!(wake(&mut election, 0), [ElectionEffect::Wake { at_wall_ms: EPOCH_MS + 3_000 }]);
    // No certificate: the same claim again in round 1. A certificate without a plan: the next one.
    assert_eq!(wake(&mut election, 1)[..2], voted(vote(1, best, 1), best));
    let leader = best.node.0[0];
    let voters: Vec<u8> = (2..=7).collect();
    let certificate = certify(&view, leader, 1, &voters);
    election.on_certificate(&context(&suite, EPOCH_MS + 3_200), best.node, &certificate).unwrap();
    let second = &ranked[1].1;
    assert_eq!(wake(&mut election, 2)[..2], voted(vote(1, second, 2), second));
    // A plan of a leader that is not certified changes nothing; of one that is, ends the epoch.
    election.plan_seen(Epoch(1), 2);
    election.plan_seen(Epoch(1), 1);
    assert_eq!(wake(&mut election, 3), [ElectionEffect::Wake { at_wall_ms: 2 * EPOCH_MS }]);
}

#[test]
fn the_clock_jumping_back_never_brings_a_second_vote_or_claim() {
    let suite = FastSuite::new(1);
    let mut election = election(&[1; 5]);
    election.on_wake(&context(&suite, 4 * EPOCH_MS));
    let voted = election.on_wake(&context(&suite, 4 * EPOCH_MS + 1_100));
    assert!(matches!(voted[0], ElectionEffect::Journal(ElectionRecord::Voted { .. })));
    for wall_ms in [3 * EPOCH_MS, 3 * EPOCH_MS + 600, 4 * EPOCH_MS + 600, 4 * EPOCH_MS + 1_100] {
        let effects = election.on_wake(&context(&suite, wall_ms));
        let journals = effects.iter().filter(|e| matches!(e, ElectionEffect::Journal(_)));
        assert_eq!(journals.count(), 0, "{wall_ms}");
    }
}

#[test]
fn claims_are_refused_by_name() {
    let suite = FastSuite::new(1);
    let mut election = election(&[1; 7]);
    let base = election.tip().clone();
    let view = base.view(Epoch(1)).unwrap();
    let now = context(&suite, EPOCH_MS + 10);
    let sender = NodeId([2; 32]);
    let mut refused = |claim: Claim| election.on_claim(&now, sender, claim).unwrap_err();
    let late = claim_of(2, &base.view(Epoch(3)).unwrap());
    assert_eq!(refused(late), Reject::Epoch { found: 3, now: 1 });
    let stranger = claim_of(70, &view);
    assert_eq!(refused(stranger), Reject::NotMember);
    let stolen = Claim { node: NodeId([3; 32]), ..claim_of(2, &view) };
    assert_eq!(refused(stolen), Reject::Vrf(VrfError::Mismatch));
    let good = claim_of(2, &view);
    assert_eq!(election.on_claim(&now, sender, good.clone()), Ok(vec![]));
    assert_eq!(election.on_claim(&now, sender, good), Err(Reject::Duplicate));
}

#[test]
fn a_leader_that_cools_down_is_refused_until_its_rest_is_over() {
    let genesis = tip(&[1; 7]);
    let view = genesis.view(Epoch(1)).unwrap();
    let led = certify(&view, 4, 0, &[1, 2, 3, 4, 5]);
    let after = led.verify(&FastSuite::new(1), &genesis).unwrap().tip;
    let leader = NodeId([4; 32]);
    let rests: Vec<bool> =
        (2..=6).map(|e| after.view(Epoch(e)).unwrap().cools_down(&leader)).collect();
    assert_eq!(rests, [true, true, true, false, false]);
    let view = after.view(Epoch(2)).unwrap();
    let refused = claim_of(4, &view).verify(&FastSuite::new(1), &view);
    assert_eq!(refused, Err(Reject::unfitting("claim", "its author cools down")));
    // Two members: nobody rests.
    assert_eq!(tip(&[1; 2]).view(Epoch(1)).unwrap().cool_down(), 0);
    assert_eq!(tip(&[1; 3]).view(Epoch(1)).unwrap().cool_down(), 1);
}

#[test]
fn two_claims_of_one_member_are_evidence_and_it_gets_no_vote() {
    let suite = FastSuite::new(1);
    let mut election = election(&[1, 1, 1, 1, 1_000_000]);
    let view = election.tip().view(Epoch(1)).unwrap();
    let liar = FastSuite::new(5);
    let goodbye = crate::roster::RosterChange::leave(&liar, &network_id(), Epoch(1));
    let first = claim_of(5, &view);
    let (second, _) = Claim::make(&liar, &view, None, [&goodbye]);
    let now = context(&suite, EPOCH_MS + 10);
    election.on_claim(&now, liar.node(), first.clone()).unwrap();
    let effects = election.on_claim(&now, liar.node(), second.clone()).unwrap();
    let evidence = Evidence::Claims(first, second);
    let record =
        ElectionRecord::Accused { node: liar.node(), epoch: Epoch(1), evidence: evidence.clone() };
    assert_eq!(
        effects,
        [
            ElectionEffect::Journal(record),
            ElectionEffect::Accused { node: liar.node(), evidence: evidence.clone() },
            ElectionEffect::Gossip(Message::Evidence(evidence.clone())),
        ]
    );
    assert_eq!(election.on_evidence(&now, liar.node(), evidence), Err(Reject::Duplicate));
    let honest = claim_of(2, &view);
    election.on_claim(&now, honest.node, honest.clone()).unwrap();
    let effects = election.on_wake(&context(&suite, EPOCH_MS + 1_000));
    let ElectionEffect::Journal(ElectionRecord::Voted { claim, .. }) = &effects[0] else {
        panic!("no vote")
    };
    assert_eq!(*claim, honest);
    assert!(election.quarantined(&liar.node(), Epoch(144)));
    assert!(!election.quarantined(&liar.node(), Epoch(145)));
}

#[test]
fn a_member_that_lies_again_after_its_quarantine_is_barred_again() {
    let suite = FastSuite::new(1);
    let mut election = election(&[1; 5]);
    let genesis = election.tip().clone();
    let mut shown = |epoch: u64, round: u8| {
        let view = genesis.view(Epoch(epoch)).unwrap();
        let votes = [2, 3].map(|number| vote(5, &claim_of(number, &view), round));
        let now = context(&suite, epoch * EPOCH_MS + 10);
        let evidence = Evidence::Endorsements(votes[0], votes[1]);
        election.on_evidence(&now, NodeId([2; 32]), evidence).map(|effects| effects.len())
    };
    for round in 0..4 {
        assert_eq!(shown(1, round), Ok(2));
    }
    assert_eq!(shown(2, 0), Err(Reject::Full("evidence against one member")));
    // The four are too old to count.
    assert_eq!(shown(145, 0), Ok(2));
    assert!(election.quarantined(&NodeId([5; 32]), Epoch(145)));
    assert!(!election.quarantined(&NodeId([5; 32]), Epoch(145 + 144)));
}

#[test]
fn a_claim_that_differs_in_its_proof_only_is_a_duplicate() {
    let suite = FastSuite::new(1);
    let mut election = election(&[1; 5]);
    let view = election.tip().view(Epoch(1)).unwrap();
    let claim = claim_of(2, &view);
    let now = context(&suite, EPOCH_MS + 10);
    election.on_claim(&now, claim.node, claim.clone()).unwrap();
    let other = Claim { proof: claim_of(3, &view).proof, ..claim };
    assert_eq!(election.on_claim(&now, other.node, other), Err(Reject::Duplicate));
}

#[test]
fn seeds_depend_on_epoch_roster_history_and_block_and_on_nothing_else() {
    let genesis = tip(&[1; 5]);
    let view = genesis.view(Epoch(1)).unwrap();
    let plain = view.seed(None);
    assert_ne!(plain, view.seed(Some(&[0; 32])));
    assert_ne!(view.seed(Some(&[0; 32])), view.seed(Some(&[1; 32])));
    assert_ne!(plain, genesis.view(Epoch(2)).unwrap().seed(None));
    assert_ne!(plain, tip(&[1; 6]).view(Epoch(1)).unwrap().seed(None));
    // Round, voters and roster changes of the record before do not enter the next two seeds'
    // outputs: only the leader's unique VRF output does, two epochs later.
    let suite = FastSuite::new(1);
    let after = |round, voters: &[u8]| {
        certify(&view, 2, round, voters).verify(&suite, &genesis).unwrap().tip
    };
    let (one, two) = (after(0, &[1, 2, 3, 4]), after(2, &[2, 3, 4, 5]));
    for epoch in 2..6 {
        let seed = |tip: &Tip| tip.view(Epoch(epoch)).unwrap().seed(None);
        assert_eq!(seed(&one), seed(&two));
    }
    let other = certify(&view, 3, 0, &[1, 2, 3, 4]).verify(&suite, &genesis).unwrap().tip;
    // A record is its epoch, round, claim and history, whoever voted.
    assert_eq!(one.record, after(0, &[2, 3, 4, 5]).record);
    assert_ne!(one.record, two.record);
    assert_ne!(one.record, other.record);
    let seed = |tip: &Tip, epoch| tip.view(Epoch(epoch)).unwrap().seed(None);
    assert_eq!(seed(&one, 2), seed(&other, 2));
    assert_ne!(seed(&one, 3), seed(&other, 3));
}

#[test]
fn skipped_epochs_are_walked_and_a_very_long_silence_costs_bounded_work() {
    let genesis = tip(&[1; 5]);
    assert_eq!(genesis.view(Epoch(0)), None);
    let longest = genesis.view(Epoch(SKIPPED_EPOCHS_MAX + 1)).unwrap();
    let past = genesis.view(Epoch(SKIPPED_EPOCHS_MAX + 2)).unwrap();
    let far = genesis.view(Epoch(u64::MAX)).unwrap();
    assert_ne!(longest.seed(None), past.seed(None));
    assert_ne!(past.seed(None), far.seed(None));
}

#[test]
fn with_many_members_only_claims_that_may_win_are_published() {
    let weights = vec![1; 60];
    let mut said = 0;
    for epoch in 1..=20 {
        for number in 1..=60 {
            let suite = FastSuite::new(number);
            let mut election = election(&weights);
            let effects = election.on_wake(&context(&suite, epoch * EPOCH_MS));
            said += effects.len() - 1;
        }
    }
    // Twelve claims an epoch, a journal record and a message each; 60 (1 - e^-0.2) = 10.9.
    println!("{} claims in 20 epochs", said / 2);
    assert!((150..290).contains(&(said / 2)));
}

proptest::proptest! {
    #[test]
    fn the_order_in_which_claims_arrive_changes_no_vote(order: [u8; 9], weights: [u16; 9]) {
        let suite = FastSuite::new(77);
        let weights: Vec<u64> = weights.iter().map(|weight| u64::from(*weight) + 1).collect();
        let mut numbers: Vec<u8> = (1..=9).collect();
        let vote_after = |numbers: &[u8]| {
            let mut election = election(&weights);
            let view = election.tip().view(Epoch(1)).unwrap();
            for number in numbers {
                let claim = claim_of(*number, &view);
                let now = context(&suite, EPOCH_MS + 10);
                election.on_claim(&now, claim.node, claim).unwrap();
            }
            let voter = FastSuite::new(1);
            let effects = election.on_wake(&context(&voter, EPOCH_MS + 1_000));
            effects.into_iter().find(|effect| {
                matches!(effect, ElectionEffect::Journal(ElectionRecord::Voted { .. }))
            })
        };
        let first = vote_after(&numbers);
        proptest::prop_assert!(first.is_some());
        numbers.sort_by_key(|number| order[usize::from(*number) - 1]);
        proptest::prop_assert_eq!(first, vote_after(&numbers));
    }
}

#[test]
fn a_claim_with_another_block_than_ours_gets_no_vote() {
    let suite = FastSuite::new(77);
    let voter = FastSuite::new(1);
    let mut election = election(&[1; 5]);
    let view = election.tip().view(Epoch(1)).unwrap();
    let block = Some([7; 32]);
    for (number, seen) in [(2, None), (3, Some([8; 32])), (4, block)] {
        let (claim, _) = Claim::make(&FastSuite::new(number), &view, seen, []);
        let heard = election.on_claim(&context(&suite, EPOCH_MS + 10), claim.node, claim);
        assert_eq!(heard, Ok(vec![]));
    }
    let now = Context { suite: &voter, now: at(EPOCH_MS + 1_000), block };
    let effects = election.on_wake(&now);
    let ElectionEffect::Journal(ElectionRecord::Voted { claim, .. }) = &effects[0] else {
        panic!("no vote")
    };
    assert_eq!((claim.node, claim.block), (NodeId([4; 32]), block));
}

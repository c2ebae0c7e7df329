//! Pairs that prove something, and pairs that do not.

use super::*;
use crate::amount::Msat;
use crate::election::Certificate;
use crate::election::tests::{FastSuite, members_of, network_id};
use crate::plan::PlanProof;
use crate::roster::Roster;
use crate::summary::Summary;

fn tip() -> Tip {
    Tip::genesis(network_id(), Roster::founding(members_of(&[1; 5])).unwrap())
}

fn judge(evidence: &Evidence) -> Result<Guilt, Reject> {
    let tip = tip();
    evidence.verify(&Scope { suite: &FastSuite::new(1), tips: &[&tip] })
}

fn claim(number: u8, epoch: u64, block: Option<[u8; 32]>) -> Claim {
    let view = tip().view(Epoch(epoch)).unwrap();
    Claim::make(&FastSuite::new(number), &view, block, []).0
}

fn vote(number: u8, round: u8, claim: &Claim) -> Endorsement {
    let (network, digest) = (network_id(), claim.digest(&network_id()));
    Endorsement::make(&FastSuite::new(number), &network, claim.epoch, round, digest)
}

fn sealed(number: u8, message: Message) -> EnvelopeBytes {
    let bytes = wire::seal(&FastSuite::new(number), network_id(), Epoch(1), message).unwrap();
    EnvelopeBytes::try_from(bytes).unwrap()
}

fn guilty(number: u8, epoch: Option<u64>, what: &'static str) -> Result<Guilt, Reject> {
    Ok(Guilt { node: FastSuite::new(number).node(), epoch: epoch.map(Epoch), what })
}

#[test]
fn two_claims_that_differ_in_content_prove_a_lie() {
    let (one, two) = (claim(2, 1, None), claim(2, 1, Some([1; 32])));
    assert_eq!(judge(&Evidence::Claims(one.clone(), two.clone())), guilty(2, Some(1), "claims"));
    assert_eq!(judge(&Evidence::Claims(two.clone(), one.clone())), guilty(2, Some(1), "claims"));
    let refused =
        |a: &Claim, b: &Claim| judge(&Evidence::Claims(a.clone(), b.clone())).unwrap_err();
    assert_eq!(refused(&one, &one), malformed("the claims say the same"));
    let other_proof = Claim { proof: two.proof, ..one.clone() };
    assert_eq!(refused(&one, &other_proof), malformed("the claims say the same"));
    let different = malformed("the claims are of different authors or epochs");
    assert_eq!(refused(&one, &claim(3, 1, None)), different);
    assert_eq!(refused(&one, &claim(2, 2, None)), different);
    let put_in_mouth = Claim { block: Some([2; 32]), ..one.clone() };
    assert!(matches!(refused(&one, &put_in_mouth), Reject::Vrf(_)));
    let elsewhere = Claim { tip: network_id(), ..one.clone() };
    assert_eq!(refused(&one, &elsewhere), unfitting("the tip of a claim is not known here"));
}

#[test]
fn two_votes_of_one_round_prove_a_lie() {
    let (one, two) = (claim(2, 1, None), claim(3, 1, None));
    let pair = |a, b| judge(&Evidence::Endorsements(a, b));
    let proven = pair(vote(4, 1, &one), vote(4, 1, &two));
    assert_eq!(proven, guilty(4, Some(1), "endorsements"));
    let different = Err(malformed("the votes are of different voters, epochs or rounds"));
    assert_eq!(pair(vote(4, 1, &one), vote(4, 2, &two)), different);
    assert_eq!(pair(vote(4, 1, &one), vote(5, 1, &two)), different);
    let same = Err(malformed("the votes say the same"));
    assert_eq!(pair(vote(4, 1, &one), vote(4, 1, &one)), same);
    let forged = Endorsement { claim: vote(4, 1, &two).claim, ..vote(4, 1, &one) };
    assert!(matches!(pair(vote(4, 1, &one), forged), Err(Reject::Signature(_))));
    assert_eq!(pair(vote(44, 1, &one), vote(44, 1, &two)), Err(Reject::NotMember));
}

fn summary(seq: u64, requests: bool) -> Message {
    let channels = Bounded::new();
    Message::Summary(Summary { seq, epoch: Epoch(1), bits: 4, requests, channels })
}

fn plan(number: u8, round: u8, bound: i128, votes: &[u8]) -> Message {
    let claim = claim(number, 1, None);
    let votes = votes.iter().map(|voter| vote(*voter, round, &claim));
    let votes: Vec<_> = votes.map(|vote| (vote.node, vote.signature)).collect();
    Message::Plan(Plan {
        certificate: Certificate::from_votes(claim, round, votes),
        summaries: network_id(),
        proof: PlanProof { bound, ..PlanProof::default() },
        expires_ms: 1,
        cycles: Bounded::new(),
    })
}

#[test]
fn two_summaries_of_one_number_and_two_plans_of_one_certificate_prove_a_lie() {
    let pair = |a, b| judge(&Evidence::Envelopes(a, b));
    let (yes, no) = (sealed(2, summary(7, true)), sealed(2, summary(7, false)));
    assert_eq!(pair(yes.clone(), no.clone()), guilty(2, Some(1), "summaries"));
    let nothing = Err(malformed("the summaries do not contradict each other"));
    assert_eq!(pair(yes.clone(), yes.clone()), nothing);
    assert_eq!(pair(yes.clone(), sealed(2, summary(8, true))), nothing);
    let others = Err(malformed("the envelopes are of different senders"));
    assert_eq!(pair(yes.clone(), sealed(3, summary(7, false))), others);
    let (one, two) = (sealed(2, plan(2, 0, 1, &[1, 2])), sealed(2, plan(2, 0, 2, &[1, 2])));
    assert_eq!(pair(one.clone(), two), guilty(2, Some(1), "plans"));
    let honest = Err(malformed("the plans do not contradict each other"));
    assert_eq!(pair(one.clone(), sealed(2, plan(2, 1, 2, &[1, 2]))), honest);
    assert_eq!(pair(one.clone(), sealed(2, plan(2, 0, 1, &[1, 3]))), honest, "other votes");
    let mixed = Err(malformed("the envelopes hold no two plans and no two summaries"));
    assert_eq!(pair(one, yes.clone()), mixed);
    let mut broken = no.into_vec();
    *broken.last_mut().unwrap() ^= 1;
    let broken = EnvelopeBytes::try_from(broken).unwrap();
    assert!(matches!(pair(yes, broken), Err(Reject::Signature(_))));
}

#[test]
fn two_states_of_one_number_signed_by_one_end_prove_a_lie() {
    let state = |seq, low: u64| State {
        terms: network_id(),
        seq,
        low_msat: Msat(low),
        high_msat: Msat(10 - low),
        locks: Bounded::new(),
        previous: network_id(),
    };
    let sign = |state: &State| {
        FastSuite::new(3).sign(Domain::ChannelState, &state.signed_bytes().unwrap())
    };
    let pair = |first: State, second: State, accused: u8| {
        let (first_signature, second_signature) = (sign(&first), sign(&second));
        let accused = FastSuite::new(accused).node();
        judge(&Evidence::States { first, first_signature, second, second_signature, accused })
    };
    assert_eq!(pair(state(4, 1), state(4, 2), 3), guilty(3, None, "channel_states"));
    let nothing = Err(malformed("the states do not contradict each other"));
    assert_eq!(pair(state(4, 1), state(5, 2), 3), nothing);
    assert_eq!(pair(state(4, 1), state(4, 1), 3), nothing);
    assert!(matches!(pair(state(4, 1), state(4, 2), 2), Err(Reject::Signature(_))));
    assert_eq!(pair(state(4, 1), state(4, 2), 33), Err(Reject::NotMember));
}

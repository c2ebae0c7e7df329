//! Steps on the chain of certificates: which record is built on, and what an unknown tip costs.
//!
//! It must never reach into the election beyond its public steps.

use super::exact::{adopt, certify, claim_of, context, election, tip, vote};
use super::suite::FastSuite;
use super::world::EPOCH_MS;
use crate::election::{Certificate, ElectionEffect, ElectionRecord, Endorse, Tip};
use crate::ids::Epoch;
use crate::message::Message;
use crate::reject::Reject;
use crate::roster::Roster;
use debal_crypto::{NodeId, Suite};

#[test]
fn a_certificate_revealed_two_epochs_late_changes_nothing_built_on() {
    let suite = FastSuite::new(1);
    let mut election = election(&[1; 5]);
    let base = election.tip().clone();
    let withheld = certify(&base.view(Epoch(1)).unwrap(), 2, 0, &[1, 2, 3, 4]);
    let built = certify(&base.view(Epoch(2)).unwrap(), 3, 1, &[1, 2, 3, 4]);
    adopt(&mut election, &base, &built);
    let before = election.durable().clone();
    let now = context(&suite, 3 * EPOCH_MS + 10);
    let refused = election.on_certificate(&now, NodeId([2; 32]), &withheld);
    assert_eq!(refused, Err(Reject::Stale { found: 1, newest: 2 }));
    assert_eq!(*election.durable(), before);
}

#[test]
fn of_two_certificates_of_one_epoch_the_lower_round_wins_and_a_later_epoch_beats_both() {
    let suite = FastSuite::new(1);
    let genesis = tip(&[1; 5]);
    let view = genesis.view(Epoch(1)).unwrap();
    let zero = certify(&view, 2, 0, &[1, 2, 3, 4]);
    let one = certify(&view, 3, 1, &[2, 3, 4, 5]);
    let now = context(&suite, EPOCH_MS + 1_100);
    let sender = NodeId([2; 32]);
    let mut ends = Vec::new();
    for order in [[&zero, &one], [&one, &zero]] {
        let mut election = election(&[1; 5]);
        for certificate in order {
            election.on_certificate(&now, sender, certificate).unwrap();
        }
        assert_eq!(election.leader_of(Epoch(1)), Some((NodeId([3; 32]), 1)));
        ends.push(election.tip().clone());
        // A record that builds on round 1 is followed all the same.
        let base = one.verify(&suite, &genesis).unwrap().tip;
        let later = certify(&base.view(Epoch(2)).unwrap(), 4, 0, &[1, 2, 3, 4]);
        let now = context(&suite, 2 * EPOCH_MS + 10);
        election.on_certificate(&now, sender, &later).unwrap();
        assert_eq!(*election.tip(), later.verify(&suite, &base).unwrap().tip);
    }
    assert_eq!(ends[0], ends[1]);
    assert_eq!(ends[0].round, 0);
}

#[test]
fn a_certificate_on_an_unknown_tip_waits_until_the_tip_is_shown() {
    let suite = FastSuite::new(1);
    let mut election = election(&[1; 5]);
    let genesis = election.tip().clone();
    let view = genesis.view(Epoch(1)).unwrap();
    adopt(&mut election, &genesis, &certify(&view, 2, 0, &[1, 2, 3, 4]));
    // The others never saw round 0: they built on round 1.
    let one = certify(&view, 3, 1, &[2, 3, 4, 5]);
    let base = one.verify(&suite, &genesis).unwrap().tip;
    let later = certify(&base.view(Epoch(2)).unwrap(), 4, 0, &[2, 3, 4, 5]);
    let now = context(&suite, 2 * EPOCH_MS + 510);
    let sender = NodeId([4; 32]);
    let request = Message::TipRequest { tip: base.digest() };
    let asked = election.on_certificate(&now, sender, &later);
    assert_eq!(asked, Ok(vec![ElectionEffect::Send(sender, request)]));
    assert!(!election.is_certified(&later));
    // Round 1 does not beat the round 0 held here, but what builds on it does.
    let effects = election.on_tip_reply(&now, sender, genesis, &one).unwrap();
    let after = later.verify(&suite, &base).unwrap();
    let out = after.claim.output.seed;
    let record = ElectionRecord::Record { base, certificate: later.clone(), out };
    assert!(effects.contains(&ElectionEffect::Journal(record)));
    assert_eq!(*election.tip(), after.tip);
    assert!(election.is_certified(&later));
}

#[test]
fn a_base_is_believed_only_from_members_that_are_known() {
    let suite = FastSuite::new(1);
    let mut election = election(&[1; 5]);
    // A made-up history with a roster of its own, certified by its own members.
    let forged_members = (20..25).map(|number| {
        let suite = FastSuite::new(number);
        crate::roster::Member { node: suite.node(), vrf: suite.vrf_key(), weight: 1_000 }
    });
    let forged = Tip {
        epoch: Epoch(7),
        roster: Roster::founding(forged_members).unwrap(),
        ..election.tip().clone()
    };
    let certificate = certify(&forged.view(Epoch(8)).unwrap(), 20, 0, &[20, 21, 22, 23]);
    assert!(certificate.verify(&suite, &forged).is_ok());
    let sender = NodeId([2; 32]);
    let now = context(&suite, 9 * EPOCH_MS + 10);
    let unasked = election.on_tip_reply(&now, sender, forged.clone(), &certificate);
    assert_eq!(unasked, Err(Reject::unfitting("tip_reply", "nothing was asked")));
    let unknown = Tip { epoch: Epoch(8), ..forged.clone() };
    let claim = claim_of(20, &unknown.view(Epoch(9)).unwrap());
    let asked = election.on_claim(&now, sender, claim.clone()).unwrap();
    let request = Message::TipRequest { tip: claim.tip };
    assert_eq!(asked, [ElectionEffect::Send(sender, request)]);
    // Once per sender and epoch.
    assert_eq!(election.on_claim(&now, sender, claim), Ok(vec![]));
    let refused = election.on_tip_reply(&now, sender, forged, &certificate);
    let few = Reject::unfitting("tip_reply", "too few members known here attest the roster");
    assert_eq!(refused, Err(few));
    assert_eq!(election.tip().epoch, Epoch(0));
}

#[test]
fn certificates_with_too_few_unordered_or_foreign_votes_are_refused() {
    let suite = FastSuite::new(1);
    let genesis = tip(&[1; 6]);
    let view = genesis.view(Epoch(1)).unwrap();
    let refused = |certificate: Certificate| certificate.verify(&suite, &genesis).unwrap_err();
    let malformed = |what| Reject::malformed("certificate", what);
    // Four of six is exactly two thirds: not enough.
    assert_eq!(refused(certify(&view, 2, 0, &[1, 2, 3, 4])), malformed("the votes do not decide"));
    assert!(certify(&view, 2, 0, &[1, 2, 3, 4, 5]).verify(&suite, &genesis).is_ok());
    let unordered = malformed("votes are not strictly ascending by node");
    assert_eq!(refused(certify(&view, 2, 0, &[1, 2, 3, 4, 4])), unordered);
    assert_eq!(refused(certify(&view, 2, 0, &[2, 1, 3, 4, 5])), unordered);
    let foreign = malformed("a voter is no acting member");
    assert_eq!(refused(certify(&view, 2, 0, &[1, 2, 3, 4, 5, 9])), foreign);
    assert_eq!(refused(certify(&view, 2, 4, &[1, 2, 3, 4, 5])), malformed("no such round"));
    let mut moved = certify(&view, 2, 0, &[1, 2, 3, 4, 5]);
    moved.round = 1;
    assert!(matches!(refused(moved), Reject::Signature(_)));
}

#[test]
fn a_claim_on_an_unknown_tip_counts_as_soon_as_the_tip_is_shown() {
    let suite = FastSuite::new(1);
    let mut election = election(&[1; 5]);
    let genesis = election.tip().clone();
    let missed = certify(&genesis.view(Epoch(1)).unwrap(), 2, 0, &[2, 3, 4, 5]);
    let base = missed.verify(&suite, &genesis).unwrap().tip;
    let claim = claim_of(3, &base.view(Epoch(2)).unwrap());
    let now = context(&suite, 2 * EPOCH_MS + 1_000);
    let asked = election.on_claim(&now, claim.node, claim.clone()).unwrap();
    let request = Message::TipRequest { tip: base.digest() };
    assert_eq!(asked, [ElectionEffect::Send(claim.node, request)]);
    let effects = election.on_tip_reply(&now, claim.node, genesis, &missed).unwrap();
    assert_eq!(*election.tip(), base);
    let endorsement = vote(1, &claim, 0);
    let voted = ElectionRecord::Voted { claim: claim.clone(), endorsement };
    let said = Message::Endorse(Endorse { claim, endorsement });
    let last = [ElectionEffect::Journal(voted), ElectionEffect::Gossip(said)];
    assert_eq!(effects[effects.len() - 2..], last);
}

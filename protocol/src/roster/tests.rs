//! Rosters and their changes.

use super::*;
use crate::election::tests::{FastSuite, members_of, network_id};
use debal_crypto::Suite;

fn roster(weights: &[u64]) -> Roster {
    Roster::founding(members_of(weights)).unwrap()
}

fn join(number: u8, sponsor: u8, weight: u64, from: u64) -> RosterChange {
    let binding = FastSuite::new(number).binding(&network_id());
    RosterChange::join(&FastSuite::new(sponsor), &network_id(), binding, weight, Epoch(from))
}

fn leave(number: u8, from: u64) -> RosterChange {
    RosterChange::leave(&FastSuite::new(number), &network_id(), Epoch(from))
}

#[test]
fn founders_must_be_different_and_have_a_weight() {
    let twice = [members_of(&[1]), members_of(&[1])].concat();
    assert_eq!(Roster::founding(twice), Err(RosterError::Known));
    assert_eq!(Roster::founding(members_of(&[1, 0])), Err(RosterError::Weight));
    let heavy = members_of(&[MEMBER_WEIGHT_MAX + 1]);
    assert_eq!(Roster::founding(heavy), Err(RosterError::Weight));
    assert_eq!(Roster::founding([]), Err(RosterError::LastMember));
    let mut shared = members_of(&[1, 1]);
    shared[1].vrf = shared[0].vrf;
    assert_eq!(Roster::founding(shared), Err(RosterError::Known));
}

#[test]
fn the_order_of_founders_does_not_matter() {
    let mut members = members_of(&[3, 1, 2]);
    let first = Roster::founding(members.clone()).unwrap();
    members.reverse();
    assert_eq!(Roster::founding(members), Ok(first));
}

#[test]
fn a_join_acts_eight_epochs_later_with_its_weight_clipped_to_the_sponsors() {
    let mut roster = roster(&[5, 7]);
    assert_eq!(roster.admit(&join(9, 1, 100, 3), Epoch(4)), Ok(()));
    let node = FastSuite::new(9).node();
    assert_eq!(roster.at(Epoch(11)).weight_of(&node), 0);
    assert_eq!(roster.at(Epoch(12)).weight_of(&node), 5);
    assert_eq!(roster.settled(Epoch(12)).members.len(), 3);
    assert_eq!(roster.settled(Epoch(12)).pending.len(), 0);
    assert_eq!(roster.settled(Epoch(12)).at(Epoch(12)), roster.at(Epoch(12)));
}

#[test]
fn a_leave_acts_in_the_next_epoch() {
    let mut roster = roster(&[5, 7]);
    assert_eq!(roster.admit(&leave(2, 4), Epoch(4)), Ok(()));
    let node = FastSuite::new(2).node();
    assert_eq!(roster.at(Epoch(4)).weight_of(&node), 7);
    assert_eq!(roster.at(Epoch(5)).weight_of(&node), 0);
    assert_eq!(roster.admit(&leave(1, 4), Epoch(4)), Err(RosterError::LastMember));
}

#[test]
fn changes_that_break_a_rule_are_refused_by_name() {
    let mut roster = roster(&[5, 7]);
    let mut refused = |change, epoch| roster.admit(&change, Epoch(epoch)).unwrap_err();
    assert_eq!(refused(join(9, 1, 1, 3), 2), RosterError::Epoch);
    assert_eq!(refused(join(9, 1, 1, 3), 3 + STATEMENT_EPOCHS), RosterError::Epoch);
    assert_eq!(refused(join(2, 1, 1, 3), 3), RosterError::Known);
    assert_eq!(refused(join(9, 8, 1, 3), 3), RosterError::NotMember);
    assert_eq!(refused(join(9, 1, 0, 3), 3), RosterError::Weight);
    assert_eq!(refused(join(9, 1, MEMBER_WEIGHT_MAX + 1, 3), 3), RosterError::Weight);
    assert_eq!(refused(leave(9, 3), 3), RosterError::NotMember);
    assert_eq!(roster.admit(&join(9, 1, 1, 3), Epoch(3)), Ok(()));
    assert_eq!(roster.admit(&join(9, 2, 1, 3), Epoch(3)), Err(RosterError::Known));
    assert_eq!(roster.admit(&leave(9, 3), Epoch(3)), Err(RosterError::NotMember));
}

#[test]
fn an_old_statement_cannot_bring_a_member_back_or_send_it_away_again() {
    let mut roster = roster(&[5, 7]);
    let (joined, left) = (join(9, 1, 1, 1), leave(9, 9));
    roster.admit(&joined, Epoch(1)).unwrap();
    let mut roster = roster.settled(Epoch(9));
    roster.admit(&left, Epoch(9)).unwrap();
    let mut roster = roster.settled(Epoch(10));
    assert_eq!(roster.admit(&joined, Epoch(10)), Err(RosterError::Epoch));
    roster.admit(&join(9, 1, 1, 10), Epoch(10)).unwrap();
    let mut roster = roster.settled(Epoch(18));
    assert_eq!(roster.admit(&left, Epoch(18)), Err(RosterError::Epoch));
}

#[test]
fn signatures_of_sponsor_newcomer_and_leaver_are_checked() {
    let (suite, network) = (FastSuite::new(1), network_id());
    assert_eq!(join(9, 1, 4, 3).verify(&suite, &network), Ok(()));
    assert_eq!(leave(2, 3).verify(&suite, &network), Ok(()));
    let RosterChange::Join { binding, from, sponsor, signature, .. } = join(9, 1, 4, 3) else {
        panic!("a join")
    };
    let heavier = RosterChange::Join { binding, weight: 5, from, sponsor, signature };
    assert!(heavier.verify(&suite, &network).is_err());
    let unbound = Binding { signature, ..binding };
    let forged = RosterChange::join(&suite, &network, unbound, 4, from);
    assert!(forged.verify(&suite, &network).is_err());
    let elsewhere = Digest::of(Domain::NetworkId, &[b"elsewhere"]);
    assert!(leave(2, 3).verify(&suite, &elsewhere).is_err());
}

#[test]
fn two_thirds_exactly_do_not_decide_and_small_rosters_go_by_majority() {
    let decides = |weights: &[u64], weight| roster(weights).at(Epoch(0)).decides(weight);
    assert!(!decides(&[1; 6], 4) && decides(&[1; 6], 5));
    assert!(!decides(&[1; 4], 2) && decides(&[1; 4], 3));
    assert!(!decides(&[1; 3], 1) && decides(&[1; 3], 2));
    assert!(!decides(&[1; 2], 1) && decides(&[1; 2], 2));
    assert!(decides(&[1], 1) && !decides(&[1], 0));
    assert!(!decides(&[2, 1, 1], 2) && decides(&[2, 1, 1], 3));
    let most = [MEMBER_WEIGHT_MAX; 200];
    assert!(decides(&most, 134 * MEMBER_WEIGHT_MAX) && !decides(&most, 133 * MEMBER_WEIGHT_MAX));
}

#[test]
fn digests_tell_members_weights_and_waiting_changes_apart() {
    let epoch = Epoch(1);
    assert_ne!(roster(&[1, 2]).roster_digest(epoch), roster(&[2, 1]).roster_digest(epoch));
    let mut changed = roster(&[1, 2]);
    changed.admit(&join(9, 1, 1, 1), epoch).unwrap();
    assert_eq!(changed.roster_digest(epoch), roster(&[1, 2]).roster_digest(epoch));
    let full = |roster: &Roster| {
        let mut hasher = Hasher::new(Domain::TipDigest);
        roster.hash_into(&mut hasher);
        hasher.finish()
    };
    assert_ne!(full(&changed), full(&roster(&[1, 2])));
}

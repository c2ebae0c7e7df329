//! Certificate files, with the real curves.

use crate::bounded::Bounded;
use crate::election::file::{CertificateFileError, HEADER, verify_file, write_file};
use crate::election::{Certificate, Claim, Endorsement, Tip};
use crate::ids::Epoch;
use crate::roster::{Member, Roster};
use debal_crypto::{Digest, Domain, Identity, RealSuite, Suite};

fn suites(count: u8) -> Vec<RealSuite> {
    let suite = |seed| RealSuite::new(Identity::from_seed(&[seed; 32]).unwrap());
    let mut suites: Vec<_> = (1..=count).map(suite).collect();
    suites.sort_by_key(Suite::node);
    suites
}

fn certified(count: u8, block: Option<[u8; 32]>) -> (Tip, Certificate) {
    let network = Digest::of(Domain::NetworkId, &[b"files"]);
    let suites = suites(count);
    let member =
        |suite: &RealSuite| Member { node: suite.node(), vrf: suite.vrf_key(), weight: 100 };
    let base = Tip::genesis(network, Roster::founding(suites.iter().map(member)).unwrap());
    let view = base.view(Epoch(4)).unwrap();
    let (claim, _) = Claim::make(&suites[1], &view, block, []);
    let digest = claim.digest(&network);
    let votes = suites.iter().skip(1).map(|suite| {
        let vote = Endorsement::make(suite, &network, Epoch(4), 2, digest);
        (vote.node, vote.signature)
    });
    let votes: Vec<_> = votes.collect();
    let certificate = Certificate { claim, round: 2, votes: Bounded::try_from(votes).unwrap() };
    (base, certificate)
}

#[test]
fn a_file_tells_a_stranger_who_leads_and_by_what_weight() {
    let (base, certificate) = certified(4, None);
    let file = write_file(&base, &certificate).unwrap();
    let verified = verify_file(file.as_bytes()).unwrap();
    let view = base.view(Epoch(4)).unwrap();
    assert_eq!(verified.leader, certificate.leader());
    assert_eq!((verified.network, verified.epoch, verified.round), (base.network, Epoch(4), 2));
    assert_eq!((verified.weight, verified.total, verified.votes), (300, 400, 3));
    assert_eq!((verified.seed, verified.roster_digest), (view.seed(None), view.roster_digest));
    assert!(!verified.crash_faults_only);
    let (base, certificate) = certified(4, Some([7; 32]));
    let file = write_file(&base, &certificate).unwrap();
    assert_eq!(verify_file(file.as_bytes()).unwrap().seed, view.seed(Some(&[7; 32])));
}

#[test]
fn a_file_with_any_byte_changed_is_refused() {
    let (base, certificate) = certified(3, None);
    let file = write_file(&base, &certificate).unwrap().into_bytes();
    assert!(verify_file(&file).is_ok());
    for at in 0..file.len() {
        // A neighbouring hex digit, the other case, and a byte that is no text.
        let digit = if file[at] == b'0' { b'1' } else { b'0' };
        for changed in [digit, file[at] ^ 0x20, file[at] ^ 1, 0xff] {
            let mut bad = file.clone();
            bad[at] = changed;
            assert!(bad == file || verify_file(&bad).is_err(), "byte {at} as {changed}");
        }
    }
}

#[test]
fn anything_before_after_or_missing_is_refused() {
    let (base, certificate) = certified(3, None);
    let file = write_file(&base, &certificate).unwrap();
    let form = |text: &str| match verify_file(text.as_bytes()) {
        Err(CertificateFileError::Form(what)) => what,
        other => panic!("{other:?}"),
    };
    assert_eq!(form(&format!(" {file}")), "its first line is not the header");
    assert_eq!(form(&format!("{file}\n")), "its second line is not lower-case hex");
    assert_eq!(form(&file.replace('\n', "\r\n")), "its first line is not the header");
    assert_eq!(form(file.trim_end()), "it does not end with one line feed");
    assert_eq!(form(&format!("{HEADER}abc\n")), "its second line is not lower-case hex");
    assert_eq!(form(&"a".repeat(200_000)), "it is too long");
    let longer = file.replace("\n", "").replace(HEADER.trim_end(), HEADER) + "00\n";
    assert!(matches!(verify_file(longer.as_bytes()), Err(CertificateFileError::Content(_))));
}

#[test]
fn a_certificate_of_the_largest_roster_fits_a_file() {
    use crate::limits::{PENDING_CHANGES_MAX, ROSTER_MAX};
    use crate::roster::PendingChange;
    let (base, certificate) = certified(3, None);
    let member = |number: usize| {
        let bytes = Digest::of(Domain::CycleId, &[&number.to_be_bytes()]).0;
        Member {
            node: debal_crypto::NodeId(bytes),
            vrf: debal_crypto::VrfKey(bytes),
            weight: 1 << 40,
        }
    };
    let mut roster = Roster::founding((0..ROSTER_MAX).map(member)).unwrap();
    for number in 0..PENDING_CHANGES_MAX {
        let change = PendingChange::Enters(Epoch(u64::MAX), member(1_000 + number));
        roster.pending.push(change).unwrap();
    }
    let full = Tip { roster, ..base };
    let votes = (0..ROSTER_MAX).map(|number| (member(number).node, certificate.votes[0].1));
    let votes: Vec<_> = votes.collect();
    let certificate = Certificate { votes: Bounded::try_from(votes).unwrap(), ..certificate };
    let file = write_file(&full, &certificate).unwrap();
    println!("{} characters", file.len());
}

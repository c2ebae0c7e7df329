//! Votes and certificates: what makes a claim a record.
//!
//! Checking a certificate is a pure function of the tip it builds on. Local knowledge (evidence,
//! quarantine, clocks) must never enter it, or two honest nodes would follow two chains.

use super::checks::Checks;
use super::claim::CheckedClaim;
use super::types::{Certificate, Claim, Endorsement, Tip};
use crate::ids::Epoch;
use crate::limits::ROUNDS_MAX;
use crate::reject::Reject;
use crate::roster::Active;
use debal_crypto::{Digest, Domain, NodeId, Signature, SignatureError, Suite};

impl Endorsement {
    /// Votes for the claim with digest `claim`.
    #[must_use]
    pub fn make(
        suite: &dyn Suite,
        network: &Digest,
        epoch: Epoch,
        round: u8,
        claim: Digest,
    ) -> Self {
        let bytes = vote_bytes(network, epoch, round, &claim);
        let signature = suite.sign(Domain::Endorsement, &bytes);
        Self { node: suite.node(), epoch, round, claim, signature }
    }

    /// Checks the signature.
    ///
    /// # Errors
    /// [`SignatureError`] of the check.
    pub fn verify<C: Checks + ?Sized>(
        &self,
        checks: &C,
        network: &Digest,
    ) -> Result<(), SignatureError> {
        let bytes = vote_bytes(network, self.epoch, self.round, &self.claim);
        checks.check_signature(&self.node, Domain::Endorsement, &bytes, &self.signature)
    }
}

/// A certificate that has been checked against its base.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckedCertificate {
    /// The claim certified.
    pub claim: CheckedClaim,
    /// Weight that voted.
    pub weight: u64,
    /// The tip after its record.
    pub tip: Tip,
}

impl Certificate {
    /// The leader.
    #[must_use]
    pub const fn leader(&self) -> NodeId {
        self.claim.node
    }

    /// The epoch led.
    #[must_use]
    pub const fn epoch(&self) -> Epoch {
        self.claim.epoch
    }

    /// Checks the certificate against the tip it builds on, as a stranger would.
    ///
    /// # Errors
    /// [`Reject`] names the first check that fails.
    pub fn verify<C: Checks + ?Sized>(
        &self,
        checks: &C,
        base: &Tip,
    ) -> Result<CheckedCertificate, Reject> {
        let malformed = |what| Reject::malformed("certificate", what);
        if self.round >= ROUNDS_MAX {
            return Err(malformed("no such round"));
        }
        let ascending = self.votes.iter().zip(self.votes.iter().skip(1)).all(|(a, b)| a.0 < b.0);
        if !ascending {
            return Err(malformed("votes are not strictly ascending by node"));
        }
        let view = base
            .view(self.claim.epoch)
            .ok_or(malformed("its epoch is not after the tip it builds on"))?;
        if self.votes.iter().any(|(node, _)| view.active.get(node).is_none()) {
            return Err(malformed("a voter is no acting member"));
        }
        let weight = self.weight_in(&view.active);
        if !view.active.decides(weight) {
            return Err(malformed("the votes do not decide"));
        }
        let claim = self.claim.verify(checks, &view)?;
        let bytes = vote_bytes(&base.network, self.claim.epoch, self.round, &claim.digest);
        for (node, signature) in &self.votes {
            checks.check_signature(node, Domain::Endorsement, &bytes, signature)?;
        }
        let tip = view.extend(&self.claim, self.round, claim.output.seed);
        Ok(CheckedCertificate { claim, weight, tip })
    }

    /// The weight its voters have in `active`.
    #[must_use]
    pub fn weight_in(&self, active: &Active) -> u64 {
        let weights = self.votes.iter().map(|(node, _)| active.weight_of(node));
        weights.fold(0, u64::saturating_add)
    }

    /// Puts a certificate together from votes for one claim in one round, ascending by node.
    #[must_use]
    pub fn from_votes(
        claim: Claim,
        round: u8,
        votes: impl IntoIterator<Item = (NodeId, Signature)>,
    ) -> Self {
        Self { claim, round, votes: crate::bounded::Bounded::first_of(votes) }
    }
}

fn vote_bytes(network: &Digest, epoch: Epoch, round: u8, claim: &Digest) -> Vec<u8> {
    [&network.0[..], &epoch.0.to_be_bytes(), &[round], &claim.0].concat()
}

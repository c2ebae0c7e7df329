//! Claims: made from a view, checked against a view.
//!
//! A claim must never be ranked before its proof is checked: only verified outputs are uniform.

use super::checks::Checks;
use super::ranking::Rank;
use super::tip::View;
use super::types::Claim;
use crate::bounded::Bounded;
use crate::ids::Epoch;
use crate::limits::CHANGES_MAX;
use crate::reject::Reject;
use crate::roster::RosterChange;
use debal_crypto::digest::Hasher;
use debal_crypto::{Digest, Domain, NodeId, Suite, VrfOutput};

/// A claim whose proof is checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckedClaim {
    /// The claim.
    pub claim: Claim,
    /// Its digest.
    pub digest: Digest,
    /// Its VRF output.
    pub output: VrfOutput,
    /// Where it stands.
    pub rank: Rank,
}

/// What a claim says, apart from its proof. The pre-output is left out: key, tip and block
/// determine it. The proof is left out: it is randomised, and two proofs of one content are one
/// claim.
struct Content {
    node: NodeId,
    epoch: Epoch,
    tip: Digest,
    block: Option<[u8; 32]>,
    changes: Bounded<RosterChange, CHANGES_MAX>,
}

impl Content {
    fn digest(&self, network: &Digest) -> Digest {
        let mut hasher = Hasher::new(Domain::ClaimDigest);
        hasher.part(&network.0).part(&self.node.0).number(self.epoch.0).part(&self.tip.0);
        hasher.part(self.block.as_ref().map_or(&[], |block| block.as_slice()));
        hasher.number(u64::try_from(self.changes.len()).unwrap_or(u64::MAX));
        for change in &self.changes {
            hasher.part(&change.hashed_bytes(network));
        }
        hasher.finish()
    }
}

impl Claim {
    /// Claims the leadership of the view's epoch. Changes the roster does not admit are left out.
    #[must_use]
    pub fn make<'a>(
        suite: &dyn Suite,
        view: &View,
        block: Option<[u8; 32]>,
        wanted: impl IntoIterator<Item = &'a RosterChange>,
    ) -> (Self, VrfOutput) {
        let network = view.base.network;
        let mut roster = view.base.roster.settled(view.epoch);
        let mut changes: Bounded<RosterChange, CHANGES_MAX> = Bounded::new();
        for change in wanted {
            if changes.len() < CHANGES_MAX && roster.admit(change, view.epoch).is_ok() {
                let _ = changes.push(change.clone());
            }
        }
        let (node, epoch, tip) = (suite.node(), view.epoch, view.base_digest);
        let content = Content { node, epoch, tip, block, changes };
        let input = view.vrf_input(block.as_ref());
        let (preout, proof, output) = suite.vrf_prove(&input, &content.digest(&network));
        let Content { changes, .. } = content;
        (Self { node, epoch, tip, block, changes, preout, proof }, output)
    }

    /// Digest of what the claim says: also the context its proof is bound to.
    #[must_use]
    pub fn digest(&self, network: &Digest) -> Digest {
        let Self { node, epoch, tip, block, changes, preout: _, proof: _ } = self.clone();
        Content { node, epoch, tip, block, changes }.digest(network)
    }

    /// Checks the claim against the view of its base, cheap checks first.
    ///
    /// # Errors
    /// [`Reject`] names the first check that fails.
    pub fn verify<C: Checks + ?Sized>(
        &self,
        checks: &C,
        view: &View,
    ) -> Result<CheckedClaim, Reject> {
        if view.active.get(&self.node).is_none() {
            return Err(Reject::NotMember);
        }
        if view.cools_down(&self.node) {
            return Err(Reject::unfitting("claim", "its author cools down"));
        }
        let mut roster = view.base.roster.settled(view.epoch);
        for change in &self.changes {
            roster
                .admit(change, view.epoch)
                .map_err(|_| Reject::unfitting("claim", "the roster does not admit a change"))?;
            change.verify(checks, &view.base.network)?;
        }
        self.authenticate(checks, view)
    }

    /// Checks that its author made the claim for this view, whether it was allowed to or not.
    ///
    /// # Errors
    /// [`Reject`] names what fails.
    pub fn authenticate<C: Checks + ?Sized>(
        &self,
        checks: &C,
        view: &View,
    ) -> Result<CheckedClaim, Reject> {
        if self.epoch != view.epoch || self.tip != view.base_digest {
            return Err(Reject::unfitting("claim", "it builds on another tip"));
        }
        let member = view.active.get(&self.node).ok_or(Reject::NotMember)?;
        let digest = self.digest(&view.base.network);
        let input = view.vrf_input(self.block.as_ref());
        let output = checks.check_vrf(&member.vrf, &input, &digest, &self.preout, &self.proof)?;
        let rank = Rank::new(&output, member.weight, self.node);
        Ok(CheckedClaim { claim: self.clone(), digest, output, rank })
    }
}

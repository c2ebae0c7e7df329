//! The proof of a plan: its form, and the check of its figures by whoever holds the same summaries.
//!
//! A plan must never be refused because this node holds other summaries than its leader: then
//! nothing can be said, and the parties' own checks stand alone.

use super::Node;
use crate::plan::{Plan, PlanCheck, PlanProof};
use crate::reject::Reject;
use crate::summary::Summary;
use crate::wire::codec;
use debal_crypto::{Digest, Domain, Hasher, NodeId};

/// Identity of what a plan is made from; summaries ascend by sender.
pub(super) fn summaries_digest(summaries: &[(NodeId, Summary)]) -> Digest {
    let mut hasher = Hasher::new(Domain::SummariesDigest);
    for (node, summary) in summaries {
        hasher.part(&node.0).part(&codec::encode(summary).unwrap_or_default());
    }
    hasher.finish()
}

/// What anyone can check of a proof without the summaries: weak duality included.
pub(super) fn check_form(proof: &PlanProof) -> Result<(), Reject> {
    let prices = proof.prices.iter();
    if prices.zip(proof.prices.iter().skip(1)).any(|(a, b)| a.node >= b.node) {
        return Err(Reject::malformed("plan", "the prices of its proof must ascend by node"));
    }
    if proof.bound < 0 || proof.value > proof.bound {
        return Err(Reject::malformed("plan", "it claims more than its prices allow"));
    }
    Ok(())
}

impl Node {
    /// Gives the node what recomputes the proofs of plans. Without it only their form is checked.
    #[must_use]
    pub const fn checking_plans(mut self, check: PlanCheck) -> Self {
        self.agreement.check = Some(check);
        self
    }

    /// Whether the proof was recomputed and is true; `false` if this node holds other summaries.
    ///
    /// # Errors
    /// [`Reject::PlanProof`] if it is false by the very summaries its leader used.
    pub(super) fn check_proof(&self, plan: &Plan) -> Result<bool, Reject> {
        let Some(check) = self.agreement.check else { return Ok(false) };
        let held = plan.proof.prices.iter().map(|price| {
            let known = self.book.of(&price.node).filter(|known| known.seq == price.summary_seq)?;
            Some((price.node, known.clone()))
        });
        let Some(held) = held.collect::<Option<Vec<_>>>() else { return Ok(false) };
        // A member may have told the leader something else under the same number.
        if summaries_digest(&held) != plan.summaries {
            return Ok(false);
        }
        check(&held, plan).map_err(Reject::PlanProof)?;
        Ok(true)
    }
}

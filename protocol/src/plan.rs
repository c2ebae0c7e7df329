//! Plans: the cycles a certified leader proposes, and the agreement on one of them.
//!
//! A plan is advice. Nothing in it moves money: every party checks its own hops and locks by
//! itself.

use crate::amount::Msat;
use crate::bounded::Bounded;
use crate::election::Certificate;
use crate::ids::{ChannelId, TransferId};
use crate::limits::{CYCLE_HOPS_MAX, PAYMENT_HOPS_MAX, PLAN_CYCLES_MAX, ROSTER_MAX};
use crate::summary::Summary;
use debal_crypto::{Digest, LockHash, NodeId, Signature};
use serde::{Deserialize, Serialize};

/// One hop: `payer` pays `payee` over `channel`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hop {
    /// The channel.
    pub channel: ChannelId,
    /// Who pays.
    pub payer: NodeId,
    /// Who is paid.
    pub payee: NodeId,
    /// How much.
    pub amount_msat: Msat,
}

/// One atomic cycle. Hop i's payee is hop i+1's payer; the last payee is the first payer, who is
/// also the opener. Where amounts differ, the difference is the fee of the node in between.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CyclePlan {
    /// The hops in payment order; hop 0's payer is the opener.
    pub hops: Bounded<Hop, CYCLE_HOPS_MAX>,
}

/// What the planner answers: cycles and how good they are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LeaderPlan {
    /// The cycles, best first.
    pub cycles: Vec<CyclePlan>,
    /// One price per sender of a summary, in ppm, ascending by sender.
    pub potentials: Vec<(NodeId, i64)>,
    /// What the cycles are worth by the summaries, in millionths of a msat.
    pub value: i128,
    /// What the potentials prove that no circulation exceeds, in millionths of a msat.
    pub bound: i128,
}

/// One member in a plan's proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Price {
    /// The member.
    pub node: NodeId,
    /// Sequence number of its summary the plan was made from.
    pub summary_seq: u64,
    /// Its price of liquidity (dual potential), in ppm.
    pub potential_ppm: i64,
}

/// The certificate of a plan's quality: whoever holds the same summaries recomputes both figures
/// in one pass. The gap between them is what a better plan could gain at most.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanProof {
    /// One entry per summary the plan was made from, strictly ascending by node.
    pub prices: Bounded<Price, ROSTER_MAX>,
    /// What the cycles are worth by the summaries, in millionths of a msat.
    pub value: i128,
    /// What the prices prove that no circulation exceeds, in millionths of a msat.
    pub bound: i128,
}

/// Recomputes the proof of a plan from exactly the summaries it was made from, ascending by node;
/// pure. An error names the first figure or cycle that is false.
pub type PlanCheck = fn(&[(NodeId, Summary)], &Plan) -> Result<(), &'static str>;

/// What a certified leader proposes for its epoch. Signed as the body of an envelope.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Proof of leadership.
    pub certificate: Certificate,
    /// Digest of the summaries the plan was made from.
    pub summaries: Digest,
    /// Which summaries those were, and how good the cycles are by them.
    pub proof: PlanProof,
    /// Wall time after which no lock of this plan may be started, Unix milliseconds.
    pub expires_ms: u64,
    /// The cycles; each is a unit of its own. May be empty: then it is a heartbeat.
    pub cycles: Bounded<CyclePlan, PLAN_CYCLES_MAX>,
}

/// A party's signed consent to one cycle. The opener adds the lock hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accept {
    /// The cycle.
    pub cycle: TransferId,
    /// Who accepts.
    pub node: NodeId,
    /// The lock hash, from the opener only.
    pub lock_hash: Option<LockHash>,
    /// Signature over network, cycle and lock hash.
    pub signature: Signature,
}

/// All parties accepted: the cycle may lock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Go {
    /// The cycle.
    pub cycle: TransferId,
    /// One accept per party, in hop order.
    pub accepts: Bounded<Accept, CYCLE_HOPS_MAX>,
}

/// The route of a payment, shown to every hop. On Lightning this is an onion; on the embedded
/// ledger it is plain, and `debal privacy` says so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// The hops in payment order.
    pub hops: Bounded<Hop, PAYMENT_HOPS_MAX>,
}

//! Evidence: two statements of one member that cannot both be honest.
//!
//! Verification is a pure function of the pair and the tips of the record chain; evidence must
//! never be believed because of who sent it. It detects and never punishes with money: an accused
//! member loses this node's vote for a while, and certificates count it as before.

use crate::bounded::Bounded;
use crate::channel::State;
use crate::election::{Checks, Claim, Endorsement, Tip, View};
use crate::ids::Epoch;
use crate::limits::ELECTION_MAX_BYTES;
use crate::message::Message;
use crate::plan::Plan;
use crate::reject::Reject;
use crate::wire::{self, Verified};
use debal_crypto::{Digest, Domain, NodeId, Signature, Suite};
use serde::{Deserialize, Serialize};

/// A sealed envelope inside an evidence; half the election cap, so that two fit.
pub type EnvelopeBytes = Bounded<u8, { ELECTION_MAX_BYTES / 2 - 256 }>;

/// The pair.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Evidence {
    /// Two claims of one epoch that differ in content.
    Claims(Claim, Claim),
    /// Two votes of one epoch and round for different claims.
    Endorsements(Endorsement, Endorsement),
    /// Two plans, or two summaries of one sequence number, as sealed envelopes.
    Envelopes(EnvelopeBytes, EnvelopeBytes),
    /// Two states of one channel and sequence number, with the accused's signature on each.
    States {
        /// First state.
        first: State,
        /// The accused's signature on it.
        first_signature: Signature,
        /// Second state.
        second: State,
        /// The accused's signature on it.
        second_signature: Signature,
        /// The accused.
        accused: NodeId,
    },
}

/// What evidence proves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Guilt {
    /// Who said both.
    pub node: NodeId,
    /// In which epoch, if the statements carry one.
    pub epoch: Option<Epoch>,
    /// Kind of statements, for logs.
    pub what: &'static str,
}

/// What a pair is checked against.
#[derive(Clone, Copy)]
pub struct Scope<'a> {
    /// Curves.
    pub suite: &'a dyn Suite,
    /// Tips of the record chain this node holds, newest first. The newest tells the network.
    pub tips: &'a [&'a Tip],
}

impl std::fmt::Debug for Scope<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scope").field("tips", &self.tips.len()).finish_non_exhaustive()
    }
}

impl Evidence {
    /// Kind of statements, for logs and events.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Claims(..) => "claims",
            Self::Endorsements(..) => "endorsements",
            Self::Envelopes(..) => "envelopes",
            Self::States { .. } => "channel_states",
        }
    }

    /// Checks the pair and says who is guilty.
    ///
    /// # Errors
    /// [`Reject`] names why the pair proves nothing, or cannot be checked here.
    pub fn verify(&self, scope: &Scope<'_>) -> Result<Guilt, Reject> {
        let newest = scope.tips.first().ok_or(unfitting("no tip is known"))?;
        match self {
            Self::Claims(first, second) => two_claims(scope, &newest.network, first, second),
            Self::Endorsements(first, second) => two_votes(scope, &newest.network, first, second),
            Self::Envelopes(first, second) => two_envelopes(scope, &newest.network, first, second),
            Self::States { first, first_signature, second, second_signature, accused } => {
                member(scope, accused)?;
                let pair = [(first, first_signature), (second, second_signature)];
                two_states(scope.suite, accused, pair)
            }
        }
    }
}

const fn unfitting(what: &'static str) -> Reject {
    Reject::unfitting("evidence", what)
}

const fn malformed(what: &'static str) -> Reject {
    Reject::malformed("evidence", what)
}

fn member(scope: &Scope<'_>, node: &NodeId) -> Result<(), Reject> {
    let known = scope.tips.iter().any(|tip| tip.roster.knows(node));
    if known { Ok(()) } else { Err(Reject::NotMember) }
}

fn two_claims(
    scope: &Scope<'_>,
    network: &Digest,
    first: &Claim,
    second: &Claim,
) -> Result<Guilt, Reject> {
    if first.node != second.node || first.epoch != second.epoch {
        return Err(malformed("the claims are of different authors or epochs"));
    }
    if first.digest(network) == second.digest(network) {
        return Err(malformed("the claims say the same"));
    }
    for claim in [first, second] {
        let view: View = scope
            .tips
            .iter()
            .find(|tip| tip.digest() == claim.tip)
            .and_then(|tip| tip.view(claim.epoch))
            .ok_or(unfitting("the tip of a claim is not known here"))?;
        claim.authenticate(scope.suite, &view)?;
    }
    Ok(Guilt { node: first.node, epoch: Some(first.epoch), what: "claims" })
}

fn two_votes(
    scope: &Scope<'_>,
    network: &Digest,
    first: &Endorsement,
    second: &Endorsement,
) -> Result<Guilt, Reject> {
    let place = |vote: &Endorsement| (vote.node, vote.epoch, vote.round);
    if place(first) != place(second) {
        return Err(malformed("the votes are of different voters, epochs or rounds"));
    }
    if first.claim == second.claim {
        return Err(malformed("the votes say the same"));
    }
    member(scope, &first.node)?;
    first.verify(scope.suite, network)?;
    second.verify(scope.suite, network)?;
    Ok(Guilt { node: first.node, epoch: Some(first.epoch), what: "endorsements" })
}

fn two_envelopes(
    scope: &Scope<'_>,
    network: &Digest,
    first: &EnvelopeBytes,
    second: &EnvelopeBytes,
) -> Result<Guilt, Reject> {
    let first = open(scope.suite, network, first)?;
    let second = open(scope.suite, network, second)?;
    if first.sender() != second.sender() {
        return Err(malformed("the envelopes are of different senders"));
    }
    member(scope, &first.sender())?;
    let (epoch, what) = match (first.message(), second.message()) {
        (Message::Plan(one), Message::Plan(two)) => {
            two_plans(one, two)?;
            (one.certificate.claim.epoch, "plans")
        }
        (Message::Summary(one), Message::Summary(two)) => {
            if one.seq != two.seq || one == two {
                return Err(malformed("the summaries do not contradict each other"));
            }
            (one.epoch.max(two.epoch), "summaries")
        }
        _ => return Err(malformed("the envelopes hold no two plans and no two summaries")),
    };
    Ok(Guilt { node: first.sender(), epoch: Some(epoch), what })
}

/// Opens an envelope whichever of the two ways it travelled.
fn open(suite: &dyn Suite, network: &Digest, bytes: &EnvelopeBytes) -> Result<Verified, Reject> {
    use crate::message::Travel;
    match wire::open(suite, *network, Travel::Plans, bytes) {
        Err(Reject::WrongWay(_)) => wire::open(suite, *network, Travel::Summaries, bytes),
        opened => opened,
    }
}

/// Two plans of one certificate contradict each other if they propose different things; the votes
/// under the certificate may differ, for any sufficient set of them is right.
fn two_plans(one: &Plan, two: &Plan) -> Result<(), Reject> {
    let place = |plan: &Plan| (plan.certificate.claim.epoch, plan.certificate.round);
    let (a, b) = (one, two);
    let same = a.summaries == b.summaries
        && a.proof == b.proof
        && a.expires_ms == b.expires_ms
        && a.cycles == b.cycles;
    if place(one) != place(two) || same {
        return Err(malformed("the plans do not contradict each other"));
    }
    Ok(())
}

fn two_states(
    suite: &dyn Suite,
    accused: &NodeId,
    pair: [(&State, &Signature); 2],
) -> Result<Guilt, Reject> {
    let [(first, _), (second, _)] = pair;
    if (first.terms, first.seq) != (second.terms, second.seq) || first == second {
        return Err(malformed("the states do not contradict each other"));
    }
    for (state, signature) in pair {
        let bytes = state.signed_bytes().map_err(|_| malformed("a state cannot be encoded"))?;
        suite.check_signature(accused, Domain::ChannelState, &bytes, signature)?;
    }
    Ok(Guilt { node: *accused, epoch: None, what: "channel_states" })
}

#[cfg(test)]
mod tests;

//! Every domain-separation label of the project, in one table.
//!
//! A label must never be written anywhere else, reused for a second purpose, or be a prefix of
//! another one: two statements about different things must never share signed bytes.

/// What a hash or a signature is about. The label is hashed first, with its length in front.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Domain {
    /// Signature over a message envelope.
    Envelope,
    /// Signature that binds a VRF key to an identity.
    Binding,
    /// Signature over a co-signed channel state.
    ChannelState,
    /// Signature of a member that vouches for a newcomer.
    RosterJoin,
    /// Signature of a member that leaves.
    RosterLeave,
    /// Signature that endorses a claim in an election round.
    Endorsement,
    /// Signature of a party's consent to a cycle.
    Accept,
    /// Digest of a channel state.
    StateDigest,
    /// Digest of a roster.
    RosterDigest,
    /// Digest of the chain tip a claim builds on.
    TipDigest,
    /// Digest of an election claim.
    ClaimDigest,
    /// Digest of an epoch record.
    RecordDigest,
    /// Digest of the set of summaries a plan was made from.
    SummariesDigest,
    /// Digest of a plan.
    PlanDigest,
    /// Identifier of a cycle of a plan.
    CycleId,
    /// Identifier of a payment.
    PaymentId,
    /// Choice of the opener among a cycle's members.
    OpenerChoice,
    /// Election seed of an epoch.
    ElectionSeed,
    /// Entropy of an epoch that ended without a certified leader.
    SkippedEpoch,
    /// Input transcript of the election's VRF.
    VrfInput,
    /// VRF output expanded for ranking claims.
    VrfRank,
    /// VRF output expanded for the seed chain.
    VrfSeed,
    /// Nonce derivation of VRF proofs.
    VrfNonce,
    /// Derivation of the ed25519 identity key from the seed file.
    DeriveIdentity,
    /// Derivation of the schnorrkel VRF key from the seed file.
    DeriveVrf,
    /// Derivation of transfer secrets from the seed file.
    DeriveSecret,
    /// Identifier of a network from its founding parameters.
    NetworkId,
    /// Identifier of a channel from its founding parameters.
    ChannelId,
    /// Digest of a message for duplicate detection.
    MessageDigest,
}

impl Domain {
    /// All domains, for the test that keeps labels unique and prefix-free.
    pub const ALL: [Self; 29] = [
        Self::Envelope,
        Self::Binding,
        Self::ChannelState,
        Self::RosterJoin,
        Self::RosterLeave,
        Self::Endorsement,
        Self::Accept,
        Self::StateDigest,
        Self::RosterDigest,
        Self::TipDigest,
        Self::ClaimDigest,
        Self::RecordDigest,
        Self::SummariesDigest,
        Self::PlanDigest,
        Self::CycleId,
        Self::PaymentId,
        Self::OpenerChoice,
        Self::ElectionSeed,
        Self::SkippedEpoch,
        Self::VrfInput,
        Self::VrfRank,
        Self::VrfSeed,
        Self::VrfNonce,
        Self::DeriveIdentity,
        Self::DeriveVrf,
        Self::DeriveSecret,
        Self::NetworkId,
        Self::ChannelId,
        Self::MessageDigest,
    ];

    /// The label itself. Every label ends in `;`, which makes the table prefix-free.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Envelope => "debal/1/envelope;",
            Self::Binding => "debal/1/vrf-binding;",
            Self::ChannelState => "debal/1/channel-state;",
            Self::RosterJoin => "debal/1/roster-join;",
            Self::RosterLeave => "debal/1/roster-leave;",
            Self::Endorsement => "debal/1/endorsement;",
            Self::Accept => "debal/1/accept;",
            Self::StateDigest => "debal/1/state-digest;",
            Self::RosterDigest => "debal/1/roster-digest;",
            Self::TipDigest => "debal/1/tip-digest;",
            Self::ClaimDigest => "debal/1/claim-digest;",
            Self::RecordDigest => "debal/1/record-digest;",
            Self::SummariesDigest => "debal/1/summaries-digest;",
            Self::PlanDigest => "debal/1/plan-digest;",
            Self::CycleId => "debal/1/cycle-id;",
            Self::PaymentId => "debal/1/payment-id;",
            Self::OpenerChoice => "debal/1/opener-choice;",
            Self::ElectionSeed => "debal/1/election-seed;",
            Self::SkippedEpoch => "debal/1/skipped-epoch;",
            Self::VrfInput => "debal/1/vrf-input;",
            Self::VrfRank => "debal/1/vrf-rank;",
            Self::VrfSeed => "debal/1/vrf-seed;",
            Self::VrfNonce => "debal/1/vrf-nonce;",
            Self::DeriveIdentity => "debal/1/derive-identity;",
            Self::DeriveVrf => "debal/1/derive-vrf;",
            Self::DeriveSecret => "debal/1/derive-secret;",
            Self::NetworkId => "debal/1/network-id;",
            Self::ChannelId => "debal/1/channel-id;",
            Self::MessageDigest => "debal/1/message-digest;",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_label_is_a_prefix_of_another() {
        for (i, a) in Domain::ALL.iter().enumerate() {
            for (j, b) in Domain::ALL.iter().enumerate() {
                assert!(i == j || !b.label().starts_with(a.label()), "{a:?} {b:?}");
            }
        }
    }
}

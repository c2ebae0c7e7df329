//! Every cap of the core, in one place.
//!
//! No list, queue or map that a peer can grow may exist without its cap here.

/// Largest envelope of any kind, bytes; the per-kind caps of [`crate::Message::max_bytes`] are
/// below.
pub const ENVELOPE_MAX_BYTES: usize = 64 * 1024;
/// Largest summary envelope, bytes.
pub const SUMMARY_MAX_BYTES: usize = 16 * 1024;
/// Largest election envelope (claims, endorsements, roster changes, evidence), bytes.
pub const ELECTION_MAX_BYTES: usize = 24 * 1024;
/// Largest plan envelope, bytes.
pub const PLAN_MAX_BYTES: usize = 64 * 1024;
/// Largest direct message between two members of a transfer or ends of a channel, bytes.
pub const DIRECT_MAX_BYTES: usize = 32 * 1024;
/// Largest receipt envelope, bytes.
pub const RECEIPT_MAX_BYTES: usize = 4 * 1024;

/// Members in a roster. A certificate carries one signature each and must fit in a plan.
pub const ROSTER_MAX: usize = 256;
/// Roster changes in one claim.
pub const CHANGES_MAX: usize = 8;
/// Roster changes waiting for their activation epoch.
pub const PENDING_CHANGES_MAX: usize = 64;
/// Leaders of the past remembered for cool-down.
pub const RECENT_LEADERS_MAX: usize = 3;
/// Endorsement rounds in an epoch, the first included.
pub const ROUNDS_MAX: u8 = 4;
/// Evidence kept per accused member, and epochs it is kept.
pub const EVIDENCE_PER_NODE_MAX: usize = 4;
/// Epochs evidence is kept.
pub const EVIDENCE_EPOCHS: u64 = 10;
/// Epochs a member proven to equivocate has weight 0 in this node's eyes.
pub const QUARANTINE_EPOCHS: u64 = 144;

/// Skipped epochs walked through one by one when a seed is derived: a month of ten-minute epochs.
pub const SKIPPED_EPOCHS_MAX: u64 = 4_096;
/// Records of the chain kept with the tip each builds on, for members that lag.
pub const LINKS_MAX: usize = 4;
/// Different claims of one claimant kept in one epoch: the second proves the first a lie.
pub const CLAIMS_PER_NODE_MAX: usize = 2;
/// Certificates whose base tip has been asked for.
pub const WAITING_CERTIFICATES_MAX: usize = 4;
/// Tip requests of one sender answered in one epoch, and requests this node makes of one member.
pub const TIP_REPLIES_MAX: u8 = 4;
/// Roster changes known and not yet in a record.
pub const KNOWN_CHANGES_MAX: usize = 64;

/// Channels in one summary.
pub const SUMMARY_CHANNELS_MAX: usize = 150;
/// Channels in one quote: one member shares no more with another in the price rounds.
pub const QUOTE_CHANNELS_MAX: usize = 16;
/// Price rounds before an epoch.
pub const QUOTE_ROUNDS_MAX: u8 = 64;
/// Largest quote envelope, bytes: its list at full length takes less than a half.
pub const QUOTE_MAX_BYTES: usize = 2 * 1024;

/// Hops of a cycle.
pub const CYCLE_HOPS_MAX: usize = 8;
/// Fewest hops of a cycle: two nodes with parallel channels.
pub const CYCLE_HOPS_MIN: usize = 2;
/// Hops of a payment: the onion limit of BOLT 4.
pub const PAYMENT_HOPS_MAX: usize = 20;
/// Cycles in one plan.
pub const PLAN_CYCLES_MAX: usize = 48;

/// Encoded bytes of one hop of a plan at most, its share of the cycle's length included: a channel
/// and an amount of nine bytes each, two nodes, one byte.
pub const HOP_MAX_BYTES: usize = 9 + 32 + 32 + 9 + 1;
/// Encoded bytes of one entry of a plan's proof at most: a node, two numbers of nine bytes.
pub const PRICE_MAX_BYTES: usize = 32 + 9 + 9;

/// Locks open in one channel, both directions together.
pub const CHANNEL_LOCKS_MAX: usize = 60;
/// Changes in one proposed channel state.
pub const PROPOSAL_CHANGES_MAX: usize = 40;
/// Changes of one request from the high end to the low end.
pub const REQUEST_CHANGES_MAX: usize = 40;
/// Channels of one node.
pub const CHANNELS_MAX: usize = 2_048;
/// Transfers a node remembers, open and finished together.
pub const TRANSFERS_MAX: usize = 65_536;
/// Open transfers of one node.
pub const OPEN_TRANSFERS_MAX: usize = 4_096;
/// Hash-lock receives waiting for a payment.
pub const RECEIVES_MAX: usize = 16_384;

const _: () = assert!(SUMMARY_MAX_BYTES <= ENVELOPE_MAX_BYTES);
const _: () = assert!(PLAN_MAX_BYTES <= ENVELOPE_MAX_BYTES);
const _: () = assert!(ROSTER_MAX * 96 <= PLAN_MAX_BYTES / 2);
// A full roster's votes and prices leave room for 48 cycles of five hops.
const _: () = assert!(
    ROSTER_MAX * (96 + PRICE_MAX_BYTES) + PLAN_CYCLES_MAX * 5 * HOP_MAX_BYTES <= PLAN_MAX_BYTES
);
const _: () = assert!(PROPOSAL_CHANGES_MAX <= CHANNEL_LOCKS_MAX);

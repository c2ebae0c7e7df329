//! Every bound on what comes from outside, in one place.
//!
//! A bound here must never be lifted without a test that reaches it.

/// The longest rule file, bytes.
pub const RULE_FILE_MAX_BYTES: usize = 1 << 20;
/// The longest list file, bytes.
pub const LIST_FILE_MAX_BYTES: usize = 16 << 20;
/// The most sections of one rule file.
pub const SECTIONS_MAX: usize = 4096;
/// The most references followed from one value, as in the original.
pub const INTERPOLATION_DEPTH_MAX: usize = 10;
/// The most references followed for one value, nested ones included.
pub const REFERENCES_MAX: usize = 10_000;
/// The longest value after its references are expanded, bytes.
pub const VALUE_MAX_BYTES: usize = 256 << 10;
/// How deep `use_config` files may include each other.
pub const INCLUDE_DEPTH_MAX: usize = 8;
/// The most files one rule file may include, directly or not.
pub const INCLUDES_MAX: usize = 64;
/// The longest state file, bytes.
pub const STATE_MAX_BYTES: usize = 512 << 20;
/// The most channels of one state.
pub const CHANNELS_MAX: usize = 200_000;
/// The most forwards, failed or settled, of one state.
pub const FORWARDS_MAX: usize = 5_000_000;
/// The most peers, and the most transactions, of one state.
pub const PEERS_MAX: usize = 500_000;

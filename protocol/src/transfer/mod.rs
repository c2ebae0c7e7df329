//! Atomic transfers: cycles of a plan and multi-hop payments, one mechanism for both (mode B).
//!
//! Locks run forward hop by hop, each only after the one before it is complete and durable (R1).
//! The payer of the last hop decides, once, in its journal: secret in time is commit, its clock is
//! abort (R4). Then claims run backward. A cycle is a transfer whose recipient is its first payer.

pub mod record;

pub use record::{Decision, Kind, Leg, LegStatus, Stage, Transfer, is_path};

//! The client of an agent's control socket: JSON lines, many requests in flight, answers in any
//! order, every wait bounded.
//!
//! Nothing an agent sends is trusted: lines are bounded before they are parsed, unknown answers are
//! dropped, and a dead connection fails every waiting call at once instead of hanging it.

mod client;
mod types;

pub use client::{Client, ControlError};
pub use types::{
    Audit, AuditChannel, ChannelStatus, EventPage, GossipTrace, Invoice, NodeEvent, Paid,
    PolicyFields, Status,
};

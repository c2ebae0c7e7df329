//! The control API: a Unix socket in the data directory that only the owner can open.
//!
//! Everything a client can do goes through [`Op`]; nothing here may reach around it.

mod op;
mod ops;
pub mod render;
mod serve;

pub use op::{ApiError, Op, OpenFields, PolicyFields, Request};
pub use ops::{Service, reserve_msat, rss_bytes};
pub use serve::{LINE_MAX_BYTES, SOCKET_NAME, bind, serve};

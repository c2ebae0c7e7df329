//! What can be broken on request, and the record of what was asked.
//!
//! A fault happens exactly once, on the call it was set for; it must never leak into another.

use std::time::Duration;

/// One of the node's interfaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wire {
    /// gRPC.
    Grpc = 0,
    /// REST.
    Rest = 1,
}

/// A call that arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// Full name with the leading slash.
    pub method: String,
    /// By which interface.
    pub wire: Wire,
}

/// How an interface greets connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// Normally.
    Open,
    /// Closes them at once.
    Refuse,
    /// Accepts and then says nothing, not even TLS.
    Hang,
}

/// What goes wrong with one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The connection is lost before anything is done.
    CutBefore,
    /// The connection is lost after the call took effect.
    CutAfter,
    /// The answer takes this long.
    Slow(Duration),
    /// Nothing is ever answered; nothing is done.
    Hang,
    /// An internal error (code 13) instead of an answer; nothing is done.
    Internal,
    /// HTTP 500 without LND's JSON (REST), or an empty status 500 (gRPC); nothing is done.
    Bare500,
    /// The call takes effect and its answer is garbage.
    Garbage,
    /// A stream is cut after so many messages.
    CutStream(usize),
}

/// The faults that wait for their call.
#[derive(Default)]
pub(crate) struct Faults(Vec<(&'static str, u32, Fault)>);

impl Faults {
    pub(crate) fn add(&mut self, method: &'static str, nth: u32, fault: Fault) {
        assert!(nth > 0, "calls are counted from 1");
        self.0.push((method, nth, fault));
    }

    /// Counts a call; the fault set for it, if any.
    pub(crate) fn take(&mut self, method: &str) -> Option<Fault> {
        let mut due = None;
        for (index, (name, left, fault)) in self.0.iter_mut().enumerate() {
            if name.is_empty() || *name == method {
                *left -= 1;
                if *left == 0 && due.is_none() {
                    due = Some((index, *fault));
                }
            }
        }
        let (index, fault) = due?;
        self.0.remove(index);
        self.0.retain(|(_, left, _)| *left > 0);
        Some(fault)
    }
}

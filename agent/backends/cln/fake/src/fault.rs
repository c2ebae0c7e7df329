//! What can be broken on request.
//!
//! A fault happens exactly once, on the call it was set for; it must never leak into another.

use std::time::Duration;

/// How the socket greets connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// Normally.
    Open,
    /// There is no socket.
    Absent,
    /// There is a socket and nobody listens.
    Stale,
}

/// What goes wrong with one call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The connection is lost before anything is done.
    CutBefore,
    /// The connection is lost after the call took effect.
    CutAfter,
    /// The connection is lost in the middle of the answer.
    CutWithin,
    /// The answer takes this long.
    Slow(Duration),
    /// Nothing is ever answered; nothing is done.
    Hang,
    /// The call takes effect and its answer is garbage.
    Garbage,
    /// The call takes effect and its answer never ends.
    Endless,
    /// The call takes effect and the answer is another request's.
    Stranger,
    /// This error instead of an answer; nothing is done.
    Refuse(i64, &'static str),
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
        for (index, (name, left, _)) in self.0.iter_mut().enumerate() {
            if name.is_empty() || *name == method {
                *left = left.saturating_sub(1);
                if *left == 0 && due.is_none() {
                    due = Some(index);
                }
            }
        }
        due.map(|index| self.0.remove(index).2)
    }
}

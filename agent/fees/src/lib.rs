//! Fee rules: the text of a rule file and a node's state in, decisions with reasons out.
//!
//! Pure: no input or output, no clock, no randomness, no database. It must never apply anything:
//! a decision is data, and the agent sends it. charge-lnd's files run unchanged; the superset adds
//! keys and strategies and never changes what an old file means. `DESIGN.md` has the types,
//! `docs/fees.md` every key.

mod advice;
mod answer;
mod breaker;
mod change;
mod criteria;
mod decision;
mod evaluate;
mod explain;
mod facts;
mod fault;
mod flags;
mod ini;
mod interpolate;
pub mod limits;
mod lint;
mod names;
mod needs;
mod number;
mod rules;
pub mod scid;
mod select;
pub mod state;
mod strategy;
pub mod worth;

pub use advice::{Advice, Adviser, Ask};
pub use answer::{Answer, ChannelAnswer, Run, RunError, answer};
pub use breaker::BreakerChange;
pub use criteria::{Dialect, ReadFile};
pub use decision::{
    ChannelError, Decision, ErrorKind, PolicyUpdate, Safety, Status, Target, Warning,
};
pub use evaluate::{Evaluation, evaluate, evaluate_advised};
pub use explain::{Explanation, Step, explain};
pub use fault::{Fault, Place};
pub use flags::{FlagError, Flags};
pub use lint::{Finding, Severity, lint};
pub use names::{Kind, Origin, Property, Strategy};
pub use needs::Needs;
pub use rules::{Options, Rules};
pub use state::{NodeState, StateError};

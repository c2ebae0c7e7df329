//! What holds for the rules beyond the recorded cases; one program, to be linked once.
//!
//! Nothing here may read a file or a clock.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod advice;
mod examples;
mod fuzz;
mod needs;
mod relations;
mod states;
mod superset;
mod worth;

use debal_fees::{Decision, NodeState, Options, Rules, evaluate};

/// Compiles rules that name no files.
pub fn rules(text: &str) -> Rules {
    let mut none = |name: &str| Err(format!("no file {name}"));
    Rules::compile(text, "rules", &mut none, Options::default()).unwrap()
}

/// The decisions of rules over a state.
pub fn decide(text: &str, state: &NodeState) -> Vec<Decision> {
    evaluate(&rules(text), state).decisions
}

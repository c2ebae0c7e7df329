//! What a method of rebalancing is asked and what it answers.
//!
//! A method must never see the optimum, another method's answer, or more of the state than its
//! row's name admits (`full knowledge`, `summaries`, `neighbours only`).

use crate::BenchError;
use crate::b2::traffic::Traffic;
use crate::states::State;

/// What a method did to a state.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Outcome {
    /// Per channel, what end 0 holds afterwards, in msat.
    pub held_msat: Vec<u64>,
    /// Hops and amount (msat) of every cycle.
    pub cycles: Vec<(u32, u64)>,
    /// What it took to agree on them; executing a cycle costs every method the same.
    pub cost: Cost,
}

/// What agreeing took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cost {
    /// One after another: rounds of neighbours, or turns of a leader.
    pub rounds: u64,
    /// Messages of all nodes together.
    pub messages: u64,
    /// Their bytes.
    pub bytes: u64,
    /// What went through the chain, in msat.
    pub on_chain_msat: u64,
    /// What swaps with the chain cost, in msat; they change what nodes own.
    pub swap_fees_msat: u64,
}

/// A way to rebalance.
pub trait Method {
    /// The name of its row.
    fn name(&self) -> String;

    /// Whether nodes keep what they own: true for all but swaps. What says so is checked.
    fn keeps_wealth(&self) -> bool {
        true
    }

    /// Itself with other parameters: the best of them on seeds apart is the one that is measured.
    /// None for a method that has nothing to tune.
    fn candidates(&self) -> Vec<Box<dyn Method>> {
        Vec::new()
    }

    /// The parameters that were tuned, for people; empty for a method without.
    fn parameters(&self) -> String {
        String::new()
    }

    /// As [`Method::settle`], for methods that also look at what ends of channels saw so far.
    ///
    /// # Errors
    /// As [`Method::settle`].
    fn settle_seeing(
        &self,
        state: &State,
        _traffic: &Traffic,
        seed: u64,
    ) -> Result<Outcome, BenchError> {
        self.settle(state, seed)
    }

    /// Rebalances once. `seed` is for its own draws.
    ///
    /// # Errors
    /// [`BenchError`] if it could not work.
    fn settle(&self, state: &State, seed: u64) -> Result<Outcome, BenchError>;
}

/// Checks what every method promises: balances within the channels, and nobody's wealth changed.
///
/// # Errors
/// [`BenchError::Broken`] names the rule.
pub fn check(method: &dyn Method, state: &State, outcome: &Outcome) -> Result<(), BenchError> {
    let broken = |rule: String| BenchError::Broken { method: method.name(), rule };
    if outcome.held_msat.len() != state.channels.len() {
        return Err(broken(format!("{} balances answered", outcome.held_msat.len())));
    }
    let mut gained = vec![0i128; state.nodes as usize];
    for (index, (channel, &after)) in state.channels.iter().zip(&outcome.held_msat).enumerate() {
        if after > channel.capacity_msat {
            return Err(broken(format!("channel {index} holds more than its capacity")));
        }
        let change = i128::from(after) - i128::from(channel.held_msat);
        for (end, change) in channel.ends.into_iter().zip([change, -change]) {
            if let Some(gain) = gained.get_mut(end as usize) {
                *gain += change;
            }
        }
    }
    match gained.iter().position(|gain| *gain != 0) {
        Some(node) if method.keeps_wealth() => {
            Err(broken(format!("node {node} owns {} msat more", gained[node])))
        }
        _ => Ok(()),
    }
}

//! What a node does in a round, in integers: hand-set or learned.
//!
//! It must never hold a floating-point number: both ends of a channel compute the same flow from it.

use serde::{Deserialize, Serialize};

/// One whole, in the units of every factor here.
pub const ONE: u32 = 1024;

/// How a node carries on in the direction it was going.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Momentum {
    /// None.
    None,
    /// This part of the last move, in 1024ths.
    Fixed(u32),
    /// Nesterov's growing part; a node whose last two moves disagree starts again by itself.
    Restarting,
}

/// Where a node's step goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Aim {
    /// To where its own net inflow is zero while its neighbours stand still. Its channels' answers
    /// are piecewise linear, so this is exact, whatever their capacities.
    Balance,
    /// Against its net inflow over the stiffness of all its channels, idle and full ones included.
    Gradient,
}

/// One round's rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// How soft a channel's answer is: its flow goes from nothing to all while the gain goes from
    /// 0 to this part of its value, in 1024ths.
    pub span: u32,
    /// Where a step goes.
    pub aim: Aim,
    /// The part of that way that one step goes, in 1024ths. Neighbours move at the same time: half
    /// the way is what keeps them from passing each other for ever.
    pub step: u32,
    /// What is added for the direction of the last move.
    pub momentum: Momentum,
}

/// The rules of all rounds; the last one holds for every round after it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedule {
    first: Vec<Rule>,
    rest: Rule,
}

impl Schedule {
    /// `first` one by one, then `rest` for ever.
    #[must_use]
    pub fn new(first: Vec<Rule>, rest: Rule) -> Schedule {
        Schedule { first, rest }
    }

    /// The rule of a round, counted from 0.
    #[must_use]
    pub fn rule(&self, round: u32) -> &Rule {
        self.first.get(round as usize).unwrap_or(&self.rest)
    }
}

impl Default for Schedule {
    /// Half the value as span, half the way to balance, no momentum.
    fn default() -> Schedule {
        let (span, step) = (ONE / 2, ONE / 2);
        let rest = Rule { span, aim: Aim::Balance, step, momentum: Momentum::None };
        Schedule { first: Vec::new(), rest }
    }
}

impl Schedule {
    /// Half the value as span, half a gradient step, momentum with local restart: the iteration
    /// that the default is measured against.
    #[must_use]
    pub fn gradient() -> Schedule {
        let (span, step) = (ONE / 2, ONE / 2);
        let rest = Rule { span, aim: Aim::Gradient, step, momentum: Momentum::Restarting };
        Schedule { first: Vec::new(), rest }
    }
}

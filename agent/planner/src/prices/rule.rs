//! What a node does in a round, in integers: hand-set or learned.
//!
//! It must never hold a floating-point number: both ends of a channel compute the same flow from
//! it.

use serde::{Deserialize, Serialize};

/// One whole, in the units of every factor here.
pub const ONE: u32 = 1024;

/// Classes of channels by value and of nodes by degree that a rule tells apart.
pub const CLASSES: usize = 8;

/// The least width of [`Schedule::urgencies`]: half of what one end's full urgency is worth.
pub const URGENCY_WIDTH_PPM: u32 = 500;

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
    /// The least gain in ppm over which it does, whatever its value: without it channels that are
    /// worth nearly nothing, and helpers that ask for nearly nothing, answer all or nothing.
    pub least_width_ppm: u32,
    /// How much more than its flow a channel offers: its answer to a gain that is higher by this
    /// part of its width, in 1024ths.
    pub slack: u32,
    /// Where a step goes.
    pub aim: Aim,
    /// The part of that way that one step goes, in 1024ths. Neighbours move at the same time: half
    /// the way is what keeps them from passing each other for ever.
    pub step: u32,
    /// What is added for the direction of the last move.
    pub momentum: Momentum,
    /// A factor on the span by the class of a channel's value ([`Rule::span_of`]), in 1024ths.
    pub span_by_value: [u32; CLASSES],
    /// A factor on the step by the class of a node's degree ([`Rule::step_of`]), in 1024ths.
    pub step_by_degree: [u32; CLASSES],
}

impl Rule {
    /// The same for all channels and nodes.
    #[must_use]
    pub const fn plain(span: u32, aim: Aim, step: u32, momentum: Momentum) -> Rule {
        let same = [ONE; CLASSES];
        Rule {
            span,
            least_width_ppm: 0,
            slack: 0,
            aim,
            step,
            momentum,
            span_by_value: same,
            step_by_degree: same,
        }
    }

    /// The span of a channel of this value, which both of its ends know: classes of four bits,
    /// up from 2^8 ppm (where value counts relative skew, a class is a sixteenth of the capacity).
    #[must_use]
    pub fn span_of(&self, value_ppm: i64) -> u64 {
        let bits = value_ppm.unsigned_abs().checked_ilog2().unwrap_or_default();
        let class = (bits / 4).saturating_sub(2) as usize;
        scaled(self.span, self.span_by_value[class.min(CLASSES - 1)])
    }

    /// The step of a node of this degree: classes of 1, 2 to 3, 4 to 7 and so on, 128 and more.
    #[must_use]
    pub fn step_of(&self, degree: usize) -> u64 {
        let class = degree.checked_ilog2().unwrap_or_default() as usize;
        scaled(self.step, self.step_by_degree[class.min(CLASSES - 1)])
    }
}

fn scaled(one: u32, factor: u32) -> u64 {
    (u64::from(one) * u64::from(factor)) >> ONE.ilog2()
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
        Schedule::new(Vec::new(), Rule::plain(ONE / 2, Aim::Balance, ONE / 2, Momentum::None))
    }
}

impl Schedule {
    /// For values that have nothing to do with capacities, as urgencies have: the whole value as
    /// span but no answer within less than [`URGENCY_WIDTH_PPM`], two thirds of the way to balance,
    /// and half a width of slack in what is offered (with a flow of zero to all, that is what
    /// answers potentials that have not settled).
    #[must_use]
    pub fn urgencies() -> Schedule {
        let mut rest = Rule::plain(ONE, Aim::Balance, 700, Momentum::None);
        (rest.least_width_ppm, rest.slack) = (URGENCY_WIDTH_PPM, ONE / 2);
        Schedule::new(Vec::new(), rest)
    }

    /// Half the value as span, half a gradient step, momentum with local restart: the iteration
    /// that the default is measured against.
    #[must_use]
    pub fn gradient() -> Schedule {
        let rest = Rule::plain(ONE / 2, Aim::Gradient, ONE / 2, Momentum::Restarting);
        Schedule::new(Vec::new(), rest)
    }
}

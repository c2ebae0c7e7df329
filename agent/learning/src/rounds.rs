//! Learned price rounds: what a model file says, as the integers that nodes compute with.
//!
//! A model must never bring a rule that the planner could not use: every number is brought within
//! its range here, by + - * / and comparisons alone, so that one file is one schedule on every
//! machine. A file that is none means the hand-set schedule, and why is said.

use crate::model::{Kind, ModelFile, Refused, Tensor};
use debal_planner::prices::{Aim, CLASSES, Momentum, ONE, Rule, Schedule};

/// Numbers of a round: span, step, momentum.
pub const PER_ROUND: usize = 3;
/// Numbers shared by all rounds: factors by the class of a channel's value and of a node's degree.
pub const SHARED: usize = 2 * CLASSES;
/// Most rounds of a model.
pub const ROUNDS_MAX: usize = 64;

/// The largest momentum, in 1024ths.
const MOMENTUM_MAX: f64 = 972.0;

/// How many numbers a schedule of so many rounds has.
pub const fn width(rounds: usize) -> usize {
    rounds * PER_ROUND + SHARED
}

/// How many rounds a schedule of so many numbers has.
pub fn rounds_of(width: usize) -> Option<usize> {
    let own = width.checked_sub(SHARED)?;
    let rounds = own / PER_ROUND;
    (own % PER_ROUND == 0 && (1..=ROUNDS_MAX).contains(&rounds)).then_some(rounds)
}

/// 1 at 0, growing without end, falling towards 0, by arithmetic that every machine does alike.
fn factor(value: f32) -> f64 {
    let value = f64::from(value);
    if value >= 0.0 { 1.0 + value } else { 1.0 / (1.0 - value) }
}

/// A number of 1024ths within its range.
fn scaled(one: u32, factor: f64, least: u32, most: u32) -> u32 {
    (f64::from(one) * factor).round().clamp(f64::from(least), f64::from(most)) as u32
}

/// The schedule of these numbers (round by round, then the shared ones); all zeros are the
/// hand-set one. None if there are not as many as [`width`] says for some number of rounds.
pub fn schedule(values: &[f32]) -> Option<Schedule> {
    let rounds = rounds_of(values.len())?;
    let (own, shared) = values.split_at_checked(rounds * PER_ROUND)?;
    let class = |offset: usize| {
        let mut factors = [ONE; CLASSES];
        for (factor_of, value) in factors.iter_mut().zip(shared.iter().skip(offset)) {
            *factor_of = scaled(ONE, factor(*value), ONE / 16, ONE * 16);
        }
        factors
    };
    let (by_value, by_degree) = (class(0), class(CLASSES));
    let rule = |round: &[f32]| {
        let [span, step, momentum] = *round else { return None };
        let carried =
            (f64::from(momentum) * f64::from(ONE)).round().clamp(0.0, MOMENTUM_MAX) as u32;
        let momentum = if carried == 0 { Momentum::None } else { Momentum::Fixed(carried) };
        let span = scaled(ONE / 2, factor(span), 1, ONE * 16);
        let step = scaled(ONE / 2, factor(step), 1, ONE * 2);
        let plain = Rule::plain(span, Aim::Balance, step, momentum);
        Some(Rule { span_by_value: by_value, step_by_degree: by_degree, ..plain })
    };
    let rules: Vec<Rule> = own.chunks_exact(PER_ROUND).filter_map(rule).collect();
    let rest = rules.last().copied()?;
    Some(Schedule::new(rules, rest))
}

/// The tensors of a model: a row per round, then one row of what they share.
pub fn tensors(values: &[f32]) -> Option<Vec<Tensor>> {
    let rounds = rounds_of(values.len())?;
    let (own, shared) = values.split_at_checked(rounds * PER_ROUND)?;
    let tensor = |rows, columns, values: &[f32]| Tensor { rows, columns, values: values.to_vec() };
    Some(vec![tensor(rounds, PER_ROUND, own), tensor(1, SHARED, shared)])
}

/// The numbers in a model.
///
/// # Errors
/// A model of another kind or shape.
pub fn values(file: &ModelFile) -> Result<Vec<f32>, Refused> {
    if file.kind != Kind::Rounds {
        let wanted = Kind::Rounds.name();
        return Err(Refused::OtherKind { found: file.kind.name(), wanted });
    }
    let [own, shared] = file.tensors.as_slice() else { return Err(Refused::Body) };
    let fits = own.columns == PER_ROUND && (shared.rows, shared.columns) == (1, SHARED);
    let values: Vec<f32> = own.values.iter().chain(&shared.values).copied().collect();
    if fits && rounds_of(values.len()) == Some(own.rows) { Ok(values) } else { Err(Refused::Body) }
}

/// The rules of so many rounds, and where they come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Chosen {
    /// A model's.
    Learned {
        /// Its name.
        name: String,
        /// Its version.
        version: u32,
        /// Its rounds.
        rounds: u32,
        /// Its rules.
        schedule: Schedule,
    },
    /// The hand-set ones.
    HandSet {
        /// Why no model is used.
        why: String,
    },
}

impl Chosen {
    /// The model in these bytes, or the hand-set rules and why.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        let read = ModelFile::read(bytes).and_then(|file| {
            let schedule = schedule(&values(&file)?).ok_or(Refused::Body)?;
            let rounds = file.tensors.first().map_or(0, |own| own.rows);
            Ok((file.name, file.version, rounds, schedule))
        });
        match read {
            Ok((name, version, rounds, schedule)) => {
                let rounds = u32::try_from(rounds).unwrap_or(u32::MAX);
                Self::Learned { name, version, rounds, schedule }
            }
            Err(refused) => Self::HandSet { why: refused.to_string() },
        }
    }

    /// The built-in model of exactly so many rounds, or the hand-set rules and why.
    pub fn built_in(rounds: u32) -> Self {
        let models = crate::model::ROUNDS.iter().map(|bytes| Self::from_bytes(bytes));
        let fits = |one: &Self| matches!(one, Self::Learned { rounds: of, .. } if *of == rounds);
        let none = || Self::HandSet { why: format!("no model of {rounds} rounds is built in") };
        models.into_iter().find(fits).unwrap_or_else(none)
    }

    /// The rules.
    pub fn schedule(&self) -> Schedule {
        match self {
            Self::Learned { schedule, .. } => schedule.clone(),
            Self::HandSet { .. } => Schedule::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zeros_are_the_hand_set_schedule() {
        let zeros = schedule(&vec![0.0; width(5)]).unwrap();
        for round in 0..9 {
            assert_eq!(zeros.rule(round), Schedule::default().rule(round), "round {round}");
        }
        assert_eq!(schedule(&vec![0.0; width(5) + 1]), None);
        assert_eq!((rounds_of(SHARED), rounds_of(width(ROUNDS_MAX + 1))), (None, None));
    }

    #[test]
    fn whatever_a_model_says_its_rules_stay_within_their_ranges() {
        for value in [-1e30f32, -3.0, 0.7, 1e30] {
            let wild = schedule(&vec![value; width(3)]).unwrap();
            for round in 0..4 {
                let rule = wild.rule(round);
                assert!((1..=ONE * 16).contains(&rule.span), "{rule:?}");
                assert!((1..=ONE * 2).contains(&rule.step), "{rule:?}");
                assert!(rule.span_by_value.iter().all(|f| (ONE / 16..=ONE * 16).contains(f)));
                assert!(matches!(rule.momentum, Momentum::None | Momentum::Fixed(1..=972)));
            }
        }
    }

    #[test]
    fn a_model_comes_back_as_it_was_written_and_a_wrong_one_is_named() {
        let numbers: Vec<f32> = (0..width(3)).map(|index| index as f32 / 100.0 - 0.1).collect();
        let file = ModelFile {
            kind: Kind::Rounds,
            name: "rounds-1".to_owned(),
            version: 1,
            tensors: tensors(&numbers).unwrap(),
        };
        let read = Chosen::from_bytes(&file.write());
        assert_eq!(read.schedule(), schedule(&numbers).unwrap());
        assert!(matches!(read, Chosen::Learned { rounds: 3, version: 1, .. }));
        let other = ModelFile { kind: Kind::Policy, ..file.clone() };
        let Chosen::HandSet { why } = Chosen::from_bytes(&other.write()) else { panic!() };
        assert_eq!(why, "a model of policy, not of rounds");
        let mut cut = file;
        cut.tensors.pop();
        let fallen = Chosen::from_bytes(&cut.write());
        assert!(matches!(fallen, Chosen::HandSet { .. }));
        assert_eq!(fallen.schedule(), Schedule::default());
        assert!(matches!(Chosen::built_in(7), Chosen::HandSet { .. }));
    }

    #[test]
    fn the_models_in_the_repository_are_whole() {
        for bytes in crate::model::ROUNDS {
            assert!(matches!(Chosen::from_bytes(bytes), Chosen::Learned { .. }));
        }
    }
}

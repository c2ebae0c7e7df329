//! What one node does: it hears its neighbours' potentials, weighs its own channels at them, and
//! says its own.
//!
//! It must never need anything that the node does not know by itself: its own channels and what
//! neighbours said. All of it is integers, so that both ends of a channel come to the same flow.

use super::rule::{Aim, Momentum, ONE, Rule};
use super::{FRACTION_BITS, MAX_POTENTIAL, Precision, wire};
use crate::circulation::MAX_VALUE_PPM;

/// Bits after the point of a channel's stiffness.
const STIFFNESS_BITS: u32 = 40;

/// One arc of a channel, as one of its ends sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct End {
    /// Which neighbour is at the other end, as a place in what [`NodePrices::step`] is given.
    pub neighbour: u32,
    /// Whether this node would pay; otherwise it would receive.
    pub pays: bool,
    /// The most that can move, in msat.
    pub capacity_msat: u64,
    /// What moving one million msat is worth, in msat; negative where it costs.
    pub value_ppm: i64,
}

/// The state of one node through the rounds.
#[derive(Debug, Clone)]
pub struct NodePrices {
    ends: Vec<End>,
    /// What each neighbour said last.
    heard: Vec<i64>,
    /// The potential before momentum is added.
    at: i64,
    /// What this node said last.
    said: i64,
    last_move: i64,
    /// Nesterov's counter, in 1024ths.
    pace: i64,
    precision: Precision,
    /// The channels' stiffness together, and the rule it belongs to.
    stiffness: Option<(Rule, u128)>,
}

impl NodePrices {
    /// A node with these channel ends that starts at `start` and takes it that neighbour `i`
    /// starts at `heard[i]`. Ends without a neighbour in `heard` or with a value out of range are
    /// left out.
    #[must_use]
    pub fn new(
        mut ends: Vec<End>,
        start: i64,
        heard: Vec<i64>,
        precision: Precision,
    ) -> NodePrices {
        ends.retain(|end| {
            let value = end.value_ppm.unsigned_abs();
            let sound = value <= MAX_VALUE_PPM.unsigned_abs();
            sound && (end.neighbour as usize) < heard.len()
        });
        let bound = |potential: i64| precision.rounded(bounded(i128::from(potential)));
        let said = bound(start);
        let heard = heard.into_iter().map(bound).collect();
        let (last_move, pace) = (0, i64::from(ONE));
        NodePrices { ends, heard, at: said, said, last_move, pace, precision, stiffness: None }
    }

    /// One round: takes in what arrived (`None` where nothing did: the last word stands) and
    /// answers what to say to every neighbour.
    pub fn step(&mut self, rule: &Rule, received: &[Option<i64>]) -> i64 {
        self.hear(received);
        let way = match rule.aim {
            Aim::Balance => i128::from(self.balance(rule)) - i128::from(self.said),
            Aim::Gradient => -self.correction(rule),
        };
        let aim = bounded(
            i128::from(self.said)
                + ((way * i128::from(rule.step_of(self.heard.len()))) >> ONE.ilog2()),
        );
        let moved = aim - self.at;
        let ahead = match rule.momentum {
            Momentum::None => 0,
            Momentum::Fixed(part) => (i128::from(moved) * i128::from(part)) >> ONE.ilog2(),
            Momentum::Restarting => self.carried(moved),
        };
        (self.at, self.last_move) = (aim, moved);
        self.said = self.precision.rounded(bounded(i128::from(aim) + ahead));
        self.said
    }

    /// Takes in what arrived without a step: what a node does that sits a round out.
    pub fn hear(&mut self, received: &[Option<i64>]) {
        for (heard, potential) in self.heard.iter_mut().zip(received) {
            *heard = potential.map_or(*heard, |said| bounded(i128::from(said)));
        }
    }

    /// What this node said last.
    #[must_use]
    pub fn said(&self) -> i64 {
        self.said
    }

    /// This node's channel ends.
    #[must_use]
    pub fn ends(&self) -> &[End] {
        &self.ends
    }

    /// What the arc of one end carries at the potentials said and heard last.
    #[must_use]
    pub fn flow_msat(&self, end: &End, rule: &Rule) -> u64 {
        flow_msat(end.capacity_msat, end.value_ppm, self.rise(end), rule)
    }

    /// What the arc of one end is offered for: what it would carry if it gained by the rule's
    /// slack more. Room to spare is what whoever cuts cycles needs.
    #[must_use]
    pub fn ready_msat(&self, end: &End, rule: &Rule) -> u64 {
        let slack = (width(end.value_ppm, rule) * u128::from(rule.slack)) >> ONE.ilog2();
        let slack = i64::try_from(slack).unwrap_or(i64::MAX).min(MAX_POTENTIAL);
        flow_msat(end.capacity_msat, end.value_ppm, self.rise(end) + slack, rule)
    }

    /// How much higher the potential is where the arc of one end goes than where it comes from.
    fn rise(&self, end: &End) -> i64 {
        let heard = self.heard.get(end.neighbour as usize).copied().unwrap_or_default();
        if end.pays { heard - self.said } else { self.said - heard }
    }

    /// Where the net inflow is zero with the neighbours where they are; of several such potentials
    /// the one nearest to the present one.
    ///
    /// The inflow rises with the potential, from all that can leave to all that can come in, and
    /// is linear between the potentials at which an arc starts or fills: a walk over these.
    fn balance(&self, rule: &Rule) -> i64 {
        let mut bends: Vec<(i64, i128)> = Vec::with_capacity(self.ends.len() * 2);
        let mut inflow = 0i128;
        for end in &self.ends {
            let heard = self.heard.get(end.neighbour as usize).copied().unwrap_or_default();
            let value = end.value_ppm << FRACTION_BITS;
            let width = width(end.value_ppm, rule);
            let stiffness = stiffness(end.capacity_msat, width) as i128;
            let width = i64::try_from(width).unwrap_or(i64::MAX);
            let starts = if end.pays {
                inflow -= i128::from(end.capacity_msat) << STIFFNESS_BITS;
                (heard + value).saturating_sub(width)
            } else {
                heard - value
            };
            bends.push((starts, stiffness));
            bends.push((starts.saturating_add(width), -stiffness));
        }
        bends.sort_unstable();
        // Stiffness is rounded down, so what should be zero may stay a little below it.
        let nothing = (inflow.abs() >> 30) + ((bends.len() as i128) << STIFFNESS_BITS);
        bounded(i128::from(zero_nearest(self.said, inflow, nothing, &bends)))
    }

    /// How far the potential must fall: the net inflow over the stiffness of all channels.
    fn correction(&mut self, rule: &Rule) -> i128 {
        let mut inflow = 0i128;
        for end in &self.ends {
            let flow = i128::from(self.flow_msat(end, rule));
            inflow += if end.pays { -flow } else { flow };
        }
        let stiffness = match &self.stiffness {
            Some((known, stiffness)) if known == rule => *stiffness,
            _ => {
                let one = |end: &End| stiffness(end.capacity_msat, width(end.value_ppm, rule));
                self.ends.iter().map(one).sum()
            }
        };
        self.stiffness = Some((*rule, stiffness));
        let stiffness = stiffness.max(1);
        let part = (inflow.unsigned_abs() << STIFFNESS_BITS) / stiffness;
        let part = part.min(MAX_POTENTIAL.unsigned_abs().into()) as i128;
        if inflow < 0 { -part } else { part }
    }

    /// Nesterov's momentum with a restart that only looks at this node's own last two moves.
    fn carried(&mut self, moved: i64) -> i128 {
        let one = i64::from(ONE);
        if moved.signum() * self.last_move.signum() < 0 {
            self.pace = one;
        }
        let square = 4 * self.pace * self.pace + one * one;
        let next = (one + square.isqrt()) / 2;
        let ahead = i128::from(moved) * i128::from(self.pace - one) / i128::from(next.max(1));
        self.pace = next;
        ahead
    }
}

/// What an arc carries: nothing while it gains nothing, all from a gain of `span` of its value on,
/// in between the share of the way. `rise` is the head's potential less the tail's.
pub(super) fn flow_msat(capacity_msat: u64, value_ppm: i64, rise: i64, rule: &Rule) -> u64 {
    let gain = (value_ppm << FRACTION_BITS) + rise;
    let width = width(value_ppm, rule);
    match u128::try_from(gain) {
        Err(_) => 0,
        Ok(gain) if gain >= width => capacity_msat,
        // Below the capacity, which fits.
        Ok(gain) => (u128::from(capacity_msat) * gain / width) as u64,
    }
}

/// Flow per potential, with [`STIFFNESS_BITS`] after the point.
fn stiffness(capacity_msat: u64, width: u128) -> u128 {
    (u128::from(capacity_msat) << STIFFNESS_BITS) / width
}

/// Where a rising piecewise linear function, `value` left of all `bends` and changing its slope by
/// what stands at each, is within `nothing` of zero: the place nearest to `from`.
fn zero_nearest(from: i64, mut value: i128, nothing: i128, bends: &[(i64, i128)]) -> i64 {
    let (mut slope, mut here) = (0i128, i64::MIN);
    let mut first = (value >= -nothing).then_some(i64::MIN);
    for &(bend, change) in bends {
        let there = value + slope * (i128::from(bend) - i128::from(here));
        // Inside a piece: its value at `here` is at most zero, so is the way to the zero.
        let inside = |slope: i128| {
            let way = (-value).max(0).checked_div(slope).unwrap_or_default();
            (i128::from(here) + way) as i64
        };
        if first.is_none() && there >= -nothing {
            if there > nothing {
                return inside(slope);
            }
            first = Some(bend);
        }
        if let Some(low) = first
            && there > nothing
        {
            return from.clamp(low, inside(slope).max(low));
        }
        (value, here, slope) = (there, bend, slope + change);
    }
    first.map_or(from, |low| from.max(low))
}

/// How much gain it takes to use all of an arc.
fn width(value_ppm: i64, rule: &Rule) -> u128 {
    let value = u128::from(value_ppm.unsigned_abs()) << FRACTION_BITS;
    let least = u128::from(rule.least_width_ppm) << FRACTION_BITS;
    ((value * u128::from(rule.span_of(value_ppm))) >> ONE.ilog2()).max(least).max(1)
}

/// A potential within range.
fn bounded(potential: i128) -> i64 {
    let largest = i128::from(MAX_POTENTIAL);
    potential.clamp(-largest, largest) as i64
}

impl Precision {
    /// A potential as the neighbours read it.
    fn rounded(self, potential: i64) -> i64 {
        match self {
            Precision::Exact => potential,
            Precision::TwoBytes => wire::decode(wire::encode(potential)),
        }
    }
}

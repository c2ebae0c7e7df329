//! Which link to branch on: both answers are tried for the likeliest few, and what that showed is
//! remembered for later nodes.
//!
//! It must never decide anything itself: its choice only says how soon the proof comes.

use super::cuts::Charges;
use super::pool::ONE;
use super::refine::Refined;
use super::relax::State;
use super::search::Search;
use crate::simplex::Cost;

/// Links that are compared at a node.
const CANDIDATES: usize = 10;
/// A link that was tried this often is no longer tried but judged by what that showed.
const RELIABLE: i64 = 4;
/// Gains are counted in parts of the best flow's cost: 2^-GAIN_SHIFT of it.
const GAIN_SHIFT: u32 = 30;
/// What cuts a node off gains this much.
const CUT_OFF: i64 = 1 << 40;
/// Trying may take this part of all pivots, from a first few on.
const SHARE: u64 = 2;
const FIRST_PIVOTS: u64 = 20_000;

/// What deciding a link one way gained so far, per whole link.
#[derive(Debug, Clone, Copy, Default)]
struct Record {
    sum: i64,
    tries: i64,
}

/// What was learnt about links.
#[derive(Debug, Default)]
pub(super) struct Experience {
    /// Per link, on and off.
    records: Vec<[Record; 2]>,
    /// Pivots that trying took.
    pivots: u64,
}

/// A node whose children are tried.
struct Trial {
    states: Vec<State>,
    /// What the cuts leave of the charges before anything is decided.
    charges: Charges,
    /// Its own bound, scaled.
    base: i128,
    /// What gains are counted in.
    unit: i128,
}

/// `gain * times / of`, at most [`CUT_OFF`].
fn part(gain: i64, times: i64, of: i64) -> i64 {
    let part = i128::from(gain) * i128::from(times) / i128::from(of);
    i64::try_from(part).map_or(CUT_OFF, |part| part.min(CUT_OFF))
}

impl<C: Cost> Search<'_, C> {
    /// The undecided link, partly used at the relaxation of a node, that raises the bounds of both
    /// children most. `None` if every link is used clearly.
    pub fn promising(&mut self, states: &[State], refined: &Refined) -> Option<u32> {
        let mut candidates = self.unclear(states, &refined.used);
        candidates.truncate(CANDIDATES);
        let target = self.incumbent.as_ref().map(|best| best.cost);
        let (Some(target), true) = (target, candidates.len() > 1) else {
            return candidates.first().copied();
        };
        let unit = (target.saturating_mul(self.relaxation.scale()) >> GAIN_SHIFT).max(1);
        self.pool.set(&refined.weights);
        let Some(charges) = self.pool.charges(self.tight, self.relaxation.scale()) else {
            return candidates.first().copied();
        };
        self.experience.records.resize(states.len(), [Record::default(); 2]);
        let before = self.relaxation.pivots;
        let base = self.relaxation.solve(states, charges.decided(states))?.scaled;
        let mut node = Trial { states: states.to_vec(), charges, base, unit };
        let mut best: Option<(i128, u32)> = None;
        for link in candidates {
            let used = refined.used[link as usize].clamp(1, ONE - 1);
            let spent = self.experience.pivots + self.relaxation.pivots - before;
            let may = spent < FIRST_PIVOTS + self.relaxation.pivots / SHARE;
            let on = self.gain(&mut node, (link, State::On), ONE - used, may);
            let off = self.gain(&mut node, (link, State::Off), used, may);
            let score = i128::from(on.max(1)) * i128::from(off.max(1));
            if best.is_none_or(|(least, _)| score > least) {
                best = Some((score, link));
            }
        }
        self.experience.pivots += self.relaxation.pivots - before;
        best.map(|(_, link)| link)
    }

    /// What a decision gains: tried, if it may be and is not known well enough. `rest` is how much
    /// of the link it changes, as a fraction of [`ONE`].
    fn gain(&mut self, node: &mut Trial, decided: (u32, State), rest: i64, may: bool) -> i64 {
        let (link, state) = (decided.0 as usize, decided.1);
        let way = usize::from(state == State::Off);
        let Record { sum, tries } = self.experience.records[link][way];
        if tries >= RELIABLE || !may {
            return part(sum / tries.max(1), rest, ONE);
        }
        node.states[link] = state;
        let relaxed = self.relaxation.solve(&node.states, node.charges.decided(&node.states));
        node.states[link] = State::Free;
        let relaxed = relaxed.filter(|relaxed| !self.is_cut(relaxed.bound));
        let gain = relaxed.map_or(CUT_OFF, |relaxed| {
            let gain = relaxed.scaled.saturating_sub(node.base).max(0) / node.unit;
            i64::try_from(gain).map_or(CUT_OFF, |gain| gain.min(CUT_OFF))
        });
        let record = &mut self.experience.records[link][way];
        *record = Record { sum: sum + part(gain, ONE, rest), tries: tries + 1 };
        gain
    }

    /// The undecided links that are neither used clearly nor clearly not, those with most at stake
    /// first.
    fn unclear(&self, states: &[State], used: &[i64]) -> Vec<u32> {
        let stake = |(link, &used): (u32, &i64)| {
            let clear = !(ONE / 16..=ONE - ONE / 16).contains(&used);
            let charge = self.tight.links[link as usize].fixed_cost;
            let stake = i128::from(used * (ONE - used)).saturating_mul(charge);
            let open = states[link as usize] == State::Free && !clear && stake > 0;
            open.then_some((std::cmp::Reverse(stake), link))
        };
        let mut unclear: Vec<_> = (0u32..).zip(used).filter_map(stake).collect();
        unclear.sort_unstable();
        unclear.into_iter().map(|(_, link)| link).collect()
    }
}

//! What moving liquidity over a channel is worth to its two ends, as parallel arcs, best first.
//!
//! It must never produce an arc that could take a balance below its reserve, nor let one channel
//! gain both ways: the two ends state what they would like to *hold*, so out and back is worth
//! nothing to either of them, and what one wants against the other is netted in the sum.
//!
//! For an end that holds `h`, all amounts in msat, rates in parts per million of the amount:
//!
//! * it aims at `aim = target + drain_per_hour * horizon_hours`, held to `0..=capacity`: what
//!   payments will take from it must be there first;
//! * holding `y` more or less than it aims at hurts by `rate(y) = urgency * k / tiers` for the next
//!   msat, where `k` counts from 1 the slices of `capacity / (2 * tiers)` that lie within `y` (at
//!   most `tiers`). One tier is the weighted distance from the target; many approach its square;
//! * moving `x` is worth the hurt before less the hurt after, less `lend` for every msat that does
//!   not bring the end nearer to its aim.
//!
//! That is a concave function of `x`, zero at zero; so is the sum over both ends, which is what the
//! arcs say: as many as the sum has slopes, each with its width as capacity. Its slope at zero one
//! way is never more than the loss the other way, so the two directions never both gain.

use super::ResidualArc;

/// The largest urgency and the largest lending price that count, 2^38 ppm: four of them make the
/// largest value.
pub const MAX_RATE_PPM: u64 = 1 << 38;

/// The most tiers that count.
pub const MAX_TIERS: u32 = 16;

/// One end of a channel, as its owner states it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChannelEnd {
    /// What it would like to hold.
    pub target_msat: u64,
    /// What bringing one million msat nearer to the target is worth at the far tier, in msat.
    pub urgency_ppm: u64,
    /// What payments are predicted to take from it per hour; negative where they refill it.
    pub drain_msat_per_hour: i64,
    /// What it asks for one million msat moved that do not bring it nearer to its target, in msat.
    pub lend_ppm: u64,
    /// What it must keep.
    pub reserve_msat: u64,
    /// The smallest HTLC that it pays.
    pub htlc_min_msat: u64,
    /// The largest HTLC that it pays. One plan moves no more than one HTLC may carry.
    pub htlc_max_msat: u64,
}

impl ChannelEnd {
    /// An end that does not care and asks for nothing.
    pub const INDIFFERENT: ChannelEnd = ChannelEnd {
        target_msat: 0,
        urgency_ppm: 0,
        drain_msat_per_hour: 0,
        lend_ppm: 0,
        reserve_msat: 0,
        htlc_min_msat: 0,
        htlc_max_msat: u64::MAX,
    };
}

/// A channel with what both its ends state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChannelValue {
    /// The end whose balance is given.
    pub near: u32,
    /// The other end.
    pub far: u32,
    /// The whole channel; what exceeds 2^61 msat does not count.
    pub capacity_msat: u64,
    /// What the near end holds; the far end holds the rest.
    pub balance_msat: u64,
    /// What the near end and the far end state.
    pub ends: [ChannelEnd; 2],
    /// The caller's name of the channel.
    pub label: u64,
}

/// What holds for all channels of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ValueRules {
    /// How far ahead drains count, in hours.
    pub horizon_hours: u32,
    /// How many steps urgency has between far and near, `1..=MAX_TIERS`.
    pub tiers: u32,
    /// The least amount worth moving over a channel; a direction that cannot move it is left out.
    pub useful_msat: u64,
}

impl Default for ValueRules {
    fn default() -> ValueRules {
        ValueRules { horizon_hours: 2, tiers: 1, useful_msat: 1 }
    }
}

/// Appends the arcs of one channel: from the near end to the far end, best first, then back, best
/// first.
pub fn value_arcs(channel: &ChannelValue, rules: &ValueRules, out: &mut Vec<ResidualArc>) {
    let capacity = channel.capacity_msat.min(super::MAX_CAPACITY_MSAT);
    let held = channel.balance_msat.min(capacity);
    let holds = [held, capacity - held];
    for payer in [0, 1] {
        let ends = [payer, 1 - payer];
        let nodes =
            if payer == 0 { [channel.near, channel.far] } else { [channel.far, channel.near] };
        let end = &channel.ends[payer];
        // What leaves the payer's part enters the payee's, which may be as full as it likes: its
        // reserve is what it must keep, not what it may hold.
        let room = holds[payer].saturating_sub(end.reserve_msat).min(end.htlc_max_msat);
        if room < rules.useful_msat.max(end.htlc_min_msat).max(1) {
            continue;
        }
        let [mut pays, mut gets] = ends.map(|which| {
            let above = Leaning::above_aim(&channel.ends[which], capacity, holds[which], rules);
            if which == payer { above.falling() } else { above.rising() }
        });
        let mut left = room;
        let first = out.len();
        while left > 0 {
            let ((width, one), (other_width, other)) = (pays.slope(), gets.slope());
            let capacity_msat = width.min(other_width).min(left);
            let value_ppm = one + other;
            left -= capacity_msat;
            (pays.moved, gets.moved) = (pays.after(capacity_msat), gets.after(capacity_msat));
            match out[first..].last_mut() {
                Some(last) if last.value_ppm == value_ppm => last.capacity_msat += capacity_msat,
                _ => out.push(ResidualArc {
                    tail: nodes[0],
                    head: nodes[1],
                    capacity_msat,
                    value_ppm,
                    label: channel.label,
                }),
            }
        }
    }
}

/// What it is worth to one end (0 near, 1 far) alone that its part rises, or falls, by
/// `amount_msat`, in millionths of a msat. Over both ends that is what the arcs of [`value_arcs`]
/// say.
#[must_use]
pub fn end_worth(
    channel: &ChannelValue,
    rules: &ValueRules,
    which: usize,
    rises: bool,
    amount_msat: u64,
) -> i128 {
    let capacity = channel.capacity_msat.min(super::MAX_CAPACITY_MSAT);
    let held = channel.balance_msat.min(capacity);
    let holds = if which == 0 { held } else { capacity - held };
    let end = channel.ends.get(which).unwrap_or(&ChannelEnd::INDIFFERENT);
    let above = Leaning::above_aim(end, capacity, holds, rules);
    let mut leaning = if rises { above.rising() } else { above.falling() };
    let (mut left, mut worth) = (amount_msat.min(capacity), 0i128);
    while left > 0 {
        let (width, slope) = leaning.slope();
        let part = width.min(left);
        worth += i128::from(slope) * i128::from(part);
        leaning.moved = leaning.after(part);
        left -= part;
    }
    worth
}

/// One end while liquidity moves one way: how far past its aim it is, seen in that way.
#[derive(Debug, Clone, Copy)]
struct Leaning {
    /// Negative while moving still brings it nearer to its aim.
    moved: i64,
    /// The width of a tier.
    slice: i64,
    tiers: i64,
    urgency_ppm: i64,
    lend_ppm: i64,
}

impl Leaning {
    /// How far above its aim an end is that holds `held`.
    fn above_aim(end: &ChannelEnd, capacity: u64, held: u64, rules: &ValueRules) -> Leaning {
        let tiers = i64::from(rules.tiers.clamp(1, MAX_TIERS));
        let drained = i128::from(end.drain_msat_per_hour) * i128::from(rules.horizon_hours);
        let aim = (i128::from(end.target_msat) + drained).clamp(0, i128::from(capacity));
        // All of these are within `0..=2^61`.
        let (aim, held, capacity) = (aim as i64, held as i64, capacity as i64);
        Leaning {
            moved: held - aim,
            slice: (capacity / (2 * tiers)).max(1),
            tiers,
            urgency_ppm: end.urgency_ppm.min(MAX_RATE_PPM) as i64,
            lend_ppm: end.lend_ppm.min(MAX_RATE_PPM) as i64,
        }
    }

    /// The end as its part rises.
    fn rising(self) -> Leaning {
        self
    }

    /// The end as its part falls.
    fn falling(self) -> Leaning {
        Leaning { moved: -self.moved, ..self }
    }

    /// How much more can move at the present slope, and that slope in ppm.
    fn slope(&self) -> (u64, i64) {
        let rate = |tier: i64| self.urgency_ppm * tier / self.tiers;
        let inner = (self.tiers - 1) * self.slice;
        if self.moved < 0 {
            let distance = -self.moved;
            let tier = ((distance - 1) / self.slice + 1).min(self.tiers);
            ((distance - (tier - 1) * self.slice) as u64, rate(tier))
        } else {
            let tier = (self.moved / self.slice + 1).min(self.tiers);
            let width =
                if self.moved < inner { (tier * self.slice - self.moved) as u64 } else { u64::MAX };
            (width, -rate(tier) - self.lend_ppm)
        }
    }

    /// Where it stands after `amount` more, at most 2^61.
    fn after(&self, amount: u64) -> i64 {
        self.moved + amount as i64
    }
}

/// A channel whose balance one figure judges: the two forms of the published limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChannelShape {
    /// The end whose balance is given.
    pub near: u32,
    /// The other end.
    pub far: u32,
    /// The whole channel, in msat.
    pub capacity_msat: u64,
    /// What the near end holds.
    pub balance_msat: u64,
    /// What the near end should hold.
    pub target_msat: u64,
    /// What bringing one million msat nearer to the target is worth, in msat; not below zero.
    pub weight_ppm: i64,
    /// The caller's name of the channel.
    pub label: u64,
}

/// Whether a channel may also be moved away from its target, to help others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Helpers {
    /// Only towards the target (the opt-in form).
    Excluded,
    /// Also past the target and away from it, at the channel's own weight as cost.
    Included,
}

/// The arcs of one channel as [`value_arcs`] gives them for a near end with this target and weight
/// and a far end that does not care. Together they minimise the weighted distance of all balances
/// from their targets.
pub fn channel_arcs(channel: &ChannelShape, helpers: Helpers, out: &mut Vec<ResidualArc>) {
    let ChannelShape { near, far, capacity_msat, balance_msat, target_msat, .. } = *channel;
    let urgency_ppm = u64::try_from(channel.weight_ppm).unwrap_or(0);
    let wish = ChannelEnd { target_msat, urgency_ppm, ..ChannelEnd::INDIFFERENT };
    let ends = [wish, ChannelEnd::INDIFFERENT];
    let label = channel.label;
    let first = out.len();
    let value = ChannelValue { near, far, capacity_msat, balance_msat, ends, label };
    value_arcs(&value, &ValueRules::default(), out);
    if helpers == Helpers::Excluded {
        let mut place = 0;
        out.retain(|arc| {
            place += 1;
            place <= first || arc.value_ppm > 0
        });
    }
}

#[cfg(test)]
mod tests;

//! What becomes of an epoch's requests: moves between the node's own channels, at the market's
//! price.
//!
//! It must never move more than an end asked for, lent or holds, nor against its bid.

use super::case::Case;
use debal_learn::policy::{Action, End};

/// Balance moved from one channel of the node to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Move {
    /// The channel whose local balance rises.
    pub raised: usize,
    /// The channel whose local balance falls.
    pub lowered: usize,
    /// How much, msat.
    pub amount_msat: u64,
    /// What it costs, ppm of the amount; below 0 the market pays.
    pub price_ppm: i32,
}

/// How far an end may be raised and lowered this epoch, msat.
#[derive(Clone, Copy)]
struct Room {
    raise_msat: u64,
    lower_msat: u64,
}

/// The moves of an epoch: pairs of ends by what they bid above the price, best first, each at the
/// price `base + gap(raised) - gap(lowered)`; at least one of the two must have asked.
pub fn settle(case: &Case, epoch: usize, ends: &[End], actions: &[Action]) -> Vec<Move> {
    let mut rooms: Vec<Room> = (0..ends.len())
        .map(|index| room(case, epoch, &ends[index], actions[index], index))
        .collect();
    let mut pairs = Vec::new();
    for raised in 0..ends.len() {
        for lowered in 0..ends.len() {
            let bid =
                i64::from(actions[raised].weight_ppm) + i64::from(actions[lowered].weight_ppm);
            let gap = |index: usize| case.channels[index].gap_ppm[epoch];
            let price_ppm = case.price_ppm + gap(raised) - gap(lowered);
            let possible = rooms[raised].raise_msat > 0 && rooms[lowered].lower_msat > 0;
            if raised != lowered && bid > 0 && possible && bid >= i64::from(price_ppm) {
                pairs.push((i64::from(price_ppm) - bid, raised, lowered, price_ppm));
            }
        }
    }
    pairs.sort_unstable();
    let mut moves = Vec::new();
    for (_, raised, lowered, price_ppm) in pairs {
        let amount_msat = rooms[raised].raise_msat.min(rooms[lowered].lower_msat);
        if amount_msat > 0 {
            // An end that was moved one way is not moved back in the same epoch.
            rooms[raised].raise_msat -= amount_msat;
            rooms[raised].lower_msat = 0;
            rooms[lowered].lower_msat -= amount_msat;
            rooms[lowered].raise_msat = 0;
            moves.push(Move { raised, lowered, amount_msat, price_ppm });
        }
    }
    moves
}

fn room(case: &Case, epoch: usize, end: &End, action: Action, index: usize) -> Room {
    let most = case.channels[index].room_msat[epoch];
    let of = |ppm: u32| (u128::from(end.capacity_msat) * u128::from(ppm) / 1_000_000) as u64;
    let band = if action.weight_ppm > 0 { 0 } else { action.lend_ppm };
    let high = of(action.target_ppm.saturating_add(band).min(1_000_000));
    let low = of(action.target_ppm.saturating_sub(band));
    Room {
        raise_msat: high.saturating_sub(end.local_msat).min(most),
        lower_msat: end.local_msat.saturating_sub(low).min(most),
    }
}

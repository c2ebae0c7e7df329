//! From a channel's balance and target to the arcs that value moving it, the two forms of the
//! published limit.
//!
//! It must never produce an arc that could take a balance below zero or above the channel's
//! capacity.

use super::ResidualArc;

/// One channel as its owners publish it.
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
    /// What bringing one million msat nearer to the target is worth, in msat.
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

/// The arcs of one channel: towards the target, gaining the weight; with helpers also past the
/// target and away from it, costing the weight. Together they minimise the weighted distance of all
/// balances from their targets.
pub fn channel_arcs(channel: &ChannelShape, helpers: Helpers, out: &mut Vec<ResidualArc>) {
    let ChannelShape { near, far, capacity_msat, weight_ppm, label, .. } = *channel;
    let balance = channel.balance_msat.min(capacity_msat);
    let target = channel.target_msat.min(capacity_msat);
    // Liquidity moves from the end that holds more than its target to the end that holds less.
    let (from, to, held) =
        if balance >= target { (near, far, balance) } else { (far, near, capacity_msat - balance) };
    let wanted = balance.abs_diff(target);
    let mut push = |tail, head, capacity_msat, value_ppm| {
        if capacity_msat > 0 {
            out.push(ResidualArc { tail, head, capacity_msat, value_ppm, label });
        }
    };
    push(from, to, wanted, weight_ppm);
    if helpers == Helpers::Included {
        push(from, to, held - wanted, -weight_ppm);
        push(to, from, capacity_msat - held, -weight_ppm);
    }
}

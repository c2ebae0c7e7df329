//! Limits of the companion service (circuit breaker), per peer.
//!
//! It must never touch a peer that no rule speaks of.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::state::{CircuitBreaker, Limit};

/// What the rules ask for one channel.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Wish {
    /// HTLCs per hour; 0 is no limit.
    pub max_hourly_rate: Option<i128>,
    /// HTLCs under way; 0 is no limit.
    pub max_pending: Option<i128>,
    /// 0 fail, 1 queue, 2 queue those the peer started, 3 block.
    pub mode: Option<i128>,
    /// Whether the peer's own limit is to go.
    pub clear: Option<bool>,
}

/// What is to be sent to the companion service.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct BreakerChange {
    /// Peers whose own limit goes, by key.
    pub cleared: Vec<String>,
    /// Peers whose limit is set, by key.
    pub updated: BTreeMap<String, Limit>,
}

impl Wish {
    /// Two channels of one peer: numbers add up, no limit wins, the strictest mode wins.
    fn with(self, other: Wish) -> Wish {
        let sum = |one: i128, two: i128| {
            if one == 0 || two == 0 { 0 } else { one.saturating_add(two) }
        };
        // Block, fail, queue, queue those the peer started.
        let rank = |mode: i128| [1, 2, 3, 0].get(usize::try_from(mode).unwrap_or(9)).copied();
        let strict = |one: i128, two: i128| if rank(one) < rank(two) { one } else { two };
        Wish {
            max_hourly_rate: merge(self.max_hourly_rate, other.max_hourly_rate, sum),
            max_pending: merge(self.max_pending, other.max_pending, sum),
            mode: merge(self.mode, other.mode, strict),
            clear: merge(self.clear, other.clear, |one, two| one | two),
        }
    }
}

fn merge<T>(one: Option<T>, two: Option<T>, both: impl Fn(T, T) -> T) -> Option<T> {
    match (one, two) {
        (Some(one), Some(two)) => Some(both(one, two)),
        (one, two) => one.or(two),
    }
}

/// What is to be sent, given what the rules ask for channel by channel.
pub(crate) fn changes<'a>(
    wishes: impl Iterator<Item = (&'a str, Wish)>,
    service: &CircuitBreaker,
) -> BreakerChange {
    let mut peers: BTreeMap<&str, Wish> = BTreeMap::new();
    for (peer, wish) in wishes {
        let known = peers.entry(peer).or_default();
        *known = known.with(wish);
    }
    let mut change = BreakerChange::default();
    let default = &service.default_limit;
    for (peer, wish) in peers {
        if wish.max_hourly_rate.is_none() && wish.max_pending.is_none() && wish.mode.is_none() {
            if wish.clear == Some(true) {
                change.cleared.push(peer.to_owned());
            }
            continue;
        }
        let limit = Limit {
            max_hourly_rate: wish.max_hourly_rate.unwrap_or(default.max_hourly_rate),
            max_pending: wish.max_pending.unwrap_or(default.max_pending),
            mode: wish.mode.unwrap_or(default.mode),
        };
        change.updated.insert(peer.to_owned(), limit);
    }
    change
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_strictest_mode_wins_and_no_limit_wins() {
        let mode = |mode| Wish { mode: Some(mode), ..Wish::default() };
        for (one, two, strictest) in [(0, 1, 0), (1, 2, 1), (2, 3, 3), (3, 0, 3), (0, 2, 0)] {
            assert_eq!(mode(one).with(mode(two)).mode, Some(strictest));
            assert_eq!(mode(two).with(mode(one)).mode, Some(strictest));
        }
        let rate = |rate| Wish { max_hourly_rate: Some(rate), ..Wish::default() };
        assert_eq!(rate(3).with(rate(4)).max_hourly_rate, Some(7));
        assert_eq!(rate(3).with(rate(0)).max_hourly_rate, Some(0));
        assert_eq!(rate(3).with(Wish::default()).max_hourly_rate, Some(3));
    }
}

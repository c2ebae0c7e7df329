//! Token buckets, and a table of them whose size strangers cannot grow.
//! Time is an argument, so tests need no clock; nothing here may allocate per message.

use std::{collections::HashMap, hash::Hash, time::Instant};

use crate::limits::TRACKED_KEYS;

/// One token in the bucket's own unit.
const TOKEN: u64 = 1_000_000;

/// A rate with a burst.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rate {
    /// Tokens a second in the long run.
    pub(crate) per_second: u32,
    /// Tokens at once.
    pub(crate) burst: u32,
}

impl Rate {
    /// The same rate `factor` times as generous.
    pub(crate) fn times(self, factor: u32) -> Self {
        Self {
            per_second: self.per_second.saturating_mul(factor),
            burst: self.burst.saturating_mul(factor),
        }
    }
}

/// A token bucket; full when made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TokenBucket {
    level: u64,
    filled_at: Instant,
}

impl TokenBucket {
    /// A full bucket.
    pub(crate) fn new(rate: Rate, now: Instant) -> Self {
        Self { level: u64::from(rate.burst) * TOKEN, filled_at: now }
    }

    /// Takes one token; false when there is none.
    pub(crate) fn take(&mut self, rate: Rate, now: Instant) -> bool {
        self.fill(rate, now);
        match self.level.checked_sub(TOKEN) {
            Some(rest) => {
                self.level = rest;
                true
            }
            None => false,
        }
    }

    fn fill(&mut self, rate: Rate, now: Instant) {
        let elapsed = now.saturating_duration_since(self.filled_at);
        let micros = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX);
        // One token is a million units and a second a million microseconds.
        let added = micros.saturating_mul(u64::from(rate.per_second));
        self.level = self.level.saturating_add(added).min(u64::from(rate.burst) * TOKEN);
        self.filled_at = now.max(self.filled_at);
    }

    fn is_full(&mut self, rate: Rate, now: Instant) -> bool {
        self.fill(rate, now);
        self.level >= u64::from(rate.burst) * TOKEN
    }
}

/// Buckets by key. Beyond [`TRACKED_KEYS`] busy keys, newcomers share one bucket.
#[derive(Debug)]
pub(crate) struct RateTable<K> {
    rate: Rate,
    buckets: HashMap<K, TokenBucket>,
    strangers: TokenBucket,
    swept_at: Instant,
}

impl<K: Eq + Hash> RateTable<K> {
    /// An empty table.
    pub(crate) fn new(rate: Rate, now: Instant) -> Self {
        let strangers = TokenBucket::new(rate, now);
        Self { rate, buckets: HashMap::new(), strangers, swept_at: now }
    }

    /// Takes one token of `key`; false when it has none.
    pub(crate) fn take(&mut self, key: K, now: Instant) -> bool {
        let rate = self.rate;
        if let Some(bucket) = self.buckets.get_mut(&key) {
            return bucket.take(rate, now);
        }
        if self.buckets.len() >= TRACKED_KEYS && now > self.swept_at {
            // A full bucket remembers nothing that a new one would not. A sweep costs one pass,
            // so it runs at most once a second.
            if now.saturating_duration_since(self.swept_at).as_secs() >= 1 {
                self.buckets.retain(|_, bucket| !bucket.is_full(rate, now));
                self.swept_at = now;
            }
        }
        if self.buckets.len() >= TRACKED_KEYS {
            return self.strangers.take(rate, now);
        }
        self.buckets.entry(key).or_insert_with(|| TokenBucket::new(rate, now)).take(rate, now)
    }

    /// How many keys have a bucket of their own.
    #[cfg(test)]
    pub(crate) fn tracked(&self) -> usize {
        self.buckets.len()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const RATE: Rate = Rate { per_second: 10, burst: 3 };

    #[test]
    fn a_bucket_gives_its_burst_then_its_rate() {
        let start = Instant::now();
        let mut bucket = TokenBucket::new(RATE, start);
        assert_eq!((0..10).filter(|_| bucket.take(RATE, start)).count(), 3);
        let second = start + Duration::from_secs(1);
        assert_eq!((0..10).filter(|_| bucket.take(RATE, second)).count(), 3);
        let later = (1..=100).map(|step| second + Duration::from_millis(10 * step));
        assert_eq!(later.filter(|now| bucket.take(RATE, *now)).count(), 10);
    }

    #[test]
    fn a_clock_that_goes_back_adds_nothing() {
        let start = Instant::now();
        let mut bucket = TokenBucket::new(RATE, start + Duration::from_secs(5));
        assert_eq!((0..10).filter(|_| bucket.take(RATE, start)).count(), 3);
        assert!(!bucket.take(RATE, start + Duration::from_secs(5)));
    }

    #[test]
    fn one_key_cannot_spend_anothers_tokens() {
        let now = Instant::now();
        let mut table = RateTable::new(RATE, now);
        assert_eq!((0..10).filter(|_| table.take("flooder", now)).count(), 3);
        assert!(table.take("honest", now));
    }

    #[test]
    fn a_million_strangers_cost_a_capped_table() {
        let start = Instant::now();
        let mut table = RateTable::new(RATE, start);
        let taken = (0..1_000_000_u32).filter(|key| table.take(*key, start)).count();
        assert_eq!(table.tracked(), TRACKED_KEYS);
        assert_eq!(taken, TRACKED_KEYS + 3, "strangers past the cap share one burst");
        let later = start + Duration::from_secs(60);
        assert!(table.take(2_000_000, later), "idle keys make room");
        assert_eq!(table.tracked(), 1);
    }
}

//! RebEL's environment (papers.md 1.3): one relay node between L and R, two channels, submarine
//! swaps.
//!
//! Written anew from the published description and its code's behaviour. It must never give a
//! controller anything that RebEL's could not see, and must never lose a coin: every coin of the
//! start, of a fee earned or of a fee paid is accounted for.

pub mod bound;
pub mod learned;
pub mod plan;
pub mod rules;
pub mod tape;

pub use tape::Tape;

/// Capacity of either channel.
pub const CAPACITY: f64 = 1_000.0;
/// Local balance of either channel at the start.
pub const START_LOCAL: f64 = 500.0;
/// Coins on chain at the start.
pub const START_ON_CHAIN: f64 = 1_000.0;
/// Share of a payment that the relay keeps.
pub const RELAY_FEE: f64 = 0.01;
/// Share of a swap that the server keeps.
pub const SWAP_FEE: f64 = 0.005;
/// What the chain takes for a swap.
pub const MINER_FEE: f64 = 2.0;
/// Minutes between two checks.
pub const CHECK_MINUTES: f64 = 10.0;
/// Minutes a swap takes.
pub const SWAP_MINUTES: f64 = 9.99;
/// Minutes of a whole run.
pub const RUN_MINUTES: f64 = 6_000.0;
/// Checks in a run.
pub const CHECKS: usize = 599;

/// The channel with L, as an index.
pub const L: usize = 0;
/// The channel with R.
pub const R: usize = 1;

/// What a controller asks of one channel at a check.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Swap {
    /// Nothing.
    None,
    /// Coins from the chain into the channel: what arrives, fees not included.
    In(f64),
    /// Coins from the channel to the chain: what leaves the channel, fees included.
    Out(f64),
}

/// The state of the relay.
#[derive(Debug, Clone, PartialEq)]
pub struct World {
    /// Local balances by channel.
    pub local: [f64; 2],
    /// Remote balances by channel.
    pub remote: [f64; 2],
    /// Coins on chain.
    pub on_chain: f64,
    /// Amount that wanted to enter from L, from R.
    pub arrived: [f64; 2],
    /// Squares of those amounts, summed.
    pub arrived_squared: [f64; 2],
    /// Amount that entered from L, from R.
    pub succeeded: [f64; 2],
    /// Payments that arrived, succeeded.
    pub payments: [u32; 2],
    /// Fees paid for swaps.
    pub swap_fees: f64,
    /// Swaps that were begun.
    pub swaps: u32,
    /// Swaps on their way.
    pending: [Swap; 2],
}

impl Default for World {
    fn default() -> Self {
        Self {
            local: [START_LOCAL; 2],
            remote: [CAPACITY - START_LOCAL; 2],
            on_chain: START_ON_CHAIN,
            arrived: [0.0; 2],
            arrived_squared: [0.0; 2],
            succeeded: [0.0; 2],
            payments: [0; 2],
            swap_fees: 0.0,
            swaps: 0,
            pending: [Swap::None; 2],
        }
    }
}

/// What the chain would receive of a swap-out of `gross`, or could send as a swap-in.
pub fn net_of(gross: f64) -> f64 {
    (gross - MINER_FEE) / (1.0 + SWAP_FEE)
}

/// What a swap-in of `amount` costs beyond it.
pub fn swap_in_fees(amount: f64) -> f64 {
    amount * SWAP_FEE + MINER_FEE
}

/// What a swap-out of `amount` costs out of it.
pub fn swap_out_fees(amount: f64) -> f64 {
    net_of(amount) * SWAP_FEE + MINER_FEE
}

impl World {
    /// One payment of `amount` that enters by the channel `from`.
    #[inline]
    pub fn pay(&mut self, from: usize, amount: f64) {
        let to = 1 - from;
        let forwarded = amount - amount * RELAY_FEE;
        self.arrived[from] += amount;
        self.arrived_squared[from] += amount * amount;
        self.payments[0] += 1;
        if amount <= self.remote[from] && forwarded <= self.local[to] {
            self.local[from] += amount;
            self.remote[from] -= amount;
            self.local[to] -= forwarded;
            self.remote[to] += forwarded;
            self.succeeded[from] += amount;
            self.payments[1] += 1;
        }
    }

    /// Begins a swap; one that cannot be paid for is aborted without a trace.
    pub fn begin(&mut self, channel: usize, swap: Swap) {
        self.pending[channel] = match swap {
            Swap::In(amount) if amount > 0.0 && self.on_chain >= amount + swap_in_fees(amount) => {
                self.on_chain -= amount + swap_in_fees(amount);
                self.swap_fees += swap_in_fees(amount);
                Swap::In(amount)
            }
            Swap::Out(amount)
                if amount > 0.0
                    && self.local[channel] >= amount
                    && amount >= swap_out_fees(amount) =>
            {
                self.local[channel] -= amount;
                self.swap_fees += swap_out_fees(amount);
                Swap::Out(amount)
            }
            _ => return,
        };
        self.swaps += 1;
    }

    /// Completes what is on its way. A swap-in that no longer fits is refunded with its fees.
    pub fn complete(&mut self) {
        for channel in [L, R] {
            match std::mem::replace(&mut self.pending[channel], Swap::None) {
                Swap::None => {}
                Swap::In(amount) if self.remote[channel] < amount => {
                    self.on_chain += amount + swap_in_fees(amount);
                    self.swap_fees -= swap_in_fees(amount);
                }
                Swap::In(amount) => {
                    self.local[channel] += amount;
                    self.remote[channel] -= amount;
                }
                Swap::Out(amount) => {
                    self.remote[channel] += amount;
                    self.on_chain += amount - swap_out_fees(amount);
                }
            }
        }
    }

    /// All that the node owns; swaps on their way count whole, as RebEL counts them.
    pub fn fortune(&self) -> f64 {
        let pending = self.pending.iter().map(|swap| match swap {
            Swap::None => 0.0,
            Swap::In(amount) | Swap::Out(amount) => *amount,
        });
        self.local.iter().sum::<f64>() + self.on_chain + pending.sum::<f64>()
    }

    /// Share of the payments that succeeded.
    pub fn success(&self) -> f64 {
        f64::from(self.payments[1]) / f64::from(self.payments[0].max(1))
    }

    /// Expected change of a channel's local balance a minute, by all that arrived (RebEL's A).
    pub fn net_rate(&self, channel: usize, minute: f64) -> f64 {
        (self.arrived[channel] - self.arrived[1 - channel] * (1.0 - RELAY_FEE)) / minute
    }

    /// RebEL's forecast of a channel's remote balance when a swap begun now completes.
    pub fn remote_then(&self, channel: usize, minute: f64) -> f64 {
        let flow = |from: usize| {
            let rate = self.succeeded[from] / minute;
            (rate * SWAP_MINUTES).min(self.remote[from]).min(self.local[1 - from])
        };
        let (enters, leaves) = (flow(channel), flow(1 - channel) * (1.0 - RELAY_FEE));
        (self.remote[channel] - enters + leaves).clamp(0.0, CAPACITY)
    }
}

/// Decides about swaps at every check, the channel with L first.
pub trait Controller {
    /// What to do about one channel now.
    fn decide(&mut self, world: &World, channel: usize, minute: f64) -> Swap;
}

/// A whole run on one tape.
pub fn run(tape: &Tape, controller: &mut dyn Controller) -> World {
    run_for(tape, controller, CHECKS)
}

/// A run that ends after `checks` checks.
pub fn run_for(tape: &Tape, controller: &mut dyn Controller, checks: usize) -> World {
    let mut world = World::default();
    let mut rest = tape.payments();
    rest = play(&mut world, rest, CHECK_MINUTES);
    for check in 1..=checks {
        let minute = check as f64 * CHECK_MINUTES;
        for channel in [L, R] {
            let swap = controller.decide(&world, channel, minute);
            world.begin(channel, swap);
        }
        rest = play(&mut world, rest, minute + SWAP_MINUTES);
        world.complete();
        rest = play(&mut world, rest, minute + CHECK_MINUTES);
    }
    world
}

/// Plays the payments before `until` and returns those after.
fn play<'a>(world: &mut World, payments: &'a [tape::Payment], until: f64) -> &'a [tape::Payment] {
    let count = payments.iter().take_while(|payment| f64::from(payment.minute) < until).count();
    let (now, later) = payments.split_at(count);
    for payment in now {
        world.pay(usize::from(payment.from), f64::from(payment.amount));
    }
    later
}

#[cfg(test)]
mod tests {
    use super::rules::{Autoloop, Nothing};
    use super::*;

    #[test]
    fn every_coin_is_accounted_for() {
        let tape = Tape::new(3);
        let world = run(&tape, &mut Autoloop { low: 0.3, high: 0.7 });
        let earned = world.succeeded.iter().sum::<f64>() * RELAY_FEE;
        let owned = 2_000.0 + earned - world.swap_fees;
        assert!((world.fortune() - owned).abs() < 20.0, "{} {owned}", world.fortune());
        for channel in [L, R] {
            assert!(world.local[channel] >= -1e-6 && world.remote[channel] >= -1e-6);
        }
    }

    #[test]
    fn without_swaps_all_coins_end_on_the_relays_side() {
        let world = run(&Tape::new(3), &mut Nothing);
        assert!((world.fortune() - 2_998.0).abs() < 5.0, "{}", world.fortune());
        assert!((world.success() - 0.083).abs() < 0.01, "{}", world.success());
    }

    #[test]
    fn a_swap_that_does_not_fit_is_refunded() {
        let mut world = World::default();
        world.begin(L, Swap::In(400.0));
        assert_eq!(world.on_chain, 1_000.0 - 400.0 - 4.0);
        world.remote[L] = 399.0;
        world.complete();
        assert_eq!((world.on_chain, world.local[L]), (1_000.0, 500.0));
        world.begin(L, Swap::In(999.0));
        assert_eq!(world.on_chain, 1_000.0);
        world.begin(R, Swap::Out(501.0));
        assert_eq!(world.local[R], 500.0);
    }
}

//! The best stationary policy that knows the demand: dynamic programming over both balances.
//!
//! A yardstick: it plans with the demand's law, which no learner is told. It must never look at
//! the payments it is evaluated on.

use super::tape::Payment;
use super::{CAPACITY, CHECK_MINUTES, CHECKS, Controller, L, R, SWAP_MINUTES, Swap, Tape, World};
use crate::pool;

/// Grid points along either balance.
const POINTS: usize = 21;
/// Coins between two points.
const STEP: f64 = CAPACITY / (POINTS - 1) as f64;
/// Sizes of a swap, 0 included.
const SIZES: usize = 11;
/// Sampled windows of demand.
const WINDOWS: usize = 24;

/// One window of demand: payments until the swaps complete, payments after.
#[derive(Debug, Clone)]
struct Window {
    during: Vec<Payment>,
    after: Vec<Payment>,
}

/// Demand and all transitions between grid points.
#[derive(Debug, Clone)]
pub struct Model {
    windows: Vec<Window>,
    /// Point-major, then action, then window.
    outcomes: Vec<Outcome>,
}

/// What one window made of a state and an action.
#[derive(Debug, Clone, Copy)]
struct Outcome {
    local: [f32; 2],
    gain: f32,
    succeeded: f32,
}

/// A plan: what a state is worth when a success is worth `price`.
#[derive(Debug, Clone)]
pub struct Plan<'a> {
    model: &'a Model,
    price: f64,
    values: Vec<f64>,
    /// The channel with L decides for both; R's part waits here.
    next: Swap,
}

fn action(index: usize) -> [f64; 2] {
    let unit = CAPACITY / (SIZES - 1) as f64;
    [(index / SIZES) as f64 * unit, (index % SIZES) as f64 * unit]
}

fn outcome(window: &Window, local: [f64; 2], action: usize) -> Outcome {
    let [out_of_left, into_right] = action_within(local, action);
    let mut world = World { local, on_chain: 10.0 * CAPACITY, ..World::default() };
    world.remote = local.map(|local| CAPACITY - local);
    let before = world.fortune();
    world.begin(L, Swap::Out(out_of_left));
    world.begin(R, Swap::In(into_right));
    for payment in &window.during {
        world.pay(usize::from(payment.from), f64::from(payment.amount));
    }
    world.complete();
    for payment in &window.after {
        world.pay(usize::from(payment.from), f64::from(payment.amount));
    }
    Outcome {
        local: world.local.map(|local| local as f32),
        gain: (world.fortune() - before) as f32,
        succeeded: world.payments[1] as f32,
    }
}

/// The action, no larger than the balance it is taken from.
fn action_within(local: [f64; 2], index: usize) -> [f64; 2] {
    let [out_of_left, into_right] = action(index);
    [out_of_left.min(local[L]), into_right]
}

impl Model {
    /// The demand of a tape, and what it makes of every state and action.
    pub fn new(tape: &Tape) -> Self {
        let mut windows = Vec::new();
        for index in 0..WINDOWS {
            // Spread over the tape, so that the windows do not touch.
            let start = (index * (CHECKS / WINDOWS)) as f64 * CHECK_MINUTES;
            let of = |from: f64, to: f64| {
                let within = tape.payments().iter().filter(|payment| {
                    let minute = f64::from(payment.minute) - start;
                    minute >= from && minute < to
                });
                within.copied().collect::<Vec<_>>()
            };
            windows.push(Window {
                during: of(0.0, SWAP_MINUTES),
                after: of(SWAP_MINUTES, CHECK_MINUTES),
            });
        }
        let points = POINTS * POINTS;
        let rows = pool::map(points, pool::threads(), |point| {
            let local = [(point / POINTS) as f64 * STEP, (point % POINTS) as f64 * STEP];
            let all = (0..SIZES * SIZES)
                .flat_map(|index| windows.iter().map(move |window| outcome(window, local, index)));
            all.collect::<Vec<_>>()
        });
        Self { outcomes: rows.concat(), windows }
    }

    /// The plan when a success is worth `price` coins, after `sweeps` checks back from the end.
    pub fn plan(&self, price: f64, sweeps: usize) -> Plan<'_> {
        let mut values = vec![0.0; POINTS * POINTS];
        for _ in 0..sweeps {
            let best = pool::map(POINTS * POINTS, pool::threads(), |point| {
                let size = SIZES * SIZES * WINDOWS;
                let row = &self.outcomes[point * size..(point + 1) * size];
                let means = row.chunks_exact(WINDOWS).map(|all| mean(all, price, &values));
                means.fold(f64::NEG_INFINITY, f64::max)
            });
            // Only differences matter: keep the numbers small.
            let level = best[0];
            values = best.into_iter().map(|value| value - level).collect();
        }
        Plan { model: self, price, values, next: Swap::None }
    }
}

fn mean(outcomes: &[Outcome], price: f64, values: &[f64]) -> f64 {
    let worth = outcomes.iter().map(|outcome| {
        f64::from(outcome.gain)
            + price * f64::from(outcome.succeeded)
            + value_at(values, outcome.local.map(f64::from))
    });
    worth.sum::<f64>() / outcomes.len() as f64
}

/// The value between grid points, linear in both balances.
fn value_at(values: &[f64], local: [f64; 2]) -> f64 {
    let place = |balance: f64| {
        let at = (balance / STEP).clamp(0.0, (POINTS - 1) as f64 - 1e-9);
        (at as usize, at.fract())
    };
    let ((row, down), (column, right)) = (place(local[L]), place(local[R]));
    let at = |row: usize, column: usize| values[row * POINTS + column];
    let upper = at(row, column) * (1.0 - right) + at(row, column + 1) * right;
    let lower = at(row + 1, column) * (1.0 - right) + at(row + 1, column + 1) * right;
    upper * (1.0 - down) + lower * down
}

impl Controller for Plan<'_> {
    fn decide(&mut self, world: &World, channel: usize, _: f64) -> Swap {
        if channel == R {
            return std::mem::replace(&mut self.next, Swap::None);
        }
        let local = world.local;
        let mut best = (f64::NEG_INFINITY, 0);
        for index in 0..SIZES * SIZES {
            let windows = self.model.windows.iter();
            let outcomes: Vec<Outcome> =
                windows.map(|window| outcome(window, local, index)).collect();
            let worth = mean(&outcomes, self.price, &self.values);
            if worth > best.0 {
                best = (worth, index);
            }
        }
        let [out_of_left, into_right] = action_within(local, best.1);
        self.next = Swap::In(into_right);
        Swap::Out(out_of_left)
    }
}

//! The only place that makes one channel state from another.
//!
//! A transition must never lose or invent a millisatoshi: every function here ends by checking that
//! balances and locks still add up to the capacity (I1), in release builds too.

use super::state::{Change, ChannelTerms, Lock, LockKey, Side, State};
use crate::amount::Msat;
use crate::bounded::Bounded;
use crate::mutant::{Mutant, active};
use crate::wire::codec;
use debal_crypto::{Digest, Domain, Secret};

/// Why a change cannot be made. Valid for both ends alike: it depends on the state only, never on a
/// clock or a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StateError {
    /// The terms contradict themselves.
    #[error("channel terms are invalid: {0}")]
    Terms(&'static str),
    /// A lock of that key is open already.
    #[error("that lock is open already")]
    LockExists,
    /// There is no such lock.
    #[error("no such lock")]
    NoLock,
    /// The channel holds as many locks as it may.
    #[error("the channel holds as many locks as it may")]
    NoSlots,
    /// The amount is zero or above the maximum.
    #[error("lock amount is zero or out of range")]
    Amount,
    /// The payer's free balance above the reserve does not carry the amount.
    #[error("the payer's free balance above the reserve is too small")]
    Insufficient,
    /// The secret does not open the lock.
    #[error("the secret does not open the lock")]
    WrongSecret,
    /// The hop index is not below the number of hops.
    #[error("hop index out of range")]
    Hop,
    /// Sequence numbers are used up.
    #[error("sequence numbers are used up")]
    Sequence,
    /// No change at all.
    #[error("a new state needs a change")]
    Empty,
    /// Balances and locks do not add up to the capacity: a bug, never a peer's doing.
    #[error("balances and locks do not add up to the capacity")]
    Conservation,
    /// The state cannot be encoded.
    #[error("the state cannot be encoded")]
    Encoding,
}

impl ChannelTerms {
    /// Digest that binds every state to these terms.
    ///
    /// # Errors
    /// [`StateError::Encoding`] never happens for this type.
    pub fn digest(&self) -> Result<Digest, StateError> {
        let bytes = codec::encode(self).map_err(|_| StateError::Encoding)?;
        Ok(Digest::of(Domain::ChannelId, &[&bytes]))
    }

    /// Which end `node` is.
    #[must_use]
    pub fn side_of(&self, node: &debal_crypto::NodeId) -> Option<Side> {
        if *node == self.low {
            Some(Side::Low)
        } else if *node == self.high {
            Some(Side::High)
        } else {
            None
        }
    }

    /// The node at one end.
    #[must_use]
    pub const fn node(&self, side: Side) -> debal_crypto::NodeId {
        match side {
            Side::Low => self.low,
            Side::High => self.high,
        }
    }
}

impl State {
    /// Free balance of one end.
    #[must_use]
    pub const fn balance(&self, side: Side) -> Msat {
        match side {
            Side::Low => self.low_msat,
            Side::High => self.high_msat,
        }
    }

    /// The lock of that key.
    #[must_use]
    pub fn lock(&self, key: LockKey) -> Option<&Lock> {
        self.locks.iter().find(|lock| lock.key == key)
    }

    /// Sum of locks one end pays.
    #[must_use]
    pub fn locked_by(&self, payer: Side) -> Msat {
        let locks = self.locks.iter().filter(|lock| lock.payer == payer);
        locks.fold(Msat::ZERO, |sum, lock| sum.plus_capped(lock.amount_msat))
    }

    /// Bytes both ends sign.
    ///
    /// # Errors
    /// [`StateError::Encoding`] never happens for this type.
    pub fn signed_bytes(&self) -> Result<Vec<u8>, StateError> {
        codec::encode(self).map_err(|_| StateError::Encoding)
    }

    /// Digest of the state.
    ///
    /// # Errors
    /// [`StateError::Encoding`] never happens for this type.
    pub fn digest(&self) -> Result<Digest, StateError> {
        Ok(Digest::of(Domain::StateDigest, &[&self.signed_bytes()?]))
    }

    /// I1: balances and locks add up to the capacity, exactly.
    #[must_use]
    pub fn conserves(&self, capacity_msat: Msat) -> bool {
        let parts = [self.low_msat, self.high_msat];
        let locks = self.locks.iter().map(|lock| lock.amount_msat);
        Msat::sum(parts.into_iter().chain(locks)) == Some(capacity_msat)
    }

    fn with_balance(&mut self, side: Side, balance: Msat) {
        match side {
            Side::Low => self.low_msat = balance,
            Side::High => self.high_msat = balance,
        }
    }

    fn credit(&mut self, side: Side, amount: Msat) -> Result<(), StateError> {
        let sum = self.balance(side).checked_add(amount).ok_or(StateError::Conservation)?;
        self.with_balance(side, sum);
        Ok(())
    }
}

/// The first state of a channel: sequence 1, no locks.
///
/// # Errors
/// [`StateError::Terms`] names what contradicts itself.
pub fn first_state(terms: &ChannelTerms, low_msat: Msat) -> Result<State, StateError> {
    if terms.low >= terms.high {
        return Err(StateError::Terms("the low end's identity must be the smaller one"));
    }
    if terms.capacity_msat == Msat::ZERO || terms.capacity_msat > Msat::MAX {
        return Err(StateError::Terms("capacity is zero or out of range"));
    }
    let high_msat = terms
        .capacity_msat
        .checked_sub(low_msat)
        .ok_or(StateError::Terms("the starting balance is above the capacity"))?;
    Ok(State {
        terms: terms.digest()?,
        seq: 1,
        low_msat,
        high_msat,
        locks: Bounded::new(),
        previous: Digest([0; 32]),
    })
}

/// The state after `changes`, in order. All or nothing.
///
/// # Errors
/// [`StateError`] of the first change that cannot be made.
pub fn next_state(
    terms: &ChannelTerms,
    current: &State,
    changes: &[Change],
) -> Result<State, StateError> {
    if changes.is_empty() {
        return Err(StateError::Empty);
    }
    let mut next = current.clone();
    next.seq = current.seq.checked_add(1).ok_or(StateError::Sequence)?;
    next.previous = current.digest()?;
    for change in changes {
        match change {
            Change::Add { lock, .. } => add(terms, &mut next, lock)?,
            Change::Settle { key, secret } => settle(&mut next, *key, secret)?,
            Change::Release { key } => release(&mut next, *key)?,
        }
    }
    if !next.conserves(terms.capacity_msat) {
        return Err(StateError::Conservation);
    }
    Ok(next)
}

fn add(terms: &ChannelTerms, state: &mut State, lock: &Lock) -> Result<(), StateError> {
    if state.lock(lock.key).is_some() {
        return Err(StateError::LockExists);
    }
    if lock.amount_msat == Msat::ZERO || lock.amount_msat > Msat::MAX {
        return Err(StateError::Amount);
    }
    if lock.key.hop >= lock.hops {
        return Err(StateError::Hop);
    }
    let left = state
        .balance(lock.payer)
        .checked_sub(lock.amount_msat)
        .filter(|left| *left >= terms.reserve_msat || active(Mutant::ReserveIgnored))
        .ok_or(StateError::Insufficient)?;
    state.locks.push(*lock).map_err(|_| StateError::NoSlots)?;
    state.with_balance(lock.payer, left);
    Ok(())
}

fn take(state: &mut State, key: LockKey) -> Result<Lock, StateError> {
    let lock = *state.lock(key).ok_or(StateError::NoLock)?;
    state.locks.retain(|other| other.key != key);
    Ok(lock)
}

fn settle(state: &mut State, key: LockKey, secret: &Secret) -> Result<(), StateError> {
    if !state.lock(key).ok_or(StateError::NoLock)?.hash.opens_with(secret) {
        return Err(StateError::WrongSecret);
    }
    let lock = take(state, key)?;
    let paid = if active(Mutant::SettlePaysBack) { lock.payer } else { lock.payer.other() };
    state.credit(paid, lock.amount_msat)
}

fn release(state: &mut State, key: LockKey) -> Result<(), StateError> {
    let lock = take(state, key)?;
    state.credit(lock.payer, lock.amount_msat)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channel::Mode;
    use crate::ids::{ChannelId, TransferId};
    use debal_crypto::NodeId;
    use proptest::prelude::*;

    fn terms() -> ChannelTerms {
        ChannelTerms {
            network: Digest([1; 32]),
            channel: ChannelId(7),
            low: NodeId([1; 32]),
            high: NodeId([2; 32]),
            capacity_msat: Msat(1_000),
            reserve_msat: Msat(10),
        }
    }

    fn lock(number: u8, payer: Side, amount: u64) -> Lock {
        Lock {
            key: LockKey { transfer: TransferId(Digest([number; 32])), hop: 0 },
            hops: 1,
            payer,
            hash: Secret::new([number; 32]).lock_hash(),
            amount_msat: Msat(amount),
            deadline_ms: 1,
            mode: Mode::Cascade,
        }
    }

    fn add(lock: Lock) -> Change {
        Change::Add { lock, route: None }
    }

    #[test]
    fn a_settled_lock_moves_the_amount_and_a_released_one_moves_nothing() {
        let start = first_state(&terms(), Msat(600)).unwrap();
        let one = lock(1, Side::Low, 100);
        let locked = next_state(&terms(), &start, &[add(one)]).unwrap();
        assert_eq!((locked.low_msat, locked.high_msat, locked.seq), (Msat(500), Msat(400), 2));
        let pay = Change::Settle { key: one.key, secret: Secret::new([1; 32]) };
        let paid = next_state(&terms(), &locked, &[pay]).unwrap();
        assert_eq!((paid.low_msat, paid.high_msat), (Msat(500), Msat(500)));
        let back = next_state(&terms(), &locked, &[Change::Release { key: one.key }]).unwrap();
        assert_eq!((back.low_msat, back.high_msat), (Msat(600), Msat(400)));
        assert_eq!(back.previous, locked.digest().unwrap());
    }

    #[test]
    fn the_payer_keeps_its_reserve() {
        let start = first_state(&terms(), Msat(100)).unwrap();
        assert!(next_state(&terms(), &start, &[add(lock(1, Side::Low, 90))]).is_ok());
        let refused = next_state(&terms(), &start, &[add(lock(1, Side::Low, 91))]);
        assert_eq!(refused, Err(StateError::Insufficient));
    }

    #[test]
    fn impossible_changes_are_refused_by_name() {
        let start = first_state(&terms(), Msat(600)).unwrap();
        let one = lock(1, Side::Low, 100);
        let next = |changes: &[Change]| next_state(&terms(), &start, changes);
        assert_eq!(next(&[]), Err(StateError::Empty));
        assert_eq!(next(&[add(one), add(one)]), Err(StateError::LockExists));
        assert_eq!(next(&[add(lock(1, Side::Low, 0))]), Err(StateError::Amount));
        assert_eq!(next(&[Change::Release { key: one.key }]), Err(StateError::NoLock));
        let wrong = Change::Settle { key: one.key, secret: Secret::new([2; 32]) };
        assert_eq!(next(&[add(one), wrong]), Err(StateError::WrongSecret));
        let many: Vec<Change> = (0..61).map(|n| add(lock(n, Side::Low, 1))).collect();
        assert_eq!(next(&many), Err(StateError::NoSlots));
        let beyond = Lock { hops: 0, ..one };
        assert_eq!(next(&[add(beyond)]), Err(StateError::Hop));
    }

    #[test]
    fn amounts_of_two_to_the_sixty_lose_no_unit() {
        let terms = ChannelTerms { capacity_msat: Msat::MAX, reserve_msat: Msat(0), ..terms() };
        let start = first_state(&terms, Msat::MAX).unwrap();
        let all = Lock { amount_msat: Msat::MAX, ..lock(1, Side::Low, 1) };
        let locked = next_state(&terms, &start, &[add(all)]).unwrap();
        let pay = Change::Settle { key: all.key, secret: Secret::new([1; 32]) };
        let paid = next_state(&terms, &locked, &[pay]).unwrap();
        assert_eq!((paid.low_msat, paid.high_msat), (Msat(0), Msat::MAX));
    }

    proptest! {
        /// I1 and I5 over arbitrary sequences: whatever is accepted conserves the capacity, and a
        /// lock ends exactly once.
        #[test]
        fn any_accepted_sequence_conserves_the_capacity(
            low in 0u64..=1_000,
            steps in proptest::collection::vec((0u8..3, 0u8..6, 0u64..400, any::<bool>()), 1..40),
        ) {
            let terms = terms();
            let mut state = first_state(&terms, Msat(low)).unwrap();
            for (kind, number, amount, by_low) in steps {
                let payer = if by_low { Side::Low } else { Side::High };
                let one = lock(number, payer, amount);
                let change = match kind {
                    0 => add(one),
                    1 => Change::Settle { key: one.key, secret: Secret::new([number; 32]) },
                    _ => Change::Release { key: one.key },
                };
                let open_before = state.lock(one.key).is_some();
                if let Ok(next) = next_state(&terms, &state, std::slice::from_ref(&change)) {
                    prop_assert!(next.conserves(terms.capacity_msat));
                    prop_assert_eq!(open_before, kind != 0);
                    state = next;
                }
            }
        }
    }
}

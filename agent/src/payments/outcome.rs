//! Waiting for the outcome of payments: one reader of the backend's events for all of them.
//!
//! It must never guess: if events were missed, the backend is asked.

use debal_backends::{BackendEvent, ChannelBackend, Cursor, PaymentState};
use debal_protocol::LockHash;
use futures::StreamExt;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::oneshot;

/// Interest in one payment; several callers may wait for the same one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Interest(LockHash, u64);

#[derive(Default)]
struct Waiters {
    waiting: BTreeMap<Interest, oneshot::Sender<PaymentState>>,
    next: u64,
}

/// Hands each payment its outcome.
#[derive(Clone, Default)]
pub struct Outcomes {
    waiters: Arc<Mutex<Waiters>>,
}

impl Outcomes {
    /// Follows the backend's events after `cursor` in a task of the current runtime.
    #[must_use]
    pub fn follow(backend: Arc<dyn ChannelBackend>, cursor: Cursor) -> Self {
        let outcomes = Self::default();
        let shared = outcomes.clone();
        tokio::spawn(async move {
            let mut events = backend.events(cursor);
            while let Some((_, event)) = events.next().await {
                match event {
                    BackendEvent::PaymentEnded { hash, state } => shared.tell(hash, &state),
                    BackendEvent::Missed(_) => shared.ask(&*backend).await,
                    _ => {}
                }
            }
            // The backend stopped: whoever waits learns it by a closed channel.
            shared.lock().waiting.clear();
        });
        outcomes
    }

    /// Announces interest in a payment, before it is sent.
    #[must_use]
    pub fn wait_for(&self, hash: LockHash) -> (Interest, oneshot::Receiver<PaymentState>) {
        let (tell, told) = oneshot::channel();
        let mut waiters = self.lock();
        waiters.next = waiters.next.saturating_add(1);
        let interest = Interest(hash, waiters.next);
        waiters.waiting.insert(interest, tell);
        (interest, told)
    }

    /// Takes the interest back.
    pub fn forget(&self, interest: Interest) {
        self.lock().waiting.remove(&interest);
    }

    fn lock(&self) -> MutexGuard<'_, Waiters> {
        self.waiters.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, hash: LockHash, state: &PaymentState) {
        let all = Interest(hash, 0)..=Interest(hash, u64::MAX);
        let mut waiters = self.lock();
        let told: Vec<Interest> = waiters.waiting.range(all).map(|(key, _)| *key).collect();
        for interest in told {
            if let Some(waiter) = waiters.waiting.remove(&interest) {
                // A caller that went away does not want the outcome.
                let _ = waiter.send(state.clone());
            }
        }
    }

    async fn ask(&self, backend: &dyn ChannelBackend) {
        let hashes: Vec<LockHash> =
            self.lock().waiting.keys().map(|Interest(hash, _)| *hash).collect();
        for hash in hashes {
            let state = backend.payment(hash).await;
            if let Ok(state @ (PaymentState::Settled { .. } | PaymentState::Failed { .. })) = state
            {
                self.tell(hash, &state);
            }
        }
    }
}

//! Waiting for the outcome of payments: one reader of the backend's events for all of them.
//!
//! It must never guess: if events were missed, the backend is asked.

use debal_backends::{BackendEvent, ChannelBackend, Cursor, PaymentState};
use debal_protocol::LockHash;
use futures::StreamExt;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::oneshot;

type Waiters = BTreeMap<LockHash, oneshot::Sender<PaymentState>>;

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
                    BackendEvent::PaymentEnded { hash, state } => shared.tell(hash, state),
                    BackendEvent::Missed(_) => shared.ask(&*backend).await,
                    _ => {}
                }
            }
            // The backend stopped: whoever waits learns it by a closed channel.
            shared.lock().clear();
        });
        outcomes
    }

    /// Announces interest in a payment, before it is sent.
    #[must_use]
    pub fn wait_for(&self, hash: LockHash) -> oneshot::Receiver<PaymentState> {
        let (tell, told) = oneshot::channel();
        self.lock().insert(hash, tell);
        told
    }

    /// Takes the interest back.
    pub fn forget(&self, hash: LockHash) {
        self.lock().remove(&hash);
    }

    fn lock(&self) -> MutexGuard<'_, Waiters> {
        self.waiters.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, hash: LockHash, state: PaymentState) {
        if let Some(waiter) = self.lock().remove(&hash) {
            // A caller that went away does not want the outcome.
            let _ = waiter.send(state);
        }
    }

    async fn ask(&self, backend: &dyn ChannelBackend) {
        let hashes: Vec<LockHash> = self.lock().keys().copied().collect();
        for hash in hashes {
            let state = backend.payment(hash).await;
            if let Ok(state @ (PaymentState::Settled { .. } | PaymentState::Failed { .. })) = state
            {
                self.tell(hash, state);
            }
        }
    }
}

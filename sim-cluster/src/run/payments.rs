//! Sends the scheduled payments at their times and records what became of each.
//!
//! The schedule is kept whatever the network does: a slow payment must never delay the next one,
//! except when very many are under way at once.

use crate::demand::Payment;
use crate::launch::Agent;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// Payments under way at one time.
const AT_ONCE: usize = 512;
/// Time a payment has, above the longest deadline ladder.
const PAY_LIMIT: Duration = Duration::from_secs(60);

/// What became of one payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaymentResult {
    /// The payment.
    pub payment: Payment,
    /// Whether the recipient got the amount.
    pub succeeded: bool,
    /// Why it failed.
    pub reason: Option<String>,
    /// Fee paid.
    pub fee_msat: u64,
    /// Channels crossed.
    pub hops: u64,
    /// From call to outcome.
    pub duration_ms: u64,
}

/// Counts that progress can read while payments run.
#[derive(Debug, Default)]
pub struct Tally {
    ended: AtomicU64,
    succeeded: AtomicU64,
}

impl Tally {
    /// Payments ended, and those of them that succeeded.
    #[must_use]
    pub fn read(&self) -> (u64, u64) {
        (self.ended.load(Ordering::Relaxed), self.succeeded.load(Ordering::Relaxed))
    }

    fn count(&self, succeeded: bool) {
        self.ended.fetch_add(1, Ordering::Relaxed);
        self.succeeded.fetch_add(u64::from(succeeded), Ordering::Relaxed);
    }
}

/// Sends all payments from now on and returns their results in the order of the schedule.
pub async fn drive(
    agents: &[Arc<Agent>],
    payments: &[Payment],
    attempts: u32,
    tally: &Arc<Tally>,
) -> Vec<PaymentResult> {
    let start = Instant::now();
    let slots = Arc::new(Semaphore::new(AT_ONCE));
    let mut under_way = JoinSet::new();
    for (number, payment) in payments.iter().copied().enumerate() {
        let ends = (agents.get(payment.from).cloned(), agents.get(payment.to).cloned());
        let (Some(payer), Some(recipient)) = ends else { continue };
        tokio::time::sleep_until(start + Duration::from_millis(payment.at_ms)).await;
        // The semaphore is never closed, so a missing permit cannot happen.
        let slot = Arc::clone(&slots).acquire_owned().await.ok();
        let tally = Arc::clone(tally);
        under_way.spawn(async move {
            let result = pay(&payer, &recipient, payment, attempts).await;
            tally.count(result.succeeded);
            drop(slot);
            (number, result)
        });
    }
    let mut results = Vec::with_capacity(payments.len());
    while let Some(joined) = under_way.join_next().await {
        results.extend(joined.ok());
    }
    results.sort_by_key(|(number, _)| *number);
    results.into_iter().map(|(_, result)| result).collect()
}

/// Asks the recipient for an invoice and the payer to pay it.
pub async fn pay(
    payer: &Agent,
    recipient: &Agent,
    payment: Payment,
    attempts: u32,
) -> PaymentResult {
    let paid = match recipient.invoice(payment.amount_msat).await {
        Ok(invoice) => payer.pay(&invoice, attempts, PAY_LIMIT).await,
        Err(error) => Err(error),
    };
    match paid {
        Ok(paid) => PaymentResult {
            payment,
            succeeded: paid.outcome == "succeeded",
            reason: paid.reason,
            fee_msat: paid.fee_msat,
            hops: paid.hops,
            duration_ms: paid.duration_ms,
        },
        Err(error) => {
            let reason = Some(error.to_string());
            let (succeeded, fee_msat, hops, duration_ms) = (false, 0, 0, 0);
            PaymentResult { payment, succeeded, reason, fee_msat, hops, duration_ms }
        }
    }
}

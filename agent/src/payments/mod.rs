//! Payments and circular payments over the backend: find a route, send along it, learn the outcome.
//!
//! It speaks to the backend trait only, so the same code pays over any of them. It must never send
//! again while an outcome is unknown.

mod graph;
mod outcome;

use crate::clock::{self, Stopwatch};
use crate::driver::DriverHandle;
use crate::metrics::Metrics;
use debal_backends::{
    ChannelBackend, Cursor, Error as BackendError, OperationId, PaymentState, Receive, SendAlong,
};
use debal_protocol::message::Refusal;
use debal_protocol::{ChannelId, LockHash, Msat, NodeId};
use graph::{Routes, Wish};
use outcome::Outcomes;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Highest fee of a payment whose caller names none: five percent, as lnd has it.
pub const FEE_MAX_PPM: u32 = 50_000;
/// The least that limit ever is: small payments cross hops with fixed fees.
pub const FEE_MAX_FLOOR_MSAT: Msat = Msat(10_000);
/// Highest fee of a circular payment whose caller names none, millionths.
pub const REBALANCE_FEE_MAX_PPM: u32 = 1_000;
/// How long a circular payment may wait for its own locks before it is refused, milliseconds.
const OWN_RECEIVE_MS: u64 = 600_000;

/// What the payer needs to know. It travels outside the protocol, like an invoice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Invoice {
    /// Who is paid, hex.
    pub recipient: String,
    /// The lock hash, hex.
    pub hash: String,
    /// Exact amount.
    pub amount_msat: u64,
    /// Unix milliseconds after which it is refused.
    pub expires_unix_ms: u64,
}

/// How a payment or a circular payment went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Paid {
    /// `succeeded` or `failed`.
    pub outcome: String,
    /// Stable name of the reason, if it failed.
    pub reason: Option<String>,
    /// Fee paid; 0 if it failed.
    pub fee_msat: u64,
    /// Hops of the last route.
    pub hops: u64,
    /// Routes tried.
    pub attempts: u32,
    /// From the request to the outcome.
    pub duration_ms: u64,
}

/// Why a payment was not even tried, or its outcome is not known.
#[derive(Debug, thiserror::Error)]
pub enum PayError {
    /// The request contradicts itself.
    #[error("{0}")]
    Invalid(String),
    /// The backend refused or is not there.
    #[error(transparent)]
    Backend(#[from] BackendError),
    /// The agent stopped while the payment was under way.
    #[error("the agent stopped before the outcome was known; ask again after its restart")]
    Lost,
}

/// What the payer allows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Routes to try; the configuration's number if absent.
    pub attempts: Option<u32>,
    /// Most that the route may cost; the defaults above if absent.
    pub max_fee_msat: Option<Msat>,
    /// Least probability of a route's success, millionths: then the cheapest such route is taken,
    /// and none if there is none. If absent, the best compromise of fee and probability.
    pub min_success_ppm: Option<u32>,
}

/// Pays.
pub struct Payer {
    backend: Arc<dyn ChannelBackend>,
    driver: DriverHandle,
    metrics: Arc<Metrics>,
    outcomes: Outcomes,
    own: NodeId,
    attempts: u32,
    operations: AtomicU64,
}

/// How one attempt ended.
enum Attempt {
    Settled {
        fee_msat: Msat,
    },
    /// `hop` refused, if that is known; `again` says whether another route may be tried.
    Failed {
        reason: String,
        hop: Option<u8>,
        again: bool,
    },
}

impl Payer {
    /// A payer over `backend`; it reads the public graph from `driver`. Call it in a tokio runtime.
    #[must_use]
    pub fn new(
        backend: Arc<dyn ChannelBackend>,
        driver: DriverHandle,
        metrics: Arc<Metrics>,
        own: NodeId,
        attempts: u32,
    ) -> Self {
        let cursor = Cursor(driver.feed().newest());
        let outcomes = Outcomes::follow(Arc::clone(&backend), cursor);
        let operations = AtomicU64::new(0);
        Self { backend, driver, metrics, outcomes, own, attempts, operations }
    }

    /// Prepares to be paid.
    ///
    /// # Errors
    /// [`PayError`] by name.
    pub async fn invoice(&self, amount_msat: Msat, expiry_ms: u64) -> Result<Invoice, PayError> {
        let expires_ms = clock::unix_ms().saturating_add(expiry_ms);
        let receive = Receive { hash: None, amount_msat, expires_ms, hold_blocks: None };
        let ticket = self.backend.prepare_receive(receive).await?;
        Ok(Invoice {
            recipient: self.own.to_string(),
            hash: ticket.hash.to_string(),
            amount_msat: amount_msat.0,
            expires_unix_ms: expires_ms,
        })
    }

    /// Pays an invoice along at most `attempts` routes.
    ///
    /// # Errors
    /// [`PayError`] if nothing was tried, or the outcome is not known.
    pub async fn pay(&self, invoice: &Invoice, limits: Limits) -> Result<Paid, PayError> {
        let watch = Stopwatch::start();
        let bad = |what: &str, why: String| PayError::Invalid(format!("invoice {what}: {why}"));
        let target: NodeId =
            invoice.recipient.parse().map_err(|e| bad("recipient", format!("{e}")))?;
        let hash: LockHash = invoice.hash.parse().map_err(|e| bad("hash", format!("{e}")))?;
        let amount_msat = Msat(invoice.amount_msat);
        if target == self.own {
            let text = "this node is the recipient; use rebalance for a circular payment";
            return Err(PayError::Invalid(text.to_owned()));
        }
        if amount_msat == Msat::ZERO || amount_msat > Msat::MAX {
            return Err(bad("amount_msat", "zero or out of range".to_owned()));
        }
        if clock::unix_ms() >= invoice.expires_unix_ms {
            return Ok(failed("expired", 0, 0, &watch));
        }
        let limit = amount_msat.ppm(FEE_MAX_PPM).max(FEE_MAX_FLOOR_MSAT);
        let wish = Wish {
            target,
            amount_msat,
            max_fee_msat: limits.max_fee_msat.unwrap_or(limit),
            min_success_ppm: limits.min_success_ppm,
            max_hops: self.backend.caps().max_hops,
            around: None,
        };
        self.send(wish, hash, limits.attempts.unwrap_or(self.attempts), &watch).await
    }

    /// Moves `amount_msat` out of channel `from` and back in over channel `to`.
    ///
    /// # Errors
    /// As [`Payer::pay`].
    pub async fn rebalance(
        &self,
        from: ChannelId,
        to: ChannelId,
        amount_msat: Msat,
        limits: Limits,
    ) -> Result<Paid, PayError> {
        let watch = Stopwatch::start();
        if from == to {
            let text = "--from and --to are the same channel: nothing would move";
            return Err(PayError::Invalid(text.to_owned()));
        }
        let channels = self.backend.channels().await?;
        for channel in [from, to] {
            if !channels.iter().any(|entry| entry.channel == channel) {
                return Err(BackendError::UnknownChannel(channel).into());
            }
        }
        let expires_ms = clock::unix_ms().saturating_add(OWN_RECEIVE_MS);
        let receive = Receive { hash: None, amount_msat, expires_ms, hold_blocks: None };
        let hash = self.backend.prepare_receive(receive).await?.hash;
        let wish = Wish {
            target: self.own,
            amount_msat,
            max_fee_msat: limits.max_fee_msat.unwrap_or(amount_msat.ppm(REBALANCE_FEE_MAX_PPM)),
            min_success_ppm: limits.min_success_ppm,
            max_hops: self.backend.caps().max_hops,
            around: Some((from, to)),
        };
        let attempts = limits.attempts.unwrap_or(self.attempts);
        let paid = self.send(wish, hash, attempts, &watch).await;
        match &paid {
            Ok(paid) if paid.outcome == "succeeded" => {
                self.metrics.circular(true, amount_msat.0, paid.fee_msat);
            }
            Ok(_) => {
                self.metrics.circular(false, 0, 0);
                // Nothing was locked any more; the receive need not wait for its expiry.
                if let Err(error) = self.backend.cancel(hash).await {
                    tracing::warn!(%error, "own receive not cancelled; it expires by itself");
                }
            }
            Err(_) => {}
        }
        paid
    }

    async fn send(
        &self,
        wish: Wish,
        hash: LockHash,
        attempts: u32,
        watch: &Stopwatch,
    ) -> Result<Paid, PayError> {
        let routes = self.routes().await?;
        let mut excluded: Vec<u32> = Vec::new();
        let mut last = failed("no_route", 0, 0, watch);
        for attempt in 1..=attempts.max(1) {
            let found = routes.best(wish, &excluded);
            let found = found.map_err(|error| PayError::Invalid(error.to_string()))?;
            let Some(route) = found else { break };
            let hops = u64::try_from(route.hops.len()).unwrap_or(u64::MAX);
            let (arcs, tightest) = (route.arcs, route.tightest);
            let send = SendAlong {
                operation: OperationId(self.operations.fetch_add(1, Ordering::Relaxed)),
                hash,
                hops: route.hops,
                max_fee_msat: wish.max_fee_msat,
            };
            match self.attempt(send).await? {
                Attempt::Settled { fee_msat } => {
                    return Ok(Paid {
                        outcome: "succeeded".to_owned(),
                        reason: None,
                        fee_msat: fee_msat.0,
                        hops,
                        attempts: attempt,
                        duration_ms: watch.us() / 1_000,
                    });
                }
                Attempt::Failed { reason, hop, again } => {
                    last = failed(&reason, hops, attempt, watch);
                    // The hop that refused, or else the likeliest one, is not asked again.
                    let named = hop.and_then(|hop| arcs.get(usize::from(hop)).copied());
                    match named.or(tightest).filter(|_| again) {
                        Some(arc) => excluded.push(arc),
                        None => break,
                    }
                }
            }
        }
        last.duration_ms = watch.us() / 1_000;
        Ok(last)
    }

    async fn routes(&self) -> Result<Routes, PayError> {
        let channels = self.backend.channels().await?;
        let summaries = self.driver.look(|node, _| node.summaries()).await;
        let summaries = summaries.map_err(|_| PayError::Lost)?;
        Routes::new(self.own, &channels, &summaries)
            .map_err(|error| PayError::Invalid(error.to_string()))
    }

    async fn attempt(&self, send: SendAlong) -> Result<Attempt, PayError> {
        let hash = send.hash;
        let (interest, outcome) = self.outcomes.wait_for(hash);
        match self.backend.send_along(send).await {
            Ok(_) | Err(BackendError::Ambiguous) => {}
            Err(error) => {
                self.outcomes.forget(interest);
                return refusal(error);
            }
        }
        match outcome.await.map_err(|_| PayError::Lost)? {
            PaymentState::Settled { fee_msat, .. } => Ok(Attempt::Settled { fee_msat }),
            PaymentState::Failed { reason, hop } => {
                let name = reason.map_or_else(|| "unknown".to_owned(), refusal_name);
                Ok(Attempt::Failed { reason: name, hop, again: true })
            }
            PaymentState::Unknown | PaymentState::InFlight => Err(PayError::Lost),
        }
    }
}

/// Nothing was sent: for reasons of the moment that is a failed payment, otherwise an error.
fn refusal(error: BackendError) -> Result<Attempt, PayError> {
    let reason = match &error {
        BackendError::Insufficient { .. } => "insufficient",
        BackendError::ChannelUnusable(_) => "channel_unusable",
        BackendError::TooMuchInFlight | BackendError::NoSlots => "too_much_in_flight",
        BackendError::BelowMinimum { .. } => "amount_out_of_range",
        BackendError::Refused { reason, .. } => {
            let reason = refusal_name(*reason);
            return Ok(Attempt::Failed { reason, hop: None, again: false });
        }
        _ => return Err(error.into()),
    };
    // It is our own channel that does not carry it now; another may.
    Ok(Attempt::Failed { reason: reason.to_owned(), hop: Some(0), again: true })
}

/// Stable snake-case name of a refusal.
#[must_use]
pub fn refusal_name(reason: Refusal) -> String {
    let mut name = String::new();
    for character in format!("{reason:?}").chars() {
        if character.is_ascii_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.push(character.to_ascii_lowercase());
    }
    name
}

fn failed(reason: &str, hops: u64, attempts: u32, watch: &Stopwatch) -> Paid {
    Paid {
        outcome: "failed".to_owned(),
        reason: Some(reason.to_owned()),
        fee_msat: 0,
        hops,
        attempts,
        duration_ms: watch.us() / 1_000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_have_stable_names() {
        assert_eq!(refusal_name(Refusal::ChannelUnusable), "channel_unusable");
        assert_eq!(refusal_name(Refusal::Fee), "fee");
    }
}

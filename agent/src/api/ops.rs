//! What each operation of the control socket does.
//!
//! Thin: it reads words, asks the driver or the payer, and renders the answer. It must never decide
//! anything about money.

use super::op::{ApiError, Op, OpenFields, PolicyFields};
use super::render;
use crate::config::genesis;
use crate::driver::DriverHandle;
use crate::driver::feed::GossipTrace;
use crate::metrics::Metrics;
use crate::payments::{Limits, PayError, Payer};
use crate::steering::Board;
use debal_backends::Error as BackendError;
use debal_backends::ledger::PortError;
use debal_net::NetHandle;
use debal_protocol::channel::ChannelTerms;
use debal_protocol::effect::{Answer, OperatorError};
use debal_protocol::input::{OpenChannel, Operator};
use debal_protocol::status::Status;
use debal_protocol::summary::ForwardPolicy;
use debal_protocol::{ChannelId, Digest, Epoch, Msat, NodeId};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// Events in one answer.
const EVENTS_PAGE: usize = 4_096;
/// How long `events` waits for news.
const EVENTS_WAIT: Duration = Duration::from_secs(1);
/// Smallest reserve of a channel, unless a tenth of its capacity is less.
const RESERVE_FLOOR_MSAT: Msat = Msat(1_000_000);

/// Everything an operation can reach.
pub struct Service {
    /// The driver.
    pub driver: DriverHandle,
    /// Pays.
    pub payer: Arc<Payer>,
    /// Counts.
    pub metrics: Arc<Metrics>,
    /// When gossip came and went.
    pub trace: GossipTrace,
    /// The network's own counters, and through them how much gossip cost.
    pub net: NetHandle,
    /// The network's id.
    pub network: Digest,
    /// This node.
    pub node: NodeId,
    /// Forecasts, and what liquidity is worth where fee rules are set, by channel.
    pub board: Board,
    /// Becomes true when an operator asks to stop.
    pub stop: watch::Sender<bool>,
}

/// What each end of a channel keeps for ever: one percent of the capacity and at least 1,000 sat,
/// but never more than a tenth. A function of the capacity alone, so that both ends compute the
/// same.
#[must_use]
pub fn reserve_msat(capacity: Msat) -> Msat {
    capacity.ppm(10_000).max(RESERVE_FLOOR_MSAT).min(capacity.ppm(100_000))
}

impl Service {
    /// Carries out one operation.
    ///
    /// # Errors
    /// [`ApiError`] with a stable kind.
    pub async fn run(&self, op: Op) -> Result<Value, ApiError> {
        match op {
            Op::Status => self.status().await,
            Op::ExpectChannel(fields) => {
                let open = self.opening(&fields)?;
                self.operator(Operator::ExpectChannel(open)).await.map(|_| json!({}))
            }
            Op::OpenChannel(fields) => {
                let open = self.opening(&fields)?;
                self.operator(Operator::OpenChannel(open)).await?;
                Ok(json!({ "channel": open.terms.channel.to_string() }))
            }
            Op::SetPolicy { channel, policy } => {
                let request = Operator::SetPolicy {
                    channel: channel_id(&channel)?,
                    policy: forward_policy(policy)?,
                };
                self.operator(request).await?;
                self.metrics.policy_change("operator");
                Ok(json!({}))
            }
            Op::SetRebalancing { enabled } => {
                self.operator(Operator::SetRebalancing(enabled)).await.map(|_| json!({}))
            }
            Op::Why { channel } => self.why(channel_id(&channel)?).await,
            Op::Privacy => self.privacy().await,
            Op::Roster => {
                let (epoch, roster) = self.look(|node, now| node.roster(now)).await?;
                Ok(render::roster(epoch, &roster))
            }
            Op::Sponsor { entry } => {
                let binding = genesis::binding(&entry, &self.network).map_err(ApiError::invalid)?;
                let node = binding.node.to_string();
                let request = Operator::Sponsor { binding, weight: entry.weight };
                self.operator(request).await.map(|_| json!({ "node": node }))
            }
            Op::Leave => self.operator(Operator::Leave).await.map(|_| json!({})),
            Op::Certificate { epoch } => self.certificate(epoch).await,
            Op::Events { after } => Ok(self.events(after).await),
            Op::Counters => Ok(self.counters()),
            Op::GossipTrace => Ok(self.gossip_trace()),
            Op::Audit => {
                let audit = self.look(|node, now| node.audit(now)).await?;
                Ok(render::audit(&audit))
            }
            Op::Stop => {
                self.stop.send_replace(true);
                Ok(json!({}))
            }
            payment => self.pay(payment).await,
        }
    }

    async fn pay(&self, op: Op) -> Result<Value, ApiError> {
        let paid = match op {
            Op::Invoice { amount_msat, expiry_ms } => {
                let invoice = self.payer.invoice(Msat(amount_msat), expiry_ms).await;
                return Ok(json!(invoice.map_err(pay_error)?));
            }
            Op::Pay { invoice, attempts, max_fee_msat, min_success_ppm } => {
                let max_fee_msat = max_fee_msat.map(Msat);
                self.payer.pay(&invoice, Limits { attempts, max_fee_msat, min_success_ppm }).await
            }
            Op::Rebalance { from, to, amount_msat, max_fee_ppm, min_success_ppm } => {
                let (from, to) = (channel_id(&from)?, channel_id(&to)?);
                let max_fee_msat = max_fee_ppm.map(|ppm| Msat(amount_msat).ppm(ppm));
                let limits = Limits { attempts: None, max_fee_msat, min_success_ppm };
                self.payer.rebalance(from, to, Msat(amount_msat), limits).await
            }
            _ => return Err(ApiError::new("bad_request", "no such operation")),
        };
        Ok(json!(paid.map_err(pay_error)?))
    }

    async fn look<T: Send + 'static>(
        &self,
        read: impl FnOnce(&debal_protocol::Node, debal_protocol::Now) -> T + Send + 'static,
    ) -> Result<T, ApiError> {
        self.driver.look(read).await.map_err(port_error)
    }

    async fn operator(&self, request: Operator) -> Result<Answer, ApiError> {
        self.driver.operator(request).await.map_err(port_error)
    }

    async fn status(&self) -> Result<Value, ApiError> {
        let status = self.look(|node, now| node.status(now)).await?;
        let addresses = self.net.addresses().iter().map(ToString::to_string).collect();
        Ok(render::status(&status, addresses, rss_bytes(), &self.board.deciders()))
    }

    async fn why(&self, channel: ChannelId) -> Result<Value, ApiError> {
        let why = self.look(move |node, now| node.why(channel, now)).await?;
        let why = why.ok_or_else(|| no_channel(channel))?;
        Ok(render::why(&why, self.board.of(channel)))
    }

    async fn privacy(&self) -> Result<Value, ApiError> {
        let own = self.node;
        let (status, summary) = self
            .look(move |node, now| {
                let mut all = node.summaries().into_iter();
                (node.status(now), all.find(|(node, _)| *node == own).map(|(_, summary)| summary))
            })
            .await?;
        let raw = status.channels.iter().map(render::channel).collect::<Vec<_>>();
        Ok(json!({
            "published": summary.as_ref().map(render::summary),
            "private": raw,
            "plan_mode": status.plan_mode,
            "prices": prices_told(&status),
            "payments": [
                "every hop of a payment sees its whole route and amount (ledger backend, no onion)",
                "a channel's two ends know its exact balances",
            ],
        }))
    }

    async fn certificate(&self, epoch: Option<u64>) -> Result<Value, ApiError> {
        let epoch = epoch.map(Epoch);
        let file = self.look(move |node, _| node.certificate_file(epoch)).await?;
        let file = file.ok_or_else(|| {
            ApiError::new("not_found", "no certificate of that epoch is known here; see status")
        })?;
        Ok(json!({ "file": file }))
    }

    async fn events(&self, after: u64) -> Value {
        let feed = self.driver.feed();
        let waited = tokio::time::timeout(EVENTS_WAIT, feed.follow(after, EVENTS_PAGE)).await;
        let page = waited.unwrap_or_else(|_| feed.read(after, EVENTS_PAGE));
        let events = page.entries.iter().map(|(seq, entry)| render::entry(*seq, entry));
        json!({
            "cursor": page.cursor,
            "missed": page.missed,
            "events": events.collect::<Vec<_>>(),
        })
    }

    fn counters(&self) -> Value {
        let mut flat = self.metrics.flat();
        let net = self.net.counters();
        let figures = [
            ("bytes_in", net.bytes_in),
            ("bytes_out", net.bytes_out),
            ("gossip_in", net.gossip_in),
            ("gossip_out", net.gossip_out),
            ("gossip_bytes_in", net.gossip_bytes_in),
            ("gossip_bytes_out", net.gossip_bytes_out),
            ("direct_in", net.direct_in),
            ("direct_out", net.direct_out),
            ("net_refused_rate", net.refused_rate),
            ("net_refused_busy", net.refused_busy),
            ("net_send_failures", net.send_failures),
            ("net_publish_failures", net.publish_failures),
            ("net_verdicts_late", net.verdicts_late),
            ("net_rejected", net.rejected),
        ];
        flat.extend(figures.map(|(name, value)| (name.to_owned(), value)));
        for name in ["direct_bytes_in", "direct_bytes_out", "journal_records", "journal_flushes"] {
            flat.entry(name.to_owned()).or_default();
        }
        json!(flat)
    }

    fn gossip_trace(&self) -> Value {
        let list = |ring: &crate::ring::Ring<crate::driver::feed::Sighting>| {
            let page = ring.read(0, usize::MAX);
            page.entries.into_iter().map(|(_, sighting)| json!(sighting)).collect::<Vec<_>>()
        };
        json!({
            "published": list(&self.trace.published),
            "received": list(&self.trace.received),
        })
    }

    fn opening(&self, fields: &OpenFields) -> Result<OpenChannel, ApiError> {
        let channel = channel_id(&fields.channel)?;
        let peer: NodeId =
            fields.peer.parse().map_err(|error| ApiError::invalid(format!("peer: {error}")))?;
        if peer == self.node {
            return Err(ApiError::invalid("peer is this node itself"));
        }
        let capacity_msat = Msat(fields.capacity_msat);
        let remote = capacity_msat
            .checked_sub(Msat(fields.local_msat))
            .ok_or_else(|| ApiError::invalid("local_msat is above capacity_msat"))?;
        let we_are_low = self.node < peer;
        let (low, high) = if we_are_low { (self.node, peer) } else { (peer, self.node) };
        let reserve_msat = reserve_msat(capacity_msat);
        let network = self.network;
        let terms = ChannelTerms { network, channel, low, high, capacity_msat, reserve_msat };
        let low_msat = if we_are_low { Msat(fields.local_msat) } else { remote };
        Ok(OpenChannel { terms, low_msat, policy: forward_policy(fields.policy)? })
    }
}

fn channel_id(text: &str) -> Result<ChannelId, ApiError> {
    text.parse().map_err(|error| ApiError::invalid(format!("{error}")))
}

fn forward_policy(fields: PolicyFields) -> Result<ForwardPolicy, ApiError> {
    if fields.min_msat > fields.max_msat {
        return Err(ApiError::invalid("policy: min_msat is above max_msat"));
    }
    Ok(ForwardPolicy {
        base_msat: fields.base_msat,
        ppm: fields.ppm,
        min_msat: Msat(fields.min_msat),
        max_msat: Msat(fields.max_msat).min(Msat::MAX),
        disabled: fields.disabled,
    })
}

fn no_channel(channel: ChannelId) -> ApiError {
    let text = format!("there is no channel {channel} here; `debal status` lists all");
    ApiError::new("not_found", text)
}

fn port_error(error: PortError) -> ApiError {
    match error {
        PortError::Busy => ApiError::new("busy", error.to_string()),
        PortError::Stopped => ApiError::new("stopped", error.to_string()),
        PortError::Lost => ApiError::new("ambiguous", error.to_string()),
        PortError::Refused(OperatorError::NoChannel(channel)) => no_channel(channel),
        PortError::Refused(OperatorError::Invalid(text)) => ApiError::invalid(text),
        PortError::Refused(refused) => ApiError::new("refused", refused.to_string()),
    }
}

fn pay_error(error: PayError) -> ApiError {
    let kind = match &error {
        PayError::Invalid(_) => "invalid",
        PayError::Lost | PayError::Backend(BackendError::Ambiguous) => "ambiguous",
        PayError::Backend(BackendError::Unavailable(_)) => "stopped",
        PayError::Backend(BackendError::UnknownChannel(channel)) => return no_channel(*channel),
        PayError::Backend(BackendError::Invalid(_)) => "invalid",
        PayError::Backend(_) => "refused",
    };
    ApiError::new(kind, error.to_string())
}

/// Resident memory of this process, bytes; 0 where the system does not tell.
#[must_use]
pub fn rss_bytes() -> u64 {
    const PAGE_BYTES: u64 = 4_096;
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = statm.split_whitespace().nth(1).and_then(|pages| pages.parse::<u64>().ok());
    pages.unwrap_or(0).saturating_mul(PAGE_BYTES)
}

/// What price rounds tell whom, beside the summary.
fn prices_told(status: &Status) -> Vec<&'static str> {
    if status.prices.is_none() {
        return vec!["no price rounds: neighbours learn no more than every member (plan.mode)"];
    }
    vec![
        "a neighbour learns, each round, this node's price and, of channels shared with it, the \
         exact amounts it would move, so its target, its urgency and its price for lending",
        "every member learns what the rounds came to, in 256ths of a capacity, and no ratio; where \
         that is all a channel would move, it is its distance from the target",
        "a channel whose peer sends no quotes is offered in buckets of policy.summary_bits",
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reserve_depends_on_the_capacity_alone() {
        assert_eq!(reserve_msat(Msat(1_000_000_000_000)), Msat(10_000_000_000));
        assert_eq!(reserve_msat(Msat(50_000_000)), Msat(1_000_000));
        assert_eq!(reserve_msat(Msat(5_000_000)), Msat(500_000));
    }
}

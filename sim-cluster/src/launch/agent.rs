//! One agent as the launcher talks to it: typed calls over a control connection that is made when
//! needed and made again after a restart.
//!
//! An agent may be dead, stopped or cut off at any moment; every call returns within its limit.

use crate::control::{
    Audit, Client, ControlError, EventPage, GossipTrace, Invoice, Paid, PolicyFields, Status,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;

/// Limit of calls that only read.
const READ_LIMIT: Duration = Duration::from_secs(30);
/// Limit of an events call, which itself waits up to a second.
const EVENTS_LIMIT: Duration = Duration::from_secs(30);
/// Limit of opening a channel, two round trips and two flushes.
const OPEN_LIMIT: Duration = Duration::from_secs(10);
/// How long an invoice stays payable.
const INVOICE_EXPIRY_MS: u64 = 60_000;

/// One agent.
pub struct Agent {
    index: usize,
    node: String,
    socket: PathBuf,
    client: Mutex<Option<Arc<Client>>>,
}

/// One end of a channel to open.
#[derive(Clone, Debug, Serialize)]
pub struct ChannelOffer {
    /// Short channel id.
    pub channel: String,
    /// The other end.
    pub peer: String,
    /// Capacity.
    pub capacity_msat: u64,
    /// What this end owns at the start.
    pub local_msat: u64,
    /// What this end asks for payments that leave it.
    pub policy: PolicyFields,
}

impl Agent {
    /// The agent of node `index` behind `socket`; nothing is connected yet.
    #[must_use]
    pub fn new(index: usize, node: String, socket: PathBuf) -> Self {
        Self { index, node, socket, client: Mutex::new(None) }
    }

    /// Node number in the graph.
    #[must_use]
    pub const fn index(&self) -> usize {
        self.index
    }

    /// Identity in hex.
    #[must_use]
    pub fn node(&self) -> &str {
        &self.node
    }

    async fn call<T: DeserializeOwned>(
        &self,
        op: &str,
        parameters: impl Serialize,
        limit: Duration,
    ) -> Result<T, ControlError> {
        let client = {
            let mut slot = self.client.lock().await;
            match slot.as_ref() {
                Some(client) => Arc::clone(client),
                None => {
                    let client = Arc::new(Client::connect(&self.socket).await?);
                    *slot = Some(Arc::clone(&client));
                    client
                }
            }
        };
        let answer = client.call(op, parameters, limit).await;
        if matches!(answer, Err(ControlError::Closed(_))) {
            let mut slot = self.client.lock().await;
            if slot.as_ref().is_some_and(|current| Arc::ptr_eq(current, &client)) {
                *slot = None;
            }
        }
        answer
    }

    /// Asks for the agent's state.
    ///
    /// # Errors
    /// [`ControlError`].
    pub async fn status(&self) -> Result<Status, ControlError> {
        self.call("status", Value::Null, READ_LIMIT).await
    }

    /// Tells the acceptor of a channel what to expect.
    ///
    /// # Errors
    /// [`ControlError`].
    pub async fn expect_channel(&self, offer: &ChannelOffer) -> Result<(), ControlError> {
        self.call::<Value>("expect_channel", offer, OPEN_LIMIT).await.map(drop)
    }

    /// Opens a channel; answers once both ends have signed.
    ///
    /// # Errors
    /// [`ControlError`].
    pub async fn open_channel(&self, offer: &ChannelOffer) -> Result<(), ControlError> {
        self.call::<Value>("open_channel", offer, OPEN_LIMIT).await.map(drop)
    }

    /// Asks for an invoice.
    ///
    /// # Errors
    /// [`ControlError`].
    pub async fn invoice(&self, amount_msat: u64) -> Result<Invoice, ControlError> {
        let fields = json!({ "amount_msat": amount_msat, "expiry_ms": INVOICE_EXPIRY_MS });
        self.call("invoice", fields, READ_LIMIT).await
    }

    /// Pays an invoice; answers when the payment has succeeded or failed.
    ///
    /// # Errors
    /// [`ControlError`]; after a timeout the payment may still succeed.
    pub async fn pay(
        &self,
        invoice: &Invoice,
        attempts: u32,
        limit: Duration,
    ) -> Result<Paid, ControlError> {
        self.call("pay", json!({ "invoice": invoice, "attempts": attempts }), limit).await
    }

    /// Moves an amount out of one channel and into another along a ring back to the agent itself.
    ///
    /// # Errors
    /// [`ControlError`]; after a timeout the transfer may still succeed.
    pub async fn rebalance(
        &self,
        from: &str,
        to: &str,
        amount_msat: u64,
        limit: Duration,
    ) -> Result<Paid, ControlError> {
        let fields =
            json!({ "from": from, "to": to, "amount_msat": amount_msat, "max_fee_ppm": 1_000 });
        self.call("rebalance", fields, limit).await
    }

    /// Switches taking part in rebalancing on or off.
    ///
    /// # Errors
    /// [`ControlError`].
    pub async fn set_rebalancing(&self, enabled: bool) -> Result<(), ControlError> {
        let fields = json!({ "enabled": enabled });
        self.call::<Value>("set_rebalancing", fields, READ_LIMIT).await.map(drop)
    }

    /// Events after `cursor`; waits up to about a second for the first.
    ///
    /// # Errors
    /// [`ControlError`].
    pub async fn events(&self, cursor: u64) -> Result<EventPage, ControlError> {
        self.call("events", json!({ "after": cursor }), EVENTS_LIMIT).await
    }

    /// The agent's counters; names that are no numbers are left out.
    ///
    /// # Errors
    /// [`ControlError`].
    pub async fn counters(&self) -> Result<BTreeMap<String, f64>, ControlError> {
        let counters: BTreeMap<String, Value> =
            self.call("counters", Value::Null, READ_LIMIT).await?;
        let number = |(name, value): (String, Value)| Some((name, value.as_f64()?));
        Ok(counters.into_iter().filter_map(number).collect())
    }

    /// When gossip was published and received at the agent.
    ///
    /// # Errors
    /// [`ControlError`].
    pub async fn gossip_trace(&self) -> Result<GossipTrace, ControlError> {
        self.call("gossip_trace", Value::Null, READ_LIMIT).await
    }

    /// The agent's audit of itself.
    ///
    /// # Errors
    /// [`ControlError`].
    pub async fn audit(&self) -> Result<Audit, ControlError> {
        self.call("audit", Value::Null, READ_LIMIT).await
    }

    /// Asks the agent to leave.
    ///
    /// # Errors
    /// [`ControlError`]; an agent may be gone before it answers.
    pub async fn stop(&self) -> Result<(), ControlError> {
        self.call::<Value>("stop", Value::Null, READ_LIMIT).await.map(drop)
    }
}

//! The embedded ledger: channels as co-signed states between agents, no chain.
//!
//! It translates between the backend's nouns and the core's; it must never keep a balance of its
//! own. What became of a payment is read from the core's durable state, so it survives a restart.

mod port;
mod view;

use crate::caps::{Caps, Gap};
use crate::error::{Error, Result};
use crate::types::{
    Accepted, BackendEvent, Channel, Cursor, Forward, HtlcKey, NodeInfo, OperationId, PaymentState,
    PolicyPatch, Receipt, Receive, SendAlong, Ticket,
};
use crate::{ChannelBackend, types::PathHop};
use async_trait::async_trait;
use debal_protocol::durable::Durable;
use debal_protocol::effect::{Answer, OperatorError};
use debal_protocol::event::Event;
use debal_protocol::input::Operator;
use debal_protocol::limits::PAYMENT_HOPS_MAX;
use debal_protocol::plan::Hop;
use debal_protocol::{ChannelId, LockHash, Msat, NodeId, Secret, TransferId};
use futures::StreamExt;
use futures::stream::BoxStream;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

pub use port::{Look, Port, PortError, Seen};

/// Operations remembered, so that a repeated one is recognised; the oldest is forgotten first.
pub const OPERATIONS_MAX: usize = 16_384;

/// The ledger backend over a running core.
pub struct Ledger {
    port: Arc<dyn Port>,
    node: NodeId,
    book: Mutex<Book>,
}

/// What this backend must remember itself: which operations it has seen. Never an amount.
#[derive(Default)]
struct Book {
    operations: BTreeMap<OperationId, LockHash>,
    /// Hashes on their way to the core, so that two callers cannot both find them unused.
    starting: BTreeSet<LockHash>,
}

impl Ledger {
    /// The backend of `node`, whose core is behind `port`.
    #[must_use]
    pub fn new(port: Arc<dyn Port>, node: NodeId) -> Self {
        Self { port, node, book: Mutex::default() }
    }

    /// Reads something out of the core's durable state.
    async fn look<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Durable) -> T + Send + 'static,
    ) -> Result<T> {
        look(&*self.port, read).await
    }

    /// Remembers the operation; `false` if it was known with this hash already.
    fn begin(&self, operation: OperationId, hash: LockHash) -> Result<bool> {
        let mut book = self.book.lock().unwrap_or_else(PoisonError::into_inner);
        match book.operations.get(&operation) {
            Some(before) if *before == hash => return Ok(false),
            Some(_) => {
                return Err(Error::Invalid("the operation was used for another hash".to_owned()));
            }
            None => {}
        }
        if !book.starting.insert(hash) {
            return Err(Error::Duplicate(PaymentState::InFlight));
        }
        if book.operations.len() >= OPERATIONS_MAX {
            book.operations.pop_first();
        }
        book.operations.insert(operation, hash);
        Ok(true)
    }

    /// The core has the payment, or nothing was sent: then the operation is forgotten.
    fn begun(&self, operation: OperationId, hash: LockHash, sent: bool) {
        let mut book = self.book.lock().unwrap_or_else(PoisonError::into_inner);
        book.starting.remove(&hash);
        if !sent {
            book.operations.remove(&operation);
        }
    }

    fn hops(&self, send: &SendAlong) -> Result<Vec<Hop>> {
        let (Some(first), Some(last)) = (send.hops.first(), send.hops.last()) else {
            return Err(Error::Invalid("a route needs at least one hop".to_owned()));
        };
        let fee = first.amount_msat.checked_sub(last.amount_msat);
        if fee.is_none_or(|fee| fee > send.max_fee_msat) {
            let text = format!("the route costs more than {}", send.max_fee_msat);
            return Err(Error::Invalid(text));
        }
        let mut payer = self.node;
        let hops = send.hops.iter().map(|hop: &PathHop| {
            let from = std::mem::replace(&mut payer, hop.to);
            Hop { channel: hop.channel, payer: from, payee: hop.to, amount_msat: hop.amount_msat }
        });
        Ok(hops.collect())
    }

    /// Says by name why the first hop cannot carry the payment, before the core is asked.
    async fn check_first_hop(&self, hop: PathHop) -> Result<()> {
        let channels = self.channels().await?;
        let channel = channels.iter().find(|channel| channel.channel == hop.channel);
        let channel = channel.ok_or(Error::UnknownChannel(hop.channel))?;
        if !channel.usable {
            return Err(Error::ChannelUnusable(hop.channel));
        }
        if channel.can_send_msat < hop.amount_msat {
            return Err(Error::Insufficient { available_msat: channel.can_send_msat });
        }
        Ok(())
    }
}

#[async_trait]
impl ChannelBackend for Ledger {
    fn caps(&self) -> Caps {
        Caps {
            explicit_route: true,
            hold: true,
            intercept: false,
            zero_fee_intercept: false,
            inbound_fee: false,
            msat_balances: true,
            chain: false,
            shows_secret: true,
            max_hops: u8::try_from(PAYMENT_HOPS_MAX).unwrap_or(u8::MAX),
        }
    }

    async fn info(&self) -> Result<NodeInfo> {
        let status = self.port.status().await.map_err(refused)?;
        Ok(NodeInfo { node: status.node, implementation: "ledger", height: None, synced: true })
    }

    async fn channels(&self) -> Result<Vec<Channel>> {
        let status = self.port.status().await.map_err(refused)?;
        let usable = self.look(view::usable_amounts).await?;
        let channels = status.channels.iter().map(|channel| view::channel(channel, &usable));
        Ok(channels.collect())
    }

    async fn prepare_receive(&self, receive: Receive) -> Result<Ticket> {
        if let Some(hash) = receive.hash
            && self.look(move |durable| durable.receives.contains_key(&hash)).await?
        {
            return Err(Error::Duplicate(self.payment(hash).await?));
        }
        let request = Operator::PrepareReceive {
            hash: receive.hash,
            amount_msat: receive.amount_msat,
            expires_ms: receive.expires_ms,
            nonce: self.port.nonce(),
        };
        match self.port.request(request).await.map_err(refused)? {
            Answer::Receive(hash) => Ok(Ticket { hash, alias: None }),
            _ => Err(unexpected()),
        }
    }

    async fn send_along(&self, send: SendAlong) -> Result<Accepted> {
        let hops = self.hops(&send)?;
        let hash = send.hash;
        if !self.begin(send.operation, hash)? {
            return Ok(Accepted { new: false });
        }
        let sent = async {
            match self.payment(hash).await? {
                PaymentState::Unknown | PaymentState::Failed { .. } => {}
                state => return Err(Error::Duplicate(state)),
            }
            if let Some(first) = send.hops.first() {
                self.check_first_hop(*first).await?;
            }
            let request = Operator::SendAlong { hops, hash };
            match self.port.request(request).await.map_err(refused)? {
                Answer::Sending(_) => Ok(Accepted { new: true }),
                _ => Err(unexpected()),
            }
        };
        let outcome = sent.await;
        let sent = matches!(outcome, Ok(_) | Err(Error::Ambiguous));
        self.begun(send.operation, hash, sent);
        outcome
    }

    async fn settle(&self, secret: Secret) -> Result<()> {
        let hash = secret.lock_hash();
        let request = Operator::Settle(secret);
        self.port.request(request).await.map_err(|error| about(error, hash)).map(|_| ())
    }

    async fn cancel(&self, hash: LockHash) -> Result<()> {
        let request = Operator::Cancel(hash);
        self.port.request(request).await.map_err(|error| about(error, hash)).map(|_| ())
    }

    async fn decide_forward(&self, _key: HtlcKey, _decision: Forward) -> Result<()> {
        Err(Error::Unsupported(Gap::Intercept))
    }

    async fn payment(&self, hash: LockHash) -> Result<PaymentState> {
        self.look(move |durable| view::payment(durable, hash)).await
    }

    async fn receipt(&self, hash: LockHash) -> Result<Receipt> {
        let receipt = self.look(move |durable| view::receipt(durable, hash)).await?;
        receipt.ok_or(Error::UnknownHash(hash))
    }

    async fn set_policy(&self, channel: ChannelId, patch: PolicyPatch) -> Result<()> {
        if patch.cltv_delta.is_some() {
            return Err(Error::Unsupported(Gap::Timelock));
        }
        if patch.inbound_base_msat.is_some() || patch.inbound_ppm.is_some() {
            return Err(Error::Unsupported(Gap::InboundFee));
        }
        let find = move |durable: &Durable| durable.channels.get(&channel).map(|c| c.our_policy);
        let policy = self.look(find).await?.ok_or(Error::UnknownChannel(channel))?;
        let request = Operator::SetPolicy { channel, policy: patch.applied_to(policy) };
        self.port.request(request).await.map_err(refused).map(|_| ())
    }

    fn events(&self, after: Cursor) -> BoxStream<'static, (Cursor, BackendEvent)> {
        let port = Arc::clone(&self.port);
        let translated = self.port.events(after.0).filter_map(move |(cursor, seen)| {
            let port = Arc::clone(&port);
            async move { Some((Cursor(cursor), translate(&*port, seen).await?)) }
        });
        translated.boxed()
    }
}

async fn look<T: Send + 'static>(
    port: &dyn Port,
    read: impl FnOnce(&Durable) -> T + Send + 'static,
) -> Result<T> {
    let slot = Arc::new(Mutex::new(None));
    let filled = Arc::clone(&slot);
    let read = Box::new(move |durable: &Durable| {
        *filled.lock().unwrap_or_else(PoisonError::into_inner) = Some(read(durable));
    });
    port.look(read).await.map_err(refused)?;
    let value = slot.lock().unwrap_or_else(PoisonError::into_inner).take();
    value.ok_or_else(|| Error::Unavailable("the agent has stopped".to_owned()))
}

/// The backend's name of an event, or `None` where the port's caller has no use for it.
async fn translate(port: &dyn Port, seen: Seen) -> Option<BackendEvent> {
    let hash_of = |transfer: TransferId| look(port, move |durable| view::hash(durable, transfer));
    match seen {
        Seen::Missed(count) => Some(BackendEvent::Missed(count)),
        Seen::Event(Event::PaymentEnded { transfer, outcome, fee_msat, reason, .. }) => {
            let (hash, secret) = hash_of(transfer).await.ok()??;
            let state = view::ended(outcome, secret, fee_msat, reason);
            Some(BackendEvent::PaymentEnded { hash, state })
        }
        Seen::Event(Event::PaymentReceived { transfer, amount_msat, .. }) => {
            let (hash, _) = hash_of(transfer).await.ok()??;
            Some(BackendEvent::Received { hash, amount_msat })
        }
        Seen::Event(Event::PaymentHeld { transfer, amount_msat, deadline_ms }) => {
            let (hash, _) = hash_of(transfer).await.ok()??;
            Some(BackendEvent::ReceiveHeld { hash, amount_msat, deadline: deadline_ms })
        }
        Seen::Event(Event::ChannelOpened { channel, .. }) => {
            Some(BackendEvent::ChannelOpened(channel))
        }
        Seen::Event(Event::ChannelFrozen { channel, .. }) => {
            Some(BackendEvent::ChannelLost(channel))
        }
        Seen::Event(_) => None,
    }
}

fn unexpected() -> Error {
    Error::Fatal("the core answered another question".to_owned())
}

fn about(error: PortError, hash: LockHash) -> Error {
    match error {
        PortError::Refused(OperatorError::Settled) => Error::AlreadySettled,
        PortError::Refused(OperatorError::NoReceive) => Error::UnknownHash(hash),
        other => refused(other),
    }
}

fn refused(error: PortError) -> Error {
    match error {
        PortError::Busy | PortError::Stopped => Error::Unavailable(error.to_string()),
        PortError::Lost => Error::Ambiguous,
        PortError::Refused(OperatorError::Refused(reason)) => Error::Refused { by: None, reason },
        PortError::Refused(OperatorError::NoChannel(channel)) => Error::UnknownChannel(channel),
        PortError::Refused(OperatorError::Insufficient { available_msat }) => {
            Error::Insufficient { available_msat }
        }
        PortError::Refused(OperatorError::Full(_)) => Error::TooMuchInFlight,
        PortError::Refused(other) => Error::Invalid(other.to_string()),
    }
}

/// The fee a route pays: what leaves minus what arrives.
#[must_use]
pub fn route_fee_msat(hops: &[PathHop]) -> Option<Msat> {
    hops.first()?.amount_msat.checked_sub(hops.last()?.amount_msat)
}

//! The handle: how the rest of the agent talks to the network task. Nothing here blocks; what a
//! bounded queue cannot take is refused by name or counted. A message never overtakes what the
//! same caller asked for before it (a dial, a block, a verdict).

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use libp2p::Multiaddr;
use prometheus_client::registry::Registry;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};

use crate::{
    counters::{self, CounterCollector, Counters, NetCounters},
    event::{GossipToken, SendRefused, Verdict},
    key::PeerKey,
    limits::{DIRECT_MAX_BYTES, NetLimits},
    outbox::Parcel,
    rate::{Rate, TokenBucket},
    topic::Topic,
};

/// A message for the network task.
#[derive(Debug)]
pub(crate) enum Outgoing {
    Direct { to: PeerKey, parcel: Parcel },
    Publish { topic: Topic, parcel: Parcel },
}

/// A request to change how the network task treats peers.
#[derive(Debug)]
pub(crate) enum Control {
    Dial { peer: PeerKey, address: Multiaddr },
    Block(PeerKey),
    Unblock(PeerKey),
    Explicit(PeerKey),
    AppScore(PeerKey, f64),
}

/// What all clones of a handle share.
pub(crate) struct Shared {
    pub(crate) me: PeerKey,
    pub(crate) limits: NetLimits,
    pub(crate) outgoing: mpsc::Sender<Outgoing>,
    pub(crate) control: mpsc::Sender<Control>,
    pub(crate) verdicts: mpsc::Sender<(GossipToken, Verdict)>,
    pub(crate) budget: Arc<Semaphore>,
    pub(crate) publish_rates: Mutex<[TokenBucket; 4]>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) stop: watch::Sender<bool>,
    pub(crate) stopped: watch::Receiver<bool>,
    pub(crate) addresses: watch::Receiver<Vec<Multiaddr>>,
}

/// The rest of the agent's access to the network. Cheap to clone; the network stops when
/// [`NetHandle::shutdown`] is called or the last clone is dropped.
#[derive(Clone)]
pub struct NetHandle {
    shared: Arc<Shared>,
}

impl NetHandle {
    pub(crate) fn new(shared: Shared) -> Self {
        Self { shared: Arc::new(shared) }
    }

    /// This node's own key.
    pub fn local_key(&self) -> PeerKey {
        self.shared.me
    }

    /// Sends one direct message; a peer that is not connected is dialled first. Messages to one
    /// peer are sent in order, but delivery order is not promised. A later failure is reported as
    /// [`crate::NetEvent::SendFailed`]; no event means the peer's network task took the message.
    ///
    /// # Errors
    /// [`SendRefused`] names the cap that refuses it; the message is then gone.
    pub fn send(&self, to: PeerKey, bytes: Vec<u8>) -> Result<(), SendRefused> {
        if to == self.shared.me {
            return Err(SendRefused::ToSelf);
        }
        if bytes.len() > DIRECT_MAX_BYTES {
            return Err(SendRefused::TooLarge { bytes: bytes.len(), cap: DIRECT_MAX_BYTES });
        }
        let budget = self.reserve(bytes.len())?;
        self.hand_over(Outgoing::Direct { to, parcel: Parcel { bytes, budget } })
    }

    /// Publishes on a topic. Identical bytes travel once in two minutes. A failure after this
    /// returned is reported as [`crate::Warning::PublishFailed`].
    ///
    /// # Errors
    /// [`SendRefused`] names the cap that refuses it; the message is then gone.
    pub fn publish(&self, topic: Topic, bytes: Vec<u8>) -> Result<(), SendRefused> {
        let limits = self.shared.limits.topic(topic);
        if bytes.len() > limits.max_bytes {
            return Err(SendRefused::TooLarge { bytes: bytes.len(), cap: limits.max_bytes });
        }
        let budget = self.reserve(bytes.len())?;
        let rate = Rate { per_second: limits.per_second, burst: limits.burst };
        let mut rates = self.shared.publish_rates.lock().unwrap_or_else(PoisonError::into_inner);
        if !rates[topic.index()].take(rate, Instant::now()) {
            return Err(SendRefused::OverRate(topic));
        }
        drop(rates);
        self.hand_over(Outgoing::Publish { topic, parcel: Parcel { bytes, budget } })
    }

    /// Answers a [`crate::NetEvent::Gossip`]. Until then the message does not travel on; a late
    /// answer is counted and has no effect.
    pub fn verdict(&self, token: GossipToken, verdict: Verdict) {
        if self.shared.verdicts.try_send((token, verdict)).is_err() {
            counters::one(&self.shared.counters.verdicts_late);
        }
    }

    /// Remembers an address of a peer and connects to it.
    pub fn dial(&self, peer: PeerKey, addr: Multiaddr) {
        self.order(Control::Dial { peer, address: addr });
    }

    /// Disconnects a peer and refuses it from now on.
    pub fn block(&self, peer: PeerKey) {
        self.order(Control::Block(peer));
    }

    /// Undoes [`NetHandle::block`].
    pub fn unblock(&self, peer: PeerKey) {
        self.order(Control::Unblock(peer));
    }

    /// Makes a peer explicit: gossip always goes to it, its connection is kept and redialled.
    pub fn set_explicit_peer(&self, peer: PeerKey) {
        self.order(Control::Explicit(peer));
    }

    /// Sets the consumer's part of a peer's score, from -1000 (deaf to us) to 50 (survives one
    /// invalid message); values outside are clamped, not-a-number counts as 0.
    pub fn set_app_score(&self, peer: PeerKey, score: f64) {
        self.order(Control::AppScore(peer, score));
    }

    /// The addresses this node listens on now.
    #[must_use]
    pub fn addresses(&self) -> Vec<Multiaddr> {
        self.shared.addresses.borrow().clone()
    }

    /// What has been counted so far.
    pub fn counters(&self) -> NetCounters {
        self.shared.counters.snapshot()
    }

    /// Registers the counters as `debal_net_*` metrics.
    pub fn register(&self, registry: &mut Registry) {
        registry.register_collector(Box::new(CounterCollector(Arc::clone(&self.shared.counters))));
    }

    /// Stops the network: waits briefly for direct messages on the wire, closes all connections
    /// and listeners, and returns when they are gone.
    pub async fn shutdown(&self) {
        self.shared.stop.send_replace(true);
        let mut stopped = self.shared.stopped.clone();
        // An error means that the task is already gone.
        let _ = stopped.wait_for(|stopped| *stopped).await;
    }

    fn reserve(&self, bytes: usize) -> Result<OwnedSemaphorePermit, SendRefused> {
        let bytes = u32::try_from(bytes).map_err(|_| SendRefused::QueueFull)?;
        Arc::clone(&self.shared.budget)
            .try_acquire_many_owned(bytes)
            .map_err(|_| SendRefused::QueueFull)
    }

    fn hand_over(&self, message: Outgoing) -> Result<(), SendRefused> {
        self.shared.outgoing.try_send(message).map_err(|refused| match refused {
            mpsc::error::TrySendError::Full(_) => SendRefused::QueueFull,
            mpsc::error::TrySendError::Closed(_) => SendRefused::Closed,
        })
    }

    fn order(&self, control: Control) {
        if let Err(refused) = self.shared.control.try_send(control) {
            tracing::warn!(%refused, "peer order dropped: the network task does not keep up");
        }
    }
}

impl std::fmt::Debug for NetHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NetHandle").field("me", &self.shared.me).finish_non_exhaustive()
    }
}

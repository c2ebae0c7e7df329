//! The driver: one thread that owns the node and its journal.
//!
//! It carries inputs in and effects out and knows nothing of the protocol: a branch on balances
//! here is a bug. Its one law is journal before send: an effect leaves only when the position it
//! waits for is durable, and after a failed append or flush nothing leaves any more.

pub mod feed;
mod handle;
mod outbox;
mod planning;
mod timers;

#[cfg(test)]
mod tests;

use crate::clock::{Clock, Stopwatch};
use crate::metrics::Metrics;
use debal_crypto::Domain;
use debal_net::{NetEvent, Warning};
use debal_protocol::effect::{Answer, Effect, OperatorError, Position};
use debal_protocol::event::Event;
use debal_protocol::input::{Input, Ticket};
use debal_protocol::message::Travel;
use debal_protocol::wire::codec;
use debal_protocol::{Digest, Node, NodeId, Reject, Step, Verdict};
use debal_store::{Journal, JournalError, Space};
use feed::{Entry, Feed, GossipTrace, Happening};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

pub use handle::{DriverHandle, LookAtNode, Request};
pub use outbox::{NetOutbox, Outbox};
pub use planning::PlanFn;

/// Inputs handled between two flushes.
pub const BATCH: usize = 256;

/// A refused rotation is tried again when the segment has grown by this much.
const ROTATE_AGAIN_BYTES: u64 = 8 << 20;

/// Why the driver stopped without being asked.
#[derive(Debug, thiserror::Error)]
pub enum Fatal {
    /// The journal failed: what is on disk is unknown until a restart reads it.
    #[error("journal: {0}")]
    Journal(#[from] JournalError),
    /// A record could not be encoded: a defect.
    #[error("record not encodable: {0}")]
    Record(Reject),
    /// The core broke an invariant and stopped itself.
    #[error("the core stopped itself: {0}")]
    Halt(String),
    /// The operating system refuses signal handlers, so nobody could stop the agent in order.
    #[error("no signal handlers: {0}")]
    Signals(std::io::Error),
    /// A second signal came while open transfers had their time to end.
    #[error("a second signal cut the stop short; open transfers go on at the next start")]
    Impatient,
    /// The thread ended without a word: a defect.
    #[error("the driver's thread ended unexpectedly")]
    Gone,
}

/// What a driver is made of.
pub struct Parts {
    /// The node, replayed.
    pub node: Node,
    /// Its journal.
    pub journal: Journal,
    /// The clocks.
    pub clock: Clock,
    /// The way out.
    pub outbox: Box<dyn Outbox>,
    /// Makes plans when this node leads.
    pub plan: PlanFn,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// When gossip came and went.
    pub trace: GossipTrace,
}

/// How the driver ended.
pub type Ended = oneshot::Receiver<Result<(), Fatal>>;

/// Starts the driver's thread and, in it, the node.
///
/// # Errors
/// The operating system gives no thread.
pub fn start(
    parts: Parts,
    net: mpsc::Receiver<NetEvent>,
) -> std::io::Result<(DriverHandle, Ended)> {
    let feed = Feed::new(feed::EVENTS_KEPT);
    let (requests, requests_out) = mpsc::channel(handle::QUEUE);
    let planning = planning::Planning::start(parts.plan, requests.downgrade())?;
    let handle = DriverHandle::new(requests, feed.clone());
    let driver = Driver {
        node: parts.node,
        journal: parts.journal,
        clock: parts.clock,
        outbox: parts.outbox,
        planning,
        metrics: parts.metrics,
        trace: parts.trace,
        feed,
        timers: timers::Timers::default(),
        waiting: BTreeMap::new(),
        next_ticket: 0,
        held: VecDeque::new(),
        stop_at_tick_ms: None,
        space_low: false,
        rotate_from_bytes: 0,
    };
    let (ended, ended_out) = oneshot::channel();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    let work = move || {
        let feed = driver.feed.clone();
        let outcome = runtime.block_on(driver.run(net, requests_out));
        feed.close();
        // Nobody may be left to be told.
        let _ = ended.send(outcome);
    };
    std::thread::Builder::new().name("debal-driver".to_owned()).spawn(work)?;
    Ok((handle, ended_out))
}

struct Driver {
    node: Node,
    journal: Journal,
    clock: Clock,
    outbox: Box<dyn Outbox>,
    planning: planning::Planning,
    metrics: Arc<Metrics>,
    trace: GossipTrace,
    feed: Feed,
    timers: timers::Timers,
    waiting: BTreeMap<Ticket, oneshot::Sender<Result<Answer, OperatorError>>>,
    next_ticket: u64,
    /// Effects that wait for the disk, in order.
    held: VecDeque<(Position, Effect)>,
    stop_at_tick_ms: Option<u64>,
    /// The journal said it is low on space, and the node knows.
    space_low: bool,
    /// After a refused rotation: the size from which the next one is tried.
    rotate_from_bytes: u64,
}

impl Driver {
    async fn run(
        mut self,
        mut net: mpsc::Receiver<NetEvent>,
        mut requests: mpsc::Receiver<Request>,
    ) -> Result<(), Fatal> {
        self.keep_counterparties();
        self.input(Input::Start)?;
        self.commit()?;
        let mut net_open = true;
        while !self.finished() {
            let pause = self.pause();
            tokio::select! {
                event = net.recv(), if net_open => match event {
                    Some(event) => self.on_net(event)?,
                    None => net_open = false,
                },
                request = requests.recv() => match request {
                    Some(request) => self.on_request(request)?,
                    // Nobody can ask for anything any more.
                    None => return self.commit(),
                },
                () = tokio::time::sleep(pause) => {}
            }
            for _ in 1..BATCH {
                let mut idle = true;
                if let Ok(event) = net.try_recv() {
                    self.on_net(event)?;
                    idle = false;
                }
                if let Ok(request) = requests.try_recv() {
                    self.on_request(request)?;
                    idle = false;
                }
                if idle {
                    break;
                }
            }
            self.fire_timers()?;
            self.commit()?;
            self.look_after_journal()?;
        }
        Ok(())
    }

    /// Between two batches, with nothing held: begins a new segment if the present one is long, and
    /// tells the node how much room is left.
    fn look_after_journal(&mut self) -> Result<(), Fatal> {
        if self.journal.wants_rotation() && self.journal.bytes() >= self.rotate_from_bytes {
            self.rotate()?;
        }
        let low = self.journal.space() != Space::Ample;
        if low != self.space_low {
            self.space_low = low;
            let text = if low { "low: nothing new is begun" } else { "ample again" };
            tracing::warn!("space for the journal is {text}");
            self.tell("journal_space", text.to_owned());
            self.input(Input::JournalSpace { low })?;
        }
        Ok(())
    }

    fn rotate(&mut self) -> Result<(), Fatal> {
        let snapshot = codec::encode(&self.node.snapshot()).map_err(Fatal::Record)?;
        let (bytes, watch) = (self.journal.bytes(), Stopwatch::start());
        match self.journal.rotate(&snapshot) {
            Ok(position) => {
                self.node.resume_at(Position(position.0));
                self.rotate_from_bytes = 0;
                let (to_bytes, us) = (snapshot.len(), watch.us());
                tracing::info!(from_bytes = bytes, to_bytes, us, "journal rotated");
            }
            // The old segment goes on; a disk that is full now may have room later.
            Err(error @ (JournalError::RotationRefused { .. } | JournalError::TooLarge { .. })) => {
                self.rotate_from_bytes = bytes.saturating_add(ROTATE_AGAIN_BYTES);
                tracing::warn!(%error, "the journal was not rotated and goes on");
            }
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    fn pause(&self) -> Duration {
        let ticks = [self.timers.next_tick_ms(), self.stop_at_tick_ms];
        let next = ticks.into_iter().flatten().min();
        let pause = next.map_or(Duration::from_secs(1), |tick| self.clock.until(tick));
        // While stopping, open transfers may end by a message or by their timers: look often.
        if self.stop_at_tick_ms.is_some() { pause.min(Duration::from_millis(50)) } else { pause }
    }

    fn finished(&self) -> bool {
        self.stop_at_tick_ms.is_some_and(|tick| {
            let open = self.node.durable().open_transfers().next().is_some();
            !open || self.clock.now().tick_ms >= tick
        })
    }

    fn fire_timers(&mut self) -> Result<(), Fatal> {
        let now = self.clock.now();
        for _ in 0..BATCH {
            let Some(timer) = self.timers.pop_due(now.tick_ms) else { return Ok(()) };
            self.input(Input::Wake(timer))?;
        }
        Ok(())
    }

    fn input(&mut self, input: Input) -> Result<Verdict, Fatal> {
        let step = self.node.handle(input, self.clock.now());
        self.absorb(step)
    }

    fn on_net(&mut self, event: NetEvent) -> Result<(), Fatal> {
        match event {
            NetEvent::PeerUp(peer) => self.input(Input::PeerUp(NodeId(peer.0))).map(|_| ()),
            NetEvent::PeerDown(peer) => self.input(Input::PeerDown(NodeId(peer.0))).map(|_| ()),
            NetEvent::Direct { from, bytes } => {
                self.metrics.direct("in", bytes.len());
                self.on_bytes(Travel::Direct, Some(NodeId(from.0)), &bytes).map(|_| ())
            }
            NetEvent::Gossip { topic, bytes, token, .. } => {
                self.trace.received.push(sighting(&bytes));
                let verdict = self.on_bytes(outbox::travel(topic), None, &bytes)?;
                self.outbox.verdict(token, verdict);
                Ok(())
            }
            NetEvent::Listening(address) => {
                tracing::info!(%address, "listening");
                self.tell("listening", address.to_string());
                Ok(())
            }
            NetEvent::SendFailed { to, reason } => {
                tracing::debug!(%to, %reason, "a direct message failed; the core repeats it");
                Ok(())
            }
            NetEvent::Warning(warning) => {
                match &warning {
                    // A member that is alone has nobody to tell yet; every epoch tries again.
                    Warning::PublishFailed { .. } => tracing::debug!("{warning}"),
                    // The network has logged these itself.
                    Warning::AnchorUnreachable { .. } | Warning::ForeignNetwork { .. } => {}
                    _ => tracing::warn!("{warning}"),
                }
                self.tell("warning", warning.to_string());
                Ok(())
            }
        }
    }

    /// Opens an envelope and hands it to the node. Bytes that are no message never get that far.
    fn on_bytes(
        &mut self,
        travel: Travel,
        from: Option<NodeId>,
        bytes: &[u8],
    ) -> Result<Verdict, Fatal> {
        let opened = self.node.open(travel, bytes).and_then(|message| {
            // A direct message comes from its signer or not at all: nobody relays for others.
            let honest = from.is_none_or(|peer| peer == message.sender());
            honest.then_some(message).ok_or(Reject::unfitting("envelope", "another sender"))
        });
        match opened {
            Ok(message) => {
                self.metrics.message("in", message.message().name());
                self.input(Input::Message(message))
            }
            Err(reject) => {
                self.metrics.reject(reject.name());
                tracing::debug!(?travel, %reject, "message refused");
                Ok(Verdict::from(&reject))
            }
        }
    }

    fn on_request(&mut self, request: Request) -> Result<(), Fatal> {
        match request {
            Request::Operator { request, reply } => {
                if self.stop_at_tick_ms.is_some() && request.begins_work() {
                    let _ = reply.send(Err(OperatorError::Invalid("the agent is stopping")));
                    return Ok(());
                }
                self.next_ticket = self.next_ticket.saturating_add(1);
                let ticket = Ticket(self.next_ticket);
                self.waiting.insert(ticket, reply);
                self.input(Input::Operator { ticket, request }).map(|_| ())
            }
            Request::Look(look) => {
                look(&self.node, self.clock.now());
                Ok(())
            }
            Request::Input(input) => self.input(input).map(|_| ()),
            Request::Stop { patience } => {
                let patience = u64::try_from(patience.as_millis()).unwrap_or(u64::MAX);
                let tick = self.clock.now().tick_ms.saturating_add(patience);
                self.stop_at_tick_ms.get_or_insert(tick);
                self.tell("stopping", "no new work is taken".to_owned());
                Ok(())
            }
        }
    }

    /// Appends the step's records; lets go at once of what waits for nothing, and holds the rest.
    fn absorb(&mut self, step: Step) -> Result<Verdict, Fatal> {
        for effect in step.effects {
            let after = match effect {
                Effect::Append(record) => {
                    let bytes = codec::encode(&record).map_err(Fatal::Record)?;
                    self.journal.append(&bytes)?;
                    self.metrics.appended(1);
                    continue;
                }
                Effect::Halt(reason) => return Err(Fatal::Halt(reason)),
                Effect::SetTimer { timer, at_tick_ms } => {
                    self.timers.set(timer, at_tick_ms);
                    continue;
                }
                Effect::MakePlan(request) => {
                    self.planning.ask(request);
                    continue;
                }
                Effect::Send { after, .. }
                | Effect::Gossip { after, .. }
                | Effect::Answer { after, .. } => after,
                // An event tells of facts: it waits for all that was recorded before it.
                Effect::Emit(_) => Position(self.journal.appended().0),
            };
            if after.0 <= self.journal.flushed().0 {
                self.release(effect);
            } else {
                self.held.push_back((after, effect));
            }
        }
        Ok(step.verdict)
    }

    /// Makes everything appended durable with one flush and lets go of what waited for it.
    fn commit(&mut self) -> Result<(), Fatal> {
        if self.journal.appended() > self.journal.flushed() {
            let watch = Stopwatch::start();
            self.journal.flush()?;
            self.metrics.flushed(watch.us());
        }
        let flushed = Position(self.journal.flushed().0);
        while self.held.front().is_some_and(|(after, _)| *after <= flushed) {
            if let Some((_, effect)) = self.held.pop_front() {
                self.release(effect);
            }
        }
        if self.held.is_empty() {
            return Ok(());
        }
        Err(Fatal::Halt("an effect waits for a record that was never appended".to_owned()))
    }

    fn release(&mut self, effect: Effect) {
        match effect {
            Effect::Send { to, bytes, name, .. } => {
                self.metrics.sent(name, bytes.len());
                self.outbox.send(to, bytes);
            }
            Effect::Gossip { travel, bytes, .. } => {
                self.trace.published.push(sighting(&bytes));
                self.metrics.message("out", travel_name(travel));
                self.outbox.gossip(travel, bytes);
            }
            Effect::Answer { ticket, answer, .. } => {
                if let Some(reply) = self.waiting.remove(&ticket) {
                    // A caller that went away does not want the answer.
                    let _ = reply.send(answer);
                }
            }
            Effect::Emit(event) => {
                self.metrics.event(&event);
                if let Event::ChannelOpened { peer, .. } = &event {
                    self.outbox.keep(*peer);
                }
                tracing::debug!(?event, "event");
                self.feed.push(Entry::now(Happening::Core(event)));
            }
            Effect::Append(_) | Effect::SetTimer { .. } | Effect::MakePlan(_) | Effect::Halt(_) => {
            }
        }
    }

    fn keep_counterparties(&self) {
        for channel in self.node.durable().channels.values() {
            self.outbox.keep(channel.peer());
        }
    }

    fn tell(&self, kind: &'static str, text: String) {
        self.feed.push(Entry::now(Happening::Agent { kind, text }));
    }
}

const fn travel_name(travel: Travel) -> &'static str {
    match travel {
        Travel::Summaries => "summary",
        Travel::Election => "election",
        Travel::Plans => "plan",
        Travel::Receipts => "receipt",
        Travel::Direct => "direct",
    }
}

fn sighting(bytes: &[u8]) -> feed::Sighting {
    (Digest::of(Domain::MessageDigest, &[bytes]).short(), crate::clock::unix_us())
}

//! The one thing the ledger backend needs: a running DEBAL core, seen through three calls.
//!
//! The agent's driver implements it. The port must never be used to change state other than by an
//! operator's request.

use debal_protocol::durable::Durable;
use debal_protocol::effect::{Answer, OperatorError};
use debal_protocol::event::Event;
use debal_protocol::input::Operator;
use debal_protocol::status::Status;
use futures::future::BoxFuture;
use futures::stream::BoxStream;

/// Reads something out of the durable state, on the core's own thread: keep it short.
pub type Look = Box<dyn FnOnce(&Durable) + Send>;

/// A running core.
pub trait Port: Send + Sync + 'static {
    /// Asks the core to do something; the answer comes when it is durable.
    fn request(&self, request: Operator) -> BoxFuture<'_, Result<Answer, PortError>>;

    /// Runs `look` on the durable state.
    fn look(&self, look: Look) -> BoxFuture<'_, Result<(), PortError>>;

    /// The node at a glance.
    fn status(&self) -> BoxFuture<'_, Result<Status, PortError>>;

    /// Events after a cursor, in order; waits for new ones, ends when the core stops.
    fn events(&self, after: u64) -> BoxStream<'static, (u64, Seen)>;

    /// A number never given before, also not before a restart.
    fn nonce(&self) -> u64;
}

/// One step of the event stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// An event.
    Event(Event),
    /// So many events were overwritten before they were read.
    Missed(u64),
}

/// Why the core did not do it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PortError {
    /// Too many requests wait already; nothing was done.
    #[error("the agent has too many requests waiting; try again")]
    Busy,
    /// The core has stopped before it took the request.
    #[error("the agent has stopped")]
    Stopped,
    /// The core stopped after it took the request: whether it was done is not known.
    #[error("the agent stopped before it answered")]
    Lost,
    /// The core refused.
    #[error(transparent)]
    Refused(#[from] OperatorError),
}

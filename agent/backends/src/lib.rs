//! The port to a payment-channel node: one trait, its types and errors, and the embedded ledger.
//!
//! A backend moves money when it is told to and says what happened; it must never decide whether to
//! rebalance, retry, or speak the DEBAL protocol. Amounts are msat, deadlines are block heights on
//! a chain and Unix milliseconds on the ledger ([`Caps::chain`] says which).

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod caps;
pub mod conformance;
mod error;
pub mod ledger;
mod types;

use async_trait::async_trait;
use debal_protocol::{ChannelId, LockHash, Secret};
use futures::stream::BoxStream;

pub use caps::{Caps, Gap};
pub use error::{Error, Result};
pub use types::{
    Accepted, BackendEvent, Channel, Cursor, Forward, HtlcKey, NodeInfo, OperationId, PathHop,
    PaymentState, PolicyPatch, Receipt, Receive, SendAlong, Ticket,
};

/// A payment-channel node as the agent sees it.
///
/// Every operation may be repeated: the same operation and hash answer with the current state. A
/// lost answer is [`Error::Ambiguous`]: ask [`ChannelBackend::payment`], never send again blindly.
#[async_trait]
pub trait ChannelBackend: Send + Sync {
    /// What this backend can and cannot do. Constant for its life.
    fn caps(&self) -> Caps;

    /// The node behind the backend.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the node does not answer.
    async fn info(&self) -> Result<NodeInfo>;

    /// All channels, ascending by id.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the node does not answer.
    async fn channels(&self) -> Result<Vec<Channel>>;

    /// Prepares to receive exactly one payment.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for a caller's hash without [`Caps::hold`]; [`Error::Duplicate`] for
    /// a hash that was used before.
    async fn prepare_receive(&self, receive: Receive) -> Result<Ticket>;

    /// Sends along explicit hops. `Ok` means accepted, never paid: the outcome is an event, or
    /// [`ChannelBackend::payment`].
    ///
    /// # Errors
    /// Every reason why nothing was sent, by name; [`Error::Ambiguous`] if that is not known.
    async fn send_along(&self, send: SendAlong) -> Result<Accepted>;

    /// Settles a held receive with its secret. Repeatable.
    ///
    /// # Errors
    /// [`Error::UnknownHash`] if nothing waits under the secret's hash.
    async fn settle(&self, secret: Secret) -> Result<()>;

    /// Cancels a receive. Repeatable; refused once settled.
    ///
    /// # Errors
    /// [`Error::AlreadySettled`], [`Error::UnknownHash`].
    async fn cancel(&self, hash: LockHash) -> Result<()>;

    /// Decides on an intercepted forward.
    ///
    /// # Errors
    /// [`Error::Unsupported`] without [`Caps::intercept`].
    async fn decide_forward(&self, key: HtlcKey, decision: Forward) -> Result<()>;

    /// What became of a payment we sent.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the node does not answer.
    async fn payment(&self, hash: LockHash) -> Result<PaymentState>;

    /// What became of a payment we prepared to receive.
    ///
    /// # Errors
    /// [`Error::UnknownHash`] if it was never prepared.
    async fn receipt(&self, hash: LockHash) -> Result<Receipt>;

    /// Changes parts of our forwarding policy of one channel.
    ///
    /// # Errors
    /// [`Error::UnknownChannel`], or [`Error::Unsupported`] for a field this backend has not.
    async fn set_policy(&self, channel: ChannelId, patch: PolicyPatch) -> Result<()>;

    /// Events after a cursor, at least once and in order; consumers drop repeats by hash and kind.
    fn events(&self, after: Cursor) -> BoxStream<'static, (Cursor, BackendEvent)>;
}

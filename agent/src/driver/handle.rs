//! How the rest of the agent speaks to the driver's thread.
//!
//! Requests wait in one bounded queue; a caller waits for its turn and never gets an answer that is
//! not durable.

use crate::driver::feed::{Feed, Happening};
use debal_backends::ledger::{Look, Port, PortError, Seen};
use debal_protocol::effect::{Answer, OperatorError};
use debal_protocol::input::{Input, Operator};
use debal_protocol::status::Status;
use debal_protocol::{Node, Now};
use futures::future::BoxFuture;
use futures::stream::{self, BoxStream, StreamExt};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// Requests that wait for the driver.
pub const QUEUE: usize = 1_024;

/// Events a reader of the port takes at once.
const PAGE: usize = 1_024;

/// Reads the node, on the driver's thread.
pub type LookAtNode = Box<dyn FnOnce(&Node, Now) + Send>;

/// One request to the driver.
pub enum Request {
    /// An operator's request.
    Operator {
        /// What is asked.
        request: Operator,
        /// Where the answer goes.
        reply: oneshot::Sender<Result<Answer, OperatorError>>,
    },
    /// A view of the node.
    Look(LookAtNode),
    /// A fact from another thread of the agent.
    Input(Input),
    /// Take no new work, let open transfers end for at most `patience`, then stop.
    Stop {
        /// The longest wait.
        patience: Duration,
    },
}

/// The driver as others see it. Clones are cheap.
#[derive(Clone)]
pub struct DriverHandle {
    requests: mpsc::Sender<Request>,
    feed: Feed,
}

impl DriverHandle {
    pub(super) const fn new(requests: mpsc::Sender<Request>, feed: Feed) -> Self {
        Self { requests, feed }
    }

    /// What happened.
    #[must_use]
    pub const fn feed(&self) -> &Feed {
        &self.feed
    }

    /// Asks the core for something.
    ///
    /// # Errors
    /// [`PortError`]: refused by name, stopped before, or lost after the request was taken.
    pub async fn operator(&self, request: Operator) -> Result<Answer, PortError> {
        let (reply, answer) = oneshot::channel();
        let request = Request::Operator { request, reply };
        self.requests.send(request).await.map_err(|_| PortError::Stopped)?;
        Ok(answer.await.map_err(|_| PortError::Lost)??)
    }

    /// Reads something out of the node.
    ///
    /// # Errors
    /// [`PortError::Stopped`] when the driver is gone.
    pub async fn look<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Node, Now) -> T + Send + 'static,
    ) -> Result<T, PortError> {
        let (reply, answer) = oneshot::channel();
        let look: LookAtNode = Box::new(move |node, now| {
            // A caller that went away does not want the answer.
            let _ = reply.send(read(node, now));
        });
        self.requests.send(Request::Look(look)).await.map_err(|_| PortError::Stopped)?;
        answer.await.map_err(|_| PortError::Stopped)
    }

    /// Stops the driver; see [`Request::Stop`].
    pub async fn stop(&self, patience: Duration) {
        // A driver that is gone has stopped already.
        let _ = self.requests.send(Request::Stop { patience }).await;
    }
}

impl Port for DriverHandle {
    fn request(&self, request: Operator) -> BoxFuture<'_, Result<Answer, PortError>> {
        Box::pin(self.operator(request))
    }

    fn look(&self, look: Look) -> BoxFuture<'_, Result<(), PortError>> {
        Box::pin(Self::look(self, move |node, _| look(node.durable())))
    }

    fn status(&self) -> BoxFuture<'_, Result<Status, PortError>> {
        Box::pin(Self::look(self, |node, now| node.status(now)))
    }

    fn events(&self, after: u64) -> BoxStream<'static, (u64, Seen)> {
        let feed = self.feed.clone();
        let pages = stream::unfold((after, false), move |(cursor, ended)| {
            let feed = feed.clone();
            async move {
                if ended {
                    return None;
                }
                let page = feed.follow(cursor, PAGE).await;
                let missed = (page.missed > 0).then_some((cursor, Seen::Missed(page.missed)));
                let events =
                    page.entries.into_iter().filter_map(|(number, entry)| match entry.what {
                        Happening::Core(event) => Some((number, Seen::Event(event))),
                        Happening::Agent { .. } => None,
                    });
                let seen: Vec<_> = missed.into_iter().chain(events).collect();
                Some((stream::iter(seen), (page.cursor, page.closed)))
            }
        });
        pages.flatten().boxed()
    }

    fn nonce(&self) -> u64 {
        // 64 random bits: a repeat would only make the core refuse the receive.
        getrandom::u64().unwrap_or_else(|_| crate::clock::unix_us())
    }
}

//! The stream of HTLC events: the greeting, what is scripted, then what is emitted.
//!
//! It never ends by itself: a stream ends with its connection.

use crate::Inner;
use crate::answer::greeting;
use crate::proto::routerrpc::HtlcEvent;
use futures::Stream;
use prost::Message as _;
use std::collections::VecDeque;
use std::sync::Arc;
use tokio::sync::{Notify, broadcast};

struct Feed {
    ready: VecDeque<HtlcEvent>,
    live: broadcast::Receiver<HtlcEvent>,
    left: Option<usize>,
    cut: Arc<Notify>,
}

/// Encoded events. After `cut_after` of them the connection is cut.
pub(crate) fn events(
    inner: &Inner,
    cut_after: Option<usize>,
    cut: Arc<Notify>,
) -> impl Stream<Item = Vec<u8>> + Send + use<> {
    // Old nodes do not greet: the first thing their stream carries is an event.
    let greets = inner.node.lock().unwrap().version() >= (0, 15);
    let mut ready: VecDeque<HtlcEvent> = greets.then(greeting).into_iter().collect();
    // Subscribed before the scripted events are read: nothing falls in between.
    let live = inner.live.subscribe();
    ready.extend(inner.node.lock().unwrap().htlc_events.iter().cloned());
    let feed = Feed { ready, live, left: cut_after, cut };
    futures::stream::unfold(feed, |mut feed| async move {
        if feed.left == Some(0) {
            // What was sent is given time to leave: a cut connection would drop it.
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            feed.cut.notify_one();
            std::future::pending::<()>().await;
        }
        feed.left = feed.left.map(|left| left - 1);
        let event = match feed.ready.pop_front() {
            Some(event) => event,
            None => feed.live.recv().await.ok()?,
        };
        Some((event.encode_to_vec(), feed))
    })
}

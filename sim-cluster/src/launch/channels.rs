//! Opens every channel of the graph and checks that both ends hold what was drawn.
//!
//! A run must never start on a graph that is only partly open: the arms would differ.

use super::Agent;
use super::agent::ChannelOffer;
use crate::control::Status;
use crate::error::ClusterError;
use crate::topology::{Channel, Graph};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// Channels being opened at one time.
const AT_ONCE: usize = 8;
/// Time one channel has, retries included: peers may still be connecting.
const OPEN_LIMIT: Duration = Duration::from_secs(60);
/// Pause before another try.
const RETRY_PAUSE: Duration = Duration::from_millis(250);

/// Opens the graph's channels; end 0 owns `first_msat` of each, end 0 is the opener.
///
/// # Errors
/// The first channel that cannot be opened, with the agents' words.
pub async fn open_channels(
    agents: &[Arc<Agent>],
    graph: &Graph,
    first_msat: &[u64],
) -> Result<(), ClusterError> {
    let slots = Arc::new(Semaphore::new(AT_ONCE));
    let mut opening = JoinSet::new();
    for (channel, first_msat) in graph.channels.iter().zip(first_msat) {
        let [a, b] = channel.ends.map(|end| agents.get(end).map(Arc::clone));
        let (Some(opener), Some(acceptor)) = (a, b) else {
            return Err(ClusterError::Failed(format!("channel {}: no such agent", channel.id)));
        };
        let offers = offers(channel, *first_msat, [opener.node(), acceptor.node()]);
        let slots = Arc::clone(&slots);
        opening.spawn(async move {
            let _slot = slots.acquire_owned().await;
            open(&opener, &acceptor, &offers).await
        });
    }
    while let Some(opened) = opening.join_next().await {
        opened.map_err(|e| ClusterError::Failed(format!("opening channels: {e}")))??;
    }
    Ok(())
}

/// What each end is told about the channel.
fn offers(channel: &Channel, first_msat: u64, nodes: [&str; 2]) -> [ChannelOffer; 2] {
    let capacity_msat = channel.capacity_msat();
    let local = [first_msat, capacity_msat.saturating_sub(first_msat)];
    [0, 1].map(|end| ChannelOffer {
        channel: channel.id.to_string(),
        peer: nodes[1 - end].to_owned(),
        capacity_msat,
        local_msat: local[end],
        policy: channel.policies[end].into(),
    })
}

async fn open(
    opener: &Agent,
    acceptor: &Agent,
    offers: &[ChannelOffer; 2],
) -> Result<(), ClusterError> {
    let deadline = Instant::now() + OPEN_LIMIT;
    let mut last = String::from("never tried");
    let mut opened = false;
    while Instant::now() < deadline {
        if !opened {
            let told = acceptor.expect_channel(&offers[1]).await;
            let answer = match told {
                Ok(()) => opener.open_channel(&offers[0]).await,
                refused => refused,
            };
            opened = answer.is_ok();
            last = answer.err().map_or_else(
                || String::from("both ends signed, but they do not hold what was offered"),
                |error| error.to_string(),
            );
        }
        // Asked even after an error: the channel may be open although the answer was lost.
        if holds(opener.status().await.ok(), &offers[0])
            && holds(acceptor.status().await.ok(), &offers[1])
        {
            return Ok(());
        }
        tokio::time::sleep(RETRY_PAUSE).await;
    }
    let ends = format!("between agents {} and {}", opener.index(), acceptor.index());
    let limit = OPEN_LIMIT.as_secs();
    let text = format!("channel {} {ends} is not open after {limit} s: {last}", offers[0].channel);
    Err(ClusterError::Failed(text))
}

/// Whether an end has the channel as offered.
fn holds(status: Option<Status>, offer: &ChannelOffer) -> bool {
    status.is_some_and(|status| {
        status.channels.iter().any(|channel| {
            channel.channel == offer.channel
                && channel.capacity_msat == offer.capacity_msat
                && channel.local_msat == offer.local_msat
        })
    })
}

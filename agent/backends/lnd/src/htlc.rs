//! The stream of HTLC events: what was forwarded, and what failed here and why.
//!
//! Events are matched by (incoming channel, incoming HTLC). The stream must never hide that it was
//! cut: its last item is then an error, and the caller subscribes again.

use crate::client::{Lnd, Messages};
use crate::convert::{Reading, text};
use crate::error::Result;
use crate::permission::{SUBSCRIBE_HTLC_EVENTS, allowed};
use crate::proto::routerrpc;
use crate::proto::routerrpc::htlc_event::{Event, EventType};
use futures::Stream;
use futures::stream::BoxStream;
use prost::Message as _;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Whose payment it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HtlcKind {
    /// Not said.
    Unknown,
    /// Ours, going out.
    Send,
    /// Ours, coming in.
    Receive,
    /// Somebody else's, passing through.
    Forward,
}

/// A failure on one of our own links.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkFailure {
    /// What came in. The fee it offered is this less what was to leave.
    pub amount_in_msat: u64,
    /// What was to leave.
    pub amount_out_msat: u64,
    /// What the sender was told, such as `TEMPORARY_CHANNEL_FAILURE` or `FEE_INSUFFICIENT`.
    pub told: String,
    /// What it really was, such as `INSUFFICIENT_BALANCE` or `HTLC_EXCEEDS_MAX`.
    pub detail: String,
    /// The node's words.
    pub words: String,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HtlcEventKind {
    /// The stream is open; nothing happened yet.
    Subscribed,
    /// Offered to the next peer.
    Forwarded {
        /// What came in.
        amount_in_msat: u64,
        /// What left.
        amount_out_msat: u64,
    },
    /// Failed further on.
    ForwardFailed,
    /// Settled.
    Settled,
    /// Failed on one of our own links.
    LinkFailed(LinkFailure),
    /// Resolved for good, perhaps on chain.
    Final {
        /// Settled, not failed.
        settled: bool,
        /// Resolved without the chain.
        offchain: bool,
    },
    /// Something this version does not know.
    Unknown,
}

/// One event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HtlcEvent {
    /// Channel it came in by; 0 if it started here.
    pub channel_in: u64,
    /// Channel it left by; 0 if it ended here.
    pub channel_out: u64,
    /// Its number in the incoming channel.
    pub htlc_in: u64,
    /// Its number in the outgoing channel.
    pub htlc_out: u64,
    /// Unix nanoseconds.
    pub at_ns: u64,
    /// Whose it is.
    pub kind: HtlcKind,
    /// What happened.
    pub event: HtlcEventKind,
}

impl HtlcEvent {
    fn read(bytes: &[u8]) -> Result<Self> {
        let wrong =
            |error: prost::DecodeError| Reading(SUBSCRIBE_HTLC_EVENTS).wrong(error.to_string());
        let raw = routerrpc::HtlcEvent::decode(bytes).map_err(wrong)?;
        let kind = match raw.event_type() {
            EventType::Unknown => HtlcKind::Unknown,
            EventType::Send => HtlcKind::Send,
            EventType::Receive => HtlcKind::Receive,
            EventType::Forward => HtlcKind::Forward,
        };
        Ok(Self {
            channel_in: raw.incoming_channel_id,
            channel_out: raw.outgoing_channel_id,
            htlc_in: raw.incoming_htlc_id,
            htlc_out: raw.outgoing_htlc_id,
            at_ns: raw.timestamp_ns,
            kind,
            event: happened(raw.event),
        })
    }
}

fn happened(event: Option<Event>) -> HtlcEventKind {
    match event {
        None => HtlcEventKind::Unknown,
        Some(Event::SubscribedEvent(_)) => HtlcEventKind::Subscribed,
        Some(Event::ForwardEvent(forward)) => {
            let info = forward.info.unwrap_or_default();
            HtlcEventKind::Forwarded {
                amount_in_msat: info.incoming_amt_msat,
                amount_out_msat: info.outgoing_amt_msat,
            }
        }
        Some(Event::ForwardFailEvent(_)) => HtlcEventKind::ForwardFailed,
        Some(Event::SettleEvent(_)) => HtlcEventKind::Settled,
        Some(Event::LinkFailEvent(failed)) => {
            let info = failed.info.unwrap_or_default();
            HtlcEventKind::LinkFailed(LinkFailure {
                amount_in_msat: info.incoming_amt_msat,
                amount_out_msat: info.outgoing_amt_msat,
                told: failed.wire_failure().as_str_name().to_owned(),
                detail: failed.failure_detail().as_str_name().to_owned(),
                words: text(&failed.failure_string, 200),
            })
        }
        Some(Event::FinalHtlcEvent(end)) => {
            HtlcEventKind::Final { settled: end.settled, offchain: end.offchain }
        }
    }
}

/// The open stream. It ends after its first error.
pub struct HtlcEvents(BoxStream<'static, Result<HtlcEvent>>);

impl Stream for HtlcEvents {
    type Item = Result<HtlcEvent>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.as_mut().poll_next(context)
    }
}

impl Lnd {
    /// Opens the stream of HTLC events. It can be silent for hours; a silent peer is noticed over
    /// gRPC only (by pings), so prefer gRPC for it.
    ///
    /// # Errors
    /// Those of any read.
    pub async fn subscribe_htlc_events(&self) -> Result<HtlcEvents> {
        let method = allowed(SUBSCRIBE_HTLC_EVENTS)?;
        let request = routerrpc::SubscribeHtlcEventsRequest {};
        let opened = self.open(SUBSCRIBE_HTLC_EVENTS, &request).await?;
        let step = move |messages: Option<Messages>| async move {
            let mut messages = messages?;
            match messages.next().await? {
                Ok(bytes) => {
                    let event = HtlcEvent::read(&bytes);
                    let rest = event.is_ok().then_some(messages);
                    Some((event, rest))
                }
                Err(failure) => Some((Err(failure.into_error(method)), None)),
            }
        };
        Ok(HtlcEvents(Box::pin(futures::stream::unfold(Some(opened), step))))
    }
}

//! Events into SQLite, on a thread of its own, for operators to query.
//!
//! History may be lost: nothing may wait for it, and no decision may read it. What the feed
//! overwrote before it was written is counted.

use crate::api::render;
use crate::clock;
use crate::driver::DriverHandle;
use crate::driver::feed::{Entry, Happening};
use crate::metrics::outcome_name;
use crate::payments::refusal_name;
use debal_protocol::NodeId;
use debal_protocol::event::Event;
use debal_store::History;
use debal_store::history::{
    ChannelSampleRow, CycleRow, Direction, EpochRow, EventRow, HistoryError, PaymentRow,
};
use std::path::Path;
use std::time::Duration;

/// Name of the database in the data directory.
pub const FILE_NAME: &str = "history.sqlite";

const PAGE: usize = 512;
const SAMPLE_EVERY_MS: u64 = 60_000;
const KEEP_MS: u64 = 90 * 86_400_000;

/// Starts the thread. It ends when the driver's feed is closed.
///
/// # Errors
/// The database cannot be opened, or there is no thread.
pub fn start(directory: &Path, node: NodeId, driver: DriverHandle) -> Result<(), HistoryError> {
    let path = directory.join(FILE_NAME);
    let mut history = History::open(&path)?;
    if let Err(error) = history.prune(clock::unix_ms().saturating_sub(KEEP_MS)) {
        tracing::warn!(%error, "old history not removed");
    }
    let work = move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        match runtime {
            Ok(runtime) => runtime.block_on(follow(history, node, driver)),
            Err(error) => tracing::warn!(%error, "no history is written"),
        }
    };
    let thread = std::thread::Builder::new().name("debal-history".to_owned()).spawn(work);
    thread.map(|_| ()).map_err(|source| HistoryError::Create { path, source })
}

async fn follow(mut history: History, node: NodeId, driver: DriverHandle) {
    let feed = driver.feed().clone();
    let (mut cursor, mut lost, mut sampled_ms) = (0, 0u64, 0);
    loop {
        let next = tokio::time::timeout(Duration::from_secs(5), feed.follow(cursor, PAGE)).await;
        let page = next.unwrap_or_else(|_| feed.read(cursor, PAGE));
        cursor = page.cursor;
        if page.missed > 0 {
            lost = lost.saturating_add(page.missed);
            tracing::warn!(missed = page.missed, lost, "history fell behind and lost events");
        }
        for (_, entry) in &page.entries {
            if let Err(error) = write(&mut history, node, entry) {
                lost = lost.saturating_add(1);
                tracing::warn!(%error, lost, "an event was not written to the history");
            }
        }
        if page.closed {
            return;
        }
        let now_ms = clock::unix_ms();
        if now_ms.saturating_sub(sampled_ms) >= SAMPLE_EVERY_MS {
            sampled_ms = now_ms;
            sample(&mut history, &driver, now_ms).await;
        }
    }
}

async fn sample(history: &mut History, driver: &DriverHandle, at_ms: u64) {
    let Ok(status) = driver.look(|node, now| node.status(now)).await else { return };
    let rows: Vec<ChannelSampleRow> = status
        .channels
        .iter()
        .map(|channel| ChannelSampleRow {
            channel: channel.channel.to_string(),
            at_ms,
            local_msat: channel.local_msat.0,
            capacity_msat: channel.capacity_msat.0,
        })
        .collect();
    if let Err(error) = history.insert_all(&rows) {
        tracing::warn!(%error, "channel balances not written to the history");
    }
}

fn write(history: &mut History, node: NodeId, entry: &Entry) -> Result<(), HistoryError> {
    let at_ms = entry.at_unix_ms;
    match &entry.what {
        Happening::Core(Event::EpochCertified { epoch, leader, round, .. }) => {
            history.insert(&EpochRow {
                epoch: epoch.0,
                leader: Some(leader.to_string()),
                round: Some(u64::from(*round)),
                certified_ms: at_ms,
                outcome: "certified".to_owned(),
            })
        }
        Happening::Core(Event::EpochSkipped { epoch }) => history.insert(&EpochRow {
            epoch: epoch.0,
            leader: None,
            round: None,
            certified_ms: at_ms,
            outcome: "skipped".to_owned(),
        }),
        Happening::Core(Event::CycleEnded {
            cycle,
            epoch,
            outcome,
            hops,
            amount_msat,
            fee_msat,
            duration_ms,
        }) => history.insert(&CycleRow {
            cycle_id: cycle.to_string(),
            epoch: epoch.0,
            opener: node.to_string(),
            hops: u64::from(*hops),
            amount_msat: amount_msat.0,
            fee_msat: fee_msat.0,
            outcome: outcome_name(*outcome).to_owned(),
            reason: None,
            planned_ms: at_ms.saturating_sub(*duration_ms),
            done_ms: Some(at_ms),
        }),
        Happening::Core(event) => match payment(event, at_ms) {
            Some(row) => history.insert(&row),
            None => other(history, entry),
        },
        Happening::Agent { .. } => other(history, entry),
    }
}

fn payment(event: &Event, at_ms: u64) -> Option<PaymentRow> {
    match event {
        Event::PaymentEnded {
            transfer,
            outcome,
            amount_msat,
            fee_msat,
            hops,
            duration_ms,
            reason,
        } => Some(PaymentRow {
            payment_id: transfer.to_string(),
            direction: Direction::Sent,
            amount_msat: amount_msat.0,
            fee_msat: fee_msat.0,
            hops: u64::from(*hops),
            outcome: outcome_name(*outcome).to_owned(),
            reason: reason.map(refusal_name),
            started_ms: at_ms.saturating_sub(*duration_ms),
            done_ms: Some(at_ms),
        }),
        Event::PaymentReceived { transfer, amount_msat, hops } => Some(PaymentRow {
            payment_id: transfer.to_string(),
            direction: Direction::Received,
            amount_msat: amount_msat.0,
            fee_msat: 0,
            hops: u64::from(*hops),
            outcome: "committed".to_owned(),
            reason: None,
            started_ms: at_ms,
            done_ms: Some(at_ms),
        }),
        _ => None,
    }
}

fn other(history: &mut History, entry: &Entry) -> Result<(), HistoryError> {
    let detail = match &entry.what {
        Happening::Core(event) => render::event(event),
        Happening::Agent { text, .. } => serde_json::json!({ "text": text }),
    };
    let kind = render::kind(&entry.what);
    history.insert(&EventRow { at_ms: entry.at_unix_ms, kind, detail })
}

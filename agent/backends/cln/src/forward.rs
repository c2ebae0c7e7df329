//! Past forwards, read page by page from where a span of time begins.
//!
//! The node numbers forwards as they come in and knows no times to start from, so the first number
//! is searched for. A page that does not move on ends the reading with an error: it must never
//! loop.

use crate::client::Cln;
use crate::error::{Error, Result};
use crate::method::LIST_FORWARDS;
use crate::number::{Msat, channel_number};
use serde::Deserialize;
use serde_json::json;

/// Forwards of one page.
const PAGE: u64 = 2_000;
/// Most forwards of one reading.
const MOST: u64 = 10_000_000;
/// The node's numbers are signed in its database.
const NUMBER_MAX: u64 = 1 << 62;
/// An HTLC may be under way for so long before it is resolved, seconds: 2,016 blocks.
const LONGEST_S: u64 = 14 * 86_400;

/// Which forwards to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForwardStatus {
    /// They went through.
    Settled,
    /// They failed further on.
    Failed,
    /// They failed here.
    LocalFailed,
}

impl ForwardStatus {
    const fn name(self) -> &'static str {
        match self {
            Self::Settled => "settled",
            Self::Failed => "failed",
            Self::LocalFailed => "local_failed",
        }
    }
}

/// One payment that passed, or wanted to pass, through two of our channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forward {
    /// When it was resolved (or else came in), Unix nanoseconds; with the channels and amounts it
    /// tells forwards apart.
    pub at_ns: u64,
    /// It came in by this channel.
    pub channel_in: u64,
    /// And left, or was to leave, by this one.
    pub channel_out: u64,
    /// What came in.
    pub amount_in_msat: u64,
    /// What left; of one that failed here, what came in.
    pub amount_out_msat: u64,
    /// What stayed with us.
    pub fee_msat: u64,
}

#[derive(Deserialize)]
struct Page {
    forwards: Vec<Raw>,
}

#[derive(Deserialize)]
struct Raw {
    created_index: u64,
    in_channel: String,
    out_channel: Option<String>,
    in_msat: Msat,
    out_msat: Option<Msat>,
    fee_msat: Option<Msat>,
    received_time: f64,
    resolved_time: Option<f64>,
}

impl Raw {
    /// `None` where it names no two channels: it never got as far as a second one.
    fn forward(&self) -> Option<Forward> {
        let at_s = self.resolved_time.unwrap_or(self.received_time);
        // A double holds a time of today to a microsecond; what is below tells forwards of the
        // same moment apart, as their numbers do.
        let at_us = if at_s.is_finite() && at_s > 0.0 { (at_s * 1e6) as u64 } else { 0 };
        let at_ns = at_us.saturating_mul(1_000).saturating_add(self.created_index % 1_000);
        Some(Forward {
            at_ns,
            channel_in: channel_number(&self.in_channel)?,
            channel_out: channel_number(self.out_channel.as_deref()?)?,
            amount_in_msat: self.in_msat.0,
            amount_out_msat: self.out_msat.unwrap_or(self.in_msat).0,
            fee_msat: self.fee_msat.unwrap_or_default().0,
        })
    }
}

impl Cln {
    async fn page(&self, status: ForwardStatus, start: u64, limit: u64) -> Result<Vec<Raw>> {
        let params = json!({
            "status": status.name(), "index": "created", "start": start, "limit": limit,
        });
        let page: Page = self.call(LIST_FORWARDS, params).await?;
        let moves = page.forwards.iter().all(|forward| forward.created_index >= start);
        if !moves || page.forwards.len() as u64 > limit {
            let what = "a page that does not move on".to_owned();
            return Err(Error::Protocol { method: LIST_FORWARDS, what });
        }
        Ok(page.forwards)
    }

    /// The number from which on forwards came in at or after a second, found by halving.
    async fn first_since(&self, status: ForwardStatus, second: u64) -> Result<u64> {
        // What is numbered `before` or less came in too early; what is numbered `after` or more
        // did not. Both loops end after as many rounds as a number has bits.
        let (mut before, mut after) = (0_u64, 1_u64);
        while after < NUMBER_MAX {
            match self.page(status, after, 1).await?.first() {
                Some(raw) if raw.received_time < second as f64 => before = raw.created_index,
                _ => break,
            }
            after = before.saturating_mul(2).clamp(after.saturating_mul(2), NUMBER_MAX);
        }
        while after.saturating_sub(before) > 1 {
            let middle = before + (after - before) / 2;
            match self.page(status, middle, 1).await?.first() {
                Some(raw) if raw.received_time < second as f64 => before = raw.created_index,
                _ => after = middle,
            }
        }
        Ok(after)
    }

    /// Forwards resolved in a span, both seconds included, in the order in which they came in.
    ///
    /// # Errors
    /// [`Error::TooLarge`] over ten million; those of any read.
    pub async fn forwards(
        &self,
        status: ForwardStatus,
        from_s: u64,
        to_s: u64,
    ) -> Result<Vec<Forward>> {
        let mut found = Vec::new();
        let (mut read, early) = (0_u64, from_s.saturating_sub(LONGEST_S));
        let mut start = if early == 0 { 1 } else { self.first_since(status, early).await? };
        loop {
            let page = self.page(status, start, PAGE).await?;
            let Some(last) = page.last() else { return Ok(found) };
            start = last.created_index.saturating_add(1);
            read = read.saturating_add(page.len() as u64);
            if read > MOST {
                return Err(Error::TooLarge { method: LIST_FORWARDS, limit: MOST });
            }
            let within =
                |forward: &Forward| (from_s..=to_s).contains(&(forward.at_ns / 1_000_000_000));
            found.extend(page.iter().filter_map(Raw::forward).filter(within));
            if (page.len() as u64) < PAGE {
                return Ok(found);
            }
        }
    }
}

//! Past forwards, read page by page up to a total.
//!
//! A page that does not move on ends the reading with an error: it must never loop.

use crate::client::Lnd;
use crate::convert::Reading;
use crate::error::{Error, Result};
use crate::permission::FORWARDING_HISTORY;
use crate::proto::lnrpc;

/// Most events of one page. LND allows 50,000.
const MAX_PAGE: u32 = 50_000;

/// Which forwards to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HistoryQuery {
    /// First Unix second, inclusive.
    pub start_s: u64,
    /// Last Unix second, inclusive.
    pub end_s: u64,
    /// Events of this window to skip: where an earlier reading ended.
    pub offset: u32,
    /// Events per page, 1 to 50,000.
    pub page_size: u32,
    /// Most events in all; one more is [`Error::TooLarge`].
    pub most: u64,
}

impl HistoryQuery {
    /// A window of time, in pages of 5,000, up to ten million events.
    #[must_use]
    pub fn between(start_s: u64, end_s: u64) -> Self {
        Self { start_s, end_s, offset: 0, page_size: 5_000, most: 10_000_000 }
    }
}

/// One payment that passed through two of our channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forward {
    /// When it settled, Unix nanoseconds; with the channels and amounts it tells events apart.
    pub settled_ns: u64,
    /// It came in by this channel.
    pub channel_in: u64,
    /// And left by this one.
    pub channel_out: u64,
    /// What came in.
    pub amount_in_msat: u64,
    /// What left.
    pub amount_out_msat: u64,
    /// What stayed with us.
    pub fee_msat: u64,
}

impl Forward {
    fn read(raw: &lnrpc::ForwardingEvent) -> Self {
        // Old nodes report satoshis and seconds only.
        let msat = |msat: u64, sat: u64| if msat == 0 { sat.saturating_mul(1_000) } else { msat };
        let settled_ns = match raw.timestamp_ns {
            0 => raw.timestamp.saturating_mul(1_000_000_000),
            nanoseconds => nanoseconds,
        };
        Self {
            settled_ns,
            channel_in: raw.chan_id_in,
            channel_out: raw.chan_id_out,
            amount_in_msat: msat(raw.amt_in_msat, raw.amt_in),
            amount_out_msat: msat(raw.amt_out_msat, raw.amt_out),
            fee_msat: msat(raw.fee_msat, raw.fee),
        }
    }
}

/// A reading of the history in progress.
#[derive(Debug)]
pub struct ForwardPages<'a> {
    lnd: &'a Lnd,
    query: HistoryQuery,
    read: u64,
    finished: bool,
}

impl Lnd {
    /// Past forwards, oldest first. Nothing is asked until the first page is.
    #[must_use]
    pub fn forwarding_history(&self, query: HistoryQuery) -> ForwardPages<'_> {
        let page_size = query.page_size.clamp(1, MAX_PAGE);
        let query = HistoryQuery { page_size, ..query };
        ForwardPages { lnd: self, query, read: 0, finished: query.end_s < query.start_s }
    }
}

impl ForwardPages<'_> {
    /// Where the next page starts: the offset to go on from later.
    #[must_use]
    pub fn offset(&self) -> u32 {
        self.query.offset
    }

    /// The next page; `None` after the last one. A page is never empty.
    ///
    /// # Errors
    /// [`Error::TooLarge`] over the total; those of any read. After [`Error::Unavailable`] the same
    /// page can be asked for again.
    pub async fn next_page(&mut self) -> Result<Option<Vec<Forward>>> {
        if self.finished {
            return Ok(None);
        }
        let request = lnrpc::ForwardingHistoryRequest {
            start_time: self.query.start_s,
            end_time: self.query.end_s,
            index_offset: self.query.offset,
            num_max_events: self.query.page_size,
            peer_alias_lookup: false,
        };
        let answer: lnrpc::ForwardingHistoryResponse =
            self.lnd.call(FORWARDING_HISTORY, &request).await?;
        if answer.forwarding_events.is_empty() {
            self.finished = true;
            return Ok(None);
        }
        if answer.last_offset_index <= self.query.offset {
            self.finished = true;
            return Err(Reading(FORWARDING_HISTORY).wrong("a page that does not move on"));
        }
        self.read = self.read.saturating_add(answer.forwarding_events.len() as u64);
        if self.read > self.query.most {
            self.finished = true;
            return Err(Error::TooLarge { method: FORWARDING_HISTORY, limit: self.query.most });
        }
        self.query.offset = answer.last_offset_index;
        Ok(Some(answer.forwarding_events.iter().map(Forward::read).collect()))
    }

    /// All pages left.
    ///
    /// # Errors
    /// Those of [`Self::next_page`].
    pub async fn collect(mut self) -> Result<Vec<Forward>> {
        let mut forwards = Vec::new();
        while let Some(page) = self.next_page().await? {
            forwards.extend(page);
        }
        Ok(forwards)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_nodes_satoshis_and_seconds_are_read_too() {
        let raw = lnrpc::ForwardingEvent {
            timestamp: 1_719_999_950,
            amt_in: 101,
            amt_out: 100,
            fee: 1,
            ..Default::default()
        };
        let forward = Forward::read(&raw);
        assert_eq!(forward.settled_ns, 1_719_999_950_000_000_000);
        assert_eq!((forward.amount_in_msat, forward.fee_msat), (101_000, 1_000));
    }
}

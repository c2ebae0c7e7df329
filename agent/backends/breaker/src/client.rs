//! The four calls, and what they carry.
//!
//! It must never take an answer it cannot read for an empty one.

use crate::proto::{
    ClearLimitsRequest, ClearLimitsResponse, GetInfoRequest, GetInfoResponse, ListLimitsRequest,
    ListLimitsResponse, UpdateLimitsRequest, UpdateLimitsResponse,
};
use crate::transport::{Failure, call};
use crate::{Error, proto};
use prost::Message;
use std::collections::BTreeMap;

/// Most peers of a list.
const PEERS_MAX: usize = 200_000;

/// What a peer may do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limit {
    /// HTLCs per hour; 0 is no limit.
    pub max_hourly_rate: i64,
    /// HTLCs under way; 0 is no limit.
    pub max_pending: i64,
    /// 0 fail, 1 queue, 2 queue what the peer started, 3 block.
    pub mode: i32,
}

/// Every limit there is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Of peers without their own.
    pub default: Limit,
    /// By peer.
    pub own: BTreeMap<String, Limit>,
}

/// A client; nothing is dialled until something is asked.
#[derive(Clone, Debug)]
pub struct Breaker {
    address: String,
}

impl From<proto::Limit> for Limit {
    fn from(limit: proto::Limit) -> Self {
        let proto::Limit { max_hourly_rate, max_pending, mode } = limit;
        Self { max_hourly_rate, max_pending, mode }
    }
}

impl Breaker {
    /// A client of the service at `host:port`.
    ///
    /// # Errors
    /// [`Error::Invalid`] if that is no address.
    pub fn new(address: &str) -> Result<Self, Error> {
        let invalid = || Error::Invalid(format!("{address:?} is no address: write host:port"));
        let (host, port) = address.rsplit_once(':').ok_or_else(invalid)?;
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.:[]".contains(c);
        let sound = !host.is_empty() && host.chars().all(plain) && port.parse::<u16>().is_ok();
        sound.then(|| Self { address: address.to_owned() }).ok_or_else(invalid)
    }

    /// Whether it is on this machine. Elsewhere everybody on the way can read and write limits.
    #[must_use]
    pub fn is_local(&self) -> bool {
        let host = self.address.rsplit_once(':').map_or("", |(host, _)| host);
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let loopback = |address: std::net::IpAddr| address.is_loopback();
        host == "localhost" || host.parse().is_ok_and(loopback)
    }

    async fn ask<Q: Message, A: Message + Default>(
        &self,
        method: &str,
        request: Q,
        write: bool,
    ) -> Result<A, Error> {
        let answer = call(&self.address, method, &request.encode_to_vec()).await;
        let unreadable = |_| Failure::Malformed("it is no such message");
        let answer = answer.and_then(|bytes| A::decode(bytes.as_slice()).map_err(unreadable));
        answer.map_err(|failure| match failure {
            Failure::NotSent(reason) => self.unavailable(reason),
            Failure::Lost(reason) if write => Error::Ambiguous { reason },
            Failure::Lost(reason) => self.unavailable(reason),
            Failure::Malformed(what) if write => Error::Ambiguous { reason: what.to_owned() },
            Failure::Malformed(what) => Error::Protocol(what.to_owned()),
            Failure::Answered(code, reason) => Error::Refused { code, reason },
        })
    }

    fn unavailable(&self, reason: String) -> Error {
        Error::Unavailable { address: self.address.clone(), reason }
    }

    /// The key of the node it guards.
    ///
    /// # Errors
    /// [`Error`]; reads change nothing.
    pub async fn guarded_node(&self) -> Result<String, Error> {
        let info: GetInfoResponse = self.ask("GetInfo", GetInfoRequest {}, false).await?;
        Ok(info.node_key.chars().filter(char::is_ascii_alphanumeric).take(66).collect())
    }

    /// Every limit. Peers that it only counts have none of their own.
    ///
    /// # Errors
    /// [`Error`]; reads change nothing.
    pub async fn list_limits(&self) -> Result<Limits, Error> {
        let listed: ListLimitsResponse =
            self.ask("ListLimits", ListLimitsRequest {}, false).await?;
        if listed.limits.len() > PEERS_MAX {
            return Err(Error::Protocol("too many peers".to_owned()));
        }
        let default = listed.default_limit;
        let default = default.ok_or_else(|| Error::Protocol("no default limit".to_owned()))?;
        let own =
            listed.limits.into_iter().filter_map(|peer| Some((peer.node, peer.limit?.into())));
        Ok(Limits { default: default.into(), own: own.collect() })
    }

    /// Gives a peer a limit of its own.
    ///
    /// # Errors
    /// [`Error::Ambiguous`]: list the limits; else nothing changed.
    pub async fn update_limit(&self, peer: &str, limit: Limit) -> Result<(), Error> {
        let Limit { max_hourly_rate, max_pending, mode } = limit;
        if max_hourly_rate < 0 || max_pending < 0 || !(0..=3).contains(&mode) {
            let message = format!("{limit:?} is no limit: numbers from 0, a mode of 0 to 3");
            return Err(Error::Invalid(message));
        }
        let limit = proto::Limit { max_hourly_rate, max_pending, mode };
        let request = UpdateLimitsRequest { limits: [(peer.to_owned(), limit)].into() };
        let _: UpdateLimitsResponse = self.ask("UpdateLimits", request, true).await?;
        Ok(())
    }

    /// Takes a peer's own limit away: the default holds.
    ///
    /// # Errors
    /// [`Error::Ambiguous`]: list the limits; else nothing changed.
    pub async fn clear_limit(&self, peer: &str) -> Result<(), Error> {
        let request = ClearLimitsRequest { nodes: vec![peer.to_owned()] };
        let _: ClearLimitsResponse = self.ask("ClearLimits", request, true).await?;
        Ok(())
    }
}

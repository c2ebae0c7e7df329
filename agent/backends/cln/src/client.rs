//! The client: who the node is, what the chain costs, what openings cost.
//!
//! It must never go on with a node whose version it does not know to be new enough.

use crate::error::{Error, Result};
use crate::method::{FEE_RATES, GET_INFO, LIST_INCOME};
use crate::number::{Msat, is_key, text};
use crate::socket::{Limits, Socket};
use crate::version::Version;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Longest alias, characters.
pub(crate) const ALIAS: usize = 64;

/// A client of one node; nothing is dialled until something is asked.
#[derive(Debug)]
pub struct Cln {
    socket: Socket,
}

/// Who the node is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Its key.
    pub node: String,
    /// Its name.
    pub alias: String,
    /// Its version.
    pub version: Version,
    /// Its version as it says it.
    pub version_text: String,
    /// Height of its chain.
    pub block_height: u32,
    /// `bitcoin`, `testnet`, `signet` or `regtest`.
    pub network: String,
    /// Whether it follows the chain.
    pub synced_to_chain: bool,
}

/// What our wallet paid in a transaction that opened channels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opening {
    /// The transaction.
    pub txid: String,
    /// What it paid in all, msat.
    pub fee_msat: u64,
}

#[derive(Deserialize)]
struct Info {
    id: String,
    #[serde(default)]
    alias: String,
    version: String,
    blockheight: u32,
    #[serde(default)]
    network: String,
    warning_bitcoind_sync: Option<String>,
    warning_lightningd_sync: Option<String>,
}

#[derive(Deserialize)]
struct Rates {
    perkw: PerKw,
}

#[derive(Deserialize)]
struct PerKw {
    #[serde(default)]
    estimates: Vec<Estimate>,
}

#[derive(Deserialize)]
struct Estimate {
    blockcount: u32,
    feerate: u32,
}

#[derive(Deserialize)]
struct Income {
    income_events: Vec<Event>,
}

#[derive(Deserialize)]
struct Event {
    tag: String,
    txid: Option<String>,
    debit_msat: Msat,
}

impl Cln {
    /// A client of the node behind a socket.
    #[must_use]
    pub fn new(socket: PathBuf, limits: Limits) -> Self {
        Self { socket: Socket::new(socket, limits) }
    }

    pub(crate) async fn call<T: DeserializeOwned>(&self, name: &str, params: Value) -> Result<T> {
        self.socket.call(name, params).await
    }

    /// Who the node is.
    ///
    /// # Errors
    /// [`Error::TooOld`] before 24.02; those of any read.
    pub async fn get_info(&self) -> Result<Identity> {
        let info: Info = self.call(GET_INFO, json!({})).await?;
        let version_text = text(&info.version, 100);
        let since = Version::LEAST;
        let version = Version::parse(&info.version).filter(|version| *version >= since);
        let version =
            version.ok_or_else(|| Error::TooOld { found: version_text.clone(), since })?;
        if !is_key(&info.id) {
            let what = "its key is none".to_owned();
            return Err(Error::Protocol { method: GET_INFO, what });
        }
        let behind = info.warning_bitcoind_sync.or(info.warning_lightningd_sync).is_some();
        Ok(Identity {
            node: info.id,
            alias: text(&info.alias, ALIAS),
            version,
            version_text,
            block_height: info.blockheight,
            network: text(&info.network, 20),
            synced_to_chain: !behind,
        })
    }

    /// On-chain fee estimates by target in blocks, sat per 1,000 weight.
    ///
    /// # Errors
    /// Those of any read.
    pub async fn fee_rates(&self) -> Result<BTreeMap<u32, u32>> {
        let rates: Rates = self.call(FEE_RATES, json!({"style": "perkw"})).await?;
        Ok(rates.perkw.estimates.iter().map(|it| (it.blockcount, it.feerate)).collect())
    }

    /// What our transactions paid in on-chain fees, by transaction.
    ///
    /// # Errors
    /// [`Error::Unimplemented`] if the bookkeeper plugin is off; those of any read.
    pub async fn openings(&self) -> Result<Vec<Opening>> {
        let params = json!({"consolidate_fees": true});
        let income: Income = self.call(LIST_INCOME, params).await?;
        let mut paid: BTreeMap<String, u64> = BTreeMap::new();
        for event in income.income_events.iter().filter(|event| event.tag == "onchain_fee") {
            let Some(txid) = event.txid.as_deref().filter(|txid| txid.len() == 64) else {
                continue;
            };
            let sum = paid.entry(text(txid, 64)).or_default();
            *sum = sum.saturating_add(event.debit_msat.0);
        }
        Ok(paid.into_iter().map(|(txid, fee_msat)| Opening { txid, fee_msat }).collect())
    }
}

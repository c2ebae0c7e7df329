//! The public graph around a peer.
//!
//! Everything here was announced by strangers: an entry that makes no sense is left out.

use crate::client::{ALIAS, Cln};
use crate::error::Result;
use crate::method::{LIST_CHANNELS, LIST_NODES};
use crate::number::{Msat, channel_text, text};
use serde::Deserialize;
use serde_json::{Value, json};

/// A node of the graph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GraphNode {
    /// Its name; empty if it announced none.
    pub alias: String,
    /// Its channels.
    pub channels: u32,
    /// Their total, msat.
    pub capacity_msat: u64,
}

/// One direction of a channel.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct HalfChannel {
    /// Whose it is.
    pub source: String,
    /// Total of the channel, msat.
    #[serde(deserialize_with = "msat")]
    pub amount_msat: u64,
    /// Proportional fee, millionths.
    pub fee_per_millionth: u32,
    /// Whether it is switched on.
    pub active: bool,
}

fn msat<'de, D: serde::Deserializer<'de>>(deserializer: D) -> std::result::Result<u64, D::Error> {
    Msat::deserialize(deserializer).map(|msat| msat.0)
}

#[derive(Deserialize)]
struct Channels {
    channels: Vec<HalfChannel>,
}

#[derive(Deserialize)]
struct Nodes {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    #[serde(default)]
    alias: String,
}

impl Cln {
    async fn half_channels(&self, params: Value) -> Result<Vec<HalfChannel>> {
        let listed: Channels = self.call(LIST_CHANNELS, params).await?;
        Ok(listed.channels)
    }

    /// A node, with its channels counted; `None` if the graph does not know it.
    ///
    /// # Errors
    /// Those of any read.
    pub async fn graph_node(&self, key: &str) -> Result<Option<GraphNode>> {
        let listed: Nodes = self.call(LIST_NODES, json!({"id": key})).await?;
        let channels = self.half_channels(json!({"source": key})).await?;
        let alias = listed.nodes.first().map(|node| text(&node.alias, ALIAS));
        if alias.is_none() && channels.is_empty() {
            return Ok(None);
        }
        let sum = |sum: u64, channel: &HalfChannel| sum.saturating_add(channel.amount_msat);
        Ok(Some(GraphNode {
            alias: alias.unwrap_or_default(),
            channels: u32::try_from(channels.len()).unwrap_or(u32::MAX),
            capacity_msat: channels.iter().fold(0, sum),
        }))
    }

    /// What others ask on their channels into a node.
    ///
    /// # Errors
    /// Those of any read.
    pub async fn channels_into(&self, key: &str) -> Result<Vec<HalfChannel>> {
        self.half_channels(json!({"destination": key})).await
    }

    /// Whether a node has switched its side of a channel off; `None` if the graph does not know.
    ///
    /// # Errors
    /// Those of any read.
    pub async fn is_switched_off(&self, channel_id: u64, by: &str) -> Result<Option<bool>> {
        let params = json!({"short_channel_id": channel_text(channel_id)});
        let halves = self.half_channels(params).await?;
        Ok(halves.iter().find(|half| half.source == by).map(|half| !half.active))
    }
}

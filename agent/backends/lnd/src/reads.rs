//! The reads: one method per call of the node, checked before it is handed out.
//!
//! A read may be repeated on the other transport; it must never change the node.

use crate::client::Lnd;
use crate::convert::Reading;
use crate::error::{Error, Result};
use crate::graph::{Edge, Graph, GraphNode, NetworkInfo};
use crate::permission as name;
use crate::proto::{lnrpc, walletrpc};
use crate::types::{
    Channel, ClosedChannel, FeeEstimate, FeeReport, Identity, NodeKey, State, Transaction,
};
use crate::version::Feature;

impl Lnd {
    /// How far the node has started. Needs no macaroon.
    ///
    /// # Errors
    /// [`Error::Unsupported`] before 0.13; those of any read.
    pub async fn state(&self) -> Result<State> {
        let answer = self.call(name::GET_STATE, &lnrpc::GetStateRequest {}).await;
        match answer {
            Ok(lnrpc::GetStateResponse { state }) => Ok(State::read(state)),
            Err(Error::Unimplemented { .. }) => {
                let since = Feature::ChannelStatus.since();
                Err(Error::Unsupported { what: "the node's state", since })
            }
            Err(error) => Err(error),
        }
    }

    /// The node's key, version and height. Also renews what this client knows of the version.
    ///
    /// # Errors
    /// Those of any read.
    pub async fn get_info(&self) -> Result<Identity> {
        let answer = self.call(name::GET_INFO, &lnrpc::GetInfoRequest {}).await?;
        let identity = Identity::read(&answer)?;
        self.learn_version(identity.version);
        Ok(identity)
    }

    /// All open channels, with the peers' names where the node knows them.
    ///
    /// # Errors
    /// Those of any read.
    pub async fn list_channels(&self) -> Result<Vec<Channel>> {
        let request = lnrpc::ListChannelsRequest { peer_alias_lookup: true, ..Default::default() };
        let answer: lnrpc::ListChannelsResponse = self.call(name::LIST_CHANNELS, &request).await?;
        answer.channels.iter().map(Channel::read).collect()
    }

    /// Our fees on all channels. The node refuses the whole report when one channel has no policy
    /// of ours.
    ///
    /// # Errors
    /// Those of any read.
    pub async fn fee_report(&self) -> Result<FeeReport> {
        let answer = self.call(name::FEE_REPORT, &lnrpc::FeeReportRequest {}).await?;
        FeeReport::read(&answer)
    }

    /// Both policies of a channel.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a channel missing from the graph; those of any read.
    pub async fn get_chan_info(&self, channel_id: u64) -> Result<Edge> {
        let request = lnrpc::ChanInfoRequest { chan_id: channel_id, ..Default::default() };
        let answer = self.call(name::GET_CHAN_INFO, &request).await?;
        Edge::read(Reading(name::GET_CHAN_INFO), &answer)
    }

    /// A node of the graph, with its channels if asked for.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a node that never announced itself; those of any read.
    pub async fn get_node_info(&self, node: &NodeKey, include_channels: bool) -> Result<GraphNode> {
        let request = lnrpc::NodeInfoRequest { pub_key: node.to_string(), include_channels };
        let answer = self.call(name::GET_NODE_INFO, &request).await?;
        GraphNode::read(Reading(name::GET_NODE_INFO), &answer)
    }

    /// Size of the network.
    ///
    /// # Errors
    /// Those of any read.
    pub async fn get_network_info(&self) -> Result<NetworkInfo> {
        let answer = self.call(name::GET_NETWORK_INFO, &lnrpc::NetworkInfoRequest {}).await?;
        NetworkInfo::read(Reading(name::GET_NETWORK_INFO), &answer)
    }

    /// The whole graph, our unannounced channels included: tens of megabytes on mainnet.
    ///
    /// # Errors
    /// [`Error::TooLarge`] over 128 MiB (four times that as JSON); those of any read.
    pub async fn describe_graph(&self) -> Result<Graph> {
        let request = lnrpc::ChannelGraphRequest { include_unannounced: true };
        let answer = self.call(name::DESCRIBE_GRAPH, &request).await?;
        Ok(Graph::read(Reading(name::DESCRIBE_GRAPH), &answer))
    }

    /// The wallet's transactions in a range of heights, both inclusive. An end of -1 adds
    /// unconfirmed ones.
    ///
    /// # Errors
    /// Those of any read.
    pub async fn get_transactions(
        &self,
        start_height: i32,
        end_height: i32,
    ) -> Result<Vec<Transaction>> {
        let request = lnrpc::GetTransactionsRequest { start_height, end_height };
        let answer: lnrpc::TransactionDetails = self.call(name::GET_TRANSACTIONS, &request).await?;
        answer.transactions.iter().map(Transaction::read).collect()
    }

    /// Channels that are no more.
    ///
    /// # Errors
    /// Those of any read.
    pub async fn closed_channels(&self) -> Result<Vec<ClosedChannel>> {
        let answer: lnrpc::ClosedChannelsResponse =
            self.call(name::CLOSED_CHANNELS, &lnrpc::ClosedChannelsRequest {}).await?;
        answer.channels.iter().map(ClosedChannel::read).collect()
    }

    /// What a transaction costs now, to confirm within `target_blocks`.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a target below 2, which LND refuses; those of any read.
    pub async fn estimate_fee(&self, target_blocks: u32) -> Result<FeeEstimate> {
        let conf_target = i32::try_from(target_blocks).ok().filter(|target| *target >= 2);
        let conf_target = conf_target
            .ok_or_else(|| Error::Invalid("a confirmation target is 2 blocks or more".into()))?;
        let request = walletrpc::EstimateFeeRequest { conf_target };
        let answer: walletrpc::EstimateFeeResponse =
            self.call(name::ESTIMATE_FEE, &request).await?;
        let reading = Reading(name::ESTIMATE_FEE);
        let minimum = reading.unsigned(answer.min_relay_fee_sat_per_kw, "fee rate")?;
        Ok(FeeEstimate {
            sat_per_kw: reading.unsigned(answer.sat_per_kw, "fee rate")?,
            min_relay_sat_per_kw: Some(minimum).filter(|minimum| *minimum != 0),
        })
    }

    /// Asks the node whether the macaroon covers `method` (a full name such as
    /// `/lnrpc.Lightning/SendPaymentSync`) or carries the permission `entity:action`. The question
    /// itself needs `macaroon:read`, which DEBAL's own macaroon lacks; [`Lnd::audit`] needs
    /// nothing.
    ///
    /// # Errors
    /// [`Error::Denied`] if the macaroon may not even ask; those of any read.
    pub async fn check_permissions(
        &self,
        method: &str,
        (entity, action): (&str, &str),
    ) -> Result<bool> {
        let permission = lnrpc::MacaroonPermission { entity: entity.into(), action: action.into() };
        let request = lnrpc::CheckMacPermRequest {
            macaroon: self.macaroon().bytes().to_vec(),
            permissions: vec![permission],
            full_method: method.to_owned(),
        };
        match self.call(name::CHECK_PERMISSIONS, &request).await {
            Ok(lnrpc::CheckMacPermResponse { valid }) => Ok(valid),
            // A macaroon that does not cover it is answered as an invalid argument.
            Err(Error::Refused { reason, .. }) if reason.contains("permission denied") => Ok(false),
            Err(error) => Err(error),
        }
    }
}

//! One call against the model: record, faults, wallet, macaroon, then the answer.
//!
//! Both interfaces come through here with encoded messages, so they cannot differ in what they
//! say. A refused call must change nothing.

use crate::Inner;
use crate::fault::{Fault, Recorded, Wire};
use crate::model::{Node, Wallet};
use crate::policy;
use crate::proto::{lnrpc, routerrpc, walletrpc};
use prost::Message;

/// An error as LND answers it.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    pub(crate) code: u32,
    pub(crate) message: String,
}

/// Most of LND's errors: no code of their own.
pub(crate) fn unknown(message: &str) -> Refusal {
    Refusal { code: 2, message: message.to_owned() }
}

/// Code 3.
pub(crate) fn invalid(message: &str) -> Refusal {
    Refusal { code: 3, message: message.to_owned() }
}

/// What an interface does with a call.
pub(crate) enum Outcome {
    /// Answers.
    Answer(Result<Vec<u8>, Refusal>),
    /// Loses the connection.
    Cut,
    /// Never answers.
    Silence,
    /// HTTP 500 and nothing else.
    Bare500,
    /// Something that is no message.
    Garbage,
}

/// Permission of every method the node serves, and the first minor version of 0.x that has it.
const SERVED: [(&str, (&str, &str), u32); 16] = [
    ("/lnrpc.State/GetState", ("", ""), 13),
    ("/lnrpc.Lightning/GetInfo", ("info", "read"), 0),
    ("/lnrpc.Lightning/ListChannels", ("offchain", "read"), 0),
    ("/lnrpc.Lightning/FeeReport", ("offchain", "read"), 0),
    ("/lnrpc.Lightning/GetChanInfo", ("info", "read"), 0),
    ("/lnrpc.Lightning/GetNodeInfo", ("info", "read"), 0),
    ("/lnrpc.Lightning/GetNetworkInfo", ("info", "read"), 0),
    ("/lnrpc.Lightning/DescribeGraph", ("info", "read"), 0),
    ("/lnrpc.Lightning/ForwardingHistory", ("offchain", "read"), 0),
    ("/lnrpc.Lightning/GetTransactions", ("onchain", "read"), 0),
    ("/lnrpc.Lightning/ClosedChannels", ("offchain", "read"), 0),
    ("/lnrpc.Lightning/UpdateChannelPolicy", ("offchain", "write"), 0),
    ("/lnrpc.Lightning/CheckMacaroonPermissions", ("macaroon", "read"), 13),
    ("/routerrpc.Router/UpdateChanStatus", ("offchain", "write"), 13),
    ("/routerrpc.Router/SubscribeHtlcEvents", ("offchain", "read"), 0),
    ("/walletrpc.WalletKit/EstimateFee", ("onchain", "read"), 0),
];

/// Records a call and takes the fault set for it.
fn admitted(inner: &Inner, wire: Wire, method: &str) -> Option<Fault> {
    inner.calls.lock().unwrap().push(Recorded { method: method.to_owned(), wire });
    inner.faults.lock().unwrap().take(method)
}

/// Whether the node serves this method to this macaroon now.
fn authorised(inner: &Inner, method: &str, macaroon: &[&[u8]]) -> Result<(), Refusal> {
    let node = inner.node.lock().unwrap();
    let served = SERVED.iter().find(|(name, _, _)| *name == method);
    let served = served.filter(|(_, _, since)| node.version() >= (0, *since));
    let Some((_, permission, _)) = served else {
        let message = format!("unknown method or service {method}");
        return Err(Refusal { code: 12, message });
    };
    if permission.0.is_empty() {
        return Ok(());
    }
    match node.wallet {
        Wallet::Locked => {
            return Err(unknown("wallet locked, unlock it to enable full RPC access"));
        }
        Wallet::Starting => {
            return Err(unknown(
                "the RPC server is in the process of starting up, but not yet ready to accept calls",
            ));
        }
        Wallet::Ready => {}
    }
    let [macaroon] = macaroon else {
        return Err(unknown(&format!("expected 1 macaroon, got {}", macaroon.len())));
    };
    let bytes = unhex(macaroon).ok_or_else(|| unknown("encoding/hex: invalid byte"))?;
    let credentials = inner.credentials.lock().unwrap();
    credentials.check(&bytes, method, *permission).map_err(unknown)
}

fn unhex(text: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(text).ok().filter(|text| text.len() % 2 == 0)?;
    let digits = (0..text.len()).step_by(2);
    digits.map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok()).collect()
}

/// One unary call.
pub(crate) async fn unary(
    inner: &Inner,
    wire: Wire,
    method: &str,
    macaroon: &[&[u8]],
    request: &[u8],
) -> Outcome {
    let fault = admitted(inner, wire, method);
    match fault {
        Some(Fault::CutBefore) => return Outcome::Cut,
        Some(Fault::Hang) => return Outcome::Silence,
        Some(Fault::Bare500) => return Outcome::Bare500,
        Some(Fault::Internal) => {
            let message = "internal error of the scripted node".to_owned();
            return Outcome::Answer(Err(Refusal { code: 13, message }));
        }
        Some(Fault::Slow(delay)) => tokio::time::sleep(delay).await,
        Some(Fault::CutAfter | Fault::Garbage | Fault::CutStream(_)) | None => {}
    }
    let answer = authorised(inner, method, macaroon).and_then(|()| {
        let credentials = || inner.credentials.lock().unwrap();
        match method {
            "/lnrpc.Lightning/CheckMacaroonPermissions" => {
                let request: lnrpc::CheckMacPermRequest = read(request)?;
                let wanted = request.permissions.first().cloned().unwrap_or_default();
                let wanted = (wanted.entity.as_str(), wanted.action.as_str());
                let found = credentials().check(&request.macaroon, &request.full_method, wanted);
                found.map_err(invalid)?;
                Ok(lnrpc::CheckMacPermResponse { valid: true }.encode_to_vec())
            }
            _ => dispatch(&mut inner.node.lock().unwrap(), method, request),
        }
    });
    match fault {
        Some(Fault::CutAfter) => Outcome::Cut,
        Some(Fault::Garbage) => Outcome::Garbage,
        _ => Outcome::Answer(answer),
    }
}

/// Opening a stream: where it is to be cut, if at all.
pub(crate) async fn subscribe(
    inner: &Inner,
    wire: Wire,
    method: &str,
    macaroon: &[&[u8]],
) -> Result<Option<usize>, Outcome> {
    let fault = admitted(inner, wire, method);
    match fault {
        Some(Fault::CutBefore | Fault::CutAfter) => return Err(Outcome::Cut),
        Some(Fault::Hang) => return Err(Outcome::Silence),
        Some(Fault::Bare500) => return Err(Outcome::Bare500),
        Some(Fault::Slow(delay)) => tokio::time::sleep(delay).await,
        _ => {}
    }
    authorised(inner, method, macaroon).map_err(|refusal| Outcome::Answer(Err(refusal)))?;
    Ok(match fault {
        Some(Fault::CutStream(after)) => Some(after),
        _ => None,
    })
}

fn read<M: Message + Default>(request: &[u8]) -> Result<M, Refusal> {
    M::decode(request).map_err(|error| invalid(&error.to_string()))
}

fn dispatch(node: &mut Node, method: &str, request: &[u8]) -> Result<Vec<u8>, Refusal> {
    Ok(match method {
        "/lnrpc.State/GetState" => state(node).encode_to_vec(),
        "/lnrpc.Lightning/GetInfo" => info(node).encode_to_vec(),
        "/lnrpc.Lightning/ListChannels" => {
            let request: lnrpc::ListChannelsRequest = read(request)?;
            channels(node, &request).encode_to_vec()
        }
        "/lnrpc.Lightning/FeeReport" => fees(node)?.encode_to_vec(),
        "/lnrpc.Lightning/GetChanInfo" => {
            let request: lnrpc::ChanInfoRequest = read(request)?;
            let edge = node.find_edge(request.chan_id);
            edge.ok_or_else(|| not_found("edge not found"))?.encode_to_vec()
        }
        "/lnrpc.Lightning/GetNodeInfo" => node_info(node, &read(request)?)?.encode_to_vec(),
        "/lnrpc.Lightning/GetNetworkInfo" => node.network.encode_to_vec(),
        "/lnrpc.Lightning/DescribeGraph" => {
            let nodes = node.nodes.values().filter_map(|info| info.node.clone()).collect();
            lnrpc::ChannelGraph { nodes, edges: node.edges() }.encode_to_vec()
        }
        "/lnrpc.Lightning/ForwardingHistory" => history(node, &read(request)?).encode_to_vec(),
        "/lnrpc.Lightning/GetTransactions" => transactions(node, &read(request)?).encode_to_vec(),
        "/lnrpc.Lightning/ClosedChannels" => {
            lnrpc::ClosedChannelsResponse { channels: node.closed.clone() }.encode_to_vec()
        }
        "/lnrpc.Lightning/UpdateChannelPolicy" => {
            policy::update(node, read(request)?)?.encode_to_vec()
        }
        "/routerrpc.Router/UpdateChanStatus" => {
            policy::status(node, &read(request)?)?.encode_to_vec()
        }
        "/walletrpc.WalletKit/EstimateFee" => estimate(node, &read(request)?)?.encode_to_vec(),
        other => return Err(unknown(&format!("the scripted node does not serve {other}"))),
    })
}

fn not_found(message: &str) -> Refusal {
    Refusal { code: 5, message: message.to_owned() }
}

fn state(node: &Node) -> lnrpc::GetStateResponse {
    let state = match node.wallet {
        Wallet::Locked => lnrpc::WalletState::Locked,
        Wallet::Starting => lnrpc::WalletState::Unlocked,
        Wallet::Ready => lnrpc::WalletState::ServerActive,
    };
    lnrpc::GetStateResponse { state: state.into() }
}

fn info(node: &Node) -> lnrpc::GetInfoResponse {
    let active = node.channels.iter().filter(|open| open.channel.active).count();
    let peers: std::collections::BTreeSet<&String> =
        node.channels.iter().map(|open| &open.channel.remote_pubkey).collect();
    lnrpc::GetInfoResponse {
        identity_pubkey: node.key.clone(),
        alias: node.alias.clone(),
        num_pending_channels: node.pending.len() as u32,
        num_active_channels: active as u32,
        num_inactive_channels: (node.channels.len() - active) as u32,
        num_peers: peers.len() as u32,
        block_height: node.block_height,
        synced_to_chain: true,
        synced_to_graph: true,
        version: node.version.clone(),
        chains: vec![lnrpc::Chain { chain: "bitcoin".into(), network: "mainnet".into() }],
    }
}

fn channels(node: &Node, request: &lnrpc::ListChannelsRequest) -> lnrpc::ListChannelsResponse {
    let shown = |channel: &&lnrpc::Channel| {
        (!request.active_only || channel.active)
            && (!request.inactive_only || !channel.active)
            && (!request.public_only || !channel.private)
            && (!request.private_only || channel.private)
    };
    let named = |mut channel: lnrpc::Channel| {
        let peer = node.nodes.get(&channel.remote_pubkey).and_then(|info| info.node.as_ref());
        channel.peer_alias = peer.map(|peer| peer.alias.clone()).unwrap_or_default();
        if !request.peer_alias_lookup {
            channel.peer_alias.clear();
        }
        channel
    };
    let all = node.channels.iter().map(|open| &open.channel);
    lnrpc::ListChannelsResponse { channels: all.filter(shown).cloned().map(named).collect() }
}

fn fees(node: &Node) -> Result<lnrpc::FeeReportResponse, Refusal> {
    let inbound = node.version() >= (0, 18);
    let mut channel_fees = Vec::new();
    for open in node.channels.iter().filter(|open| open.in_fee_report) {
        let policy = open.ours.as_ref().ok_or_else(|| unknown("no policy of ours"))?;
        channel_fees.push(lnrpc::ChannelFeeReport {
            channel_point: open.channel.channel_point.clone(),
            base_fee_msat: policy.fee_base_msat,
            fee_per_mil: policy.fee_rate_milli_msat,
            fee_rate: policy.fee_rate_milli_msat as f64 / 1e6,
            chan_id: open.channel.chan_id,
            inbound_base_fee_msat: if inbound { policy.inbound_fee_base_msat } else { 0 },
            inbound_fee_per_mil: if inbound { policy.inbound_fee_rate_milli_msat } else { 0 },
        });
    }
    let [day_fee_sum, week_fee_sum, month_fee_sum] = node.earned_sat;
    Ok(lnrpc::FeeReportResponse { channel_fees, day_fee_sum, week_fee_sum, month_fee_sum })
}

fn node_info(node: &Node, request: &lnrpc::NodeInfoRequest) -> Result<lnrpc::NodeInfo, Refusal> {
    let info = node.nodes.get(&request.pub_key);
    let mut info = info.cloned().ok_or_else(|| not_found("unable to find node"))?;
    if request.include_channels {
        let ends = |edge: &lnrpc::ChannelEdge| {
            edge.node1_pub == request.pub_key || edge.node2_pub == request.pub_key
        };
        info.channels = node.edges().into_iter().filter(ends).collect();
    }
    Ok(info)
}

fn history(
    node: &Node,
    request: &lnrpc::ForwardingHistoryRequest,
) -> lnrpc::ForwardingHistoryResponse {
    let most = match request.num_max_events {
        0 => 100,
        asked => asked.min(50_000) as usize,
    };
    let within = |event: &&lnrpc::ForwardingEvent| {
        let second = event.timestamp_ns / 1_000_000_000;
        (request.start_time..=request.end_time).contains(&second)
    };
    let from = request.index_offset as usize;
    let page: Vec<lnrpc::ForwardingEvent> =
        node.forwards.iter().filter(within).skip(from).take(most).cloned().collect();
    let last_offset_index = request.index_offset + page.len() as u32;
    lnrpc::ForwardingHistoryResponse { forwarding_events: page, last_offset_index }
}

fn transactions(node: &Node, request: &lnrpc::GetTransactionsRequest) -> lnrpc::TransactionDetails {
    let (start, end) = (request.start_height, request.end_height);
    let unconfirmed = end == -1;
    let whole = start == 0 && end == 0;
    let end = if unconfirmed || whole { i32::MAX } else { end };
    let shown = |transaction: &&lnrpc::Transaction| match transaction.block_height {
        0 => unconfirmed || whole,
        height => (start..=end).contains(&height),
    };
    let transactions = node.transactions.iter().filter(shown).cloned().collect();
    lnrpc::TransactionDetails { transactions }
}

fn estimate(
    node: &Node,
    request: &walletrpc::EstimateFeeRequest,
) -> Result<walletrpc::EstimateFeeResponse, Refusal> {
    if request.conf_target < 2 {
        return Err(unknown("confirmation target must be greater than 1"));
    }
    let known = node.fee_estimates.range(..=request.conf_target).next_back();
    let sat_per_kw = known.map_or(253, |(_, rate)| *rate);
    let min_relay_fee_sat_per_kw = if node.version() >= (0, 18) { 253 } else { 0 };
    Ok(walletrpc::EstimateFeeResponse { sat_per_kw, min_relay_fee_sat_per_kw })
}

/// The greeting of the HTLC stream.
pub(crate) fn greeting() -> routerrpc::HtlcEvent {
    let event = routerrpc::htlc_event::Event::SubscribedEvent(routerrpc::SubscribedEvent {});
    routerrpc::HtlcEvent { event: Some(event), ..Default::default() }
}

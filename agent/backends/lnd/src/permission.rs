//! The one table of methods that DEBAL may call, and the credentials that cover exactly these.
//!
//! Both transports look a method up here before anything is sent. Nothing may be added that can
//! move money, open or close a channel, or read a secret.

use crate::error::{Error, Result};
use crate::macaroon::Grant;
use std::fmt;

/// A permission in LND's coarse scheme.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permission {
    /// Needs no macaroon.
    None,
    /// `info:read`.
    InfoRead,
    /// `offchain:read`.
    OffchainRead,
    /// `offchain:write`; note that it also allows payments, so bake methods instead.
    OffchainWrite,
    /// `onchain:read`.
    OnchainRead,
    /// `macaroon:read`.
    MacaroonRead,
}

impl Permission {
    /// Entity and action.
    const fn parts(self) -> (&'static str, &'static str) {
        match self {
            Self::None => ("", ""),
            Self::InfoRead => ("info", "read"),
            Self::OffchainRead => ("offchain", "read"),
            Self::OffchainWrite => ("offchain", "write"),
            Self::OnchainRead => ("onchain", "read"),
            Self::MacaroonRead => ("macaroon", "read"),
        }
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.parts() {
            ("", _) => f.write_str("no permission"),
            (entity, action) => write!(f, "{entity}:{action}"),
        }
    }
}

/// What a call does to the node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Changes nothing: may be repeated on the other transport.
    Read,
    /// Changes a policy or a status: a lost answer is ambiguous.
    Write,
}

/// How a method looks over REST.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Route {
    /// GET; `{field}` in the path is taken from the request, other fields become the query.
    Get(&'static str),
    /// POST with the request as body.
    Post(&'static str),
}

/// One method DEBAL may call.
#[derive(Debug)]
pub(crate) struct Method {
    /// Full gRPC name with the leading slash.
    pub(crate) name: &'static str,
    /// Its place over REST.
    pub(crate) route: Route,
    /// What it does.
    pub(crate) kind: Kind,
    /// The coarse permission that covers it.
    pub(crate) permission: Permission,
    /// Largest answer, bytes of protobuf or JSON.
    pub(crate) limit_bytes: usize,
    /// The answer may take this many times the usual deadline.
    pub(crate) patience: u32,
    /// Part of the baked macaroon.
    pub(crate) baked: bool,
    /// What DEBAL uses it for.
    pub(crate) purpose: &'static str,
}

const MIB: usize = 1 << 20;

const fn read(
    name: &'static str,
    route: Route,
    permission: Permission,
    purpose: &'static str,
) -> Method {
    let (kind, limit_bytes) = (Kind::Read, MIB);
    Method { name, route, kind, permission, limit_bytes, patience: 1, baked: true, purpose }
}

const fn large(method: Method, limit_bytes: usize, patience: u32) -> Method {
    Method { limit_bytes, patience, ..method }
}

const fn write(name: &'static str, path: &'static str, purpose: &'static str) -> Method {
    let method = read(name, Route::Post(path), Permission::OffchainWrite, purpose);
    Method { kind: Kind::Write, ..method }
}

const fn unbaked(method: Method) -> Method {
    Method { baked: false, ..method }
}

use Permission::{InfoRead, MacaroonRead, OffchainRead, OnchainRead};
use Route::{Get, Post};

/// Every method DEBAL may call. The order is the order of the printed permissions.
pub(crate) static METHODS: [Method; 16] = [
    read(GET_INFO, Get("/v1/getinfo"), InfoRead, "own key, version, height"),
    large(
        read(LIST_CHANNELS, Get("/v1/channels"), OffchainRead, "balances and limits of channels"),
        64 * MIB,
        4,
    ),
    large(read(FEE_REPORT, Get("/v1/fees"), OffchainRead, "own fees"), 32 * MIB, 2),
    read(GET_CHAN_INFO, Get("/v1/graph/edge/{chan_id}"), InfoRead, "both policies of a channel"),
    large(
        read(GET_NODE_INFO, Get("/v1/graph/node/{pub_key}"), InfoRead, "a peer's name and fees"),
        64 * MIB,
        2,
    ),
    read(GET_NETWORK_INFO, Get("/v1/graph/info"), InfoRead, "size of the network"),
    large(
        read(DESCRIBE_GRAPH, Get("/v1/graph"), InfoRead, "alternatives and competitors' fees"),
        128 * MIB,
        12,
    ),
    large(
        read(FORWARDING_HISTORY, Post("/v1/switch"), OffchainRead, "activity and revenue"),
        64 * MIB,
        4,
    ),
    large(
        read(GET_TRANSACTIONS, Get("/v1/transactions"), OnchainRead, "what a channel cost to open"),
        64 * MIB,
        4,
    ),
    large(
        read(CLOSED_CHANNELS, Get("/v1/channels/closed"), OffchainRead, "forget closed channels"),
        64 * MIB,
        4,
    ),
    write(UPDATE_CHANNEL_POLICY, "/v1/chanpolicy", "set fees and limits of a channel"),
    write(UPDATE_CHAN_STATUS, "/v2/router/updatechanstatus", "switch a channel off and on"),
    read(
        SUBSCRIBE_HTLC_EVENTS,
        Get("/v2/router/htlcevents"),
        OffchainRead,
        "forwards that failed here",
    ),
    read(ESTIMATE_FEE, Get("/v2/wallet/estimatefee/{conf_target}"), OnchainRead, "on-chain fees"),
    unbaked(read(GET_STATE, Get("/v1/state"), Permission::None, "whether the node is ready")),
    unbaked(read(
        CHECK_PERMISSIONS,
        Post("/v1/macaroon/checkpermissions"),
        MacaroonRead,
        "ask the node what the macaroon allows",
    )),
];

pub(crate) const GET_INFO: &str = "/lnrpc.Lightning/GetInfo";
pub(crate) const LIST_CHANNELS: &str = "/lnrpc.Lightning/ListChannels";
pub(crate) const FEE_REPORT: &str = "/lnrpc.Lightning/FeeReport";
pub(crate) const GET_CHAN_INFO: &str = "/lnrpc.Lightning/GetChanInfo";
pub(crate) const GET_NODE_INFO: &str = "/lnrpc.Lightning/GetNodeInfo";
pub(crate) const GET_NETWORK_INFO: &str = "/lnrpc.Lightning/GetNetworkInfo";
pub(crate) const DESCRIBE_GRAPH: &str = "/lnrpc.Lightning/DescribeGraph";
pub(crate) const FORWARDING_HISTORY: &str = "/lnrpc.Lightning/ForwardingHistory";
pub(crate) const GET_TRANSACTIONS: &str = "/lnrpc.Lightning/GetTransactions";
pub(crate) const CLOSED_CHANNELS: &str = "/lnrpc.Lightning/ClosedChannels";
pub(crate) const UPDATE_CHANNEL_POLICY: &str = "/lnrpc.Lightning/UpdateChannelPolicy";
pub(crate) const UPDATE_CHAN_STATUS: &str = "/routerrpc.Router/UpdateChanStatus";
pub(crate) const SUBSCRIBE_HTLC_EVENTS: &str = "/routerrpc.Router/SubscribeHtlcEvents";
pub(crate) const ESTIMATE_FEE: &str = "/walletrpc.WalletKit/EstimateFee";
pub(crate) const GET_STATE: &str = "/lnrpc.State/GetState";
pub(crate) const CHECK_PERMISSIONS: &str = "/lnrpc.Lightning/CheckMacaroonPermissions";

/// The table's entry, or the refusal to send anything.
pub(crate) fn allowed(name: &str) -> Result<&'static Method> {
    let found = METHODS.iter().find(|method| method.name == name);
    found.ok_or_else(|| Error::NotAllowed { method: crate::convert::text(name, 200) })
}

/// Full names of every method on the allow-list.
pub fn allow_list() -> impl Iterator<Item = &'static str> {
    METHODS.iter().map(|method| method.name)
}

/// What `debal fees permissions` prints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permissions {
    /// Command that bakes the macaroon on the LND side.
    pub bake_macaroon: String,
    /// Full method name and what it is for, in the order of the bake line.
    pub methods: Vec<(&'static str, &'static str)>,
}

/// The least credentials DEBAL works with: methods by name, so that payments stay impossible.
#[must_use]
pub fn permissions() -> Permissions {
    let baked: Vec<&Method> = METHODS.iter().filter(|method| method.baked).collect();
    let uris: Vec<String> = baked.iter().map(|method| format!("uri:{}", method.name)).collect();
    Permissions {
        bake_macaroon: format!("lncli bakemacaroon --save_to debal.macaroon {}", uris.join(" ")),
        methods: baked.iter().map(|method| (method.name, method.purpose)).collect(),
    }
}

/// How a macaroon compares with what DEBAL needs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Audit {
    /// Methods DEBAL uses that the macaroon does not cover.
    pub missing: Vec<&'static str>,
    /// Grants that reach beyond the table, as `entity:action`. Not empty: warn the operator.
    pub excess: Vec<String>,
}

/// Compares grants with the table. A coarse grant is excess even where it covers a needed method,
/// because it covers others too (`offchain:write` can pay).
#[must_use]
pub fn audit(grants: &[Grant]) -> Audit {
    let covers = |method: &Method| {
        let (entity, action) = method.permission.parts();
        grants.iter().any(|grant| {
            (grant.entity == "uri" && grant.action == method.name)
                || (grant.entity == entity && grant.action == action)
        })
    };
    let needed = || METHODS.iter().filter(|method| method.baked);
    let harmless = |grant: &Grant| {
        grant.entity == "uri" && METHODS.iter().any(|method| method.name == grant.action)
    };
    Audit {
        missing: needed().filter(|method| !covers(method)).map(|method| method.name).collect(),
        excess: grants.iter().filter(|grant| !harmless(grant)).map(Grant::to_string).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bake_line_names_fourteen_methods_and_none_that_pays() {
        let printed = permissions();
        assert_eq!(printed.methods.len(), 14);
        assert_eq!(printed.bake_macaroon.matches("uri:/").count(), 14);
        for word in ["Send", "Pay", "Open", "Close ", "Bake", "offchain", "NewAddress"] {
            assert!(!printed.bake_macaroon.contains(word), "{word}");
        }
    }

    #[test]
    fn coarse_grants_are_excess_and_exact_ones_are_not() {
        let exact: Vec<Grant> = permissions()
            .methods
            .iter()
            .map(|(name, _)| Grant { entity: "uri".into(), action: (*name).into() })
            .collect();
        assert_eq!(audit(&exact), Audit::default());
        let admin = [
            Grant { entity: "offchain".into(), action: "read".into() },
            Grant { entity: "offchain".into(), action: "write".into() },
        ];
        let found = audit(&admin);
        assert_eq!(found.excess, ["offchain:read", "offchain:write"]);
        assert!(found.missing.contains(&GET_INFO) && !found.missing.contains(&LIST_CHANNELS));
    }

    #[test]
    fn what_is_not_in_the_table_is_not_allowed() {
        assert!(allowed(UPDATE_CHANNEL_POLICY).is_ok());
        for name in ["/lnrpc.Lightning/SendPaymentSync", "", "GetInfo", "/lnrpc.Lightning/GetInfo/"]
        {
            assert!(matches!(allowed(name), Err(Error::NotAllowed { .. })), "{name}");
        }
    }
}

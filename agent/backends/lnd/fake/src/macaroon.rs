//! Macaroons: shaped like LND's, checked against a list of what was baked.
//!
//! No cryptography: a macaroon that is not on the list is a forgery.

/// The methods of the least-privilege list.
pub const LEAST: [&str; 14] = [
    "/lnrpc.Lightning/GetInfo",
    "/lnrpc.Lightning/ListChannels",
    "/lnrpc.Lightning/FeeReport",
    "/lnrpc.Lightning/GetChanInfo",
    "/lnrpc.Lightning/GetNodeInfo",
    "/lnrpc.Lightning/GetNetworkInfo",
    "/lnrpc.Lightning/DescribeGraph",
    "/lnrpc.Lightning/ForwardingHistory",
    "/lnrpc.Lightning/GetTransactions",
    "/lnrpc.Lightning/ClosedChannels",
    "/lnrpc.Lightning/UpdateChannelPolicy",
    "/routerrpc.Router/UpdateChanStatus",
    "/routerrpc.Router/SubscribeHtlcEvents",
    "/walletrpc.WalletKit/EstimateFee",
];

/// What `admin.macaroon` grants.
pub(crate) const ADMIN: &[(&str, &str)] = &[
    ("address", "read"),
    ("address", "write"),
    ("info", "read"),
    ("info", "write"),
    ("invoices", "read"),
    ("invoices", "write"),
    ("macaroon", "generate"),
    ("macaroon", "read"),
    ("macaroon", "write"),
    ("message", "read"),
    ("message", "write"),
    ("offchain", "read"),
    ("offchain", "write"),
    ("onchain", "read"),
    ("onchain", "write"),
    ("peers", "read"),
    ("peers", "write"),
    ("signer", "generate"),
    ("signer", "read"),
];

struct Baked {
    bytes: Vec<u8>,
    grants: Vec<(String, String)>,
    expired: bool,
}

/// Everything baked so far.
#[derive(Default)]
pub(crate) struct Credentials(Vec<Baked>);

impl Credentials {
    pub(crate) fn bake(&mut self, grants: &[(&str, &str)]) -> Vec<u8> {
        let grants: Vec<(String, String)> =
            grants.iter().map(|(entity, action)| ((*entity).into(), (*action).into())).collect();
        let bytes = encoded(self.0.len() as u8, &grants);
        self.0.push(Baked { bytes: bytes.clone(), grants, expired: false });
        bytes
    }

    pub(crate) fn expire(&mut self, bytes: &[u8]) {
        for baked in self.0.iter_mut().filter(|baked| baked.bytes == bytes) {
            baked.expired = true;
        }
    }

    /// LND's check: the coarse permission, or the method by name.
    pub(crate) fn check(
        &self,
        bytes: &[u8],
        method: &str,
        (entity, action): (&str, &str),
    ) -> Result<(), &'static str> {
        let baked = self.0.iter().find(|baked| baked.bytes == bytes);
        let baked =
            baked.ok_or("verification failed: signature mismatch after caveat verification")?;
        if baked.expired {
            return Err(
                "verification failed: caveat \"time-before 2024-01-01T00:00:00Z\" not satisfied: macaroon has expired",
            );
        }
        let allowed = baked.grants.iter().any(|(have, what)| {
            (have == entity && what == action) || (have == "uri" && what == method)
        });
        if allowed { Ok(()) } else { Err("permission denied") }
    }
}

fn field(bytes: &mut Vec<u8>, kind: u8, content: &[u8]) {
    bytes.push(kind);
    let mut length = content.len();
    while length >= 0x80 {
        bytes.push((length & 0x7f) as u8 | 0x80);
        length >>= 7;
    }
    bytes.push(length as u8);
    bytes.extend_from_slice(content);
}

/// Version 2 of the binary form; the identifier carries the operations.
fn encoded(nonce: u8, grants: &[(String, String)]) -> Vec<u8> {
    let mut identifier = vec![3];
    field(&mut identifier, 0x0a, &[nonce; 16]);
    field(&mut identifier, 0x12, b"0");
    for (entity, action) in grants {
        let mut operation = Vec::new();
        field(&mut operation, 0x0a, entity.as_bytes());
        field(&mut operation, 0x12, action.as_bytes());
        field(&mut identifier, 0x1a, &operation);
    }
    let mut bytes = vec![2];
    field(&mut bytes, 1, b"lnd");
    field(&mut bytes, 2, &identifier);
    bytes.extend([0, 0]);
    field(&mut bytes, 6, &[nonce; 32]);
    bytes
}

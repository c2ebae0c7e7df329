//! The one table of methods that DEBAL may call on Core Lightning, and the rune that covers them.
//!
//! The transport looks a method up here before anything is sent. Nothing may be added that can
//! move money, open or close a channel, or read a secret.

use crate::error::{Error, Result};
use crate::number::text;

/// What a call does to the node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Changes nothing.
    Read,
    /// Changes a policy: a lost answer is ambiguous.
    Write,
}

/// One method DEBAL may call.
#[derive(Debug)]
pub(crate) struct Method {
    /// Its name.
    pub(crate) name: &'static str,
    /// What it does.
    pub(crate) kind: Kind,
    /// Largest answer, bytes.
    pub(crate) limit_bytes: usize,
    /// The answer may take this many times the usual deadline.
    pub(crate) patience: u32,
}

const MIB: usize = 1 << 20;

const fn read(name: &'static str, limit_bytes: usize, patience: u32) -> Method {
    Method { name, kind: Kind::Read, limit_bytes, patience }
}

/// Every method DEBAL may call. The order is the order of the printed rune.
pub(crate) static METHODS: [Method; 8] = [
    read(GET_INFO, MIB, 1),
    read(LIST_PEER_CHANNELS, 128 * MIB, 4),
    read(LIST_FORWARDS, 64 * MIB, 4),
    read(LIST_CHANNELS, 64 * MIB, 2),
    read(LIST_NODES, MIB, 1),
    read(FEE_RATES, MIB, 1),
    read(LIST_INCOME, 64 * MIB, 4),
    Method { name: SET_CHANNEL, kind: Kind::Write, limit_bytes: MIB, patience: 1 },
];

pub(crate) const GET_INFO: &str = "getinfo";
pub(crate) const LIST_PEER_CHANNELS: &str = "listpeerchannels";
pub(crate) const LIST_FORWARDS: &str = "listforwards";
pub(crate) const LIST_CHANNELS: &str = "listchannels";
pub(crate) const LIST_NODES: &str = "listnodes";
pub(crate) const FEE_RATES: &str = "feerates";
pub(crate) const LIST_INCOME: &str = "bkpr-listincome";
pub(crate) const SET_CHANNEL: &str = "setchannel";

/// The table's entry, or the refusal to send anything.
pub(crate) fn allowed(name: &str) -> Result<&'static Method> {
    let found = METHODS.iter().find(|method| method.name == name);
    found.ok_or_else(|| Error::NotAllowed { method: text(name, 200) })
}

/// Names of every method on the allow-list.
pub fn allow_list() -> impl Iterator<Item = &'static str> {
    METHODS.iter().map(|method| method.name)
}

/// The command that makes a rune for exactly these methods, for whoever reaches the node by
/// something else than its socket.
#[must_use]
pub fn create_rune() -> String {
    let methods: Vec<String> = allow_list().map(|name| format!("\"method={name}\"")).collect();
    format!("lightning-cli createrune restrictions='[[{}]]'", methods.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_on_the_list_moves_money_and_one_method_writes() {
        let writes: Vec<&str> =
            METHODS.iter().filter(|m| m.kind == Kind::Write).map(|m| m.name).collect();
        assert_eq!(writes, [SET_CHANNEL]);
        for name in ["pay", "sendpay", "xpay", "close", "fundchannel", "withdraw", "getsecret"] {
            assert_eq!(allowed(name).unwrap_err(), Error::NotAllowed { method: name.to_owned() });
        }
        assert_eq!(
            create_rune(),
            "lightning-cli createrune restrictions='[[\"method=getinfo\",\
             \"method=listpeerchannels\",\"method=listforwards\",\"method=listchannels\",\
             \"method=listnodes\",\"method=feerates\",\"method=bkpr-listincome\",\
             \"method=setchannel\"]]'"
        );
    }
}

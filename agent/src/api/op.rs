//! The words of the control socket: what can be asked, and how an error is said.
//!
//! One JSON object per line. Unknown fields are refused: a slip in an amount must not be ignored.

use crate::config::genesis::MemberEntry;
use crate::payments::Invoice;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// A forwarding policy. `cltv` is taken for the sake of Lightning policies and has no effect on the
/// ledger, which has no chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyFields {
    /// Fixed fee.
    pub base_msat: u32,
    /// Millionths of the amount.
    pub ppm: u32,
    /// Smallest payment.
    pub min_msat: u64,
    /// Largest payment.
    pub max_msat: u64,
    /// Timelock delta in blocks; no effect on the ledger.
    #[serde(default)]
    pub cltv: u16,
    /// The direction takes no payments.
    #[serde(default)]
    pub disabled: bool,
}

/// A channel to open, as this end sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpenFields {
    /// The channel, in any spelling.
    pub channel: String,
    /// The other end, hex.
    pub peer: String,
    /// Capacity.
    pub capacity_msat: u64,
    /// What this end starts with; the other has the rest.
    pub local_msat: u64,
    /// This end's policy.
    pub policy: PolicyFields,
}

/// What can be asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case", deny_unknown_fields)]
pub enum Op {
    /// The node at a glance.
    Status,
    /// Agree in advance to a channel that the peer will propose.
    ExpectChannel(OpenFields),
    /// Propose a channel that the peer expects; answered when both have signed.
    OpenChannel(OpenFields),
    /// Change this end's policy.
    SetPolicy {
        /// The channel.
        channel: String,
        /// The new policy.
        policy: PolicyFields,
    },
    /// Prepare to be paid.
    Invoice {
        /// Exact amount.
        amount_msat: u64,
        /// How long it may be paid.
        expiry_ms: u64,
    },
    /// Pay.
    Pay {
        /// What to pay.
        invoice: Invoice,
        /// Routes to try; the configuration's number if absent.
        #[serde(default)]
        attempts: Option<u32>,
        /// Most that the route may cost.
        #[serde(default)]
        max_fee_msat: Option<u64>,
        /// Least probability of a route's success, millionths; the best compromise if absent.
        #[serde(default)]
        min_success_ppm: Option<u32>,
    },
    /// Move out of one channel and into another.
    Rebalance {
        /// Out of this channel.
        from: String,
        /// Into this channel.
        to: String,
        /// How much arrives.
        amount_msat: u64,
        /// Most that it may cost, millionths of the amount.
        #[serde(default)]
        max_fee_ppm: Option<u32>,
        /// Least probability of a route's success, millionths; the best compromise if absent.
        #[serde(default)]
        min_success_ppm: Option<u32>,
    },
    /// What the node would do with a channel, and what stands in the way.
    Why {
        /// The channel.
        channel: String,
    },
    /// Take part in rebalancing, or not.
    SetRebalancing {
        /// Whether.
        enabled: bool,
    },
    /// What others learn about this node.
    Privacy,
    /// Who may lead and vote, now and soon.
    Roster,
    /// Vouch for a newcomer that shares a channel with this node.
    Sponsor {
        /// What `debal member` printed for the newcomer.
        entry: MemberEntry,
    },
    /// Say goodbye to the roster; channels and payments go on.
    Leave,
    /// The certificate of an epoch's leader, as a file.
    Certificate {
        /// The epoch; the newest certified one if absent.
        #[serde(default)]
        epoch: Option<u64>,
    },
    /// What happened after a cursor; waits up to a second for news.
    Events {
        /// The cursor of the last answer; 0 for all that is kept.
        #[serde(default)]
        after: u64,
    },
    /// Every counter.
    Counters,
    /// When gossip was published and received here.
    GossipTrace,
    /// Check every local invariant.
    Audit,
    /// Stop the agent gracefully.
    Stop,
}

/// Why a request was not carried out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ApiError {
    /// Stable name.
    pub kind: &'static str,
    /// For people, with the next step.
    pub message: String,
}

impl ApiError {
    /// An error of that kind.
    pub fn new(kind: &'static str, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    /// The request itself is wrong.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new("invalid", message)
    }
}

/// A request with its number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Chosen by the client; comes back with the answer.
    pub id: u64,
    /// What is asked.
    pub op: Op,
}

/// Reads one line.
///
/// # Errors
/// The request's number, if it has one, and what is wrong.
pub fn parse(line: &[u8]) -> Result<Request, (u64, ApiError)> {
    let bad = |message: String| ApiError::new("bad_request", message);
    let mut object: Map<String, Value> =
        serde_json::from_slice(line).map_err(|error| (0, bad(error.to_string())))?;
    let id = object.remove("id").and_then(|id| id.as_u64());
    let id = id.ok_or_else(|| (0, bad("id must be a whole number".to_owned())))?;
    if !object.contains_key("op") {
        return Err((id, bad("op is missing".to_owned())));
    }
    let op = serde_json::from_value(Value::Object(object));
    op.map(|op| Request { id, op }).map_err(|error| (id, bad(error.to_string())))
}

/// The line of an answer.
#[must_use]
pub fn answer_line(id: u64, answer: Result<Value, ApiError>) -> String {
    let answer = match answer {
        Ok(ok) => json!({ "id": id, "ok": ok }),
        Err(ApiError { kind, message }) => {
            json!({ "id": id, "error": { "kind": kind, "message": message } })
        }
    };
    format!("{answer}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_parse_and_slips_are_refused_by_name() {
        let request = parse(br#"{"id":7,"op":"why","channel":"1x2x3"}"#).unwrap();
        assert_eq!(request, Request { id: 7, op: Op::Why { channel: "1x2x3".to_owned() } });
        assert_eq!(parse(br#"{"id":1,"op":"status"}"#).unwrap().op, Op::Status);
        let (id, error) = parse(br#"{"id":8,"op":"why","chanel":"1x2x3"}"#).unwrap_err();
        assert!(id == 8 && error.message.contains("chanel"), "{error}");
        assert_eq!(parse(br#"{"op":"status"}"#).unwrap_err().0, 0);
        assert!(parse(br#"{"id":9,"op":"steal"}"#).unwrap_err().1.message.contains("steal"));
        assert_eq!(parse(b"[]").unwrap_err().1.kind, "bad_request");
    }

    #[test]
    fn every_operation_survives_the_wire() {
        let ops = [Op::Privacy, Op::Events { after: 3 }, Op::SetRebalancing { enabled: false }];
        for op in ops {
            let mut value = serde_json::to_value(&op).unwrap();
            value["id"] = json!(5);
            let line = value.to_string();
            assert_eq!(parse(line.as_bytes()).unwrap(), Request { id: 5, op });
        }
    }
}

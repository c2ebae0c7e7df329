//! The conformance suite: what every backend must do, checked against two real, connected backends.
//!
//! It runs in a test of whoever can build such a pair. It must never look behind the trait, and
//! what a backend declares it cannot do must be refused by name.

use crate::{
    BackendEvent, Channel, ChannelBackend, Cursor, Error, Forward, Gap, HtlcKey, OperationId,
    PathHop, PaymentState, PolicyPatch, Receipt, Receive, SendAlong,
};
use debal_protocol::{ChannelId, LockHash, Msat, NodeId, Secret};
use futures::{FutureExt, StreamExt};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

/// What each check moves.
const AMOUNT: Msat = Msat(5_000_001);
/// Longest wait for an outcome.
const LIMIT: Duration = Duration::from_secs(30);

/// Two backends with one open channel, at least 20,000 sat usable on both sides.
#[derive(Clone)]
pub struct Pair {
    /// Pays.
    pub payer: Arc<dyn ChannelBackend>,
    /// Is paid.
    pub payee: Arc<dyn ChannelBackend>,
    /// Their channel.
    pub channel: ChannelId,
    /// Unix milliseconds after which prepared receives may lapse.
    pub expires_ms: u64,
}

/// A check that failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{check}: {found}")]
pub struct Broken {
    /// The rule.
    pub check: &'static str,
    /// What was seen instead.
    pub found: String,
}

type Outcome<T = ()> = Result<T, Broken>;

/// Runs every check and returns their names.
///
/// # Errors
/// [`Broken`] names the first rule that does not hold.
pub async fn run(pair: &Pair) -> Outcome<Vec<&'static str>> {
    let mut checks = Vec::new();
    for (name, check) in [
        ("both ends agree on one conserved channel", agreement(pair).boxed()),
        ("a payment moves exactly its amount", payment(pair).boxed()),
        ("a repeated operation changes nothing", repetition(pair).boxed()),
        ("events are told at least once, again and again", events(pair).boxed()),
        ("a held receive settles on request", hold_and_settle(pair).boxed()),
        ("a cancelled receive leaves every balance as before", hold_and_cancel(pair).boxed()),
        ("what cannot be done is refused by name", refusals(pair).boxed()),
        ("missing capabilities are refused by name", gaps(pair).boxed()),
    ] {
        check.await?;
        checks.push(name);
    }
    Ok(checks)
}

fn must(holds: bool, check: &'static str, found: impl FnOnce() -> String) -> Outcome {
    if holds { Ok(()) } else { Err(Broken { check, found: found() }) }
}

fn broken<E: std::fmt::Debug>(check: &'static str) -> impl FnOnce(E) -> Broken {
    move |error| Broken { check, found: format!("{error:?}") }
}

async fn node(backend: &dyn ChannelBackend) -> Outcome<NodeId> {
    backend.info().await.map(|info| info.node).map_err(broken("info answers"))
}

async fn channel(backend: &dyn ChannelBackend, id: ChannelId) -> Outcome<Channel> {
    let check = "channels lists every open channel";
    let all = backend.channels().await.map_err(broken(check))?;
    let found = all.into_iter().find(|channel| channel.channel == id);
    found.ok_or_else(|| Broken { check, found: format!("no {id}") })
}

async fn settled_states(pair: &Pair) -> Outcome<(Channel, Channel)> {
    wait("both ends come to the same state without locks", || async {
        let ours = channel(&*pair.payer, pair.channel).await?;
        let theirs = channel(&*pair.payee, pair.channel).await?;
        let quiet = ours.locked_msat == Msat::ZERO && theirs.locked_msat == Msat::ZERO;
        Ok((quiet && ours.digest == theirs.digest).then_some((ours, theirs)))
    })
    .await
}

/// Asks until there is an answer.
async fn wait<T, F: Future<Output = Outcome<Option<T>>>>(
    check: &'static str,
    mut ask: impl FnMut() -> F,
) -> Outcome<T> {
    let asking = async {
        loop {
            if let Some(answer) = ask().await? {
                return Ok(answer);
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let waited = tokio::time::timeout(LIMIT, asking).await;
    waited.unwrap_or_else(|_| Err(Broken { check, found: "no outcome in time".to_owned() }))
}

async fn ended(pair: &Pair, hash: LockHash) -> Outcome<PaymentState> {
    wait("a payment ends", || async {
        let state = pair.payer.payment(hash).await.map_err(broken("payment answers"))?;
        let open = matches!(state, PaymentState::InFlight | PaymentState::Unknown);
        Ok((!open).then_some(state))
    })
    .await
}

async fn agreement(pair: &Pair) -> Outcome {
    let (ours, theirs) = settled_states(pair).await?;
    let sum = Msat::sum([ours.local_msat, ours.remote_msat, ours.locked_msat]);
    must(sum == Some(ours.capacity_msat), "balances and locks are the capacity", || {
        format!("{ours:?}")
    })?;
    must(ours.local_msat == theirs.remote_msat, "one end's local is the other's remote", || {
        format!("{ours:?} {theirs:?}")
    })?;
    let peers = (node(&*pair.payer).await?, node(&*pair.payee).await?);
    must((theirs.peer, ours.peer) == peers, "peers name each other", || format!("{peers:?}"))
}

async fn prepared(pair: &Pair, hash: Option<LockHash>) -> Outcome<LockHash> {
    let receive =
        Receive { hash, amount_msat: AMOUNT, expires_ms: pair.expires_ms, hold_blocks: None };
    let ticket = pair.payee.prepare_receive(receive).await;
    ticket.map(|ticket| ticket.hash).map_err(broken("a receive can be prepared"))
}

async fn sending(pair: &Pair, operation: u64, hash: LockHash) -> Outcome<SendAlong> {
    let to = node(&*pair.payee).await?;
    let hop = PathHop { channel: pair.channel, to, amount_msat: AMOUNT, cltv_delta: 0 };
    let operation = OperationId(operation);
    Ok(SendAlong { operation, hash, hops: vec![hop], max_fee_msat: Msat::ZERO })
}

async fn send(pair: &Pair, operation: u64, hash: LockHash) -> Outcome {
    let send = sending(pair, operation, hash).await?;
    let accepted = pair.payer.send_along(send).await.map_err(broken("a payment is accepted"))?;
    must(accepted.new, "a first send is new", || format!("{accepted:?}"))
}

async fn payment(pair: &Pair) -> Outcome {
    let (before, _) = settled_states(pair).await?;
    let hash = prepared(pair, None).await?;
    let state = pair.payer.payment(hash).await;
    must(state == Ok(PaymentState::Unknown), "nothing is known before", || format!("{state:?}"))?;
    let receipt = pair.payee.receipt(hash).await;
    must(receipt == Ok(Receipt::Open), "a prepared receive is open", || format!("{receipt:?}"))?;
    send(pair, 1_001, hash).await?;
    let state = ended(pair, hash).await?;
    let PaymentState::Settled { secret, fee_msat } = &state else {
        return Err(Broken { check: "the payment settles", found: format!("{state:?}") });
    };
    must(*fee_msat == Msat::ZERO, "one hop costs nothing", || format!("{fee_msat}"))?;
    let shown = secret.as_ref().is_some_and(|secret| hash.opens_with(secret));
    must(shown == pair.payer.caps().shows_secret, "secrets are shown as declared", || {
        format!("shown: {shown}")
    })?;
    let (after, _) = settled_states(pair).await?;
    let left = before.local_msat.checked_sub(AMOUNT);
    must(left == Some(after.local_msat), "exactly the amount moved", || {
        format!("{before:?} {after:?}")
    })?;
    let receipt = pair.payee.receipt(hash).await;
    must(receipt == Ok(Receipt::Settled), "the payee has it", || format!("{receipt:?}"))
}

async fn repetition(pair: &Pair) -> Outcome {
    let hash = prepared(pair, None).await?;
    send(pair, 1_002, hash).await?;
    ended(pair, hash).await?;
    let (before, _) = settled_states(pair).await?;
    let again = pair.payer.send_along(sending(pair, 1_002, hash).await?).await;
    must(again.as_ref().is_ok_and(|again| !again.new), "the same send is not new", || {
        format!("{again:?}")
    })?;
    let other = pair.payer.send_along(sending(pair, 1_003, hash).await?).await;
    let named = matches!(other, Err(Error::Duplicate(PaymentState::Settled { .. })));
    must(named, "a paid hash is not paid again", || format!("{other:?}"))?;
    let (after, _) = settled_states(pair).await?;
    must(before == after, "nothing moved", || format!("{before:?} {after:?}"))
}

async fn events(pair: &Pair) -> Outcome {
    let hash = prepared(pair, None).await?;
    send(pair, 1_004, hash).await?;
    ended(pair, hash).await?;
    for _ in 0..2 {
        let paid = |event: &BackendEvent| match event {
            BackendEvent::PaymentEnded { hash: other, .. } => *other == hash,
            _ => false,
        };
        told(&*pair.payer, paid).await?;
        let received = BackendEvent::Received { hash, amount_msat: AMOUNT };
        told(&*pair.payee, move |event| *event == received).await?;
    }
    Ok(())
}

async fn told(backend: &dyn ChannelBackend, wanted: impl Fn(&BackendEvent) -> bool) -> Outcome {
    let check = "events tell every outcome, in rising order";
    let search = async {
        let mut stream = backend.events(Cursor::default());
        let mut last = Cursor::default();
        while let Some((cursor, event)) = stream.next().await {
            must(cursor >= last, check, || format!("{cursor:?} after {last:?}"))?;
            last = cursor;
            if wanted(&event) {
                return Ok(());
            }
        }
        Err(Broken { check, found: "the stream ended".to_owned() })
    };
    let waited = tokio::time::timeout(LIMIT, search).await;
    waited.unwrap_or_else(|_| Err(Broken { check, found: "not told in time".to_owned() }))
}

async fn held(pair: &Pair, number: u8) -> Outcome<Option<Secret>> {
    let secret = Secret::new([number; 32]);
    let hash = secret.lock_hash();
    if !pair.payee.caps().hold {
        let receive = Receive {
            hash: Some(hash),
            amount_msat: AMOUNT,
            expires_ms: pair.expires_ms,
            hold_blocks: None,
        };
        let refused = pair.payee.prepare_receive(receive).await;
        must(refused == Err(Error::Unsupported(Gap::Hold)), "no hold, by name", || {
            format!("{refused:?}")
        })?;
        return Ok(None);
    }
    prepared(pair, Some(hash)).await?;
    send(pair, 2_000 + u64::from(number), hash).await?;
    wait("a payment to a held receive waits", || async {
        let receipt = pair.payee.receipt(hash).await.map_err(broken("receipt answers"))?;
        let held = matches!(receipt, Receipt::Held { amount_msat, .. } if amount_msat == AMOUNT);
        Ok(held.then_some(()))
    })
    .await?;
    Ok(Some(secret))
}

async fn hold_and_settle(pair: &Pair) -> Outcome {
    let Some(secret) = held(pair, 1).await? else { return Ok(()) };
    let hash = secret.lock_hash();
    for _ in 0..2 {
        pair.payee.settle(secret.clone()).await.map_err(broken("settle may be repeated"))?;
    }
    let state = ended(pair, hash).await?;
    must(matches!(state, PaymentState::Settled { .. }), "a settled hold is paid", || {
        format!("{state:?}")
    })?;
    settled_states(pair).await?;
    let cancelled = pair.payee.cancel(hash).await;
    must(cancelled == Err(Error::AlreadySettled), "paid is paid", || format!("{cancelled:?}"))
}

async fn hold_and_cancel(pair: &Pair) -> Outcome {
    let (before, _) = settled_states(pair).await?;
    let Some(secret) = held(pair, 2).await? else { return Ok(()) };
    let hash = secret.lock_hash();
    for _ in 0..2 {
        pair.payee.cancel(hash).await.map_err(broken("cancel may be repeated"))?;
    }
    let state = ended(pair, hash).await?;
    must(matches!(state, PaymentState::Failed { .. }), "a cancelled hold fails", || {
        format!("{state:?}")
    })?;
    let (after, _) = settled_states(pair).await?;
    let same = (before.local_msat, before.remote_msat) == (after.local_msat, after.remote_msat);
    must(same, "every balance is as before", || format!("{before:?} {after:?}"))?;
    let receipt = pair.payee.receipt(hash).await;
    must(receipt == Ok(Receipt::Cancelled), "the receive is cancelled", || format!("{receipt:?}"))
}

async fn refusals(pair: &Pair) -> Outcome {
    let (ours, _) = settled_states(pair).await?;
    let unknown = LockHash([0xee; 32]);
    let receipt = pair.payee.receipt(unknown).await;
    must(receipt == Err(Error::UnknownHash(unknown)), "no receipt of a strange hash", || {
        format!("{receipt:?}")
    })?;
    let cancelled = pair.payee.cancel(unknown).await;
    must(cancelled == Err(Error::UnknownHash(unknown)), "no cancel of a strange hash", || {
        format!("{cancelled:?}")
    })?;
    let mut send = sending(pair, 1_005, unknown).await?;
    if let Some(hop) = send.hops.first_mut() {
        hop.amount_msat = ours.can_send_msat.plus_capped(Msat(1));
    }
    let refused = pair.payer.send_along(send.clone()).await;
    let named = Err(Error::Insufficient { available_msat: ours.can_send_msat });
    must(refused == named, "one msat too much is refused with the limit", || {
        format!("{refused:?}")
    })?;
    let strange = ChannelId(1);
    if let Some(hop) = send.hops.first_mut() {
        *hop = PathHop { channel: strange, amount_msat: AMOUNT, ..*hop };
    }
    let refused = pair.payer.send_along(send).await;
    must(refused == Err(Error::UnknownChannel(strange)), "a strange channel is named", || {
        format!("{refused:?}")
    })
}

async fn gaps(pair: &Pair) -> Outcome {
    let caps = pair.payer.caps();
    if !caps.intercept {
        let key = HtlcKey { channel: pair.channel, htlc: 0 };
        let refused = pair.payer.decide_forward(key, Forward::Refuse).await;
        must(refused == Err(Error::Unsupported(Gap::Intercept)), "no interception", || {
            format!("{refused:?}")
        })?;
    }
    if !caps.inbound_fee {
        let patch = PolicyPatch { inbound_ppm: Some(-5), ..PolicyPatch::default() };
        let refused = pair.payer.set_policy(pair.channel, patch).await;
        must(refused == Err(Error::Unsupported(Gap::InboundFee)), "no inbound fee", || {
            format!("{refused:?}")
        })?;
    }
    let patch = PolicyPatch { ppm: Some(77), ..PolicyPatch::default() };
    pair.payer.set_policy(pair.channel, patch).await.map_err(broken("a policy can be set"))
}

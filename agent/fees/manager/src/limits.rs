//! Limits of peers at the circuit breaker, changed as fees are: decided, sent, ended, and resolved
//! by asking where an answer was lost.
//!
//! It must never touch the service of another node, nor a peer whose limit is what the rules want.

use crate::apply::Outcome;
use crate::error::ManagerError;
use crate::{Manager, NodeError};
use debal_breaker::{Breaker, Error, Limits};
use debal_fees::BreakerChange;
use debal_fees::state::{CircuitBreaker, Limit};
use debal_fees_history::{ChangeState, PeerLimit, RunId};
use serde::Serialize;

/// A peer's limit in a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LimitRun {
    /// The peer's key.
    pub peer: String,
    /// Its own limit before; none means that the default held.
    pub old: Option<PeerLimit>,
    /// Its own limit wanted.
    pub new: Option<PeerLimit>,
    /// What became of it.
    #[serde(flatten)]
    pub outcome: Outcome,
}

const fn kept(limit: &debal_breaker::Limit) -> PeerLimit {
    PeerLimit {
        max_hourly_rate: limit.max_hourly_rate,
        max_pending: limit.max_pending,
        mode: limit.mode as i64,
    }
}

fn seen_by_rules(limit: &debal_breaker::Limit) -> Limit {
    Limit {
        max_hourly_rate: limit.max_hourly_rate.into(),
        max_pending: limit.max_pending.into(),
        mode: limit.mode.into(),
    }
}

/// Limits past 64 bits stay at the end of their range, where the service refuses them or not.
fn wanted(limit: &Limit) -> PeerLimit {
    let fit = |value: i128| i64::try_from(value).unwrap_or(if value < 0 { -1 } else { i64::MAX });
    PeerLimit {
        max_hourly_rate: fit(limit.max_hourly_rate),
        max_pending: fit(limit.max_pending),
        mode: fit(limit.mode),
    }
}

fn told(error: Error) -> NodeError {
    let why = error.to_string();
    match error {
        Error::Unavailable { .. } => NodeError::Unavailable(why),
        Error::Refused { .. } | Error::Invalid(_) => NodeError::Refused(why),
        Error::Ambiguous { .. } => NodeError::Unknown(why),
        Error::Protocol(_) => NodeError::Broken(why),
    }
}

impl<'a> Manager<'a> {
    /// Changes limits at a circuit breaker too.
    #[must_use]
    pub fn with_breaker(self, breaker: Option<Breaker>) -> Self {
        Self { breaker, ..self }
    }

    /// The service's state, if there is a service; it must guard this node.
    pub(crate) async fn service(&self, own: &str) -> Result<Option<CircuitBreaker>, ManagerError> {
        let Some(breaker) = &self.breaker else { return Ok(None) };
        let guarded = breaker.guarded_node().await.map_err(told)?;
        if guarded != own {
            return Err(ManagerError::OtherNode { guarded });
        }
        let listed = breaker.list_limits().await.map_err(told)?;
        let own = listed.own.iter();
        Ok(Some(CircuitBreaker {
            node_key: guarded,
            default_limit: seen_by_rules(&listed.default),
            limits: own.map(|(peer, limit)| (peer.clone(), seen_by_rules(limit))).collect(),
        }))
    }

    /// Resolves changes of limits that an earlier run left open; how many.
    pub(crate) async fn recover_limits(&self, now_s: i64) -> Result<usize, ManagerError> {
        let Some(breaker) = &self.breaker else { return Ok(0) };
        let open = self.history.open_limit_changes()?;
        if open.is_empty() {
            return Ok(0);
        }
        let listed = breaker.list_limits().await.map_err(told)?;
        for change in &open {
            let (state, why) = found(&listed, &change.peer, change.new);
            self.history.limit_ended(change.id, state, now_s, why)?;
        }
        Ok(open.len())
    }

    /// What is to change and is not what it should be already.
    pub(crate) fn limits_to_change(
        change: &BreakerChange,
        service: Option<&CircuitBreaker>,
    ) -> Vec<LimitRun> {
        let Some(service) = service else { return Vec::new() };
        let cleared = change.cleared.iter().map(|peer| (peer, None));
        let updated = change.updated.iter().map(|(peer, limit)| (peer, Some(wanted(limit))));
        let of = |(peer, new): (&String, Option<PeerLimit>)| LimitRun {
            peer: peer.clone(),
            old: service.limits.get(peer).map(wanted),
            new,
            outcome: Outcome::WouldChange,
        };
        cleared.chain(updated).map(of).filter(|limit| limit.old != limit.new).collect()
    }

    /// Changes one peer's limit. An error means that the run cannot go on.
    pub(crate) async fn change_limit(
        &self,
        run: RunId,
        limit: &LimitRun,
        now_s: i64,
    ) -> Result<Outcome, ManagerError> {
        let Some(breaker) = &self.breaker else { return Ok(Outcome::NotReached) };
        let LimitRun { peer, old, new, .. } = limit;
        let change = self.history.decide_limit(run, peer, (*old, *new), now_s)?;
        let end = |state, why: Option<&str>| self.history.limit_ended(change, state, now_s, why);
        let sent = match new {
            None => breaker.clear_limit(peer).await,
            Some(limit) => {
                let mode = i32::try_from(limit.mode).unwrap_or(-1);
                let (max_hourly_rate, max_pending) = (limit.max_hourly_rate, limit.max_pending);
                let limit = debal_breaker::Limit { max_hourly_rate, max_pending, mode };
                breaker.update_limit(peer, limit).await
            }
        };
        let Err(error) = sent.map_err(told) else {
            end(ChangeState::Confirmed, None)?;
            return Ok(Outcome::Changed);
        };
        let why = error.to_string();
        if error.ends_run() {
            end(ChangeState::Abandoned, Some("the service did not take it"))?;
            return Err(error.into());
        }
        if !matches!(error, NodeError::Unknown(_)) {
            end(ChangeState::Refused, Some(&why))?;
            return Ok(Outcome::Refused(why));
        }
        let listed = breaker.list_limits().await.map_err(told)?;
        let (state, not) = found(&listed, peer, *new);
        end(state, not.or(Some(&why)))?;
        Ok(not.map_or(Outcome::Changed, |not| Outcome::NotInForce(not.to_owned())))
    }
}

/// What became of a change, by what the service lists now.
fn found(
    listed: &Limits,
    peer: &str,
    new: Option<PeerLimit>,
) -> (ChangeState, Option<&'static str>) {
    if listed.own.get(peer).map(kept) == new {
        (ChangeState::Confirmed, None)
    } else {
        (ChangeState::Abandoned, Some("the service does not list that limit"))
    }
}

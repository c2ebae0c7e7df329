//! What the agents say happened, merged: one entry per epoch and per cycle, however many agents
//! report it.
//!
//! Events are for reports. Nothing here may be used to judge safety: that is the audit's work.

use crate::control::NodeEvent;
use crate::launch::Agent;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Pause after an agent did not answer.
const PAUSE: Duration = Duration::from_millis(200);
/// Pages read from an agent that still talks when the run is over.
const LAST_PAGES: u32 = 4;
/// Most cycles and epochs remembered; a run has thousands at most.
const MAX_ENTRIES: usize = 1_000_000;

/// How a cycle ended; a later variant overrides an earlier one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CycleOutcome {
    /// A party refused, nothing was locked.
    Refused,
    /// Something was locked, all of it was given back.
    RolledBack,
    /// Every hop settled.
    Committed,
}

/// One cycle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CycleSeen {
    /// How it ended.
    pub outcome: CycleOutcome,
    /// Amount moved around it.
    pub amount_msat: u64,
    /// Channels on it.
    pub hops: u64,
    /// From start to end.
    pub duration_ms: Option<u64>,
    /// Why, when it did not commit.
    pub reason: Option<String>,
}

/// One epoch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EpochSeen {
    /// Leaders agents saw certified, with the number of agents.
    pub leaders: BTreeMap<String, u64>,
    /// Milliseconds from the epoch's start to the certificate, one per agent.
    pub elapsed_ms: Vec<u64>,
    /// Agents that saw it skipped.
    pub skipped_by: u64,
}

impl EpochSeen {
    /// The leader most agents saw.
    #[must_use]
    pub fn leader(&self) -> Option<&str> {
        let most = self.leaders.iter().max_by_key(|(_, agents)| **agents);
        most.map(|(leader, _)| leader.as_str())
    }
}

/// Everything seen so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observations {
    /// Epochs by number.
    pub epochs: BTreeMap<u64, EpochSeen>,
    /// Cycles by id.
    pub cycles: BTreeMap<String, CycleSeen>,
    /// Cycles planned, by epoch and planning agent.
    pub planned: BTreeMap<(u64, usize), u64>,
    seen: BTreeSet<(usize, u64, &'static str)>,
}

impl Observations {
    /// Merges one event of agent `index`; kinds it does not know are left alone.
    pub fn absorb(&mut self, index: usize, event: &NodeEvent) {
        if self.epochs.len() >= MAX_ENTRIES || self.cycles.len() >= MAX_ENTRIES {
            return;
        }
        let epoch = event.number("epoch");
        match (event.kind.as_str(), epoch) {
            ("epoch_certified", Some(epoch)) if self.seen.insert((index, epoch, "certified")) => {
                let entry = self.epochs.entry(epoch).or_default();
                let leader = event.text("leader").unwrap_or_default().to_owned();
                *entry.leaders.entry(leader).or_default() += 1;
                entry.elapsed_ms.extend(event.number("elapsed_ms"));
            }
            ("epoch_skipped", Some(epoch)) if self.seen.insert((index, epoch, "skipped")) => {
                self.epochs.entry(epoch).or_default().skipped_by += 1;
            }
            ("plan_made", Some(epoch)) => {
                self.planned.insert((epoch, index), event.number("cycles").unwrap_or(0));
            }
            ("cycle_ended", _) => match event.text("outcome") {
                Some("committed") => self.cycle(event, CycleOutcome::Committed),
                Some("rolled_back") => self.cycle(event, CycleOutcome::RolledBack),
                _ => {}
            },
            ("cycle_refused", _) => self.cycle(event, CycleOutcome::Refused),
            _ => {}
        }
    }

    fn cycle(&mut self, event: &NodeEvent, outcome: CycleOutcome) {
        let Some(id) = event.text("cycle") else { return };
        let seen = CycleSeen {
            outcome,
            amount_msat: event.number("amount_msat").unwrap_or(0),
            hops: event.number("hops").unwrap_or(0),
            duration_ms: event.number("duration_ms"),
            reason: event.text("reason").map(str::to_owned),
        };
        match self.cycles.get(id) {
            Some(known) if known.outcome >= outcome => {}
            _ => drop(self.cycles.insert(id.to_owned(), seen)),
        }
    }

    /// Cycles that ended in `outcome`.
    pub fn cycles_with(&self, outcome: CycleOutcome) -> impl Iterator<Item = &CycleSeen> {
        self.cycles.values().filter(move |cycle| cycle.outcome == outcome)
    }

    /// Newest epoch that has a certified leader, with that leader.
    #[must_use]
    pub fn newest_leader(&self) -> Option<(u64, &str)> {
        let mut newest = self.epochs.iter().rev();
        newest.find_map(|(number, epoch)| Some((*number, epoch.leader()?)))
    }
}

/// Collects the events of all agents in the background until it is told to finish.
pub struct Observer {
    observations: Arc<Mutex<Observations>>,
    finish: watch::Sender<bool>,
    followers: JoinSet<()>,
}

impl Observer {
    /// Starts to follow every agent.
    #[must_use]
    pub fn start(agents: &[Arc<Agent>]) -> Self {
        let observations = Arc::new(Mutex::new(Observations::default()));
        let (finish, finished) = watch::channel(false);
        let mut followers = JoinSet::new();
        for agent in agents {
            let (agent, observations) = (Arc::clone(agent), Arc::clone(&observations));
            followers.spawn(follow(agent, observations, finished.clone()));
        }
        Self { observations, finish, followers }
    }

    /// A look at what is known now.
    pub fn read<T>(&self, look: impl FnOnce(&Observations) -> T) -> T {
        look(&self.observations.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads what the agents still have, stops, and returns everything.
    pub async fn finish(mut self) -> Observations {
        self.finish.send_replace(true);
        while self.followers.join_next().await.is_some() {}
        let mut observations = self.observations.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *observations)
    }
}

/// Follows one agent. After `finished` it goes on until a page is empty, so nothing told before
/// that moment is missed; an agent that never falls silent is left after a few pages.
async fn follow(
    agent: Arc<Agent>,
    observations: Arc<Mutex<Observations>>,
    finished: watch::Receiver<bool>,
) {
    let mut cursor = 0;
    let mut pages_left = LAST_PAGES;
    while pages_left > 0 {
        let last = *finished.borrow();
        pages_left -= u32::from(last);
        match agent.events(cursor).await {
            Ok(page) => {
                let mut all = observations.lock().unwrap_or_else(PoisonError::into_inner);
                page.events.iter().for_each(|event| all.absorb(agent.index(), event));
                // A restarted agent counts from the beginning again: follow it there.
                cursor = page.cursor;
                if last && page.events.is_empty() {
                    return;
                }
            }
            Err(_) if last => return,
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use serde_json::json;

    fn absorb(observations: &mut Observations, index: usize, event: serde_json::Value) {
        observations.absorb(index, &serde_json::from_value(event).unwrap());
    }

    #[test]
    fn an_epoch_reported_by_many_agents_counts_once() {
        let mut seen = Observations::default();
        for index in [0, 1, 1] {
            let event = json!({ "at_unix_ms": 1, "kind": "epoch_certified", "epoch": 3,
                "leader": "aa", "round": 0, "elapsed_ms": 40 + index });
            absorb(&mut seen, index, event);
        }
        let epoch = &seen.epochs[&3];
        assert_eq!((seen.epochs.len(), epoch.leader()), (1, Some("aa")));
        assert_eq!(epoch.elapsed_ms, [40, 41]);
        assert_eq!(seen.newest_leader(), Some((3, "aa")));
    }

    #[test]
    fn a_commit_overrides_what_was_said_before_and_nothing_overrides_it() {
        let mut seen = Observations::default();
        for (kind, outcome) in
            [("cycle_refused", ""), ("cycle_ended", "committed"), ("cycle_ended", "rolled_back")]
        {
            let event = json!({ "at_unix_ms": 1, "kind": kind, "cycle": "c", "hops": 3,
                "outcome": outcome, "amount_msat": 9, "duration_ms": 12 });
            absorb(&mut seen, 0, event);
        }
        let committed: Vec<_> = seen.cycles_with(CycleOutcome::Committed).collect();
        assert_eq!(committed.len(), 1);
        assert_eq!((committed[0].amount_msat, committed[0].duration_ms), (9, Some(12)));
    }

    #[test]
    fn unknown_kinds_and_missing_fields_do_no_harm() {
        let mut seen = Observations::default();
        for event in [
            json!({ "at_unix_ms": 1, "kind": "weather" }),
            json!({ "at_unix_ms": 1, "kind": "epoch_certified" }),
            json!({ "at_unix_ms": 1, "kind": "cycle_ended", "cycle": "c", "outcome": 5 }),
        ] {
            absorb(&mut seen, 0, event);
        }
        assert_eq!(seen, Observations::default());
    }
}

//! Exhaustive search of the mode-B rules (b3, b4): a small model of hops, locks, decisions and
//! clocks.
//!
//! Every order of steps, every crash (up to two) and every single liar is tried for rings of 3 and
//! 4. The model must never import the core: two descriptions of the rules that agree are worth
//! more.

use std::collections::{BTreeSet, VecDeque};

/// Where a hop stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Hop {
    None,
    Locked,
    Settled,
    Released,
}

/// What a party decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Decision {
    Open,
    Commit,
    Abort,
}

/// A rule left out on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    Nothing,
    OutBeforeIn,
    ClockInTheMiddle,
    SecretBeforeSettle,
}

/// Party i pays hop i to party i+1; party 0 is the opener and the last payee.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct State {
    hops: Vec<Hop>,
    decisions: Vec<Decision>,
    /// Who has been shown the secret.
    knows: Vec<bool>,
    revealed: bool,
    /// Hops whose deadline has passed, counted from the last hop backwards (the ladder).
    expired: usize,
    up: Vec<bool>,
    crashes_left: u8,
}

#[derive(Clone, Copy)]
struct Rules {
    nodes: usize,
    change: Change,
    /// This party may do anything its locks allow.
    liar: Option<usize>,
}

type Push<'a> = dyn FnMut(&dyn Fn(&mut State)) + 'a;

impl Rules {
    fn start(self) -> State {
        State {
            hops: vec![Hop::None; self.nodes],
            decisions: vec![Decision::Open; self.nodes],
            knows: vec![false; self.nodes],
            revealed: false,
            expired: 0,
            up: vec![true; self.nodes],
            crashes_left: 2,
        }
    }

    const fn incoming(self, party: usize) -> usize {
        (party + self.nodes - 1) % self.nodes
    }

    const fn is_expired(self, state: &State, hop: usize) -> bool {
        hop + state.expired >= self.nodes
    }

    fn next(self, state: &State) -> Vec<State> {
        let mut next = Vec::new();
        let mut push = |change: &dyn Fn(&mut State)| {
            let mut other = state.clone();
            change(&mut other);
            next.push(other);
        };
        for party in 0..self.nodes {
            // Durable facts survive a crash; a party that is down does nothing.
            if !state.up[party] {
                push(&|s| s.up[party] = true);
                continue;
            }
            if state.crashes_left > 0 {
                push(&|s| {
                    s.up[party] = false;
                    s.crashes_left -= 1;
                });
            }
            self.lock_and_reveal(state, party, &mut push);
            self.commit(state, party, &mut push);
            self.give_up(state, party, &mut push);
            if self.liar == Some(party) {
                self.lie(state, party, &mut push);
            }
        }
        if state.expired < self.nodes {
            push(&|s| s.expired += 1);
        }
        next
    }

    fn lock_and_reveal(self, state: &State, party: usize, push: &mut Push<'_>) {
        let (gets, pays, opener) = (self.incoming(party), party, party == 0);
        let open = state.decisions[party] == Decision::Open;
        // R1: in before out.
        let promised = opener || state.hops[gets] == Hop::Locked;
        let may_lock = promised || self.change == Change::OutBeforeIn;
        if open && may_lock && state.hops[pays] == Hop::None && !self.is_expired(state, pays) {
            push(&|s| s.hops[pays] = Hop::Locked);
        }
        // R3: the opener reveals to the last payer only, with both its hops locked and in time.
        let both = state.hops[gets] == Hop::Locked && state.hops[pays] == Hop::Locked;
        let gossips = self.change == Change::SecretBeforeSettle;
        if opener && open && both && !state.revealed && !self.is_expired(state, gets) {
            push(&|s| {
                s.revealed = true;
                let last = s.knows.len() - 1;
                s.knows[last] = true;
                if gossips {
                    s.knows.iter_mut().for_each(|knows| *knows = true);
                }
            });
        }
    }

    fn commit(self, state: &State, party: usize, push: &mut Push<'_>) {
        let (gets, pays, opener) = (self.incoming(party), party, party == 0);
        let locked = state.hops[pays] == Hop::Locked;
        // The last payer commits before its own clock only (R4).
        let late = party + 1 == self.nodes && self.is_expired(state, pays);
        let open = state.decisions[party] == Decision::Open;
        if !opener && open && state.knows[party] && locked && !late {
            push(&|s| s.decisions[party] = Decision::Commit);
        }
        if !opener && state.decisions[party] == Decision::Commit {
            if locked {
                push(&|s| s.hops[pays] = Hop::Settled);
            }
            push(&|s| s.knows[gets] = true); // R5: claim upstream.
        }
        if opener && state.knows[0] && locked {
            push(&|s| s.hops[pays] = Hop::Settled);
        }
    }

    /// R4: only the last payer may end its lock by its clock; every other release is the payee's.
    fn give_up(self, state: &State, party: usize, push: &mut Push<'_>) {
        let (gets, pays) = (self.incoming(party), party);
        let by_clock = party + 1 == self.nodes || self.change == Change::ClockInTheMiddle;
        let open = state.decisions[party] == Decision::Open && !(party == 0 && state.revealed);
        if open && state.hops[pays] == Hop::Locked && by_clock && self.is_expired(state, pays) {
            push(&|s| {
                s.decisions[party] = Decision::Abort;
                s.hops[pays] = Hop::Released;
            });
        }
        // Refused for good before its own hop was locked, or its own hop came back.
        if open && matches!(state.hops[pays], Hop::None | Hop::Released) {
            push(&|s| {
                s.decisions[party] = Decision::Abort;
                s.hops[pays] = Hop::Released;
            });
        }
        let aborted = state.decisions[party] == Decision::Abort;
        let ended = state.hops[pays] == Hop::Released;
        if aborted && ended && state.hops[gets] == Hop::Locked {
            push(&|s| s.hops[gets] = Hop::Released);
        }
    }

    /// A liar pays on unpaid, gives back what it should claim, takes its lock back at its clock
    /// although it committed, tells the secret to everyone, or does nothing.
    fn lie(self, state: &State, party: usize, push: &mut Push<'_>) {
        let (gets, pays) = (self.incoming(party), party);
        if state.hops[pays] == Hop::None {
            push(&|s| s.hops[pays] = Hop::Locked);
        }
        if state.hops[gets] == Hop::Locked {
            push(&|s| s.hops[gets] = Hop::Released);
        }
        let last = party + 1 == self.nodes;
        if last && state.hops[pays] == Hop::Locked && self.is_expired(state, pays) {
            push(&|s| s.hops[pays] = Hop::Released);
        }
        if state.knows[party] || (party == 0 && state.hops[gets] == Hop::Locked) {
            push(&|s| s.knows.iter_mut().for_each(|knows| *knows = true));
        }
    }

    /// I7 in every state: an honest party whose outgoing hop is settled has its incoming hop locked
    /// or settled; only a liar right before it may have taken that away.
    fn is_lost(self, state: &State) -> bool {
        (0..self.nodes).filter(|party| Some(*party) != self.liar).any(|party| {
            let gets = self.incoming(party);
            let paid = state.hops[party] == Hop::Settled;
            let unpaid = matches!(state.hops[gets], Hop::None | Hop::Released);
            paid && unpaid && self.liar != Some(gets)
        })
    }

    /// I6 at rest, without liars.
    fn is_torn(self, state: &State) -> bool {
        let over = state.hops.iter().all(|hop| matches!(hop, Hop::Settled | Hop::Released));
        let mixed = state.hops.contains(&Hop::Settled) && state.hops.contains(&Hop::Released);
        self.liar.is_none() && over && mixed
    }

    /// States reached, and the first one that breaks a rule.
    fn search(self) -> (usize, Option<State>) {
        let start = self.start();
        let mut seen = BTreeSet::from([start.clone()]);
        let mut queue = VecDeque::from([start]);
        while let Some(state) = queue.pop_front() {
            if self.is_torn(&state) || self.is_lost(&state) {
                return (seen.len(), Some(state));
            }
            for next in self.next(&state) {
                if seen.insert(next.clone()) {
                    queue.push_back(next);
                }
            }
        }
        (seen.len(), None)
    }
}

#[test]
fn honest_rings_with_two_crashes_never_lose_and_never_tear() {
    for nodes in [3, 4] {
        let (states, found) = Rules { nodes, change: Change::Nothing, liar: None }.search();
        println!("n {nodes}, honest, 2 crashes: {states} states");
        assert_eq!(found, None);
    }
}

#[test]
fn one_liar_takes_at_most_what_was_locked_with_it() {
    for nodes in [3, 4] {
        for liar in 0..nodes {
            let rules = Rules { nodes, change: Change::Nothing, liar: Some(liar) };
            let (states, found) = rules.search();
            println!("n {nodes}, liar {liar}, 2 crashes: {states} states");
            assert_eq!(found, None, "liar {liar}");
        }
    }
}

#[test]
fn every_rule_left_out_is_found() {
    for (change, liar) in [
        (Change::OutBeforeIn, Some(0)),
        (Change::ClockInTheMiddle, None),
        (Change::SecretBeforeSettle, None),
    ] {
        let (states, found) = Rules { nodes: 3, change, liar }.search();
        println!("{change:?}: {states} states until {found:?}");
        assert!(found.is_some(), "{change:?} was not found");
    }
}

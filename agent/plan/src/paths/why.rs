//! Why there is no path: the first limit that closes every way, and the figure that would open one.
//!
//! It must never blame a limit that leaves a way open.

use std::collections::{BTreeMap, VecDeque};

use debal_planner::document::Value;
use debal_planner::paths::{PathArc, Query};

use super::Roads;
use crate::failure::Failure;

/// Looks for ways under one limit after the other.
struct Why<'a> {
    roads: &'a Roads,
    query: &'a Query<'a>,
    known: BTreeMap<u32, u64>,
    /// Per node, the arcs that leave it.
    leaving: Vec<Vec<u32>>,
}

/// `no_path`, with the reason as `why` in its blame.
pub fn no_path(roads: &Roads, query: &Query<'_>) -> Failure {
    let mut leaving = vec![Vec::new(); roads.topology.nodes.len()];
    for (number, arc) in (0u32..).zip(roads.graph.arcs()) {
        leaving[arc.tail as usize].push(number);
    }
    let known = roads.known_msat.iter().copied().collect();
    Why { roads, query, known, leaving }.reason()
}

impl Why<'_> {
    fn reason(&self) -> Failure {
        let (amount, arcs) = (self.query.amount_msat, self.roads.graph.arcs());
        let open = |arc: u32| !arcs[arc as usize].disabled;
        let room = |arc: &PathArc| arc.max_htlc_msat.min(arc.capacity_msat);
        let fits = |arc: u32, amount: u64| open(arc) && room(&arcs[arc as usize]) >= amount;
        let small =
            |arc: u32, least: u64| fits(arc, amount) && arcs[arc as usize].min_htlc_msat <= least;
        let held = |arc: u32| self.known.get(&arc).copied().unwrap_or(u64::MAX);
        let pays =
            |arc: u32, amount: u64| small(arc, self.query.amount_msat) && held(arc) >= amount;
        if self.fewest_hops(&|_| true).is_none() {
            let text = "no chain of channels joins them: they are in different parts of the graph";
            return failure("disconnected", text.to_owned(), None);
        }
        if self.fewest_hops(&open).is_none() {
            let text = "every way passes a channel that is switched off or announces no policy";
            return failure("disabled", text.to_owned(), None);
        }
        if self.fewest_hops(&|arc| fits(arc, amount)).is_none() {
            let most = self.most(&|arc| room(&arcs[arc as usize]), &fits);
            let text = format!(
                "no capacity: one path carries at most {most} msat, {amount} are asked for; \
                 pay in parts"
            );
            return failure("capacity", text, Some(("most_msat", most)));
        }
        if self.fewest_hops(&|arc| small(arc, amount)).is_none() {
            let mut leasts: Vec<u64> = arcs.iter().map(|arc| arc.min_htlc_msat).collect();
            leasts.sort_unstable();
            let least = leasts.partition_point(|&l| self.fewest_hops(&|a| small(a, l)).is_none());
            let least = leasts.get(least).copied().unwrap_or(u64::MAX);
            let text =
                format!("too small: every way has a channel that carries {least} msat or more");
            return failure("minimum", text, Some(("least_msat", least)));
        }
        match self.fewest_hops(&|arc| pays(arc, amount)) {
            None => {
                let most = self.most(&held, &pays);
                let text = format!(
                    "the known balances let at most {most} msat through on one path, \
                     {amount} are asked for"
                );
                failure("balances", text, Some(("most_msat", most)))
            }
            Some(hops) if hops > self.query.max_hops => {
                let most = self.query.max_hops;
                let text = format!("the shortest way has {hops} hops, {most} are allowed");
                failure("hops", text, Some(("fewest_hops", u64::from(hops))))
            }
            Some(_) => self.fees(),
        }
    }

    /// Every arc carries the amount itself: what is left are the fees on the way.
    fn fees(&self) -> Failure {
        let free = Query { max_fee_msat: u64::MAX, k: 1, ..self.query.clone() };
        let cheapest = self.roads.graph.paths(&free).ok();
        let cheapest = cheapest.and_then(|paths| paths.first().map(|path| path.total_fee_msat));
        match cheapest {
            Some(fee) => {
                let most = self.query.max_fee_msat;
                let text = format!("the cheapest path costs {fee} msat, {most} are allowed");
                failure("fee", text, Some(("least_fee_msat", fee)))
            }
            None => {
                let text = "the amount alone would pass, but with the fees of later hops, or \
                            within the hops allowed, some channel on every way refuses";
                failure("limits", text.to_owned(), None)
            }
        }
    }

    /// The largest amount that some way passes, `passes` being asked for an arc and an amount.
    fn most(&self, of: &dyn Fn(u32) -> u64, passes: &dyn Fn(u32, u64) -> bool) -> u64 {
        let arcs = self.roads.graph.arcs().len() as u32;
        let mut amounts: Vec<u64> = (0..arcs).map(of).collect();
        amounts.sort_unstable();
        let some = |&amount: &u64| self.fewest_hops(&|arc| passes(arc, amount)).is_some();
        let above = amounts.partition_point(some);
        above.checked_sub(1).map_or(0, |last| amounts[last])
    }

    /// The fewest hops from the payer to who is paid over arcs that `open` admits.
    fn fewest_hops(&self, open: &dyn Fn(u32) -> bool) -> Option<u32> {
        let (arcs, query) = (self.roads.graph.arcs(), self.query);
        let mut reached = vec![false; self.leaving.len()];
        let mut queue = VecDeque::from([(query.source, 0)]);
        while let Some((node, hops)) = queue.pop_front() {
            for &arc in self.leaving[node as usize].iter().filter(|arc| open(**arc)) {
                let wrong_first = hops == 0 && query.first_arc.is_some_and(|first| first != arc);
                let head = arcs[arc as usize].head;
                if wrong_first || (head == query.source && head != query.target) {
                    continue;
                }
                if head == query.target {
                    if query.last_arc.is_none_or(|last| last == arc) {
                        return Some(hops + 1);
                    }
                } else if !std::mem::replace(&mut reached[head as usize], true) {
                    queue.push_back((head, hops + 1));
                }
            }
        }
        None
    }
}

fn failure(why: &str, reason: String, figure: Option<(&str, u64)>) -> Failure {
    let mut failure = Failure::of(3, "no_path", format!("no path: {reason}"));
    let mut blame = vec![("why".to_owned(), Value::text(why))];
    blame.extend(figure.map(|(name, figure)| (name.to_owned(), Value::text(figure))));
    failure.blame = vec![Value::Table(blame)];
    failure
}

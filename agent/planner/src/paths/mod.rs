//! The best payment paths for an amount, between two nodes or out over one channel and back over
//! another.
//!
//! It must never return a path that a node on it would refuse: limits, switched-off arcs and known
//! balances hold for the amount that really crosses each arc, fees of later hops included.
//!
//! Amounts grow from the target towards the source, so the search runs backwards. Cost is fee plus
//! what unreliability is worth. Ties go to fewer hops, then to the smaller amount, then to the
//! order of arcs in the graph.

mod bounds;
mod front;
mod ranked;
mod search;
mod seeds;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::score::Score;

pub use front::{Front, FrontPath, MAX_LABELS};

/// The longest path an onion carries.
pub const MAX_HOPS: u32 = 20;

/// The most paths one query may ask for.
pub const MAX_PATHS: usize = 100;

/// One direction of a channel, with the policy of the node that forwards over it (its tail).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PathArc {
    /// The node that forwards.
    pub tail: u32,
    /// The node that receives.
    pub head: u32,
    /// The whole channel, in msat.
    pub capacity_msat: u64,
    /// The least it forwards.
    pub min_htlc_msat: u64,
    /// The most it forwards at once.
    pub max_htlc_msat: u64,
    /// The fixed part of the fee.
    pub base_fee_msat: u64,
    /// The proportional part, in millionths of the amount forwarded, rounded down.
    pub fee_ppm: u64,
    /// Whether its owner has switched it off.
    pub disabled: bool,
}

/// A channel graph, built once and asked often.
#[derive(Debug, Clone)]
pub struct Graph {
    nodes: u32,
    arcs: Vec<PathArc>,
    entering: Adjacency,
    leaving: Adjacency,
}

/// Arcs grouped by one of their ends.
#[derive(Debug, Clone)]
struct Adjacency {
    /// Where each node's group starts in `arcs`; one more entry at the end.
    starts: Vec<u32>,
    arcs: Vec<u32>,
}

impl Adjacency {
    fn new(nodes: u32, arcs: &[PathArc], end: impl Fn(&PathArc) -> u32) -> Adjacency {
        let mut starts = vec![0u32; nodes as usize + 1];
        for arc in arcs {
            starts[end(arc) as usize + 1] += 1;
        }
        for node in 0..nodes as usize {
            starts[node + 1] += starts[node];
        }
        let mut fill = starts.clone();
        let mut grouped = vec![0; arcs.len()];
        for (index, arc) in (0u32..).zip(arcs) {
            let slot = &mut fill[end(arc) as usize];
            grouped[*slot as usize] = index;
            *slot += 1;
        }
        Adjacency { starts, arcs: grouped }
    }

    fn at(&self, node: u32) -> &[u32] {
        let start = self.starts[node as usize] as usize;
        &self.arcs[start..self.starts[node as usize + 1] as usize]
    }
}

/// How reliable arcs are taken to be.
#[derive(Debug, Clone, Copy)]
pub enum Reliability<'a> {
    /// The uniform prior on the channel's capacity, with this many msat for one nat of
    /// unreliability.
    UniformPrior {
        /// What one nat (a success probability of 37 %) is worth avoiding, in msat.
        nat_price_msat: u64,
    },
    /// One score per arc, in ppm of the amount that crosses it.
    Scores(&'a [Score]),
}

/// What to look for.
#[derive(Debug, Clone)]
pub struct Query<'a> {
    /// The node that pays. It charges itself nothing.
    pub source: u32,
    /// The node that is paid. The same as `source` for a circular payment, which must name both
    /// outer arcs.
    pub target: u32,
    /// What arrives at the target, in msat.
    pub amount_msat: u64,
    /// How many paths are wanted, `1..=MAX_PATHS`.
    pub k: usize,
    /// The most arcs of a path, `1..=MAX_HOPS`.
    pub max_hops: u32,
    /// The most that all fees together may be.
    pub max_fee_msat: u64,
    /// The arc by which to leave the source, if it matters.
    pub first_arc: Option<u32>,
    /// The arc by which to reach the target, if it matters.
    pub last_arc: Option<u32>,
    /// Arcs that must not be used.
    pub excluded_arcs: &'a [u32],
    /// Arcs whose sendable balance is known, in msat: they carry that much for certain, and not
    /// more. The last entry for an arc counts.
    pub known_msat: &'a [(u32, u64)],
    /// What is believed about all other arcs.
    pub reliability: Reliability<'a>,
}

impl<'a> Query<'a> {
    /// One path from `source` to `target` for `amount_msat`, with nothing known, nothing excluded,
    /// unreliability free and no fee limit.
    pub fn payment(source: u32, target: u32, amount_msat: u64) -> Query<'a> {
        Query {
            source,
            target,
            amount_msat,
            k: 1,
            max_hops: MAX_HOPS,
            max_fee_msat: u64::MAX,
            first_arc: None,
            last_arc: None,
            excluded_arcs: &[],
            known_msat: &[],
            reliability: Reliability::UniformPrior { nat_price_msat: 0 },
        }
    }

    /// One circular payment of `node` that leaves by arc `from` and comes back by arc `to`, so that
    /// `amount_msat` arrives.
    pub fn circular(node: u32, from: u32, to: u32, amount_msat: u64) -> Query<'a> {
        let (first_arc, last_arc) = (Some(from), Some(to));
        Query { first_arc, last_arc, ..Query::payment(node, node, amount_msat) }
    }
}

/// One arc of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PathHop {
    /// The arc.
    pub arc: u32,
    /// The node it arrives at.
    pub node: u32,
    /// What crosses it, in msat.
    pub amount_msat: u64,
    /// What its tail keeps for forwarding over it, in msat; nothing on the first hop.
    pub fee_msat: u64,
}

/// A path that can be paid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Path {
    /// The arcs from source to target.
    pub hops: Vec<PathHop>,
    /// What the source sends: the amount and all fees.
    pub sent_msat: u64,
    /// All fees together.
    pub total_fee_msat: u64,
    /// What its unreliability is worth avoiding, in msat.
    pub score_msat: u64,
    /// Fees and score together: what the paths are ranked by.
    pub cost_msat: u64,
}

/// Why a query is not answered. A query without any path is answered: by an empty list.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PathError {
    /// The graph has more arcs or nodes than 32-bit indices name.
    #[error("the graph is too large for 32-bit indices")]
    TooLarge,
    /// A node that does not exist.
    #[error("node {node} does not exist")]
    UnknownNode {
        /// The node.
        node: u32,
    },
    /// An arc that does not exist.
    #[error("arc {arc} does not exist")]
    UnknownArc {
        /// The arc.
        arc: u32,
    },
    /// Nothing is to be paid.
    #[error("the amount is zero")]
    ZeroAmount,
    /// `k` is zero or above [`MAX_PATHS`].
    #[error("{k} paths asked for; 1 to {MAX_PATHS} can be")]
    PathsRange {
        /// The paths asked for.
        k: usize,
    },
    /// `max_hops` is zero or above [`MAX_HOPS`].
    #[error("{max_hops} hops allowed; 1 to {MAX_HOPS} can be")]
    HopsRange {
        /// The hops asked for.
        max_hops: u32,
    },
    /// There are not as many scores as arcs.
    #[error("{scores} scores for {arcs} arcs")]
    ScoresLength {
        /// Arcs of the graph.
        arcs: usize,
        /// Scores given.
        scores: usize,
    },
    /// There are not as many times as arcs.
    #[error("{times} times for {arcs} arcs")]
    TimesLength {
        /// Arcs of the graph.
        arcs: usize,
        /// Times given.
        times: usize,
    },
    /// Source and target are one node, and the two outer arcs are not both named.
    #[error("a circular payment must name the arc it leaves by and the arc it returns by")]
    CircularNeedsArcs,
    /// The first arc does not leave the source, or the last does not enter the target.
    #[error("arc {arc} does not touch the end of the path it is named for")]
    ArcElsewhere {
        /// The arc.
        arc: u32,
    },
}

impl Graph {
    /// A graph of `nodes` nodes.
    ///
    /// # Errors
    /// [`PathError::UnknownNode`] when an arc names a node that does not exist,
    /// [`PathError::TooLarge`].
    pub fn new(nodes: u32, arcs: Vec<PathArc>) -> Result<Graph, PathError> {
        if nodes == u32::MAX || arcs.len() >= u32::MAX as usize {
            return Err(PathError::TooLarge);
        }
        for arc in &arcs {
            if let Some(&node) = [arc.tail, arc.head].iter().find(|&&node| node >= nodes) {
                return Err(PathError::UnknownNode { node });
            }
        }
        let entering = Adjacency::new(nodes, &arcs, |arc| arc.head);
        let leaving = Adjacency::new(nodes, &arcs, |arc| arc.tail);
        Ok(Graph { nodes, arcs, entering, leaving })
    }

    /// How many nodes there are.
    pub fn nodes(&self) -> u32 {
        self.nodes
    }

    /// The arcs, in the order given.
    pub fn arcs(&self) -> &[PathArc] {
        &self.arcs
    }

    /// Up to `k` cheapest paths, cheapest first; empty where there is none.
    ///
    /// They are the exact cheapest ones but for two kinds of case: where a dearer way to send
    /// *more* through a node would pass a minimum amount further up, it is not seen; and of the
    /// ways through one node none of which beats another in cost, amount and hops at once, only the
    /// 64 cheapest are followed.
    ///
    /// # Errors
    /// [`PathError`] when the query makes no sense.
    pub fn paths(&self, query: &Query<'_>) -> Result<Vec<Path>, PathError> {
        self.check(query)?;
        Ok(ranked::cheapest(self, query))
    }

    /// The arcs that enter `node`, in order.
    fn entering(&self, node: u32) -> &[u32] {
        self.entering.at(node)
    }

    /// The arcs that leave `node`, in order.
    fn leaving(&self, node: u32) -> &[u32] {
        self.leaving.at(node)
    }

    fn arc(&self, arc: u32) -> &PathArc {
        &self.arcs[arc as usize]
    }

    fn check(&self, query: &Query<'_>) -> Result<(), PathError> {
        let &Query { source, target, k, max_hops, first_arc, last_arc, .. } = query;
        if let Some(&node) = [source, target].iter().find(|&&node| node >= self.nodes()) {
            return Err(PathError::UnknownNode { node });
        }
        if query.amount_msat == 0 {
            return Err(PathError::ZeroAmount);
        }
        if !(1..=MAX_PATHS).contains(&k) {
            return Err(PathError::PathsRange { k });
        }
        if !(1..=MAX_HOPS).contains(&max_hops) {
            return Err(PathError::HopsRange { max_hops });
        }
        if let Reliability::Scores(scores) = query.reliability
            && scores.len() != self.arcs.len()
        {
            return Err(PathError::ScoresLength { arcs: self.arcs.len(), scores: scores.len() });
        }
        let outer = first_arc.into_iter().chain(last_arc);
        let known = query.known_msat.iter().map(|&(arc, _)| arc);
        let mut named = query.excluded_arcs.iter().copied().chain(known).chain(outer);
        if let Some(arc) = named.find(|&arc| arc as usize >= self.arcs.len()) {
            return Err(PathError::UnknownArc { arc });
        }
        if source == target && (first_arc.is_none() || last_arc.is_none()) {
            return Err(PathError::CircularNeedsArcs);
        }
        match (first_arc, last_arc) {
            (Some(arc), _) if self.arc(arc).tail != source => Err(PathError::ArcElsewhere { arc }),
            (_, Some(arc)) if self.arc(arc).head != target => Err(PathError::ArcElsewhere { arc }),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;

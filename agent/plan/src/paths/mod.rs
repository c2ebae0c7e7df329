//! `debal plan paths`: the best payment paths between two nodes of a channel graph.
//!
//! It must never show a path that the graph's own limits refuse, and never leave "no path" without
//! its reason.

mod names;
mod show;
mod why;

use debal_planner::document::Value;
use debal_planner::paths::{Graph, MAX_LABELS, Path, PathArc, Query};
use debal_planner::score::uniform_prior_micronats;

use crate::args::Paths;
use crate::failure::Failure;
use crate::{Shown, balances};

/// A graph with the arcs that paths are made of: arc `2 * c` leads from the first end of channel
/// `c` to the second, arc `2 * c + 1` back.
struct Roads {
    topology: debal_topology::Graph,
    graph: Graph,
    /// What each arc can send, where it is known, msat.
    known_msat: Vec<(u32, u64)>,
    /// The ends of every path, and the arcs that it must leave and arrive by.
    from: u32,
    to: u32,
    first: Option<u32>,
    last: Option<u32>,
}

/// The fee that a front stops at where none is named: one of so many parts of the amount,
/// or so many msat.
const FRONT_FEE: (u64, u64) = (20, 10_000);

/// A path with the figures that are shown.
struct Ranked {
    path: Path,
    /// Blocks of lock time that its forwarding nodes ask for.
    blocks: u64,
    /// `-ln` of the probability that all its balances suffice, in millionths.
    micronats: u64,
}

/// What was found.
struct Found {
    paths: Vec<Ranked>,
    /// Whether there may be more.
    cut_short: bool,
    /// Whether the front ran out of room, so that better paths may be missing.
    incomplete: bool,
    /// Ways that the front looked at.
    labels: usize,
    /// The most that a path could cost to be looked at, msat.
    max_fee_msat: u64,
}

/// Runs the command.
pub fn paths(given: &Paths, json: bool) -> Result<Shown, Failure> {
    let roads = Roads::read(given)?;
    let mut query = Query {
        k: given.max_paths,
        max_hops: given.max_hops,
        max_fee_msat: given.max_fee_msat.unwrap_or(u64::MAX),
        first_arc: roads.first,
        last_arc: roads.last,
        known_msat: &roads.known_msat,
        ..Query::payment(roads.from, roads.to, given.amount_msat)
    };
    if given.front && given.max_fee_msat.is_none() {
        query.max_fee_msat = roads.front_fee_msat(&query);
    }
    let found = roads.find(&query, given.front)?;
    if found.paths.is_empty() {
        return Err(if found.incomplete {
            Failure::failed("too many ways to look at before any path was found; lower --max-hops")
        } else {
            why::no_path(&roads, &query)
        });
    }
    Shown::done(if json {
        format!("{}\n", show::json(&roads, given, &found))
    } else {
        show::text(&roads, given, &found)
    })
}

impl Roads {
    fn read(given: &Paths) -> Result<Roads, Failure> {
        let topology = debal_topology::load(&given.graph)?;
        let from = names::node(&topology, "--from", &given.from)?;
        let to = names::node(&topology, "--to", &given.to)?;
        let mut known_msat = Vec::new();
        if let Some(name) = &given.balances {
            let held = balances::of(name, given.seed, &topology)?;
            for (number, (channel, held)) in (0u32..).zip(topology.channels.iter().zip(held)) {
                let Some(held) = held else { continue };
                known_msat.push((2 * number, held));
                known_msat.push((2 * number + 1, channel.capacity_msat().saturating_sub(held)));
            }
        }
        let arcs = topology.channels.iter().flat_map(|channel| [0, 1].map(|end| arc(channel, end)));
        let nodes = u32::try_from(topology.nodes.len()).unwrap_or(u32::MAX);
        let graph = Graph::new(nodes, arcs.collect());
        let graph = graph.map_err(|error| Failure::of(3, "invalid_graph", error.to_string()))?;
        let leave = |arc: &PathArc| arc.tail == from;
        let arrive = |arc: &PathArc| arc.head == to;
        let first = outer(&topology, &graph, "--first", given.first.as_deref(), leave)?;
        let last = outer(&topology, &graph, "--last", given.last.as_deref(), arrive)?;
        Ok(Roads { topology, graph, known_msat, from, to, first, last })
    }

    fn channel(&self, arc: u32) -> &debal_topology::Channel {
        &self.topology.channels[arc as usize / 2]
    }

    /// The blocks of lock time that the tail of an arc asks for; the payer asks itself for none.
    fn blocks(&self, arc: u32) -> u32 {
        let own = self.graph.arcs()[arc as usize].tail == self.from;
        if own { 0 } else { u32::from(self.channel(arc).policies[arc as usize % 2].cltv) }
    }

    fn find(&self, query: &Query<'_>, front: bool) -> Result<Found, Failure> {
        let refused = |error: debal_planner::paths::PathError| {
            let mut failure = Failure::of(3, "invalid_query", error.to_string());
            failure.blame = vec![Value::table([("field", Value::text(option(&error)))])];
            failure
        };
        if !front {
            let paths = self.graph.paths(query).map_err(refused)?;
            let cut_short = paths.len() == query.k;
            let paths = paths.into_iter().map(|path| self.ranked(path)).collect();
            let max_fee_msat = query.max_fee_msat;
            return Ok(Found { paths, cut_short, incomplete: false, labels: 0, max_fee_msat });
        }
        let arcs = self.graph.arcs().len() as u32;
        let times: Vec<u32> = (0..arcs).map(|arc| self.blocks(arc)).collect();
        let found = self.graph.front(query, &times, MAX_LABELS).map_err(refused)?;
        let (cut_short, incomplete, labels) = (found.cut_short, found.label_cap_hit, found.labels);
        let ranked = found.paths.into_iter().map(|found| self.ranked(found.path));
        let (paths, max_fee_msat) = (ranked.collect(), query.max_fee_msat);
        Ok(Found { paths, cut_short, incomplete, labels, max_fee_msat })
    }

    /// Beyond this fee nobody looks for a quicker or surer path, and the front would be very large.
    fn front_fee_msat(&self, query: &Query<'_>) -> u64 {
        let cheapest = self.graph.paths(&Query { k: 1, ..query.clone() }).ok();
        let cheapest = cheapest.and_then(|paths| paths.first().map(|path| path.total_fee_msat));
        let (part, floor_msat) = FRONT_FEE;
        let twice = cheapest.unwrap_or(0).saturating_mul(2);
        (query.amount_msat / part).max(floor_msat).max(twice)
    }

    fn ranked(&self, path: Path) -> Ranked {
        let known = |arc: u32| self.known_msat.binary_search_by_key(&arc, |(arc, _)| *arc).is_ok();
        let blocks = path.hops.iter().map(|hop| u64::from(self.blocks(hop.arc))).sum();
        let guessed = path.hops.iter().filter(|hop| !known(hop.arc));
        let doubt = |hop: &debal_planner::paths::PathHop| {
            let capacity_msat = self.graph.arcs()[hop.arc as usize].capacity_msat;
            uniform_prior_micronats(capacity_msat, hop.amount_msat).unwrap_or(u64::MAX)
        };
        let micronats = guessed.map(doubt).fold(0, u64::saturating_add);
        Ranked { path, blocks, micronats }
    }
}

/// One direction of a channel.
fn arc(channel: &debal_topology::Channel, end: usize) -> PathArc {
    let policy = &channel.policies[end];
    PathArc {
        tail: channel.ends[end] as u32,
        head: channel.ends[1 - end] as u32,
        capacity_msat: channel.capacity_msat(),
        min_htlc_msat: policy.min_msat,
        max_htlc_msat: policy.max_msat,
        base_fee_msat: u64::from(policy.base_msat),
        fee_ppm: u64::from(policy.ppm),
        disabled: policy.disabled,
    }
}

/// The arc of a channel that the user names for an end of the path.
fn outer(
    topology: &debal_topology::Graph,
    graph: &Graph,
    option: &'static str,
    given: Option<&str>,
    touches: impl Fn(&PathArc) -> bool,
) -> Result<Option<u32>, Failure> {
    let Some(given) = given else { return Ok(None) };
    let wrong = |reason: String| {
        let mut failure = Failure::of(3, "unknown_channel", format!("{option}: {reason}"));
        failure.blame = vec![Value::table([("field", Value::text(option))])];
        failure
    };
    let Ok(id) = given.parse() else {
        return Err(wrong(format!("{given:?} is no channel id; 800000x4x0 is one")));
    };
    let number = topology.channels.iter().position(|channel| channel.id == id);
    let number = number.ok_or_else(|| wrong(format!("the graph has no channel {given:?}")))? as u32;
    let arcs = [2 * number, 2 * number + 1];
    let found = arcs.into_iter().find(|&arc| touches(&graph.arcs()[arc as usize]));
    let elsewhere = || wrong(format!("channel {given} is not one of that node's"));
    found.map(Some).ok_or_else(elsewhere)
}

/// The option that a wrong query comes from.
fn option(error: &debal_planner::paths::PathError) -> &'static str {
    use debal_planner::paths::PathError;
    match error {
        PathError::ZeroAmount => "--amount-msat",
        PathError::PathsRange { .. } => "--max-paths",
        PathError::HopsRange { .. } => "--max-hops",
        PathError::CircularNeedsArcs => "--to",
        _ => "GRAPH",
    }
}

//! The public graph for routing: what members publish about their channels, and our own exact ends.
//!
//! It must never use another node's private balance: only capacities and policies of summaries.

use debal_backends::{Channel, PathHop};
use debal_planner::paths::{Graph, MAX_PATHS, Path, PathArc, PathError, Query, Reliability};
use debal_planner::score::micronats_from_probability;
use debal_protocol::summary::Summary;
use debal_protocol::{ChannelId, Msat, NodeId};
use std::collections::BTreeMap;

/// One nat of unreliability (a success probability of 37 %) is worth half a percent of the amount.
const NAT_PRICE_PPM: u32 = 5_000;

/// How many ways a front may look at: a payment is not worth more than some tens of milliseconds.
const FRONT_LABELS: usize = 50_000;

/// One direction of a channel.
#[derive(Clone, Copy, Debug)]
struct Direction {
    channel: ChannelId,
    to: NodeId,
}

/// The graph with its names.
pub struct Routes {
    graph: Graph,
    nodes: BTreeMap<NodeId, u32>,
    directions: Vec<Direction>,
    /// Arcs whose sendable amount this node knows.
    known_msat: Vec<(u32, u64)>,
    own: NodeId,
}

/// What to look for.
#[derive(Clone, Copy, Debug)]
pub struct Wish {
    /// Who is paid.
    pub target: NodeId,
    /// How much arrives.
    pub amount_msat: Msat,
    /// The most that all fees may be.
    pub max_fee_msat: Msat,
    /// Least probability of success, millionths; `None` weighs it against the fee.
    pub min_success_ppm: Option<u32>,
    /// Longest route.
    pub max_hops: u8,
    /// For a circular payment: leave by this channel and come back by that one.
    pub around: Option<(ChannelId, ChannelId)>,
}

/// A route found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// Its hops.
    pub hops: Vec<PathHop>,
    /// The same as arcs, to exclude one of them.
    pub arcs: Vec<u32>,
    /// What it costs.
    pub fee_msat: Msat,
    /// The arc most likely to refuse, to be avoided next; `None` if all arcs are known.
    pub tightest: Option<u32>,
}

impl Routes {
    /// Builds the graph of `own`'s channels and everybody's newest summaries.
    ///
    /// # Errors
    /// [`PathError::TooLarge`] for more than 2^32 arcs.
    pub fn new(
        own: NodeId,
        channels: &[Channel],
        summaries: &[(NodeId, Summary)],
    ) -> Result<Self, PathError> {
        let mut builder = Builder { own, ..Builder::default() };
        builder.node(own);
        for (node, summary) in summaries.iter().filter(|(node, _)| *node != own) {
            builder.summary(*node, summary, channels);
        }
        for channel in channels.iter().filter(|channel| channel.usable) {
            builder.own_channel(channel);
        }
        let count = u32::try_from(builder.nodes.len()).map_err(|_| PathError::TooLarge)?;
        Ok(Self {
            graph: Graph::new(count, builder.arcs)?,
            nodes: builder.nodes,
            directions: builder.directions,
            known_msat: builder.known_msat,
            own,
        })
    }

    /// The best route that uses none of the `excluded` arcs; `None` if there is none. With a least
    /// probability it is the cheapest of the front that reaches it, otherwise the least sum of fee
    /// and price of unreliability.
    ///
    /// # Errors
    /// [`PathError`] when the wish makes no sense.
    pub fn best(&self, wish: Wish, excluded: &[u32]) -> Result<Option<Route>, PathError> {
        let (Some(&source), Some(&target)) =
            (self.nodes.get(&self.own), self.nodes.get(&wish.target))
        else {
            return Ok(None);
        };
        let (mut first_arc, mut last_arc) = (None, None);
        if let Some((from, to)) = wish.around {
            first_arc = self.find(from, |direction| direction.to != self.own);
            last_arc = self.find(to, |direction| direction.to == self.own);
            if first_arc.is_none() || last_arc.is_none() {
                return Ok(None);
            }
        }
        let query = Query {
            k: 1,
            max_hops: u32::from(wish.max_hops),
            max_fee_msat: wish.max_fee_msat.0,
            first_arc,
            last_arc,
            excluded_arcs: excluded,
            known_msat: &self.known_msat,
            reliability: Reliability::UniformPrior {
                nat_price_msat: wish.amount_msat.ppm(NAT_PRICE_PPM).0.max(1),
            },
            ..Query::payment(source, target, wish.amount_msat.0)
        };
        let Some(ppm) = wish.min_success_ppm else {
            let paths = self.graph.paths(&query)?;
            return Ok(paths.first().map(|path| self.route(path)));
        };
        let most = micronats_from_probability(f64::from(ppm.min(1_000_000)) / 1e6).unwrap_or(0);
        // Nobody publishes how long a hop locks: fee and probability are what there is.
        let times = vec![0; self.graph.arcs().len()];
        let query = Query { k: MAX_PATHS, ..query };
        let front = self.graph.front(&query, &times, FRONT_LABELS)?.paths;
        let likely = front.iter().find(|found| found.unreliability <= most);
        Ok(likely.map(|found| self.route(&found.path)))
    }

    fn find(&self, channel: ChannelId, matches: impl Fn(&Direction) -> bool) -> Option<u32> {
        let mut numbered = (0u32..).zip(&self.directions);
        let found = numbered.find(|(_, other)| other.channel == channel && matches(other));
        found.map(|(index, _)| index)
    }

    fn direction(&self, arc: u32) -> Option<&Direction> {
        self.directions.get(usize::try_from(arc).ok()?)
    }

    fn route(&self, path: &Path) -> Route {
        let hops = path.hops.iter().filter_map(|hop| {
            let Direction { channel, to } = *self.direction(hop.arc)?;
            let amount_msat = Msat(hop.amount_msat);
            Some(PathHop { channel, to, amount_msat, cltv_delta: 0 })
        });
        let known = |arc: u32| self.known_msat.iter().any(|(other, _)| *other == arc);
        let guessed = path.hops.iter().filter(|hop| !known(hop.arc));
        // Tightness is amount / capacity in millionths.
        let tightness = |arc: u32, amount: u64| {
            let capacity = usize::try_from(arc).ok().and_then(|arc| self.graph.arcs().get(arc));
            Msat(amount).ppm_of(Msat(capacity.map_or(0, |arc| arc.capacity_msat)))
        };
        let tightest = guessed.max_by_key(|hop| tightness(hop.arc, hop.amount_msat));
        Route {
            hops: hops.collect(),
            arcs: path.hops.iter().map(|hop| hop.arc).collect(),
            fee_msat: Msat(path.total_fee_msat),
            tightest: tightest.map(|hop| hop.arc),
        }
    }
}

#[derive(Debug)]
struct Builder {
    own: NodeId,
    nodes: BTreeMap<NodeId, u32>,
    arcs: Vec<PathArc>,
    directions: Vec<Direction>,
    known_msat: Vec<(u32, u64)>,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            own: NodeId([0; 32]),
            nodes: BTreeMap::new(),
            arcs: Vec::new(),
            directions: Vec::new(),
            known_msat: Vec::new(),
        }
    }
}

impl Builder {
    fn node(&mut self, node: NodeId) -> u32 {
        let next = u32::try_from(self.nodes.len()).unwrap_or(u32::MAX);
        *self.nodes.entry(node).or_insert(next)
    }

    fn push(&mut self, arc: PathArc, direction: Direction) -> u32 {
        let index = u32::try_from(self.arcs.len()).unwrap_or(u32::MAX);
        self.arcs.push(arc);
        self.directions.push(direction);
        index
    }

    /// Arcs that `node` publishes; those towards us are known exactly, or closed.
    fn summary(&mut self, node: NodeId, summary: &Summary, own_channels: &[Channel]) {
        for entry in &summary.channels {
            let ours = own_channels.iter().find(|channel| channel.channel == entry.channel);
            let to_us = entry.peer == self.own;
            if to_us && !ours.is_some_and(|channel| channel.usable && channel.peer == node) {
                continue;
            }
            let arc = PathArc {
                tail: self.node(node),
                head: self.node(entry.peer),
                capacity_msat: entry.capacity_msat.0,
                min_htlc_msat: entry.policy.min_msat.0,
                max_htlc_msat: entry.policy.max_msat.0.min(entry.capacity_msat.0),
                base_fee_msat: u64::from(entry.policy.base_msat),
                fee_ppm: u64::from(entry.policy.ppm),
                disabled: entry.policy.disabled,
            };
            let arc = self.push(arc, Direction { channel: entry.channel, to: entry.peer });
            if let Some(channel) = ours.filter(|_| to_us) {
                self.known_msat.push((arc, channel.can_receive_msat.0));
            }
        }
    }

    /// Our own end: exact, and free for ourselves.
    fn own_channel(&mut self, channel: &Channel) {
        let arc = PathArc {
            tail: self.node(self.own),
            head: self.node(channel.peer),
            capacity_msat: channel.capacity_msat.0,
            min_htlc_msat: 1,
            max_htlc_msat: channel.capacity_msat.0,
            base_fee_msat: 0,
            fee_ppm: 0,
            disabled: false,
        };
        let arc = self.push(arc, Direction { channel: channel.channel, to: channel.peer });
        self.known_msat.push((arc, channel.can_send_msat.0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use debal_protocol::summary::{ChannelSummary, ForwardPolicy, Want};
    use debal_protocol::{Bounded, Digest, Epoch};

    fn node(byte: u8) -> NodeId {
        NodeId([byte; 32])
    }

    fn own(channel: u64, peer: u8, send: u64, receive: u64) -> Channel {
        Channel {
            channel: ChannelId(channel),
            peer: node(peer),
            capacity_msat: Msat(1_000_000),
            local_msat: Msat(send),
            remote_msat: Msat(receive),
            locked_msat: Msat::ZERO,
            can_send_msat: Msat(send),
            can_receive_msat: Msat(receive),
            usable: true,
            seq: 1,
            digest: Digest([0; 32]),
        }
    }

    fn summary(channels: &[(u64, u8, u32)]) -> Summary {
        let entry = |(channel, peer, ppm): &(u64, u8, u32)| ChannelSummary {
            channel: ChannelId(*channel),
            peer: node(*peer),
            capacity_msat: Msat(1_000_000),
            ratio_bucket: 0,
            want: Want::Nothing,
            send_msat: Msat::ZERO,
            receive_msat: Msat::ZERO,
            urgency: 0,
            price_ppm: 0,
            policy: ForwardPolicy {
                base_msat: 0,
                ppm: *ppm,
                min_msat: Msat(1),
                max_msat: Msat(1_000_000),
                disabled: false,
            },
        };
        let channels = Bounded::first_of(channels.iter().map(entry));
        Summary { seq: 1, epoch: Epoch(0), bits: 4, requests: false, channels }
    }

    /// 1 -7- 2 -8- 3 -9- 1, where node 2 and 3 ask 1,000 ppm.
    fn triangle() -> Routes {
        let channels = [own(7, 2, 500_000, 500_000), own(9, 3, 100_000, 900_000)];
        let summaries = [
            (node(2), summary(&[(7, 1, 1_000), (8, 3, 1_000)])),
            (node(3), summary(&[(8, 2, 1_000), (9, 1, 1_000)])),
        ];
        Routes::new(node(1), &channels, &summaries).unwrap()
    }

    fn wish(target: u8, amount: u64) -> Wish {
        Wish {
            target: node(target),
            amount_msat: Msat(amount),
            max_fee_msat: Msat(10_000),
            min_success_ppm: None,
            max_hops: 8,
            around: None,
        }
    }

    fn channels(route: &Route) -> Vec<u64> {
        route.hops.iter().map(|hop| hop.channel.0).collect()
    }

    #[test]
    fn a_direct_channel_with_enough_balance_is_used_and_costs_nothing() {
        let route = triangle().best(wish(3, 90_000), &[]).unwrap().unwrap();
        assert_eq!((channels(&route), route.fee_msat), (vec![9], Msat::ZERO));
        assert_eq!(route.tightest, None);
    }

    #[test]
    fn a_known_balance_that_is_too_small_sends_the_payment_around() {
        let routes = triangle();
        let route = routes.best(wish(3, 200_000), &[]).unwrap().unwrap();
        assert_eq!((channels(&route), route.fee_msat), (vec![7, 8], Msat(200)));
        let tightest = route.tightest.unwrap();
        assert_eq!(routes.best(wish(3, 200_000), &[tightest]).unwrap(), None);
    }

    #[test]
    fn a_circular_payment_leaves_and_returns_as_asked() {
        let around = Some((ChannelId(7), ChannelId(9)));
        let route = triangle().best(Wish { around, ..wish(1, 100_000) }, &[]).unwrap().unwrap();
        assert_eq!(channels(&route), vec![7, 8, 9]);
        assert_eq!(route.hops.last().unwrap().amount_msat, Msat(100_000));
        assert_eq!(route.fee_msat, Msat(200));
    }

    /// 1 -7- 2, and between 2 and 3 a channel of 1,000,000 for 1,000 ppm and one of ten times that
    /// for 3,000 ppm.
    fn twins() -> Routes {
        let mut wide = summary(&[(8, 3, 1_000), (9, 3, 3_000)]);
        wide.channels = Bounded::first_of(wide.channels.iter().cloned().map(|mut entry| {
            if entry.channel == ChannelId(9) {
                entry.capacity_msat = Msat(10_000_000);
            }
            entry
        }));
        let channels = [own(7, 2, 500_000, 500_000)];
        Routes::new(node(1), &channels, &[(node(2), wide)]).unwrap()
    }

    #[test]
    fn the_cheapest_route_that_is_likely_enough_is_taken() {
        let routes = twins();
        let best = |ppm| {
            let wish = Wish { min_success_ppm: Some(ppm), ..wish(3, 200_000) };
            routes.best(wish, &[]).unwrap().map(|route| channels(&route))
        };
        // A fifth of the narrow channel is asked for, a fiftieth of the wide one.
        assert_eq!(best(790_000), Some(vec![7, 8]));
        assert_eq!(best(810_000), Some(vec![7, 9]));
        assert_eq!(best(990_000), None);
    }

    #[test]
    fn a_hop_that_refused_is_not_asked_again() {
        let routes = twins();
        let wish = Wish { min_success_ppm: Some(500_000), ..wish(3, 200_000) };
        let first = routes.best(wish, &[]).unwrap().unwrap();
        let second = routes.best(wish, &[first.arcs[1]]).unwrap().unwrap();
        assert_eq!((channels(&first), channels(&second)), (vec![7, 8], vec![7, 9]));
        assert_eq!(routes.best(wish, &[first.arcs[1], second.arcs[1]]).unwrap(), None);
        assert_eq!(routes.best(wish, &[first.arcs[0]]).unwrap(), None);
    }

    #[test]
    fn a_fee_above_the_limit_is_no_route() {
        let limited = Wish { max_fee_msat: Msat(199), ..wish(3, 200_000) };
        assert_eq!(triangle().best(limited, &[]).unwrap(), None);
    }
}

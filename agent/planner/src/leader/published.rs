//! What the summaries publish: one arc per channel direction that both ends offer.
//!
//! It must never fail as a whole: an end that contradicts itself or its peer loses its own offer,
//! and nobody else's.

use crate::circulation::{ClaimedCycle, MAX_CAPACITY_MSAT, Move, ResidualArc};
use crate::score::Score;
use crate::values::Worth;
use debal_protocol::plan::CyclePlan;
use debal_protocol::summary::{ChannelSummary, Summary};
use debal_protocol::{ChannelId, NodeId};
use std::collections::BTreeMap;

/// What an arc's uniform-prior unreliability costs, millionths of the amount per unit of -ln P.
const SCORE_PRICE_PPM: u64 = 10;

/// One direction of a channel that both ends would let liquidity move along.
#[derive(Clone, Copy, Debug)]
pub(super) struct Candidate {
    pub channel: ChannelId,
    pub payer: NodeId,
    pub payee: NodeId,
    /// What the move is worth to either end by its own statement: its urgency, or less than nothing
    /// where it lends.
    pub payer_states_ppm: i64,
    pub payee_states_ppm: i64,
}

/// The residual network of a set of summaries, the same in whatever order they come.
#[derive(Debug, Default)]
pub(super) struct Published {
    /// Every sender with its number, ascending.
    pub nodes: BTreeMap<NodeId, u32>,
    pub arcs: Vec<ResidualArc>,
    pub scores: Vec<Score>,
    /// Per arc, whose offers it joins.
    pub candidates: Vec<Candidate>,
}

impl Published {
    pub fn of(summaries: &[(NodeId, Summary)]) -> Published {
        let mut published = Published::default();
        let senders: BTreeMap<NodeId, u32> = summaries.iter().map(|(node, _)| (*node, 0)).collect();
        published.nodes = senders.into_keys().zip(0u32..).collect();
        let ends = index_ends(summaries);
        for ((channel, payer), sends) in &ends {
            let payee = sends.peer;
            let receives = ends.get(&(*channel, payee)).filter(|end| end.peer == *payer);
            let numbers = published.nodes.get(payer).zip(published.nodes.get(&payee));
            let (Some(receives), Some((&tail, &head))) = (receives, numbers) else { continue };
            let offered = sends.send_msat.min(receives.receive_msat).0;
            let capacity_msat = offered.min(MAX_CAPACITY_MSAT);
            if capacity_msat == 0 || tail == head {
                continue;
            }
            let Worth { payer_ppm, payee_ppm, value_ppm } = Worth::of(*sends, *receives);
            let label = channel.0;
            published.arcs.push(ResidualArc { tail, head, capacity_msat, value_ppm, label });
            let half = capacity_msat / 2;
            published.scores.push(Score::uniform_prior(capacity_msat, half, SCORE_PRICE_PPM));
            published.candidates.push(Candidate {
                channel: *channel,
                payer: *payer,
                payee,
                payer_states_ppm: payer_ppm,
                payee_states_ppm: payee_ppm,
            });
        }
        published
    }

    /// How many nodes there are.
    pub fn count(&self) -> u32 {
        u32::try_from(self.nodes.len()).unwrap_or(u32::MAX)
    }

    /// A plan's cycle as a claim: what goes all the way around is its smallest hop, the rest of
    /// the other hops is fees. `None` if it names somebody who published nothing.
    pub fn claimed(&self, cycle: &CyclePlan) -> Option<ClaimedCycle> {
        let moves = cycle.hops.iter().map(|hop| {
            let (tail, head) = (*self.nodes.get(&hop.payer)?, *self.nodes.get(&hop.payee)?);
            Some(Move { label: hop.channel.0, tail, head })
        });
        let amount_msat = cycle.hops.iter().map(|hop| hop.amount_msat.0).min()?;
        Some(ClaimedCycle { moves: moves.collect::<Option<_>>()?, amount_msat })
    }
}

type Ends<'a> = BTreeMap<(ChannelId, NodeId), &'a ChannelSummary>;

fn index_ends(summaries: &[(NodeId, Summary)]) -> Ends<'_> {
    let mut ends = Ends::new();
    for (node, summary) in summaries {
        for channel in &summary.channels {
            ends.insert((channel.channel, *node), channel);
        }
    }
    ends
}

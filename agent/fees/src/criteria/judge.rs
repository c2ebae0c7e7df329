//! Judging: whether a channel meets a section's criteria.
//!
//! It must never turn what cannot be judged into yes or no.

use super::operand::{Level, Operand, day_name};
use super::{Bound, Criterion, Definition, Quantity, Space, Test, definition, quantity};
use crate::facts::{Facts, PeerFacts, Side, Traffic, balances, share};
use crate::fault::Fault;
use crate::scid;
use crate::state::Channel;

/// Seconds that a level looks back unless told otherwise.
pub(crate) const LEVEL_SECONDS: i128 = 7 * 86_400;
/// The confirmation target of fee estimates unless told otherwise, blocks.
pub(crate) const CONFIRMATION_TARGET: i128 = 6;
/// Seconds between two blocks, on average.
const BLOCK_SECONDS: i128 = 600;

/// A channel under judgement.
pub(crate) struct Subject<'a> {
    /// What is known.
    pub facts: &'a Facts<'a>,
    /// The channel.
    pub channel: &'a Channel,
    /// Our balance, sat.
    pub local: i128,
    /// The peer's balance, sat.
    pub remote: i128,
    /// The peer.
    pub peer: PeerFacts<'a>,
    ratio: Option<f64>,
}

/// How a test went.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// Every criterion is met.
    Met,
    /// One is not.
    Unmet(Unmet),
    /// One cannot be judged.
    Failed(Fault),
}

/// What was not met.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Unmet {
    /// The criterion's place in its test; nothing where no single one decides.
    pub criterion: Option<u32>,
    /// What the channel has instead.
    pub have: Have,
}

/// What a channel has.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Have {
    /// An integer; sums past 64 bits stay at the end of their range.
    Integer(i64),
    /// A fraction.
    Float(f64),
    /// A flag.
    Flag(bool),
    /// A word or sentence.
    Words(&'static str),
}

impl Have {
    fn sum(value: i128) -> Have {
        let end = if value < 0 { i64::MIN } else { i64::MAX };
        Have::Integer(i64::try_from(value).unwrap_or(end))
    }
}

/// What a test found out on the way to its criteria.
#[derive(Default)]
struct Found {
    traffic: Option<Traffic>,
    fee_rate: Option<f64>,
}

/// Why a test ends before its criteria are through.
enum End {
    Unmet(Have),
    Failed(String),
}

impl<'a> Subject<'a> {
    /// A channel and what is known.
    pub fn new(facts: &'a Facts<'a>, channel: &'a Channel) -> Subject<'a> {
        let (local, remote) = balances(channel);
        let peer = facts.peer(&channel.remote_pubkey);
        Subject { facts, channel, local, remote, peer, ratio: share(local, local + remote) }
    }

    /// Our share of the channel's balances; nothing where there is nothing on either side.
    pub fn ratio(&self) -> Option<f64> {
        self.ratio
    }

    /// Blocks since the channel's; below zero for an alias.
    pub fn age_blocks(&self) -> i128 {
        i128::from(self.facts.state.node.block_height)
            - i128::from(scid::block(self.channel.chan_id))
    }

    /// Judges one name space. `warned` is set if a list file in it has entries that are none.
    pub fn judge(&self, test: &Test, warned: &mut bool) -> Outcome {
        let fail = |message: String| Outcome::Failed(Fault::new(&test.first.place, message));
        if let Some(fault) = &test.unknown {
            return Outcome::Failed(fault.clone());
        }
        let mut found = Found::default();
        let mut stage = 0;
        for (number, criterion) in (0u32..).zip(&test.criteria) {
            let Some(definition) = definition(criterion) else { continue };
            while stage < definition.stage {
                stage += 1;
                match self.enter(test, stage, &mut found) {
                    Ok(()) => {}
                    Err(End::Unmet(have)) => {
                        return Outcome::Unmet(Unmet { criterion: None, have });
                    }
                    Err(End::Failed(message)) => return fail(message),
                }
            }
            if definition.bound == Bound::Parameter {
                if let Err(fault) = self.parameter(test, definition, criterion, &mut found) {
                    return fault;
                }
                continue;
            }
            match self.criterion(definition, criterion, test, &found, warned) {
                Ok(None) => {}
                Ok(Some(have)) => {
                    return Outcome::Unmet(Unmet { criterion: Some(number), have });
                }
                Err(fault) => return Outcome::Failed(fault),
            }
        }
        // What a name space asks of every channel, whichever keys are used.
        let last = match test.space {
            Some(Space::Chan) => 2,
            Some(Space::Node | Space::Onchain) => 1,
            _ => 0,
        };
        while stage < last {
            stage += 1;
            match self.enter(test, stage, &mut found) {
                Ok(()) => {}
                Err(End::Unmet(have)) => return Outcome::Unmet(Unmet { criterion: None, have }),
                Err(End::Failed(message)) => return fail(message),
            }
        }
        Outcome::Met
    }

    /// What must hold before the criteria of a stage are looked at.
    fn enter(&self, test: &Test, stage: u8, found: &mut Found) -> Result<(), End> {
        match (test.space, stage) {
            (Some(Space::Chan), 1) if self.ratio().is_none() => {
                Err(End::Failed("nothing on either side of the channel: no ratio".to_owned()))
            }
            (Some(Space::Chan), 2) if self.channel.switches.absent_from_graph => {
                Err(End::Unmet(Have::Words("the graph does not know the channel")))
            }
            (Some(Space::Node), 1) => {
                let key = &self.channel.remote_pubkey;
                self.peer
                    .graph
                    .map(|_| ())
                    .ok_or_else(|| End::Failed(format!("the graph does not know the peer {key}")))
            }
            (Some(Space::Node), 2) => {
                let balance = self.peer.balance;
                if balance.active.total() + balance.inactive.total() == 0 {
                    let message = "nothing on either side of the peer's channels: no ratio";
                    return Err(End::Failed(message.to_owned()));
                }
                Ok(())
            }
            (Some(Space::Onchain), 1) => {
                let named = test
                    .criteria
                    .iter()
                    .find(|criterion| quantity(criterion) == Some(Quantity::ConfTarget));
                let target = match named.map(|criterion| &criterion.operand) {
                    None => CONFIRMATION_TARGET,
                    Some(Ok(Operand::Integer(target))) => *target,
                    Some(_) => return Ok(()), // the criterion itself says what is wrong
                };
                found.fee_rate = self.facts.sat_per_vbyte(target);
                let none = || End::Failed("the node has no on-chain fee estimate".to_owned());
                found.fee_rate.map(|_| ()).ok_or_else(none)
            }
            _ => Ok(()),
        }
    }

    /// A key that says how others are judged.
    fn parameter(
        &self,
        test: &Test,
        definition: &Definition,
        criterion: &Criterion,
        found: &mut Found,
    ) -> Result<(), Outcome> {
        if definition.quantity == Quantity::IgnoreAge {
            return Ok(()); // read with the period
        }
        let operand = criterion.operand.as_ref();
        let operand = operand.map_err(|fault| Outcome::Failed(fault.clone()))?;
        if let (Quantity::ActivityPeriod, Operand::Integer(seconds)) =
            (definition.quantity, operand)
        {
            found.traffic = Some(self.facts.traffic(self.channel.chan_id, *seconds));
            let ignore = test
                .criteria
                .iter()
                .find(|criterion| quantity(criterion) == Some(Quantity::IgnoreAge));
            let lifted = match ignore.map(|criterion| &criterion.operand) {
                None => false,
                Some(Ok(Operand::Flag(flag))) => *flag,
                Some(Err(fault)) => return Err(Outcome::Failed(fault.clone())),
                Some(Ok(_)) => false,
            };
            if !lifted && self.age_blocks().saturating_mul(BLOCK_SECONDS) < *seconds {
                let have = Have::Words("the channel is younger than the period");
                return Err(Outcome::Unmet(Unmet { criterion: None, have }));
            }
        }
        Ok(())
    }

    /// Judges one criterion; what the channel has instead, if it is not met.
    fn criterion(
        &self,
        definition: &Definition,
        criterion: &Criterion,
        test: &Test,
        found: &Found,
        warned: &mut bool,
    ) -> Result<Option<Have>, Fault> {
        if definition.space == Space::Chan && definition.stage == 3 && found.traffic.is_none() {
            return Ok(None); // activity bounds mean nothing without a period
        }
        let Some(have) = self.have(definition.quantity, criterion, test, found)? else {
            return Ok(Some(Have::Words("there is nothing to compare")));
        };
        let operand = match &criterion.operand {
            Ok(operand) => operand,
            Err(fault) => return Err(fault.clone()),
        };
        Ok(if self.holds(definition, operand, have, warned) { None } else { Some(have) })
    }

    fn holds(
        &self,
        definition: &Definition,
        operand: &Operand,
        have: Have,
        warned: &mut bool,
    ) -> bool {
        match (definition.bound, operand, have) {
            (Bound::Min, Operand::Integer(least), Have::Integer(have)) => *least <= have.into(),
            (Bound::Max, Operand::Integer(most), Have::Integer(have)) => *most >= have.into(),
            (Bound::Min, Operand::Float(least), Have::Float(have)) => *least <= have,
            (Bound::Max, Operand::Float(most), Have::Float(have)) => *most >= have,
            (Bound::Is, Operand::Flag(wanted), Have::Flag(have)) => *wanted == have,
            (Bound::Is, Operand::ChannelIds(ids, ignored), _) => {
                *warned |= ignored;
                ids.contains(&self.channel.chan_id)
            }
            (Bound::Is, Operand::Texts(texts, ignored), _) => {
                *warned |= ignored;
                match definition.quantity {
                    Quantity::NodeAlias => {
                        self.peer.graph.is_some_and(|peer| texts.contains(&peer.alias))
                    }
                    _ => texts.contains(&self.channel.remote_pubkey),
                }
            }
            (Bound::Is, Operand::Levels(levels), Have::Words(have)) => {
                levels.iter().any(|level| level.name() == have)
            }
            (Bound::Is, Operand::Clock(from, to), Have::Integer(minute)) => {
                let (from, to) = (i64::from(*from), i64::from(*to));
                let (after, before) = (from <= minute, minute < to);
                if from <= to { after && before } else { after || before }
            }
            (Bound::Is, Operand::Days(days), Have::Words(have)) => {
                days.iter().any(|day| day_name(*day) == have)
            }
            _ => false,
        }
    }

    /// What the channel has of a quantity; nothing where the quantity does not exist for it.
    fn have(
        &self,
        quantity: Quantity,
        criterion: &Criterion,
        test: &Test,
        found: &Found,
    ) -> Result<Option<Have>, Fault> {
        let channel = self.channel;
        let integer = |value: i64| Some(Have::Integer(value));
        Ok(match quantity {
            Quantity::ChannelId => Some(Have::Words("another channel")),
            Quantity::Initiator => Some(Have::Flag(channel.initiator)),
            Quantity::Private => Some(Have::Flag(channel.private)),
            Quantity::Active => Some(Have::Flag(channel.active)),
            Quantity::Ratio => self.ratio().map(Have::Float),
            Quantity::Capacity => integer(channel.funds.capacity),
            Quantity::Local => Some(Have::sum(self.local)),
            Quantity::Remote => Some(Have::sum(self.remote)),
            Quantity::PeerBaseFee => {
                integer(channel.remote_policy.as_ref().map_or(0, |p| p.base_fee_msat))
            }
            Quantity::PeerFee => integer(channel.remote_policy.as_ref().map_or(0, |p| p.fee_ppm)),
            Quantity::PeerDisabled => {
                let disabled = channel.remote_policy.as_ref().is_some_and(|p| p.disabled);
                Some(Have::Flag(disabled))
            }
            Quantity::Age => Some(Have::sum(self.age_blocks())),
            Quantity::AgeDays => {
                let seconds = self.age_blocks().saturating_mul(BLOCK_SECONDS);
                share(seconds, 86_400).map(Have::Float)
            }
            Quantity::PendingCount => Some(Have::sum(channel.funds.pending_htlcs.len() as i128)),
            Quantity::NextExpiry => {
                let next = channel.funds.pending_htlcs.iter().map(|htlc| htlc.expiration_height);
                let tip = i128::from(self.facts.state.node.block_height);
                next.min().map(|height| Have::sum(i128::from(height) - tip))
            }
            Quantity::Synced => Some(Have::Flag(self.facts.state.node.synced_to_chain)),
            Quantity::FeeRate => found.fee_rate.map(Have::Float),
            Quantity::NodeId => Some(Have::Words("another peer")),
            Quantity::NodeAlias => Some(Have::Words("another alias")),
            Quantity::NodeChannels => self.peer.graph.and_then(|peer| integer(peer.num_channels)),
            Quantity::NodeCapacity => self.peer.graph.and_then(|peer| integer(peer.total_capacity)),
            _ => return self.have_more(quantity, criterion, test, found),
        })
    }

    /// The quantities that look at many channels, at the past, or beyond our own node.
    fn have_more(
        &self,
        quantity: Quantity,
        criterion: &Criterion,
        test: &Test,
        found: &Found,
    ) -> Result<Option<Have>, Fault> {
        let traffic = found.traffic.unwrap_or_default();
        let window = criterion.window.unwrap_or_default();
        let chan_id = self.channel.chan_id;
        let integer = |value: i128| Some(Have::sum(value));
        let ratio = |part: i128, other: i128| {
            Some(Have::Float(share(part, part + other).unwrap_or(f64::NAN)))
        };
        Ok(match quantity {
            Quantity::HtlcsIn => integer(traffic.htlcs_in),
            Quantity::HtlcsOut => integer(traffic.htlcs_out),
            Quantity::SatsIn => integer(traffic.sats_in),
            Quantity::SatsOut => integer(traffic.sats_out),
            Quantity::HtlcsRatio => ratio(traffic.htlcs_in, traffic.htlcs_out),
            Quantity::SatsRatio => ratio(traffic.sats_in, traffic.sats_out),
            Quantity::Level => Some(Have::Words(self.level(test)?.name())),
            Quantity::Flow => integer(self.facts.traffic(chan_id, window).volume_msat()),
            Quantity::Revenue => integer(self.facts.traffic(chan_id, window).revenue_msat),
            Quantity::Failed => integer(self.facts.failed(chan_id, window).0),
            Quantity::Missed => integer(self.facts.failed(chan_id, window).1),
            Quantity::Alternatives => integer(self.alternatives(criterion, test)?),
            Quantity::FeeRatio => Some(Have::Float(self.fee_ratio())),
            Quantity::TimeOfDay => {
                integer(i128::from(self.facts.state.node.now.rem_euclid(86_400) / 60))
            }
            Quantity::DayOfWeek => {
                // The first day of the clock was a Thursday.
                let day = (self.facts.state.node.now.div_euclid(86_400) + 3).rem_euclid(7);
                Some(Have::Words(day_name(day)))
            }
            _ => return Ok(self.shared(quantity)),
        })
    }

    /// The quantities of all our channels with the peer together.
    fn shared(&self, quantity: Quantity) -> Option<Have> {
        let balance = self.peer.balance;
        let (active, inactive) = (balance.active, balance.inactive);
        let ratio = |side: Side| share(side.local, side.total()).map(Have::Float);
        match quantity {
            Quantity::SharedRatioActive => ratio(active),
            Quantity::SharedRatioInactive => ratio(inactive),
            Quantity::SharedRatio => ratio(Side {
                channels: active.channels + inactive.channels,
                local: active.local + inactive.local,
                remote: active.remote + inactive.remote,
            }),
            Quantity::SharedActive => Some(Have::sum(active.channels)),
            Quantity::SharedInactive => Some(Have::sum(inactive.channels)),
            Quantity::SharedCapacityActive => Some(Have::sum(active.total())),
            Quantity::SharedCapacityInactive => Some(Have::sum(inactive.total())),
            _ => None,
        }
    }

    fn level(&self, test: &Test) -> Result<Level, Fault> {
        let period = test
            .criteria
            .iter()
            .find(|criterion| quantity(criterion) == Some(Quantity::LevelPeriod));
        let seconds = match period.map(|criterion| &criterion.operand) {
            Some(Ok(Operand::Integer(seconds))) => *seconds,
            Some(Err(fault)) => return Err(fault.clone()),
            _ => LEVEL_SECONDS,
        };
        let traffic = self.facts.traffic(self.channel.chan_id, seconds);
        let volume = traffic.sats_in + traffic.sats_out;
        let share = share(volume, self.channel.funds.capacity.into()).unwrap_or(0.0);
        Ok(match share {
            share if share > 0.1 => Level::High,
            share if share > 0.01 => Level::Medium,
            share if share > 0.0 => Level::Low,
            _ => Level::Inactive,
        })
    }

    /// How many other channels into the peer could carry what ours can.
    fn alternatives(&self, criterion: &Criterion, test: &Test) -> Result<i128, Fault> {
        let key = &self.channel.remote_pubkey;
        let known = self.peer.graph.and_then(|peer| peer.alternatives.as_ref());
        let Some(known) = known else {
            let message = format!("{}: the state has no other channels of {key}", criterion.key);
            return Err(Fault::new(&test.first.place, message));
        };
        let enough = known
            .iter()
            .filter(|other| !other.disabled && other.capacity >= self.channel.funds.capacity);
        Ok(enough.count() as i128)
    }

    /// Our rate through the peer's; a peer without one makes it infinite.
    fn fee_ratio(&self) -> f64 {
        let peer = self.channel.remote_policy.as_ref().map_or(0, |policy| policy.fee_ppm);
        let ours = self.channel.local_policy.fee_ppm;
        share(ours.into(), peer.into()).unwrap_or(f64::INFINITY)
    }
}

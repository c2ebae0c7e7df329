//! Inbound rates by balance: which way they pull, and how far they may go.
//!
//! A discount on a channel attracts payments into it, which raises our balance there. The default
//! must never discount a channel that is already full; the printed table of the seed, which does,
//! has to be asked for by name.

use super::Work;
use crate::fault::Fault;
use crate::names::Property;
use crate::number::truncate;

/// Which table gives the inbound rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// A discount where our balance is low.
    Refill,
    /// The seed's printed table.
    Seed,
    /// A discount where we are dearer than the ways around us.
    Competitive,
    /// None.
    Off,
}

/// A band of the local share: above `above`, `ppm` applies. The first band that holds counts.
struct Band {
    above: f64,
    ppm: f64,
}

const fn band(above: f64, ppm: f64) -> Band {
    Band { above, ppm }
}

/// `balance_based`, refill: the discounts of the seed's table at the end where they attract.
const BALANCE_REFILL: &[Band] = &[band(0.4, 0.0), band(0.2, -25.0), band(-1.0, -100.0)];
/// `balance_based`, seed: as printed. It names nothing between 20 and 40 %; nothing applies there.
const BALANCE_SEED: &[Band] =
    &[band(0.8, -100.0), band(0.4, -25.0), band(0.2, 0.0), band(-1.0, 25.0)];
/// `inbound_discount`, refill.
const DISCOUNT_REFILL: &[Band] =
    &[band(0.6, 0.0), band(0.4, -10.0), band(0.2, -30.0), band(-1.0, -50.0)];
/// `inbound_discount`, seed: the table of its program, full channels first.
const DISCOUNT_SEED: &[Band] =
    &[band(0.8, -50.0), band(0.6, -30.0), band(0.4, -10.0), band(-1.0, -5.0)];

/// The names of the modes.
pub(crate) const MODES: [&str; 4] = ["refill", "seed", "competitive", "off"];

impl Work<'_> {
    /// The configured mode.
    pub(super) fn inbound_mode(&self) -> Result<Mode, Fault> {
        let Some(setting) = self.collected.get(Property::InboundMode) else {
            return Ok(Mode::Refill);
        };
        match setting.text.as_str() {
            "refill" => Ok(Mode::Refill),
            "seed" => Ok(Mode::Seed),
            "competitive" => Ok(Mode::Competitive),
            "off" => Ok(Mode::Off),
            other => {
                let names = MODES.join(", ");
                let message = format!("'{other}' is no value for inbound_mode: {names}");
                Err(Fault::new(&setting.place, message))
            }
        }
    }

    /// The inbound rate of `balance_based` (`steep`) and `inbound_discount`.
    pub(super) fn inbound_by_balance(
        &self,
        ratio: f64,
        steep: bool,
        notes: &mut Vec<String>,
    ) -> Result<Option<i128>, Fault> {
        let mode = self.inbound_mode()?;
        let bands = match (mode, steep) {
            (Mode::Refill, true) => BALANCE_REFILL,
            (Mode::Seed, true) => BALANCE_SEED,
            (Mode::Refill, false) => DISCOUNT_REFILL,
            (Mode::Seed, false) => DISCOUNT_SEED,
            (Mode::Competitive, _) => return self.competitive(notes),
            (Mode::Off, _) => return Ok(None),
        };
        let table = bands.iter().find(|band| ratio > band.above).map_or(0.0, |band| band.ppm);
        // A configured rate is the largest discount; the table keeps its proportions.
        let deepest = bands.iter().map(|band| band.ppm).fold(0.0, f64::min);
        let scale = match self.integer(Property::InboundFee)? {
            Some(limit) if limit < 0 && deepest < 0.0 => limit as f64 / deepest,
            _ => 1.0,
        };
        let rate = truncate(table * scale).unwrap_or_default();
        let named = if mode == Mode::Seed { "the seed's table" } else { "refill" };
        notes.push(format!("local share {ratio:.4}: {named} gives an inbound rate of {rate} ppm"));
        Ok(Some(rate))
    }

    /// The inbound rate against the ways around us: a discount of 0.3 of what we are dearer, once
    /// we are half as dear again; no premium.
    fn competitive(&self, notes: &mut Vec<String>) -> Result<Option<i128>, Fault> {
        let channel = self.subject.channel;
        let peer = self.subject.peer.graph;
        let others = peer.and_then(|peer| peer.alternatives.as_ref());
        let others = others.ok_or_else(|| {
            self.fault("inbound_mode competitive: the state has no other channels of the peer")
        })?;
        let (mut weight, mut weighted) = (0.0, 0.0);
        for other in others.iter().filter(|other| !other.disabled) {
            weight += other.capacity as f64;
            weighted += other.capacity as f64 * other.fee_ppm as f64;
        }
        if weight <= 0.0 {
            notes.push("no way around us: no discount".to_owned());
            return Ok(Some(0));
        }
        let (ours, theirs) = (channel.local_policy.fee_ppm as f64, weighted / weight);
        let rate = if ours > 1.5 * theirs { truncate(-0.3 * (ours - theirs)) } else { Some(0) };
        notes.push(format!("ours {ours} ppm, the ways around {theirs:.0} ppm on average"));
        Ok(Some(rate.unwrap_or_default()))
    }

    /// Keeps an inbound rate within its limits: the configured bounds, four fifths of our own
    /// outbound rate as the deepest discount, and nothing above zero that the node would refuse.
    pub(super) fn inbound_within(
        &self,
        rate: Option<i128>,
        outbound: Option<i128>,
        notes: &mut Vec<String>,
    ) -> Result<Option<i128>, Fault> {
        let Some(asked) = rate else { return Ok(None) };
        let outbound = outbound.unwrap_or(self.subject.channel.local_policy.fee_ppm.into());
        let deepest = -(outbound.max(0).saturating_mul(4) / 5);
        let mut rate = asked.max(deepest);
        if let Some(least) = self.integer(Property::MinInboundFee)? {
            rate = rate.max(least);
        }
        if let Some(most) = self.integer(Property::MaxInboundFee)? {
            rate = rate.min(most);
        }
        if rate > 0 && !self.subject.facts.state.node.accept_positive_inbound_fees {
            notes.push(format!("the node accepts no inbound fee above zero: 0 instead of {rate}"));
            rate = 0;
        }
        if rate != asked {
            notes.push(format!("inbound rate {asked} ppm limited to {rate} ppm"));
        }
        Ok(Some(rate))
    }
}

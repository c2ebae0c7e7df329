//! What a rule file asks of a node, so that a node is asked for nothing else.
//!
//! It must never leave out what an evaluation may look at: rules over a state that holds no more
//! than this decide as over everything.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::criteria::{CONFIRMATION_TARGET, LEVEL_SECONDS, Operand, Quantity, Space, Test};
use crate::criteria::{Criterion, quantity};
use crate::names::{Property, Strategy};
use crate::rules::{Rules, Section};
use crate::strategy::FLOW_SECONDS;

/// What is to be asked of a node besides its channels and their policies.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Needs {
    /// Targets of on-chain fee estimates, blocks.
    pub fee_targets: BTreeSet<u32>,
    /// What the graph says of peers: name, channels, capacity.
    pub peers: bool,
    /// Other nodes' channels into peers.
    pub alternatives: bool,
    /// Whether peers have switched their side off.
    pub peer_switches: bool,
    /// What opening channels cost.
    pub transactions: bool,
    /// How far back settled forwards count, seconds; 0 is not at all.
    pub forwards_s: i64,
    /// How far back failed forwards count, seconds; 0 is not at all.
    pub failed_s: i64,
}

impl Needs {
    /// What any rules may look at, over the usual targets and 90 days.
    #[must_use]
    pub fn everything() -> Needs {
        Needs {
            fee_targets: BTreeSet::from([2, 3, 6, 12, 24, 72, 144]),
            peers: true,
            alternatives: true,
            peer_switches: true,
            transactions: true,
            forwards_s: 90 * 86_400,
            failed_s: 90 * 86_400,
        }
    }

    fn add(&mut self, section: &Section, is_default: bool) {
        // Nobody judges the criteria of the last resort.
        for test in section.tests.iter().filter(|_| !is_default) {
            self.judged(test);
        }
        let strategy = section.strategy.as_ref().and_then(|named| named.strategy);
        if section.setting(Property::LearningEnabled).is_some()
            || strategy == Some(Strategy::RevenueMax)
        {
            // What is learned comes from the history: what is new must be in it first.
            longest(&mut self.forwards_s, 1);
        }
        match strategy {
            Some(Strategy::Cost | Strategy::CostRecovery) => self.transactions = true,
            Some(Strategy::OnchainFee) if section.setting(Property::OnchainFeeBlocks).is_none() => {
                self.estimate(CONFIRMATION_TARGET);
            }
            Some(Strategy::FlowBased) if section.setting(Property::FlowPeriod).is_none() => {
                longest(&mut self.forwards_s, FLOW_SECONDS);
            }
            _ => {}
        }
    }

    fn judged(&mut self, test: &Test) {
        let seconds = |criterion: &Criterion| match criterion.operand {
            Ok(Operand::Integer(seconds)) => seconds,
            _ => 0,
        };
        match test.space {
            Some(Space::Node) => self.peers = true,
            Some(Space::Onchain) => {
                let named = test
                    .criteria
                    .iter()
                    .find(|criterion| quantity(criterion) == Some(Quantity::ConfTarget));
                self.estimate(named.map_or(CONFIRMATION_TARGET, seconds));
            }
            _ => {}
        }
        for criterion in &test.criteria {
            let window = criterion.window.unwrap_or_default();
            match quantity(criterion) {
                Some(Quantity::ActivityPeriod | Quantity::LevelPeriod) => {
                    longest(&mut self.forwards_s, seconds(criterion));
                }
                Some(Quantity::Level) => longest(&mut self.forwards_s, LEVEL_SECONDS),
                Some(Quantity::Flow | Quantity::Revenue) => longest(&mut self.forwards_s, window),
                Some(Quantity::Failed | Quantity::Missed) => longest(&mut self.failed_s, window),
                Some(Quantity::Alternatives) => self.alternatives = true,
                Some(Quantity::PeerDisabled) => self.peer_switches = true,
                _ => {}
            }
        }
    }

    fn estimate(&mut self, target: i128) {
        // As when it is looked up: no estimate is for less than two blocks.
        self.fee_targets.insert(u32::try_from(target.max(2)).unwrap_or(u32::MAX));
    }
}

fn longest(span_s: &mut i64, seconds: i128) {
    *span_s = (*span_s).max(i64::try_from(seconds).unwrap_or(i64::MAX));
}

impl Rules {
    /// What is to be asked of a node before these rules are evaluated.
    ///
    /// ```
    /// use debal_fees::{Needs, Options, Rules};
    /// let text = "[default]\nstrategy = static\nfee_ppm = 100\n";
    /// let mut no_files = |name: &str| Err(format!("no file {name}"));
    /// let rules = Rules::compile(text, "rules", &mut no_files, Options::default()).unwrap();
    /// assert_eq!(rules.needs(), Needs::default());
    /// ```
    #[must_use]
    pub fn needs(&self) -> Needs {
        let mut needs = Needs::default();
        let mut seen: Vec<&Rules> = vec![self];
        let mut next = 0;
        while let Some(rules) = seen.get(next).copied() {
            next += 1;
            rules.add_needs(&mut needs);
            for included in rules.sections.iter().filter_map(|section| section.included.as_ref()) {
                let Ok(included) = included else { continue };
                if !seen.iter().any(|known| std::ptr::eq(*known, &raw const **included)) {
                    seen.push(included);
                }
            }
        }
        needs
    }

    fn add_needs(&self, needs: &mut Needs) {
        let sections = || self.order.iter().chain(&self.default).filter_map(|i| self.section(*i));
        for (index, section) in
            self.order.iter().chain(&self.default).filter_map(|i| Some((*i, self.section(*i)?)))
        {
            needs.add(section, self.default == Some(index));
        }
        let uses = |wanted: &[Strategy]| {
            sections().any(|section| {
                let named = section.strategy.as_ref().and_then(|named| named.strategy);
                named.is_some_and(|strategy| wanted.contains(&strategy))
            })
        };
        // A property may be set in one section and used by the strategy of another.
        let integers = |property: Property| {
            sections().filter_map(move |section| section.setting(property)?.integer)
        };
        if uses(&[Strategy::OnchainFee]) {
            integers(Property::OnchainFeeBlocks).for_each(|target| needs.estimate(target));
        }
        if uses(&[Strategy::FlowBased]) {
            integers(Property::FlowPeriod).for_each(|span| longest(&mut needs.forwards_s, span));
        }
        let competitive = sections().any(|section| {
            section.setting(Property::InboundMode).is_some_and(|mode| mode.text == "competitive")
        });
        if competitive && uses(&[Strategy::BalanceBased, Strategy::InboundDiscount]) {
            needs.alternatives = true;
        }
    }
}

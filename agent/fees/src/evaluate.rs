//! Evaluation: rules and a state in, one decision for each channel out.
//!
//! It must never depend on anything but its arguments: the same rules and state give the same
//! decisions, in the state's order.

use std::sync::Arc;

use crate::advice::Adviser;
use crate::breaker::{self, BreakerChange};
use crate::change::{Thresholds, changes, drop_lacking};
use crate::criteria::Subject;
use crate::decision::{ChannelError, Decision, ErrorKind, Target, Warning};
use crate::facts::Facts;
use crate::fault::Fault;
use crate::names::{Property, Strategy};
use crate::rules::{Named, Rules, Section};
use crate::select::{Collected, Selection, Trail, select, warn};
use crate::state::{Channel, NodeState};
use crate::strategy::{Proposal, Work};

/// What the rules decide for a whole node.
#[derive(Debug, Clone)]
pub struct Evaluation {
    /// One decision for each channel, in the state's order.
    pub decisions: Vec<Decision>,
    /// What is to be sent to the companion service.
    pub breaker: BreakerChange,
    /// Faults for which nothing may be sent; then no decision has a change.
    pub refused: Vec<Fault>,
}

/// Decides for every channel of a state.
///
/// ```
/// use debal_fees::{NodeState, Options, Rules, evaluate};
/// let text = "[default]\nstrategy = static\nfee_ppm = 100\n";
/// let mut no_files = |name: &str| Err(format!("no file {name}"));
/// let rules = Rules::compile(text, "rules", &mut no_files, Options::default()).unwrap();
/// let state = r#"{"node": {"pubkey": "02aa", "version": "0.18.5", "block_height": 850000,
///   "now": 1720000000}, "channels": []}"#;
/// let state = NodeState::from_json(state).unwrap();
/// assert!(evaluate(&rules, &state).decisions.is_empty());
/// ```
pub fn evaluate(rules: &Rules, state: &NodeState) -> Evaluation {
    evaluate_advised(rules, state, None)
}

/// Decides for every channel of a state; where a section sets `learning_enabled`, the adviser names
/// the rate.
pub fn evaluate_advised(
    rules: &Rules,
    state: &NodeState,
    adviser: Option<&dyn Adviser>,
) -> Evaluation {
    let facts = Facts::new(state);
    let refused = !rules.refusals().is_empty();
    let mut decisions = Vec::with_capacity(state.channels.len());
    let mut stopped: Option<Fault> = None;
    for channel in &state.channels {
        if let Some(fault) = &stopped {
            decisions.push(Decision::not_reached(channel.chan_id, fault.clone()));
            continue;
        }
        let mut decision = decide(rules, &facts, channel, adviser);
        if refused {
            // Nothing is sent; the first channel that would use the wrong value ends the run.
            (decision.update, decision.status, decision.breaker) = (None, None, None);
            stopped = threshold_fault(rules, &decision);
        }
        decisions.push(decision);
    }
    let wishes = decisions.iter().zip(&state.channels).filter_map(|(decision, channel)| {
        Some((channel.remote_pubkey.as_str(), decision.breaker?))
    });
    let breaker = state.circuitbreaker.as_ref();
    let breaker = breaker.map(|service| breaker::changes(wishes, service)).unwrap_or_default();
    Evaluation { decisions, breaker, refused: rules.refusals().to_vec() }
}

/// The threshold that is no integer and that a decision would need.
fn threshold_fault(rules: &Rules, decision: &Decision) -> Option<Fault> {
    decision.trail.chosen?;
    let collected = Collected { rules, origins: decision.trail.origins };
    let read = |property| collected.integer(property).err();
    read(Property::MinFeeDelta).or_else(|| read(Property::MinInboundFeeDelta))
}

/// Decides for one channel.
pub(crate) fn decide(
    rules: &Rules,
    facts: &Facts<'_>,
    channel: &Channel,
    adviser: Option<&dyn Adviser>,
) -> Decision {
    let subject = Subject::new(facts, channel);
    let mut decision = Decision::untouched(channel.chan_id);
    let selection = select(rules, &subject, &mut decision.warnings);
    let Selection { chosen, collected, trail, failure } = selection;
    decision.trail = trail;
    if let Some(fault) = failure {
        decision.error = Some(ChannelError { kind: ErrorKind::Criteria, fault });
        return decision;
    }
    let Some((index, Some(named))) = chosen else { return decision };
    let Some(section) = rules.section(index) else { return decision };
    decision.section = Some(Arc::clone(&section.name));
    decision.strategy = Some(Arc::clone(&named.name));
    let work = Work { collected, subject: &subject, place: &section.place };
    let proposal = work.carry_out(&named, &mut decision);
    match proposal.and_then(|proposal| advised(&work, &named, adviser, proposal, &mut decision)) {
        Ok(proposal) => {
            if let Err(fault) = settle(&work, proposal, section, &mut decision) {
                fail(&mut decision, ErrorKind::Strategy, fault);
            }
        }
        Err(fault) => fail(&mut decision, ErrorKind::Strategy, fault),
    }
    decision
}

/// Lets the adviser name the rate, where the section allows it.
fn advised(
    work: &Work<'_>,
    named: &Named,
    adviser: Option<&dyn Adviser>,
    mut proposal: Proposal,
    decision: &mut Decision,
) -> Result<Proposal, Fault> {
    let strategy = named.strategy.filter(|_| work.learns());
    if let (Some(strategy), Some(adviser)) = (strategy, adviser) {
        decision.learned = work.take_advice(strategy, adviser, &mut proposal)?;
    }
    Ok(proposal)
}

/// Leaves a channel as it is because of a fault.
fn fail(decision: &mut Decision, kind: ErrorKind, fault: Fault) {
    decision.target = Some(Target::default());
    (decision.update, decision.status, decision.breaker) = (None, None, None);
    decision.error = Some(ChannelError { kind, fault });
}

/// Turns a proposal into what is sent.
fn settle(
    work: &Work<'_>,
    proposal: Proposal,
    section: &Section,
    decision: &mut Decision,
) -> Result<(), Fault> {
    let channel = work.subject.channel;
    let configured = work.collected.get(Property::MinFeeDelta).and_then(|s| s.integer);
    let fee_delta = proposal.fee_delta.or(configured).unwrap_or(0);
    let inbound = work.collected.get(Property::MinInboundFeeDelta).and_then(|s| s.integer);
    let thresholds = Thresholds { fee_delta, inbound_fee_delta: inbound.unwrap_or(fee_delta) };
    decision.safety = work.safety()?;
    decision.breaker = proposal.breaker;
    decision.notes = proposal.notes;
    let mut target = proposal.target;
    if channel.switches.absent_from_graph {
        let message = "the graph does not know the channel, so its policy cannot be compared";
        let fault = Fault::new(&section.place, message);
        decision.error = Some(ChannelError { kind: ErrorKind::NoChannelInfo, fault });
        decision.target = Some(target);
        return Ok(());
    }
    let level = proposal.inbound_level_ppm;
    let level = drop_lacking(work.subject.facts, channel, &mut target, level, decision);
    (decision.update, decision.status) =
        changes(work.subject.facts, channel, &mut target, level, thresholds);
    decision.target = Some(target);
    Ok(())
}

impl Work<'_> {
    /// Carries out the strategy of the section that applies, included files and all.
    fn carry_out(&self, named: &Named, decision: &mut Decision) -> Result<Proposal, Fault> {
        let strategy = known(named, self, &mut decision.warnings)?;
        if strategy != Strategy::UseConfig {
            return self.propose(strategy);
        }
        let (source, inner) = included(&self.collected, self)?;
        let Selection { chosen, collected, trail, failure } =
            select(inner, self.subject, &mut decision.warnings);
        let way: &mut Option<(usize, Box<Trail>)> = &mut decision.trail.inner;
        *way = Some((source, Box::new(trail)));
        if let Some(fault) = failure {
            return Err(fault);
        }
        let Some((index, Some(named))) = chosen else {
            // No match inside: the fees stay, the outer limits hold.
            return self.propose(Strategy::UseConfig);
        };
        let Some(section) = inner.section(index) else { return Ok(Proposal::default()) };
        let nested = Work { collected, subject: self.subject, place: &section.place };
        let mut below = Decision::untouched(decision.chan_id);
        let outcome = nested.carry_out(&named, &mut below);
        decision.inner_section = Some(Arc::clone(&section.name));
        decision.strategy = Some(below.strategy.unwrap_or_else(|| Arc::clone(&named.name)));
        for warning in below.warnings {
            warn(&mut decision.warnings, warning);
        }
        if let Some((_, way)) = &mut decision.trail.inner {
            way.inner = below.trail.inner;
        }
        let mut proposal = outcome?;
        if proposal.fee_delta.is_none() {
            proposal.fee_delta = nested.collected.integer(Property::MinFeeDelta)?;
        }
        // The inner threshold overrides the outer one, except for the original's "not set".
        proposal.fee_delta = proposal.fee_delta.filter(|delta| *delta != -1);
        Ok(proposal)
    }
}

/// The strategy of a name.
fn known(named: &Named, work: &Work<'_>, warnings: &mut Vec<Warning>) -> Result<Strategy, Fault> {
    named.strategy.ok_or_else(|| {
        warn(warnings, Warning::UnknownStrategy);
        let names = Strategy::ALL.iter().map(|strategy| strategy.name());
        let place = work.collected.get(Property::Strategy).map(|setting| &setting.place);
        let message = format!("there is no strategy '{}'", named.name);
        Fault::new(place.unwrap_or(work.place), message)
            .near(crate::names::nearest(&named.name, names))
    })
}

/// The rule file that `config_file` names, and the section that names it.
fn included<'a>(collected: &Collected<'a>, work: &Work<'_>) -> Result<(usize, &'a Rules), Fault> {
    let source = collected.origins.of(Property::ConfigFile);
    let section = source.and_then(|index| Some((index, collected.rules.section(index)?)));
    let Some((index, Some(rules))) = section.map(|(index, s)| (index, s.included.as_ref())) else {
        return Err(Fault::new(work.place, "strategy use_config needs config_file"));
    };
    match rules {
        Ok(rules) => match rules.refusals().first() {
            None => Ok((index, rules)),
            Some(fault) => Err(fault.clone()),
        },
        Err(fault) => Err(fault.clone()),
    }
}

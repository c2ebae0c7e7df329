//! Reach: sections that no channel can come to, and conditions that no channel can meet.
//!
//! It must never call a section unreachable that a channel could reach.

use super::Findings;
use crate::criteria::{Bound, Criterion, Operand, Quantity, definition, quantity};
use crate::fault::Fault;
use crate::rules::{Rules, Section};

/// In files with more sections than this, only sections that apply to all are compared with those
/// behind them: comparing every pair would take too long.
const PAIRS_SECTIONS_MAX: usize = 500;

/// Lints the order and the conditions of the sections.
pub(super) fn lint(rules: &Rules, found: &mut Findings) {
    let tried: Vec<&Section> = rules.order.iter().filter_map(|it| rules.section(*it)).collect();
    let few = tried.len() <= PAIRS_SECTIONS_MAX;
    let ends = |first: &Section, section: &Section| {
        first.is_final && (covers_all(first) || (few && covers(first, section)))
    };
    for (index, section) in tried.iter().enumerate() {
        let mut earlier = tried.iter().take(index);
        if let Some(first) = earlier.find(|first| ends(first, section)) {
            let (name, line) = (&first.name, first.place.line);
            let message = format!("never reached: [{name}] in line {line} ends the evaluation");
            found.warn(&section.place, message);
        }
        contradictions(section, found);
        idle(section, found);
        if section.name.eq_ignore_ascii_case("default") {
            let message = format!("[{}] is an ordinary section; [default] is not", section.name);
            found.warn(&section.place, message);
        }
    }
    if let Some(default) = rules.default.and_then(|index| rules.section(index)) {
        if let Some(test) = default.tests.first() {
            let message = "[default] applies without its criteria being looked at";
            found.warn(&test.first.place, message);
        }
        if default.strategy.is_none() {
            found.warn(&default.place, "[default] names no strategy, so it does nothing");
        }
        if let Some(all) = tried.iter().find(|section| section.is_final && covers_all(section)) {
            let message = format!("never reached: [{}] applies to every channel", all.name);
            found.warn(&default.place, message);
        }
    } else if tried.iter().all(|section| section.strategy.is_none())
        && let Some(first) = tried.first()
    {
        found.warn(&first.place, "no section names a strategy, so nothing is ever done");
    }
}

/// Whether a section applies to every channel.
fn covers_all(section: &Section) -> bool {
    section.tests.is_empty() && section.broken.is_none()
}

/// Whether whatever meets `later` meets `earlier`: all it asks is asked there too, word for word.
fn covers(earlier: &Section, later: &Section) -> bool {
    let asked = |criterion: &Criterion| {
        later.tests.iter().flat_map(|test| &test.criteria).any(|other| {
            other.key == criterion.key && other.text == criterion.text && other.operand.is_ok()
        })
    };
    let sound = |section: &Section| {
        section.tests.iter().all(|test| test.space.is_some() && test.unknown.is_none())
    };
    // A name space may ask something by itself, so it must be named in both.
    let spaces = earlier.tests.iter().all(|test| later.tests.iter().any(|it| it.name == test.name));
    sound(earlier)
        && earlier.broken.is_none()
        && spaces
        && earlier.tests.iter().flat_map(|test| &test.criteria).all(asked)
        && !earlier.tests.iter().any(|test| parameters_differ(&test.criteria, later))
}

/// Whether the later section says differently how something is judged.
fn parameters_differ(criteria: &[Criterion], later: &Section) -> bool {
    let others = later.tests.iter().flat_map(|test| &test.criteria);
    let mut others =
        others.filter(|it| definition(it).is_some_and(|d| d.bound == Bound::Parameter));
    others.any(|other| {
        let judged = criteria.iter().any(|it| same_space(it, other));
        judged && !criteria.iter().any(|it| it.key == other.key)
    })
}

fn same_space(one: &Criterion, other: &Criterion) -> bool {
    one.key.split('.').next() == other.key.split('.').next()
}

/// A least above its most: no channel meets both.
fn contradictions(section: &Section, found: &mut Findings) {
    let criteria: Vec<&Criterion> = section.tests.iter().flat_map(|test| &test.criteria).collect();
    for least in criteria.iter().filter(|it| bound(it) == Some(Bound::Min)) {
        let most = criteria.iter().find(|most| {
            bound(most) == Some(Bound::Max)
                && quantity(most) == quantity(least)
                && most.window == least.window
        });
        let Some(most) = most else { continue };
        let empty = match (&least.operand, &most.operand) {
            (Ok(Operand::Integer(least)), Ok(Operand::Integer(most))) => least > most,
            (Ok(Operand::Float(least)), Ok(Operand::Float(most))) => least > most,
            _ => false,
        };
        if empty {
            let message = format!(
                "no channel meets {} = {} and {} = {}",
                least.key, least.text, most.key, most.text
            );
            found.error(Fault::new(&least.place, message));
        }
    }
}

fn bound(criterion: &Criterion) -> Option<Bound> {
    definition(criterion).map(|definition| definition.bound)
}

/// Bounds that are not looked at.
fn idle(section: &Section, found: &mut Findings) {
    let criteria = || section.tests.iter().flat_map(|test| &test.criteria);
    if criteria().any(|it| quantity(it) == Some(Quantity::ActivityPeriod)) {
        return;
    }
    for criterion in criteria() {
        let activity = definition(criterion).is_some_and(|it| it.stage == 3);
        if activity && criterion.key.starts_with("chan.") {
            let message = format!("{} means nothing without chan.activity_period", criterion.key);
            found.warn(&criterion.place, message);
        }
    }
}

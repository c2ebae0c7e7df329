//! `debal plan solve` and `debal plan verify`.
//!
//! It must never print a plan that the checker refuses.

use std::io::{IsTerminal, Write};
use std::path::Path;

use debal_planner::document::Value;
use debal_planner::exact::Decimal;
use debal_planner::network::{InputError, Place, amount};
use debal_planner::plan::verify::verify as check;
use debal_planner::plan::{self, Certificate, Problem, Step, read_problem};

use crate::args::Solve;
use crate::failure::Failure;
use crate::read::{self, Watch};
use crate::{Shown, drawing, show};

/// Finds the best plan of a file.
pub fn solve(given: &Solve, json: bool, err: &mut dyn Write) -> Result<Shown, Failure> {
    let value = read::document(&given.file)?;
    let mut problem = read_problem(&value, given.mode.as_deref())?;
    for edge in &given.off {
        let number = edge.strip_prefix('e').and_then(|digits| digits.parse().ok());
        let number = number.ok_or_else(|| {
            InputError::network(edge.as_str(), "an edge is called e and its number, e7 for one")
        })?;
        problem.network.switch_off(number)?;
    }
    let tells = std::io::stderr().is_terminal();
    let mut watch = Watch::new(given.seconds, tells.then_some(err));
    let found = plan::solve(&problem, &mut |progress| watch.goes_on(progress));
    let took = watch.elapsed();
    let plan = found.map_err(|error| Failure::from_plan(&error, &problem.network))?;
    check(&problem, &plan.steps, Some(&plan.after), Some(plan.objective))
        .map_err(|refusal| Failure::failed(format!("the planner is wrong: {refusal}")))?;
    let network = &problem.network;
    Shown::done(if json {
        let mut entries = show::plan_json(&plan, network).as_table().unwrap_or_default().to_vec();
        entries.push(("certificate".to_owned(), show::certificate_json(&problem)));
        format!("{}\n", Value::Table(entries))
    } else if given.dot {
        drawing::dot(&plan, network)
    } else if given.svg {
        drawing::svg(&plan, network)
    } else {
        let mut text = show::plan_text(&plan, network, given.explain);
        if given.explain {
            text += &format!("found in {} ms\n", took.as_millis());
        }
        text
    })
}

/// Checks a plan file against its problem.
pub fn verify(
    plan: &Path,
    network: &Path,
    mode: Option<&str>,
    json: bool,
) -> Result<Shown, Failure> {
    let plan = read::document(plan)?;
    let mode = mode.or_else(|| plan.get("mode").and_then(Value::as_text));
    let problem = read_problem(&read::document(network)?, mode)?;
    let steps = read_steps(&plan, &problem)?;
    let after = read_after(&plan)?;
    let said = plan.get("objective_exact").and_then(Value::as_text);
    let said = said.map(|text| {
        Decimal::parse(text).ok_or_else(|| InputError::amount("objective_exact", "no number"))
    });
    let found = check(&problem, &steps, after.as_deref(), said.transpose()?);
    let objective = found.map_err(|refusal| Failure::of(3, "refused", refusal.to_string()))?;
    let bound = proven_bound(&plan, &problem, objective)?;
    Shown::done(if json {
        let bound = bound.map_or(Value::Null, Value::text);
        let objective = Value::text(objective);
        let valid = ("valid", Value::Bool(true));
        format!(
            "{}\n",
            Value::table([valid, ("objective_exact", objective), ("bound_exact", bound)])
        )
    } else {
        let mode = problem.mode.name();
        let proof = match bound {
            Some(bound) if bound == objective => "its prices prove that none is better".to_owned(),
            Some(bound) => format!("its prices prove that none is below {bound}"),
            None => "it has no certificate".to_owned(),
        };
        format!("valid: {} steps reach the targets; {mode}: {objective}; {proof}\n", steps.len())
    })
}

/// What the plan's certificate proves about this problem, if it has one.
fn proven_bound(
    plan: &Value,
    problem: &Problem,
    objective: Decimal,
) -> Result<Option<Decimal>, Failure> {
    let Some(prices) = plan.get("certificate").and_then(|found| found.get("potentials")) else {
        return Ok(None);
    };
    let price = |place: &Place| prices.get(&place.id)?.as_text().and_then(Decimal::parse);
    let potentials: Option<Vec<Decimal>> = problem.network.places().iter().map(price).collect();
    let wrong = || Failure::of(3, "refused", "certificate.potentials: one number for each place");
    let certificate = Certificate { potentials: potentials.ok_or_else(wrong)? };
    let Some(bound) = certificate.bound(problem) else { return Ok(None) };
    // No prices prove a bound above a plan that is there: that would be a fault of ours.
    if bound > objective {
        return Err(Failure::failed(format!("the checker is wrong: {bound} above {objective}")));
    }
    let said = plan.get("certificate").and_then(|found| found.get("bound_exact"));
    if said.and_then(Value::as_text).and_then(Decimal::parse).is_some_and(|said| said != bound) {
        let message = format!("for this problem the certificate proves {bound}, not what it says");
        return Err(Failure::of(3, "refused", message));
    }
    Ok(Some(bound))
}

/// The steps of a plan.
pub fn read_steps(plan: &Value, problem: &Problem) -> Result<Vec<Step>, InputError> {
    let list = plan.get("steps").and_then(Value::as_list);
    let list = list.ok_or_else(|| InputError::network("steps", "a list is expected here"))?;
    let mut steps = Vec::with_capacity(list.len());
    for (number, entry) in list.iter().enumerate() {
        let at = |key: &str| format!("steps[{number}].{key}");
        let text = |key: &str| entry.get(key).and_then(Value::as_text).unwrap_or_default();
        let place = |key: &str| {
            problem.network.place(text(key)).ok_or_else(|| InputError::UnknownPlace {
                field: at(key),
                place: text(key).to_owned(),
                hint: String::new(),
            })
        };
        let edge = text("edge").strip_prefix('e').and_then(|digits| digits.parse().ok());
        let reason = "an edge is called e and its number";
        let edge = edge.ok_or_else(|| InputError::network(at("edge"), reason))?;
        let given = entry.get("amount").unwrap_or(&Value::Null);
        let amount = amount(given, &at("amount"))?;
        steps.push(Step { edge, src: place("src")?, dest: place("dest")?, amount });
    }
    Ok(steps)
}

/// The dependency lists of a plan, if it has them.
pub fn read_after(plan: &Value) -> Result<Option<Vec<Vec<u32>>>, InputError> {
    let Some(lists) = plan.get("after").and_then(Value::as_list) else { return Ok(None) };
    let number = |value: &Value| match value {
        Value::Number(digits) => digits.parse::<u32>().ok(),
        _ => None,
    };
    let list = |value: &Value| value.as_list()?.iter().map(number).collect::<Option<Vec<u32>>>();
    let found: Option<Vec<Vec<u32>>> = lists.iter().map(list).collect();
    found.map(Some).ok_or_else(|| InputError::network("after", "lists of step numbers"))
}

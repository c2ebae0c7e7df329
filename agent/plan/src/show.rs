//! Plans as JSON and as text.
//!
//! It must never round a figure.

use debal_planner::document::Value;
use debal_planner::network::Network;
use debal_planner::plan::{Certificate, Mode, Plan, Problem, Step};

/// A plan as `solve --json` prints it, but for its certificate.
pub fn plan_json(plan: &Plan, network: &Network) -> Value {
    let after = plan.after.iter().map(|list| Value::List(list.iter().map(Value::number).collect()));
    let steps = plan.steps.iter().map(|step| step_json(step, network));
    let duration = plan.duration_sec.map_or(Value::Null, Value::number);
    Value::table([
        ("mode", Value::text(plan.mode.name())),
        ("objective", Value::number(plan.objective)),
        ("objective_exact", Value::text(plan.objective)),
        ("steps", Value::List(steps.collect())),
        ("after", Value::List(after.collect())),
        ("proven_optimal", Value::Bool(plan.proven_optimal)),
        ("gap", Value::number(gap(plan))),
        ("bound_exact", Value::text(plan.bound)),
        ("fewest_steps", Value::Bool(plan.fewest_steps)),
        ("cost_exact", Value::text(plan.cost)),
        ("time_sec_exact", Value::text(plan.time_sec)),
        ("duration_sec", duration),
        ("nodes", Value::number(plan.nodes)),
        ("pivots", Value::number(plan.pivots)),
    ])
}

/// Prices by place and the bound that they prove, or null.
pub fn certificate_json(problem: &Problem) -> Value {
    let Some(certificate) = Certificate::of(problem) else { return Value::Null };
    let Some(bound) = certificate.bound(problem) else { return Value::Null };
    let names = problem.network.places().iter().map(|place| place.id.clone());
    let prices = names.zip(certificate.potentials.iter().map(Value::text)).collect();
    Value::table([("bound_exact", Value::text(bound)), ("potentials", Value::Table(prices))])
}

/// The relative gap as a decimal, rounded up to six places.
fn gap(plan: &Plan) -> String {
    let ppm = plan.gap_ppm();
    format!("{}.{:06}", ppm / 1_000_000, ppm % 1_000_000)
}

fn step_json(step: &Step, network: &Network) -> Value {
    Value::table([
        ("src", Value::text(network.name(step.src))),
        ("dest", Value::text(network.name(step.dest))),
        ("amount", Value::text(step.amount)),
        ("edge", Value::text(format!("e{}", step.edge))),
    ])
}

/// A plan for people.
pub fn plan_text(plan: &Plan, network: &Network, explain: bool) -> String {
    if plan.steps.is_empty() {
        return "Nothing to do: every place is at its target.\n".to_owned();
    }
    let name = |place: u32| network.name(place).chars().count();
    let width = |place: &dyn Fn(&Step) -> u32| {
        plan.steps.iter().map(|step| name(place(step))).max().unwrap_or(0)
    };
    let (from, to) = (width(&|step| step.src), width(&|step| step.dest));
    let digits = plan.steps.iter().map(|s| s.amount.to_string().len()).max().unwrap_or(0);
    let mut text = String::new();
    for (number, (step, after)) in plan.steps.iter().zip(&plan.after).enumerate() {
        let (src, dest) = (network.name(step.src), network.name(step.dest));
        let waits: Vec<String> = after.iter().map(|a| (a + 1).to_string()).collect();
        let waits =
            if waits.is_empty() { String::new() } else { format!("  after {}", waits.join(", ")) };
        text += &format!(
            "{:>4}  {:>digits$}  {src:<from$} -> {dest:<to$}  e{}{waits}\n",
            number + 1,
            step.amount,
            step.edge
        );
        if explain {
            let first = plan.steps.iter().position(|other| other.edge == step.edge);
            text += &explain_step(step, network, first.filter(|first| *first < number));
        }
    }
    text += &summary(plan);
    text
}

/// What a step costs; `first` is an earlier step over the same edge, which paid the edge's charges.
fn explain_step(step: &Step, network: &Network, first: Option<usize>) -> String {
    let link = &network.edges()[step.edge as usize].link;
    let variable = link.variable_fee.times(i128::from(step.amount)).unwrap_or_default();
    let mut text = match first {
        None => format!(
            "        fee {} = {} x {} + {} fixed, {} s",
            variable.plus(&link.fixed_fee).unwrap_or_default(),
            step.amount,
            link.variable_fee,
            link.fixed_fee,
            link.time_sec
        ),
        Some(first) => format!(
            "        fee {variable} = {} x {}; fixed fee and time counted with step {}",
            step.amount,
            link.variable_fee,
            first + 1
        ),
    };
    if let Some(capacity) = link.capacity {
        text += &format!(", {} of {capacity} used", step.amount);
    }
    if link.min_amount > 0 {
        text += &format!(", at least {}", link.min_amount);
    }
    text + "\n"
}

fn summary(plan: &Plan) -> String {
    let figure = match plan.mode {
        Mode::Cheapest | Mode::CheapestThenFastest => "fees",
        Mode::Fastest | Mode::FastestThenCheapest => "seconds in all",
        Mode::Earliest => "seconds on the longest chain",
    };
    let proof = if plan.proven_optimal {
        format!("proven optimal ({} branches, {} pivots)", plan.nodes, plan.pivots)
    } else {
        let (bound, gap) = (plan.bound, gap(plan));
        format!("not proven optimal: no plan is below {bound}, so at most {gap} of it is lost")
    };
    let duration = plan.duration_sec.map_or_else(String::new, |d| format!(", done after {d} s"));
    format!(
        "{}: {} {figure}; {proof}\nfees {}, times {} s{duration}\n",
        plan.mode.name(),
        plan.objective,
        plan.cost,
        plan.time_sec
    )
}

//! `debal plan export --dimacs`: the minimum-cost-flow instance of a problem, for any other solver.
//!
//! It must never export something else than is solved: charges and minimums have no place in that
//! format, so a problem that has them is refused.

use std::path::Path;

use debal_planner::charge::ChargedLink;
use debal_planner::plan::{charge_problem, read_problem};

use crate::failure::Failure;
use crate::{Shown, read};

/// The instance in DIMACS `min` format. Costs are scaled to whole numbers; a comment says by what.
pub fn dimacs(file: &Path, mode: Option<&str>) -> Result<Shown, Failure> {
    let problem = read_problem(&read::document(file)?, mode)?;
    let (charged, places) = charge_problem(&problem)
        .ok_or_else(|| Failure::of(3, "invalid_network", "fees do not fit 128 bits"))?;
    let whole = |link: &ChargedLink| link.fixed_cost == 0 && link.minimum == 0;
    let open = |link: &&ChargedLink| link.capacity > 0;
    if let Some(edge) = charged.links.iter().position(|link| link.capacity > 0 && !whole(link)) {
        let message = format!(
            "e{edge} has a fixed fee, a time or a minimum that counts in mode {}: \
             that is no plain minimum-cost flow",
            problem.mode.name()
        );
        return Err(Failure::of(3, "not_linear", message));
    }
    let links: Vec<&ChargedLink> = charged.links.iter().filter(open).collect();
    let nodes = charged.supplies.len();
    let mut text = format!(
        "c {}, costs times 10^{places}\np min {nodes} {}\n",
        problem.mode.name(),
        links.len()
    );
    for (node, supply) in charged.supplies.iter().enumerate().filter(|(_, s)| **s != 0) {
        text += &format!("n {} {supply}\n", node + 1);
    }
    for link in links {
        let (tail, head) = (link.tail + 1, link.head + 1);
        text += &format!("a {tail} {head} 0 {} {}\n", link.capacity, link.unit_cost);
    }
    Shown::done(text)
}

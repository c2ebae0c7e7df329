//! `debal plan export --dimacs`: the flow instance that is solved, for any other solver.
//!
//! It must never export something else than is solved without saying so: where charges or minimums
//! count, the lines that any solver reads are a relaxation, the header says that, and comment lines
//! hold the rest.

use std::path::Path;

use debal_planner::charge::{ChargeProblem, ChargedLink};
use debal_planner::plan::{Mode, Problem, charge_problem, read_problem};

use crate::failure::Failure;
use crate::{Shown, read};

/// The instance in DIMACS `min` format. Costs are scaled to whole numbers; the header says by what.
///
/// * `c edge ARC eN`: the arc (counted from 1 in the order of the `a` lines) is this edge. Edges
///   that are off, closed, or whose minimum is above everything have no arc.
/// * `c charge ARC FIXED MIN`: using the arc at all costs FIXED (scaled as costs are), and it
///   carries nothing or at least MIN. Without such lines the instance is what is solved.
pub fn dimacs(file: &Path, mode: Option<&str>) -> Result<Shown, Failure> {
    let problem = read_problem(&read::document(file)?, mode)?;
    if problem.mode == Mode::Earliest {
        let message = "mode earliest minimises the longest chain: that is no sum over edges";
        return Err(Failure::of(3, "not_linear", message));
    }
    let (charged, places) = charge_problem(&problem)
        .ok_or_else(|| Failure::of(3, "invalid_network", "fees do not fit 128 bits"))?;
    let open = |(_, link): &(usize, &ChargedLink)| link.capacity > 0;
    let links: Vec<(usize, &ChargedLink)> = charged.links.iter().enumerate().filter(open).collect();
    let mut text = header(&problem, places, &links);
    text += &format!("p min {} {}\n", charged.supplies.len(), links.len());
    text += &body(&charged, &links);
    Shown::done(text)
}

fn counts(link: &ChargedLink) -> bool {
    link.fixed_cost > 0 || link.minimum > 0
}

/// What the figures are, and whether the instance is all of the problem.
fn header(problem: &Problem, places: u32, links: &[(usize, &ChargedLink)]) -> String {
    let (figure, unit) = match problem.mode {
        Mode::Fastest | Mode::FastestThenCheapest => ("sum of times", "seconds"),
        _ => ("sum of fees", "base units"),
    };
    let charges = links.iter().filter(|(_, link)| counts(link)).count();
    let mut text = format!(
        "c debal plan, mode {}: the {figure}\n\
         c scale: costs are {unit} times 10^{places}; amounts are base units, not scaled\n",
        problem.mode.name()
    );
    if matches!(problem.mode, Mode::CheapestThenFastest | Mode::FastestThenCheapest) {
        text += "c only the first figure of the mode: what comes then only breaks ties\n";
    }
    text += &if charges == 0 {
        "c identical: this minimum-cost flow is the problem\n".to_owned()
    } else {
        format!(
            "c relaxation: without its charges and minimums ({charges} arcs) the problem is this\n\
             c minimum-cost flow, so its optimum is only a bound; with these lines it is whole:\n\
             c   charge ARC FIXED MIN (using the arc costs FIXED, it carries 0 or at least MIN)\n"
        )
    };
    text + "c edge ARC N (the arc, counted from 1, is edge N of the problem)\n"
}

fn body(charged: &ChargeProblem, links: &[(usize, &ChargedLink)]) -> String {
    let mut text = String::new();
    for (node, supply) in (1..).zip(&charged.supplies).filter(|(_, supply)| **supply != 0) {
        text += &format!("n {node} {supply}\n");
    }
    for (arc, (edge, link)) in (1..).zip(links) {
        let (tail, head) = (link.tail + 1, link.head + 1);
        text += &format!("c edge {arc} e{edge}\n");
        if counts(link) {
            text += &format!("c charge {arc} {} {}\n", link.fixed_cost, link.minimum);
        }
        text += &format!("a {tail} {head} 0 {} {}\n", link.capacity, link.unit_cost);
    }
    text
}

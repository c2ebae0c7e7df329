//! `sim-cluster fairness`: leaderships over many simulated epochs against the shares they should
//! have.
//!
//! The ranking and the cool-down are the election's own; only the draws are made up, by seed. The
//! verdict must follow from the printed figures alone.

use super::options::FairnessOptions;
use crate::error::ClusterError;
use comfy_table::{Table, presets};
use debal_protocol::election::{FairnessReport, simulate_fairness};
use serde_json::{Value, json};

/// Largest distance of one member's share that equal or weighted elections may show, in thousandths
/// of a standard deviation: 1 % over up to 256 members (Bonferroni).
const LARGEST_Z_MILLI: u64 = 4_300;

/// One way to hold the elections.
struct Case {
    name: &'static str,
    report: FairnessReport,
    /// With the cool-down chi-square does not apply: leaderships are not independent.
    judged: bool,
}

/// Simulates, prints, and fails if leadership is not fair.
///
/// # Errors
/// A chi-square beyond its 1 % value, or a member too far from its share.
pub fn run(options: &FairnessOptions) -> Result<(), ClusterError> {
    let cases = cases(options);
    if options.json {
        let all: Vec<Value> = cases.iter().map(to_json).collect();
        let text = json!({ "seed": options.seed, "members": options.members, "cases": all });
        println!("{text:#}");
    } else {
        println!("{}", table(&cases));
    }
    let unfair: Vec<&str> = cases.iter().filter(|case| !fair(case)).map(|case| case.name).collect();
    if unfair.is_empty() {
        return Ok(());
    }
    let text = format!("leadership is not fair with {}: one run in a hundred", unfair.join(", "));
    Err(ClusterError::Failed(format!("{text} may say so by chance; try another --seed")))
}

fn cases(options: &FairnessOptions) -> Vec<Case> {
    let equal = vec![1; options.members];
    let rising: Vec<u64> = (1..).take(options.members).map(|number: u64| number * 50_000).collect();
    let case = |name, weights: &[u64], cool_down| Case {
        name,
        report: simulate_fairness(weights, options.epochs, options.seed, cool_down),
        judged: !cool_down,
    };
    vec![
        case("equal weights", &equal, false),
        case("weights 1 to n", &rising, false),
        case("equal, cool-down", &equal, true),
    ]
}

fn fair(case: &Case) -> bool {
    let chi = case.report.chi_square_milli < case.report.critical_1_percent_milli;
    (chi || !case.judged) && case.report.largest_z_milli < LARGEST_Z_MILLI
}

fn to_json(case: &Case) -> Value {
    let report = &case.report;
    json!({
        "case": case.name,
        "epochs": report.epochs,
        "chi_square": thousandths(report.chi_square_milli),
        "degrees": report.degrees,
        "critical_1_percent": thousandths(report.critical_1_percent_milli),
        "largest_z": thousandths(report.largest_z_milli),
        "longest_run": report.longest_run,
        "shortest_return": report.shortest_return,
        "wins": report.wins,
        "fair": fair(case),
    })
}

#[allow(clippy::cast_precision_loss)]
fn thousandths(milli: u64) -> f64 {
    milli as f64 / 1_000.0
}

fn table(cases: &[Case]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN);
    table.set_header([
        "leadership",
        "epochs",
        "chi-square",
        "1 % value",
        "largest z",
        "run",
        "fair",
    ]);
    for case in cases {
        let report = &case.report;
        let chi = format!("{:.1}", thousandths(report.chi_square_milli));
        let critical = format!("{:.1}", thousandths(report.critical_1_percent_milli));
        table.add_row([
            case.name.to_owned(),
            report.epochs.to_string(),
            if case.judged { chi } else { format!("({chi})") },
            critical,
            format!("{:.2}", thousandths(report.largest_z_milli)),
            report.longest_run.to_string(),
            if fair(case) { "yes" } else { "NO" }.to_owned(),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_thousand_epochs_are_fair_equal_and_weighted() {
        let options = FairnessOptions { epochs: 10_000, members: 20, seed: 4, json: false };
        let cases = cases(&options);
        assert_eq!(cases.iter().map(fair).collect::<Vec<_>>(), [true; 3]);
        assert!(table(&cases).to_string().lines().all(|line| line.chars().count() <= 80));
    }
}

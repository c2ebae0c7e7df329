//! `sim-cluster models`: the same network, balances and payments, rebalanced in both arms, once
//! with the agents deciding by thresholds and once by forecasts and a policy.
//!
//! The two arms of a draw must never differ in anything but `learning.policy`; which of them runs
//! first alternates.

use super::options::ModelsOptions;
use super::run::{kept, plan};
use crate::error::ClusterError;
use crate::launch::{Decides, Learning, ProcessStarter, Starter};
use crate::run::{ArmOutcome, CycleOutcome, Progress, RunPlan, run_arm};
use comfy_table::{Table, presets};
use debal_bench::figures::Figure;
use serde_json::{Value, json};
use std::sync::Arc;

/// What is compared, with the digits it is shown with.
const FIGURES: [(&str, usize); 5] =
    [("success", 4), ("volume", 4), ("imbalance", 4), ("cycles", 1), ("moved sat", 0)];

/// One arm in numbers, in the order of [`FIGURES`].
type Numbers = [f64; FIGURES.len()];

/// One draw of balances and payments on one piece.
struct Draw {
    piece: u64,
    payments: usize,
    off: Numbers,
    on: Numbers,
}

/// Runs all draws and prints the comparison.
///
/// # Errors
/// The first thing that fails, a loss of money included.
pub async fn run(options: &ModelsOptions) -> Result<(), ClusterError> {
    let starter: Arc<dyn Starter> = Arc::new(ProcessStarter::this_executable()?);
    let progress = Progress::standard();
    let mut draws = Vec::new();
    for piece in 0..options.pieces {
        for draw in 0..options.draws {
            let all = options.pieces * options.draws;
            let number = piece * options.draws + draw + 1;
            progress.stage(&format!("draw {number} of {all}, piece {}", piece + 1));
            draws.push(one(options, (piece, draw), &starter, &progress).await?);
        }
    }
    progress.finish();
    if options.run.json {
        println!("{:#}", to_json(options, &draws));
    } else {
        println!("{}", table(options, &draws));
    }
    Ok(())
}

async fn one(
    options: &ModelsOptions,
    (piece, draw): (u64, u64),
    starter: &Arc<dyn Starter>,
    progress: &Progress,
) -> Result<Draw, ClusterError> {
    let mut run = options.run.clone();
    let seed = run.network.seed;
    run.network.seed = seed + piece;
    let (cut, _) = plan(&run)?;
    // The piece stays, balances and payments are drawn anew.
    run.network.seed = seed + piece + 1_000 * (draw + 1);
    let drawn = super::run::plan_on(&run, cut.graph)?.0;
    let with = |policy: Decides, name: &str| RunPlan {
        learning: Learning { policy, ..options.run.learning },
        directory: drawn.directory.join(name),
        ..drawn.clone()
    };
    let plans = [with(options.against, "off"), with(options.run.learning.policy, "on")];
    let first = usize::from((piece + draw) % 2 == 1);
    let mut numbers = [Numbers::default(); 2];
    for arm in [first, 1 - first] {
        let outcome = run_arm(&plans[arm], true, starter, progress).await;
        let outcome = outcome.map_err(|error| kept(error, &drawn.directory))?;
        sound(&outcome).map_err(|error| kept(error, &drawn.directory))?;
        numbers[arm] = numbers_of(&outcome);
    }
    std::fs::remove_dir_all(&drawn.directory)
        .map_err(|e| ClusterError::io("remove", &drawn.directory, &e))?;
    let [off, on] = numbers;
    Ok(Draw { piece, payments: drawn.payments.len(), off, on })
}

fn sound(outcome: &ArmOutcome) -> Result<(), ClusterError> {
    let audit = &outcome.audit;
    if audit.lost_msat == 0 && audit.violations.is_empty() && audit.open_locks == 0 {
        return Ok(());
    }
    let text = format!(
        "the audit found {} msat lost, {} open locks, {} failed checks: {}",
        audit.lost_msat,
        audit.open_locks,
        audit.violations.len(),
        audit.violations.join("; ")
    );
    Err(ClusterError::Failed(text))
}

#[allow(clippy::cast_precision_loss)]
fn numbers_of(outcome: &ArmOutcome) -> Numbers {
    let all = outcome.payments.len().max(1) as f64;
    let arrived = || outcome.payments.iter().filter(|payment| payment.succeeded);
    let sent: u64 = outcome.payments.iter().map(|it| it.payment.amount_msat).sum();
    let came: u64 = arrived().map(|it| it.payment.amount_msat).sum();
    let committed = || outcome.observations.cycles_with(CycleOutcome::Committed);
    // Over all hops: what a cycle of six moves is six times its amount.
    let moved: u64 = committed().map(|it| it.amount_msat.saturating_mul(it.hops)).sum();
    [
        arrived().count() as f64 / all,
        came as f64 / sent.max(1) as f64,
        outcome.samples.last().map_or(0.0, |sample| sample.imbalance),
        committed().count() as f64,
        moved as f64 / 1_000.0,
    ]
}

/// Mean off, mean on, and the difference of the same draw with its interval.
fn compared(draws: &[&Draw], figure: usize) -> [Figure; 3] {
    let of = |read: &dyn Fn(&Draw) -> f64| {
        Figure::of(&draws.iter().map(|draw| read(draw)).collect::<Vec<_>>())
    };
    [
        of(&|draw| draw.off[figure]),
        of(&|draw| draw.on[figure]),
        of(&|draw| draw.on[figure] - draw.off[figure]),
    ]
}

/// Every piece, then all draws together.
fn groups<'a>(options: &ModelsOptions, draws: &'a [Draw]) -> Vec<(String, Vec<&'a Draw>)> {
    let piece = |piece| draws.iter().filter(move |draw| draw.piece == piece).collect();
    let mut groups: Vec<(String, Vec<&Draw>)> =
        (0..options.pieces).map(|index| (format!("piece {}", index + 1), piece(index))).collect();
    groups.push(("all".to_owned(), draws.iter().collect()));
    groups
}

fn table(options: &ModelsOptions, draws: &[Draw]) -> String {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN);
    table.set_header(["", "figure", "off", "on", "on - off"]);
    for (name, group) in groups(options, draws) {
        for (index, (figure, digits)) in FIGURES.into_iter().enumerate() {
            let [off, on, apart] = compared(&group, index);
            table.add_row([
                if index == 0 { name.clone() } else { String::new() },
                figure.to_owned(),
                format!("{:.digits$}", off.mean),
                format!("{:.digits$}", on.mean),
                format!("{:+.digits$} ±{:.digits$}", apart.mean, apart.ci95),
            ]);
        }
    }
    let payments: usize = draws.iter().map(|draw| draw.payments).sum();
    format!(
        "off: {}, on: {}; {} draws on {} pieces, {payments} payments per arm in all, seed {}; \
         intervals: 95 %, of the difference on the same draw\n{table}",
        options.against,
        options.run.learning.policy,
        draws.len(),
        options.pieces,
        options.run.network.seed,
    )
}

fn to_json(options: &ModelsOptions, draws: &[Draw]) -> Value {
    let figures = |group: &[&Draw]| {
        let all = FIGURES.into_iter().enumerate().map(|(index, (name, _))| {
            let [off, on, apart] = compared(group, index);
            (name.to_owned(), json!({ "off": off, "on": on, "on_less_off": apart }))
        });
        Value::Object(all.collect())
    };
    let groups = groups(options, draws);
    let rows =
        groups.iter().map(|(name, group)| json!({ "group": name, "figures": figures(group) }));
    json!({
        "off": options.against,
        "on": options.run.learning,
        "seed": options.run.network.seed,
        "draws": draws.len(),
        "rows": rows.collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_is_of_the_same_draw_and_its_interval_is_narrower_than_the_draws_apart() {
        let draw = |piece, off: f64, on: f64| Draw {
            piece,
            payments: 10,
            off: [off; FIGURES.len()],
            on: [on; FIGURES.len()],
        };
        let draws = [draw(0, 0.5, 0.6), draw(0, 0.9, 1.0), draw(1, 0.1, 0.2)];
        let all: Vec<&Draw> = draws.iter().collect();
        let [off, on, apart] = compared(&all, 0);
        assert!((off.mean - 0.5).abs() < 1e-12 && (on.mean - 0.6).abs() < 1e-12);
        assert!((apart.mean - 0.1).abs() < 1e-12 && apart.ci95 < 1e-12 && off.ci95 > 0.5);
    }
}

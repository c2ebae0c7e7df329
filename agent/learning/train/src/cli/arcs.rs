//! `debal learn ... --what arcs`: the network of what arcs carry.
//!
//! It must never write a model that was not trained by the command that stands beside it.

use super::args::{Evaluate, Profile, Train};
use super::files::{self, Made};
use super::{Shown, teller};
use crate::arcs::history::Tell;
use crate::arcs::training::{self, CI, FULL, LAYERS, State};
use crate::arcs::{module, score};
use crate::stats::Row;
use crate::{Error, Progress};
use debal_learn::arcs::{Curve, Network};
use debal_learn::model::{ARCS, Kind, ModelFile};
use serde_json::json;
use std::io::Write;
use std::path::Path;
use std::time::Instant;

/// First seed of the networks that are evaluated on: neither learned on nor chosen by.
const EVALUATION: u64 = 9 << 40;
/// The amounts of B4, msat.
const AMOUNTS_MSAT: [u64; 2] = [50_000_000, 200_000_000];

/// Trains.
pub fn train(given: &Train, command: &str, err: &mut dyn Write) -> Result<Shown, Error> {
    let state = match (&given.checkpoint, given.resume) {
        (Some(path), true) => files::read_arcs(path)?,
        _ => State::new(given.seed, given.local),
    };
    if state.local != given.local {
        return Err(Error::Usage("the checkpoint is of the other kind of --local".to_owned()));
    }
    let mut effort = match given.profile {
        Profile::Full => FULL,
        Profile::Ci => CI,
    };
    effort.steps = given.generations.unwrap_or(effort.steps);
    let begun = Instant::now();
    let mut save = |state: &State| match &given.checkpoint {
        Some(path) => files::write_arcs(path, state),
        None => Ok(()),
    };
    let found = training::train(state, &effort, &mut teller(err), &mut save)?;
    let data = format!(
        "{} Chung-Lu networks, {} to choose by, payers' results at {} moments of each",
        effort.cases, effort.checks, effort.moments
    );
    let seconds = begun.elapsed().as_secs_f64();
    written(&found, &given.out, &Made { command, seed: found.seed, data: &data, seconds })
}

/// The model of a training.
pub fn model(state: &State) -> ModelFile {
    let tensors = module::tensors(LAYERS, state.local, &state.best);
    let local = if state.local { "-local" } else { "" };
    let name = format!("arcs{local}-{}", state.seed);
    ModelFile { kind: Kind::Arcs, name, version: 1, tensors }
}

/// Writes the best of a training and says what it is.
pub fn written(found: &State, out: &Path, made: &Made<'_>) -> Result<Shown, Error> {
    let file = model(found);
    let (first, best) = (found.first_loss.unwrap_or(f64::NAN), found.best_loss.unwrap_or(f64::NAN));
    let steps = found.step;
    files::write_made(
        out,
        &file,
        made,
        &format!(
            "steps = {steps}\nloss_first = {first:.5} # mean negative log-likelihood of a result, networks not learned on\nloss_best = {best:.5}\n"
        ),
    )?;
    let json = json!({
        "kind": "arcs", "seed": found.seed, "steps": steps, "loss_first": first,
        "loss_best": best, "seconds": made.seconds, "out": out.display().to_string(),
        "learned": best < first,
    });
    let text = format!(
        "arcs: {steps} steps, loss {first:.4} -> {best:.4}, {:.0} s\nwritten to {}\n",
        made.seconds,
        out.display()
    );
    Ok(Shown { json, text })
}

/// Ranking and distance on networks that were not trained on, per share of nodes that tell.
pub fn evaluate(given: &Evaluate, err: &mut dyn Write) -> Result<Vec<Row>, Error> {
    let file = files::read_model(given.model.as_deref(), ARCS)?;
    let network = Network::from_tensors(&file.tensors)
        .map_err(|misfit| files::content(given.model.as_deref(), &misfit.into()))?;
    let mut watch = teller(err);
    let mut rows: Vec<Row> = Vec::new();
    for seed in 0..given.seeds {
        let (stage, note) = ("networks", "paid over and judged".to_owned());
        watch(&Progress { stage, done: seed, total: given.seeds, note });
        let data = training::data(EVALUATION + seed as u64, 1, &FULL)?;
        for snapshot in data.snapshots.iter().rev().take(training::TELLS.len()) {
            let graph = &data.graphs[snapshot.graph];
            let learned = network.curves(graph, &snapshot.features);
            let uniform = vec![Curve::UNIFORM; graph.arcs()];
            let Tell { share, forwards } = snapshot.tell;
            let forwards = if forwards { ", forwards too" } else { "" };
            for (name, curves) in [("uniform prior", uniform), ("learned", learned)] {
                let method = if name == "learned" {
                    format!("learned, {:.1} % of nodes tell{forwards}", share * 100.0)
                } else {
                    name.to_owned()
                };
                let row = row(&mut rows, &method);
                if row.metrics.get("auc_50k").is_some_and(|all| all.len() > seed) {
                    continue;
                }
                for amount_msat in AMOUNTS_MSAT {
                    let judged =
                        score::judged_curves(graph, &snapshot.held_msat, amount_msat, &curves);
                    let thousands = amount_msat / 1_000_000;
                    row.push(&format!("auc_{thousands}k"), score::auc(&judged));
                    row.push(&format!("brier_{thousands}k"), score::brier(&judged));
                }
            }
        }
    }
    Ok(rows)
}

/// The row of a method, made if it is not there.
fn row<'a>(rows: &'a mut Vec<Row>, method: &str) -> &'a mut Row {
    let at = rows.iter().position(|row| row.method == method).unwrap_or_else(|| {
        rows.push(Row::new(method));
        rows.len() - 1
    });
    &mut rows[at]
}

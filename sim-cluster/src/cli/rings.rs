//! `sim-cluster rings`: prints what [`crate::rings`] measured.
//!
//! Figures stand beside the flush time of the same disk in the same run; they must never be quoted
//! without it.

use super::options::RingsOptions;
use crate::error::ClusterError;
use crate::launch::{ProcessStarter, Starter};
use crate::rings::{Figures, measure};
use comfy_table::{Table, presets};
use std::sync::Arc;

/// Measures and prints.
///
/// # Errors
/// The first thing that fails, and a ring that did not commit.
pub async fn run(options: &RingsOptions) -> Result<(), ClusterError> {
    let starter: Arc<dyn Starter> = Arc::new(ProcessStarter::this_executable()?);
    let figures = measure(options, &starter).await?;
    if options.json {
        let text = serde_json::to_string_pretty(&figures);
        println!("{}", text.map_err(|e| ClusterError::Failed(e.to_string()))?);
    } else {
        println!("{}", table(&figures));
    }
    if figures.lost_msat == 0 && figures.violations == 0 {
        Ok(())
    } else {
        Err(ClusterError::Failed("the audit after the rings is not clean".to_owned()))
    }
}

fn table(figures: &Figures) -> Table {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN);
    table.set_header(["atomic rings over loopback, durable journals", "figure", "unit"]);
    let mut row = |what: &str, figure: String, unit: &str| {
        table.add_row([what.to_owned(), figure, unit.to_owned()]);
    };
    row("members of a ring", figures.size.to_string(), "");
    row("one by one: committed", format!("{} of {}", figures.committed, figures.rounds), "");
    row("one by one: median", format!("{:.1}", figures.commit_p50_ms), "ms");
    row("one by one: p99", format!("{:.1}", figures.commit_p99_ms), "ms");
    row("at once", figures.at_once.to_string(), "rings");
    row("at once: committed", figures.batch_committed.to_string(), "rings");
    row("at once: settled", format!("{:.0}", figures.settled_per_second), "per second");
    row("one flush of this disk: median", format!("{:.2}", figures.flush_p50_ms), "ms");
    row("median ring in flushes", format!("{:.1}", figures.flushes_per_ring), "");
    row("lost", figures.lost_msat.to_string(), "msat");
    row("audit violations", figures.violations.to_string(), "");
    table
}

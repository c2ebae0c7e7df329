//! The report of a run: `report.json` for programs, `report.html` and one table for people.
//!
//! Everything people see is rendered from the JSON, so `sim-cluster report DIR` shows a run again
//! exactly as it was. Rendering must never compute a figure that the JSON does not have.

mod build;
mod data;
mod figures;
mod html;
mod network;
mod svg;
mod table;

pub use build::build;
pub use data::{
    ArmReport, Arms, AuditReport, ChannelDetail, CycleReport, Detail, ElectionReport, GossipReport,
    NodeDetail, Report, SettingsReport, TopologyReport,
};
pub use html::page;
pub use table::table;

use crate::error::{ClusterError, InputError};
use crate::topology::read_bounded;
use std::path::{Path, PathBuf};

/// Name of the file for programs.
pub const JSON_NAME: &str = "report.json";
/// Name of the file for people.
pub const HTML_NAME: &str = "report.html";
/// Largest report read back, in bytes.
const MAX_REPORT_BYTES: u64 = 64 << 20;

/// Writes both files into `directory` and returns their paths.
///
/// # Errors
/// Whatever the file system or the plots refuse.
pub fn write(report: &Report, directory: &Path) -> Result<[PathBuf; 2], ClusterError> {
    std::fs::create_dir_all(directory).map_err(|e| ClusterError::io("create", directory, &e))?;
    let json = directory.join(JSON_NAME);
    std::fs::write(&json, to_json(report)?).map_err(|e| ClusterError::io("write", &json, &e))?;
    Ok([json, write_page(report, directory)?])
}

/// Writes the page alone.
///
/// # Errors
/// Whatever the file system or the plots refuse.
pub fn write_page(report: &Report, directory: &Path) -> Result<PathBuf, ClusterError> {
    let html = directory.join(HTML_NAME);
    let page = page(report).map_err(|e| ClusterError::Failed(format!("drawing: {e}")))?;
    std::fs::write(&html, page).map_err(|e| ClusterError::io("write", &html, &e))?;
    Ok(html)
}

/// The report as pretty JSON with a line break at the end.
///
/// # Errors
/// A report that JSON cannot carry (none exists).
pub fn to_json(report: &Report) -> Result<String, ClusterError> {
    let text = serde_json::to_string_pretty(report)
        .map_err(|e| ClusterError::Failed(format!("writing the report: {e}")))?;
    Ok(text + "\n")
}

/// Reads the report of an earlier run from its directory.
///
/// # Errors
/// [`InputError`] if there is none, or it is not one of ours.
pub fn read(directory: &Path) -> Result<Report, InputError> {
    let path = directory.join(JSON_NAME);
    let bytes = read_bounded(&path, MAX_REPORT_BYTES)?;
    let mut json = serde_json::Deserializer::from_slice(&bytes);
    serde_path_to_error::deserialize(&mut json).map_err(|e| {
        let place = format!("field {}", e.path());
        let fix = "give the directory of a finished `sim-cluster run`";
        InputError::new(&path.display().to_string(), place, e.inner().to_string(), fix)
    })
}

//! `sim-cluster report DIR`: shows an earlier run again.
//!
//! Nothing is measured anew; the page is drawn from the JSON of that run.

use super::options::ReportOptions;
use crate::error::ClusterError;
use crate::report;

/// Prints the table (or the JSON) and writes the page again.
///
/// # Errors
/// A directory without a readable report, or a page that cannot be written.
pub fn report(options: &ReportOptions) -> Result<(), ClusterError> {
    let report = report::read(&options.directory)?;
    let html = report::write_page(&report, &options.directory)?;
    if options.json {
        print!("{}", report::to_json(&report)?);
    } else {
        println!("{}", report::table(&report));
        println!("\n{}", html.display());
    }
    Ok(())
}

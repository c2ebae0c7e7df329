//! One self-contained page: tables, plots, and what the columns mean. No scripts, nothing fetched.
//!
//! Text from outside (graph and method names) is escaped.

use super::plot::{Plot, inline};
use super::{Column, Report};
use std::fmt::Write;

const STYLE: &str = ":root{color-scheme:light dark}body{font:15px/1.5 system-ui,sans-serif;\
    max-width:62rem;margin:2rem auto;padding:0 1rem}table{border-collapse:collapse}\
    th,td{padding:.2rem .6rem;text-align:right;border-bottom:1px solid #8884}\
    th:first-child,td:first-child{text-align:left}svg{width:100%;height:auto}\
    code{white-space:pre-wrap}";

/// Renders the page of one or more reports of one experiment with their plots, and the command
/// that made it.
#[must_use]
pub fn page(parts: &[(Report, Vec<Plot>)], columns: &[Column], command: &str) -> String {
    let mut page = String::from("<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">");
    let name = parts.first().map_or("", |(report, _)| report.experiment.as_str());
    let title = escape(&format!("DEBAL benchmark {name}"));
    put(&mut page, format_args!("<title>{title}</title><style>{STYLE}</style></head><body>"));
    put(&mut page, format_args!("<h1>{title}</h1><p><code>{}</code></p>", escape(command)));
    for (report, plots) in parts {
        let Report { graph, state, seeds, .. } = report;
        let heading = escape(&format!("{graph}, {state} state, {seeds} seeds"));
        put(&mut page, format_args!("<h2>{heading}</h2><table><thead><tr><th>method</th>"));
        for column in columns {
            put(&mut page, format_args!("<th>{}</th>", escape(column.heading)));
        }
        page.push_str("</tr></thead><tbody>");
        for row in &report.rows {
            put(&mut page, format_args!("<tr><td>{}</td>", escape(&row.method)));
            for column in columns {
                let cell = column.cell(row.figure(column.metric));
                put(&mut page, format_args!("<td>{}</td>", escape(&cell)));
            }
            page.push_str("</tr>");
        }
        page.push_str("</tbody></table>");
        for plot in plots {
            let (title, drawn) = (escape(&plot.title), inline(plot));
            put(&mut page, format_args!("<h3>{title}</h3>{drawn}"));
        }
    }
    page.push_str("</body></html>\n");
    page
}

/// Writing to a string cannot fail.
fn put(page: &mut String, text: std::fmt::Arguments<'_>) {
    let _ = page.write_fmt(text);
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

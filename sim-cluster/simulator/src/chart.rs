//! A message sequence chart of a failing run, as text.
//!
//! One column per member, one line per event, journal marks in the column of who journaled. The
//! talk of elections and summaries, which never explains where money is, is left out.

use crate::run::Outcome;
use std::fmt::Write as _;

/// Columns are this wide.
const WIDTH: usize = 9;

/// Draws the last `lines` events of a run that was made with its story.
#[must_use]
pub fn chart(outcome: &Outcome, nodes: usize, lines: usize) -> String {
    let noise = ["summary", "Summary", "claim", "endorse", "Election", "election"];
    let told = outcome.story.iter().filter(|line| {
        line.contains("claim_hop") || !noise.iter().any(|noise| line.contains(noise))
    });
    let told: Vec<&String> = told.collect();
    let mut text = format!("{:>9} ", "ms");
    for node in 0..nodes {
        let _ = write!(text, "{:^WIDTH$}", format!("n{node}"));
    }
    text.push('\n');
    for line in told.iter().skip(told.len().saturating_sub(lines)) {
        draw(&mut text, line, nodes);
    }
    for violation in &outcome.violations {
        let _ = writeln!(text, "{:>9} !! {} {}", violation.at_ms, violation.rule, violation.what);
    }
    text
}

fn draw(text: &mut String, line: &str, nodes: usize) {
    let mut words = line.split_whitespace();
    let at_ms = words.next().unwrap_or("");
    let rest: Vec<&str> = words.collect();
    let mut columns = vec!["    |    ".to_owned(); nodes];
    let number = |at: usize| rest.get(at).and_then(|word| word.parse::<usize>().ok());
    let said = match (number(0), rest.get(1), number(2)) {
        (Some(from), Some(&"->"), Some(to)) if from < nodes && to < nodes => {
            columns[from] = "    o    ".to_owned();
            columns[to] = if from < to { "   >|    " } else { "    |<   " }.to_owned();
            let (low, high) = (from.min(to), from.max(to));
            for column in columns.iter_mut().take(high).skip(low + 1) {
                *column = "----+----".to_owned();
            }
            rest.get(3..).unwrap_or_default().join(" ")
        }
        _ => {
            if let Some(node) = number(1).filter(|node| *node < nodes) {
                columns[node] = "   [*]   ".to_owned();
            }
            rest.get(2..).unwrap_or_default().join(" ")
        }
    };
    let said: String = said.chars().take(100).collect();
    let _ = writeln!(text, "{at_ms:>9} {} {said}", columns.concat());
}

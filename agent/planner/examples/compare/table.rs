//! Rows for people or for programs.
//!
//! It must never be wider than 80 columns in text.

use debal_planner::document::Value;

use crate::Asked;

/// One column: its heading, its width, whether it is a number (then it stands to the right).
pub type Column = (&'static str, usize, bool);

/// A table that is printed row by row, so that a long measurement shows how far it is.
#[derive(Debug)]
pub struct Table {
    columns: Vec<Column>,
    json: bool,
    name: &'static str,
}

impl Table {
    /// Starts a table; `title` says what is measured.
    pub fn start(asked: &Asked, name: &'static str, title: &str, columns: &[Column]) -> Table {
        let table = Table { columns: columns.to_vec(), json: asked.json, name };
        if !asked.json {
            println!("\n{title}");
            table.print(&columns.iter().map(|column| column.0.to_owned()).collect::<Vec<_>>());
        }
        table
    }

    /// Prints one row; cells in the order of the columns.
    pub fn row(&self, cells: &[String]) {
        if !self.json {
            return self.print(cells);
        }
        let cell = |((heading, _, number), text): (&Column, &String)| {
            let value = if *number && text.parse::<f64>().is_ok() {
                Value::Number(text.clone())
            } else {
                Value::text(text)
            };
            ((*heading).to_owned(), value)
        };
        let mut entries = vec![("table".to_owned(), Value::text(self.name))];
        entries.extend(self.columns.iter().zip(cells).map(cell));
        println!("{}", Value::Table(entries));
    }

    fn print(&self, cells: &[String]) {
        let cell = |((_, width, number), text): (&Column, &String)| {
            if *number { format!("{text:>width$}") } else { format!("{text:<width$}") }
        };
        let line: Vec<String> = self.columns.iter().zip(cells).map(cell).collect();
        println!("{}", line.join(" ").trim_end());
    }
}

/// Seconds as milliseconds with one decimal.
pub fn milliseconds(seconds: f64) -> String {
    format!("{:.1}", seconds * 1e3)
}

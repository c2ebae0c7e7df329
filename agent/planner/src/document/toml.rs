//! TOML, with numbers as written.
//!
//! It must never read a float as binary: the digits of the text are what counts.

use ::toml::de::{DeTable, DeValue};

use super::{DEPTH_MAX, DOCUMENT_MAX_BYTES, SyntaxError, Value};

/// Reads a TOML document.
///
/// # Errors
/// A [`SyntaxError`] with line and column; also for dates and for nesting too deep.
pub fn parse_toml(text: &str) -> Result<Value, SyntaxError> {
    if text.len() > DOCUMENT_MAX_BYTES {
        return Err(SyntaxError::at(text, 0, "the document is too long"));
    }
    let table = DeTable::parse(text).map_err(|error| {
        let start = error.span().map_or(0, |span| span.start);
        SyntaxError::at(text, start, error.message())
    })?;
    table_value(text, table.get_ref(), 0)
}

fn table_value(text: &str, table: &DeTable<'_>, depth: usize) -> Result<Value, SyntaxError> {
    // The table sorts its keys; the order of the text is where they stand.
    let mut entries = Vec::with_capacity(table.len());
    for (key, entry) in table.iter() {
        let at = key.span().start;
        let inner = value(text, entry.get_ref(), entry.span().start, depth + 1)?;
        entries.push((at, key.get_ref().to_string(), inner));
    }
    entries.sort_by_key(|(at, _, _)| *at);
    Ok(Value::Table(entries.into_iter().map(|(_, key, value)| (key, value)).collect()))
}

fn value(text: &str, from: &DeValue<'_>, at: usize, depth: usize) -> Result<Value, SyntaxError> {
    if depth > DEPTH_MAX {
        return Err(SyntaxError::at(text, at, "nested too deep"));
    }
    Ok(match from {
        DeValue::String(inner) => Value::Text(inner.to_string()),
        DeValue::Integer(inner) if inner.radix() == 10 => number(inner.as_str()),
        DeValue::Integer(_) => {
            return Err(SyntaxError::at(text, at, "numbers are written with decimal digits"));
        }
        DeValue::Float(inner) => number(inner.as_str()),
        DeValue::Boolean(inner) => Value::Bool(*inner),
        DeValue::Datetime(_) => return Err(SyntaxError::at(text, at, "no date is known here")),
        DeValue::Array(list) => {
            let mut values = Vec::with_capacity(list.len());
            for item in list.iter() {
                values.push(value(text, item.get_ref(), item.span().start, depth + 1)?);
            }
            Value::List(values)
        }
        DeValue::Table(table) => table_value(text, table, depth)?,
    })
}

/// A number without the sign and the underscores that JSON does not know.
fn number(text: &str) -> Value {
    let plain = text.strip_prefix('+').unwrap_or(text).replace('_', "");
    Value::Number(plain)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use super::*;
    use crate::document::parse_json;

    #[test]
    fn toml_and_json_say_the_same() {
        let toml = "mode = \"fastest\"\n[network]\nauto_intra = true\n[[network.edges]]\n\
                    src = \"a\"\nvariable_fee = 0.10\ncapacity = \"1_0\"\ntime_sec = 1_000\n";
        let json = r#"{"mode":"fastest","network":{"auto_intra":true,"edges":
            [{"src":"a","variable_fee":0.10,"capacity":"1_0","time_sec":1000}]}}"#;
        assert_eq!(parse_toml(toml).unwrap(), parse_json(json).unwrap());
    }

    #[test]
    fn a_syntax_error_names_its_line() {
        assert_eq!(parse_toml("a = 1\nb = \n").unwrap_err().line, 2);
        assert_eq!(parse_toml("a = 1\nb = 2020-01-01\n").unwrap_err().line, 2);
    }
}

//! JSON as the standard has it, plus the words `NaN`, `Infinity` and `-Infinity` that some writers
//! emit, so that the field that holds one can be named.
//!
//! It must never recurse deeper than the bound of the parent module.

use std::collections::BTreeSet;
use std::fmt;

use super::{DEPTH_MAX, DOCUMENT_MAX_BYTES, SyntaxError, Value};

/// Reads one JSON value and nothing after it.
///
/// # Errors
/// A [`SyntaxError`] with line and column; also for a key given twice and for nesting too deep.
pub fn parse_json(text: &str) -> Result<Value, SyntaxError> {
    let mut reader = Reader { text, at: 0 };
    if text.len() > DOCUMENT_MAX_BYTES {
        return Err(reader.error("the document is too long"));
    }
    let value = reader.value(0)?;
    reader.skip_space();
    if reader.at < text.len() {
        return Err(reader.error("something follows the document"));
    }
    Ok(value)
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl Reader<'_> {
    fn error(&self, reason: &str) -> SyntaxError {
        SyntaxError::at(self.text, self.at, reason)
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    /// Takes `byte` if it is next.
    fn take(&mut self, byte: u8) -> bool {
        self.skip_space();
        let next = self.peek() == Some(byte);
        self.at += usize::from(next);
        next
    }

    fn value(&mut self, depth: usize) -> Result<Value, SyntaxError> {
        if depth > DEPTH_MAX {
            return Err(self.error("nested too deep"));
        }
        self.skip_space();
        match self.peek() {
            Some(b'{') => self.table(depth),
            Some(b'[') => self.list(depth),
            Some(b'"') => Ok(Value::Text(self.string()?)),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => self.word(),
        }
    }

    fn word(&mut self) -> Result<Value, SyntaxError> {
        let words = [
            ("null", Value::Null),
            ("true", Value::Bool(true)),
            ("false", Value::Bool(false)),
            ("NaN", Value::Number("NaN".into())),
            ("Infinity", Value::Number("Infinity".into())),
        ];
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        for (word, value) in words {
            if rest.starts_with(word.as_bytes()) {
                self.at += word.len();
                return Ok(value);
            }
        }
        Err(self.error("a value is expected here"))
    }

    fn number(&mut self) -> Result<Value, SyntaxError> {
        let bytes = self.text.as_bytes();
        let start = self.at;
        if bytes[start..].starts_with(b"-Infinity") {
            self.at += "-Infinity".len();
            return Ok(Value::Number("-Infinity".into()));
        }
        self.at += usize::from(bytes[start] == b'-');
        let whole = self.at;
        self.digits()?;
        if bytes[whole] == b'0' && self.at > whole + 1 {
            return Err(SyntaxError::at(self.text, whole, "a number starts with a needless zero"));
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            self.at += usize::from(matches!(self.peek(), Some(b'+' | b'-')));
            self.digits()?;
        }
        Ok(Value::Number(self.text[start..self.at].to_owned()))
    }

    fn digits(&mut self) -> Result<(), SyntaxError> {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        if self.at == start { Err(self.error("a digit is expected here")) } else { Ok(()) }
    }

    fn list(&mut self, depth: usize) -> Result<Value, SyntaxError> {
        self.at += 1;
        let mut values = Vec::new();
        if self.take(b']') {
            return Ok(Value::List(values));
        }
        loop {
            values.push(self.value(depth + 1)?);
            if self.take(b']') {
                return Ok(Value::List(values));
            }
            if !self.take(b',') {
                return Err(self.error("a comma or ] is expected here"));
            }
        }
    }

    fn table(&mut self, depth: usize) -> Result<Value, SyntaxError> {
        self.at += 1;
        let (mut entries, mut seen) = (Vec::new(), BTreeSet::new());
        if self.take(b'}') {
            return Ok(Value::Table(entries));
        }
        loop {
            self.skip_space();
            if self.peek() != Some(b'"') {
                return Err(self.error("a key in quotes is expected here"));
            }
            let key = self.string()?;
            if !seen.insert(key.clone()) {
                return Err(self.error(&format!("the key {key:?} stands here a second time")));
            }
            if !self.take(b':') {
                return Err(self.error("a colon is expected here"));
            }
            entries.push((key, self.value(depth + 1)?));
            if self.take(b'}') {
                return Ok(Value::Table(entries));
            }
            if !self.take(b',') {
                return Err(self.error("a comma or } is expected here"));
            }
        }
    }

    fn string(&mut self) -> Result<String, SyntaxError> {
        self.at += 1;
        let mut text = String::new();
        loop {
            let rest = self.text.get(self.at..).unwrap_or_default();
            let Some(next) = rest.chars().next() else {
                return Err(self.error("the string does not end"));
            };
            self.at += next.len_utf8();
            match next {
                '"' => return Ok(text),
                '\\' => text.push(self.escape()?),
                c if c < ' ' => return Err(self.error("a control character in a string")),
                c => text.push(c),
            }
        }
    }

    fn escape(&mut self) -> Result<char, SyntaxError> {
        let Some(kind) = self.peek() else {
            return Err(self.error("the string does not end"));
        };
        self.at += 1;
        Ok(match kind {
            b'"' => '"',
            b'\\' => '\\',
            b'/' => '/',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => return self.code_point(),
            _ => return Err(self.error("no such escape")),
        })
    }

    fn code_point(&mut self) -> Result<char, SyntaxError> {
        let first = self.code_unit()?;
        let mut code = first;
        if (0xd800..0xdc00).contains(&first) {
            let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
            if !rest.starts_with(b"\\u") {
                return Err(self.error("half a character"));
            }
            self.at += 2;
            let second = self.code_unit()?;
            if !(0xdc00..0xe000).contains(&second) {
                return Err(self.error("half a character"));
            }
            code = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
        }
        char::from_u32(code).ok_or_else(|| self.error("half a character"))
    }

    fn code_unit(&mut self) -> Result<u32, SyntaxError> {
        let digits = self.text.as_bytes().get(self.at..self.at + 4).unwrap_or_default();
        let hex = digits.len() == 4 && digits.iter().all(u8::is_ascii_hexdigit);
        let digits = std::str::from_utf8(digits).ok().filter(|_| hex);
        let code = digits.and_then(|d| u32::from_str_radix(d, 16).ok());
        self.at += 4;
        code.ok_or_else(|| SyntaxError::at(self.text, self.at - 4, "four hexadecimal digits"))
    }
}

/// Writes a string in quotes.
pub(super) fn write_text(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    write!(f, "\"")?;
    for c in text.chars() {
        match c {
            '"' => write!(f, "\\\"")?,
            '\\' => write!(f, "\\\\")?,
            '\n' => write!(f, "\\n")?,
            c if c < ' ' => write!(f, "\\u{:04x}", u32::from(c))?,
            c => write!(f, "{c}")?,
        }
    }
    write!(f, "\"")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use super::*;

    #[test]
    fn numbers_keep_their_digits() {
        let text =
            r#"{"a":[1152921504606846977,0.10,-1.5e-3,NaN],"b":{"c":"x\"\u00e9\ud83d\ude00"}}"#;
        let value = parse_json(text).unwrap();
        let first = &value.get("a").unwrap().as_list().unwrap()[0];
        assert_eq!(first, &Value::Number("1152921504606846977".into()));
        let again = parse_json(&value.to_string()).unwrap();
        assert_eq!(again, value);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        let wrong = parse_json("{\"a\": 1,\n \"a\": 2}").unwrap_err();
        assert_eq!((wrong.line, wrong.column), (2, 5));
        for text in
            ["", "[1,]", "{a:1}", "[01]", "\"\\x\"", "[1] 2", "\"\\ud800\"", "-", "[1.]", "\"a"]
        {
            assert!(parse_json(text).is_err(), "{text}");
        }
        assert!(parse_json(&"[".repeat(100_000)).is_err(), "deep nesting");
    }
}

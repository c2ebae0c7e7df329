//! What the operator wrote: values by knob, each with the place it came from.
//!
//! Nothing here may interpret a value beyond its kind and range; [`super::resolved`] gives it
//! meaning.

use super::table::{self, KNOBS, Kind, Knob};
use debal_protocol::NodeId;
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A configuration file is small; a larger one is refused unread.
pub const FILE_MAX_BYTES: u64 = 1024 * 1024;

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A line of the file.
    File {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// Counted from 1, in characters.
        column: usize,
    },
    /// An environment variable.
    Environment(String),
    /// A flag.
    Flag,
    /// The table's default.
    Default,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, line, column } => write!(f, "{}:{line}:{column}", path.display()),
            Self::Environment(name) => write!(f, "environment {name}"),
            Self::Flag => f.write_str("flag --set"),
            Self::Default => f.write_str("default"),
        }
    }
}

/// A member to connect to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Its identity.
    pub node: NodeId,
    /// Its address.
    pub address: String,
}

/// A value of the right kind and within its range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Text or path.
    Text(String),
    /// List of texts.
    List(Vec<String>),
    /// Switch.
    Switch(bool),
    /// Whole number.
    Whole(u64),
    /// Share in millionths.
    Share(u32),
    /// Bootstrap members.
    Peers(Vec<Peer>),
}

/// Why a configuration is refused. Every message says where.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{path}: {source}; `debal init` writes one")]
    Io {
        /// The file.
        path: PathBuf,
        /// The operating system's answer.
        source: std::io::Error,
    },
    /// The file is no TOML.
    #[error("{place}: {message}")]
    Syntax {
        /// Where.
        place: Place,
        /// What the parser says.
        message: String,
    },
    /// No knob has that name.
    #[error("{place}: unknown key {key}{}", suggestion(*.nearest))]
    Unknown {
        /// Where.
        place: Place,
        /// The key.
        key: String,
        /// The nearest valid name.
        nearest: Option<&'static str>,
    },
    /// The value is of another kind or out of range.
    #[error("{place}: {key} must be {expected}, found {found}")]
    Value {
        /// Where.
        place: Place,
        /// The key.
        key: String,
        /// What it must be.
        expected: String,
        /// What it is.
        found: String,
    },
    /// Values that do not go together, or a file they name that is wrong.
    #[error("{0}")]
    Invalid(String),
}

fn suggestion(nearest: Option<&str>) -> String {
    nearest.map_or_else(
        || "; see docs/configuration.md for all keys".to_owned(),
        |name| format!("; did you mean {name}?"),
    )
}

/// Values by knob name.
pub type Values = BTreeMap<&'static str, (Value, Place)>;

/// Reads a file.
///
/// # Errors
/// [`ConfigError`] with file, line and column.
pub fn from_file(path: &Path) -> Result<Values, ConfigError> {
    let io = |source| ConfigError::Io { path: path.to_owned(), source };
    let length = std::fs::metadata(path).map_err(io)?.len();
    if length > FILE_MAX_BYTES {
        let text = format!("{}: {length} bytes, at most {FILE_MAX_BYTES} allowed", path.display());
        return Err(ConfigError::Invalid(text));
    }
    from_text(path, &std::fs::read_to_string(path).map_err(io)?)
}

/// Reads the content of a file; `path` is for messages.
///
/// # Errors
/// As [`from_file`].
pub fn from_text(path: &Path, text: &str) -> Result<Values, ConfigError> {
    let reader = Reader { path, text };
    let document = DeTable::parse(text).map_err(|error| ConfigError::Syntax {
        place: reader.place(error.span().map_or(0, |span| span.start)),
        message: error.message().to_owned(),
    })?;
    let mut values = Values::new();
    reader.table(document.get_ref(), "", &mut values)?;
    Ok(values)
}

struct Reader<'a> {
    path: &'a Path,
    text: &'a str,
}

impl Reader<'_> {
    fn place(&self, offset: usize) -> Place {
        let before = self.text.get(..offset).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().map_or(0, |last| last.chars().count()) + 1;
        Place::File { path: self.path.to_owned(), line, column }
    }

    fn table(
        &self,
        table: &DeTable<'_>,
        prefix: &str,
        values: &mut Values,
    ) -> Result<(), ConfigError> {
        for (name, value) in table {
            let key = format!("{prefix}{}", name.get_ref());
            let place = self.place(name.span().start);
            match (table::find(&key), value.get_ref()) {
                (Some(knob), _) => {
                    let place = self.place(value.span().start);
                    values.insert(knob.key, (self.value(knob, value)?, place));
                }
                (None, DeValue::Table(inner)) if is_table(&key) => {
                    self.table(inner, &format!("{key}."), values)?;
                }
                (None, _) => {
                    let nearest = table::nearest(&key);
                    return Err(ConfigError::Unknown { place, key, nearest });
                }
            }
        }
        Ok(())
    }

    fn value(&self, knob: &Knob, value: &Spanned<DeValue<'_>>) -> Result<Value, ConfigError> {
        let wrong = |found: String| wrong(knob, self.place(value.span().start), found);
        match (knob.kind, value.get_ref()) {
            (Kind::Text | Kind::Path, DeValue::String(text)) => Ok(Value::Text(text.to_string())),
            (Kind::Switch, DeValue::Boolean(on)) => Ok(Value::Switch(*on)),
            (Kind::List, DeValue::Array(items)) => {
                let texts = items.iter().map(|item| match item.get_ref() {
                    DeValue::String(text) => Ok(text.to_string()),
                    _ => Err(wrong("an element that is no text".to_owned())),
                });
                texts.collect::<Result<_, _>>().map(Value::List)
            }
            (Kind::Whole { .. }, DeValue::Integer(number)) if number.radix() == 10 => {
                checked(knob, number.as_str()).ok_or_else(|| wrong(number.to_string()))
            }
            (Kind::Share { .. }, DeValue::Integer(number)) if number.radix() == 10 => {
                checked(knob, number.as_str()).ok_or_else(|| wrong(number.to_string()))
            }
            (Kind::Share { .. }, DeValue::Float(number)) => {
                checked(knob, number.as_str()).ok_or_else(|| wrong(number.to_string()))
            }
            (Kind::Peers, DeValue::Array(items)) => items
                .iter()
                .map(|item| self.peer(knob, item))
                .collect::<Result<_, _>>()
                .map(Value::Peers),
            (_, other) => Err(wrong(kind_of(other).to_owned())),
        }
    }

    fn peer(&self, knob: &Knob, item: &Spanned<DeValue<'_>>) -> Result<Peer, ConfigError> {
        let place = self.place(item.span().start);
        let DeValue::Table(table) = item.get_ref() else {
            return Err(wrong(knob, place, kind_of(item.get_ref()).to_owned()));
        };
        let (mut node, mut address) = (None, None);
        for (name, value) in table {
            let here = self.place(value.span().start);
            let DeValue::String(text) = value.get_ref() else {
                return Err(wrong(knob, here, kind_of(value.get_ref()).to_owned()));
            };
            match name.get_ref().as_ref() {
                "node" => {
                    let parsed = text.parse::<NodeId>();
                    node = Some(parsed.map_err(|error| wrong(knob, here, error.to_string()))?);
                }
                "address" => address = Some(text.to_string()),
                other => {
                    let place = self.place(name.span().start);
                    let key = format!("bootstrap.{other}");
                    let close = strsim::jaro_winkler(other, "node");
                    let further = strsim::jaro_winkler(other, "address");
                    let name = if close > further { "node" } else { "address" };
                    return Err(ConfigError::Unknown { place, key, nearest: Some(name) });
                }
            }
        }
        let missing = || wrong(knob, place.clone(), "one of the two missing".to_owned());
        Ok(Peer { node: node.ok_or_else(missing)?, address: address.ok_or_else(missing)? })
    }
}

fn is_table(key: &str) -> bool {
    KNOBS.iter().any(|knob| knob.key.strip_prefix(key).is_some_and(|rest| rest.starts_with('.')))
}

fn kind_of(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a decimal",
        DeValue::Boolean(_) => "a switch",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

fn wrong(knob: &Knob, place: Place, found: String) -> ConfigError {
    let unit = if knob.unit.is_empty() { String::new() } else { format!(" {}", knob.unit) };
    let expected = format!("{}{unit}", knob.kind.range());
    ConfigError::Value { place, key: knob.key.to_owned(), expected, found }
}

/// A number of the knob's kind within its range.
fn checked(knob: &Knob, text: &str) -> Option<Value> {
    match knob.kind {
        Kind::Whole { min, max } => {
            let number = text.parse().ok()?;
            (min..=max).contains(&number).then_some(Value::Whole(number))
        }
        Kind::Share { min_ppm, max_ppm } => {
            let ppm = share_ppm(text)?;
            (min_ppm..=max_ppm).contains(&ppm).then_some(Value::Share(ppm))
        }
        _ => None,
    }
}

/// A decimal with at most six places as millionths, without a float in between.
#[must_use]
pub fn share_ppm(text: &str) -> Option<u32> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if fraction.len() > 6 || !digits(whole) || !digits(fraction) || text.len() > 12 {
        return None;
    }
    let whole: u32 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let fraction: u32 = format!("{fraction:0<6}").parse().ok()?;
    whole.checked_mul(1_000_000)?.checked_add(fraction)
}

/// Reads a value from a flag or an environment variable.
///
/// # Errors
/// [`ConfigError`] with the place.
pub fn from_words(
    key: &str,
    text: &str,
    place: Place,
) -> Result<(&'static str, Value), ConfigError> {
    let Some(knob) = table::find(key) else {
        let nearest = table::nearest(key);
        return Err(ConfigError::Unknown { place, key: key.to_owned(), nearest });
    };
    let items = || text.split(',').map(str::trim).filter(|item| !item.is_empty());
    let value = match knob.kind {
        Kind::Text | Kind::Path => Some(Value::Text(text.to_owned())),
        Kind::Switch => text.parse().ok().map(Value::Switch),
        Kind::List => Some(Value::List(items().map(str::to_owned).collect())),
        Kind::Whole { .. } | Kind::Share { .. } => checked(knob, text),
        Kind::Peers => items().map(peer_of).collect::<Option<_>>().map(Value::Peers),
    };
    let value = value.ok_or_else(|| wrong(knob, place, format!("{text:?}")))?;
    Ok((knob.key, value))
}

/// `NODE@ADDRESS`.
fn peer_of(text: &str) -> Option<Peer> {
    let (node, address) = text.split_once('@')?;
    Some(Peer { node: node.parse().ok()?, address: address.to_owned() })
}

/// Values of all `DEBAL_...` variables that name a knob.
///
/// # Errors
/// [`ConfigError`] of the first bad value.
pub fn from_environment(
    variables: impl IntoIterator<Item = (String, String)>,
) -> Result<Values, ConfigError> {
    let names: BTreeMap<String, &Knob> = KNOBS.iter().map(|knob| (knob.variable(), knob)).collect();
    let mut values = Values::new();
    for (name, text) in variables {
        if let Some(knob) = names.get(&name) {
            let place = Place::Environment(name);
            let (key, value) = from_words(knob.key, &text, place.clone())?;
            values.insert(key, (value, place));
        }
    }
    Ok(values)
}

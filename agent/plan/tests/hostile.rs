//! What is hostile is refused by name: mutated, nested, huge.
//!
//! It must never panic, and no error may leave out where it is. The seed is printed on failure.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use debal_planner::document::{Value, parse_json, parse_toml};
use debal_planner::network::InputError;
use debal_planner::plan::{PlanError, read_problem, solve};

const JSON: &str = r#"{"mode":"cheapest","network":{"auto_intra":true,"nodes":[{"id":"@A"},
  {"id":"a","hub":"@A"},{"id":"b\u00e9","hub":"@A"}],"edges":[{"src":"a","dest":"b\u00e9",
  "variable_fee":0.25,"fixed_fee":1e1,"time_sec":10.5,"capacity":"60","min_amount":"5",
  "transfer_limit":7,"tags":["x","y"],"off":false}]},"current":{"a":"100"},
  "target":{"a":"40","b\u00e9":"60"},"in_flight":[{"dest":"a","amount":"0","remaining_sec":3}]}"#;

const TOML: &str = "mode = \"fastest\"\ncurrent = { a = \"5\" }\n[target]\na = 0\nb = \"5\"\n\
    [network]\nnodes = [{ id = \"a\" }, { id = \"b\" }]\n[[network.edges]]\nsrc = \"a\"\n\
    dest = \"b\"\nvariable_fee = 0.10\ntime_sec = 7.5\n";

const MOVES: &str = r#"{"nodes":[{"id":"@A"},{"id":"@B"}],"supply":{"@A":"8"},
  "moves":[{"id":"e0","src":"@A","dest":"@B","amount":"8"}]}"#;

/// Pieces that are likely to matter to a reader.
const PIECES: [&str; 22] = [
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\"",
    "\\",
    "\\ud800",
    "-",
    "1e999999999",
    "1e-999999999",
    "NaN",
    "-Infinity",
    "null",
    "true",
    "9223372036854775808",
    "0.0000000000000000001",
    "=",
    "\n",
    "\u{0}",
    "\"edges\"",
];

/// Xorshift: enough to pick places.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % sides.max(1) as u64) as usize
    }
}

/// A text with one to four bytes or pieces changed, put in, doubled or taken out.
fn mutated(text: &str, dice: &mut Dice) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    for _ in 0..=dice.roll(4) {
        let at = dice.roll(bytes.len());
        let end = (at + 1 + dice.roll(12)).min(bytes.len());
        match dice.roll(8) {
            0 => bytes[at] ^= 1 << dice.roll(8),
            1 => drop(bytes.drain(at..end)),
            2 => drop(bytes.splice(at..at, PIECES[dice.roll(PIECES.len())].bytes())),
            3 => {
                let copy = bytes[at..end].to_vec();
                bytes.splice(at..at, copy);
            }
            4 => drop(bytes.splice(at..end, PIECES[dice.roll(PIECES.len())].bytes())),
            // Other digits keep the form: these reach what lies behind the reader.
            _ => {
                let digit = bytes[at..].iter().position(u8::is_ascii_digit);
                digit.into_iter().for_each(|digit| bytes[at + digit] = b'0' + dice.roll(10) as u8);
            }
        }
        if bytes.is_empty() {
            bytes.push(b'{');
        }
    }
    bytes
}

/// Every refusal names a line and column, or a field.
fn named(error: &InputError) -> bool {
    let text = error.to_string();
    match error {
        InputError::Syntax(place) => place.line > 0 && place.column > 0 && text.contains("line"),
        other => other.field().is_some_and(|field| !field.is_empty() && text.contains(field)),
    }
}

fn problem(value: &Value) -> Result<(), InputError> {
    let problem = read_problem(value, None)?;
    match solve(&problem, &mut |progress| progress.nodes < 50) {
        Err(PlanError::Input(error)) => Err(error),
        _ => Ok(()),
    }
}

#[test]
fn what_is_mutated_is_whole_before() {
    assert_eq!(problem(&parse_json(JSON).unwrap()), Ok(()));
    assert_eq!(problem(&parse_toml(TOML).unwrap()), Ok(()));
}

#[test]
fn mutated_problems_never_panic_and_every_refusal_says_where() {
    let (mut read, mut refused) = (0, 0);
    for seed in 1..=4_000u64 {
        for (text, toml) in [(JSON, false), (TOML, true)] {
            let bytes = mutated(text, &mut Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15)));
            let Ok(text) = String::from_utf8(bytes) else { continue };
            let parsed = if toml { parse_toml(&text) } else { parse_json(&text) };
            match parsed.map_err(InputError::from).and_then(|value| problem(&value)) {
                Ok(()) => read += 1,
                Err(error) => {
                    assert!(named(&error), "seed {seed}: {error:?} of {text}");
                    refused += 1;
                }
            }
        }
    }
    assert!(read > 100 && refused > 1_000, "both kinds are tried: {read} read, {refused} refused");
}

#[test]
fn mutated_files_end_every_command_with_a_known_code() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("file.json");
    let name = path.display().to_string();
    let case = format!("{{\"cases\":[{}]}}", JSON.replacen('{', "{\"expect\":{},", 1));
    for seed in 1..=150u64 {
        let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        for (text, words) in [
            (JSON, vec!["solve", &name, "--json", "--seconds", "1"]),
            (JSON, vec!["export", &name, "--dimacs", "--json"]),
            (MOVES, vec!["schedule", &name, "--json"]),
            (&case, vec!["vectors", directory.path().to_str().unwrap(), "--json"]),
        ] {
            std::fs::write(&path, mutated(text, &mut dice)).unwrap();
            let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
            let (mut out, mut err) = (Vec::new(), Vec::new());
            let code = debal_plan::run(&words, &mut out, &mut err);
            assert!([0, 1, 3].contains(&code), "seed {seed}: {words:?} ended with {code}");
            let out = String::from_utf8(out).unwrap();
            assert!(words[0] == "export" || parse_json(&out).is_ok(), "seed {seed}: {out}");
        }
    }
}

#[test]
fn deep_nesting_is_refused_with_its_place() {
    for deep in ["[".repeat(1_000_000), "{\"a\":".repeat(200_000)] {
        let error = parse_json(&deep).unwrap_err();
        assert!(error.reason.contains("nested too deep"), "{error}");
    }
    let error = parse_toml(&format!("a = {}", "[".repeat(1_000_000))).unwrap_err();
    assert_eq!(error.line, 1);
}

#[test]
fn numbers_beyond_all_bounds_are_refused_by_field() {
    let long = format!("1{}", "0".repeat(1_000_000));
    let thin = format!("0.{}1", "0".repeat(1_000_000));
    for number in ["1e999999999", "1e-999999999", "1e99999999999999999999", &long, &thin] {
        let text = JSON.replacen("0.25", number, 1);
        let error = problem(&parse_json(&text).unwrap()).unwrap_err();
        assert_eq!(error.field(), Some("network.edges[0].variable_fee"));
        assert!(error.to_string().len() < 200, "the number is not repeated in full");
        let text = JSON.replacen("\"60\"", number, 1);
        let error = problem(&parse_json(&text).unwrap()).unwrap_err();
        assert_eq!(error.field(), Some("network.edges[0].capacity"));
    }
}

#[test]
fn a_million_places_are_read_and_one_mistake_among_them_is_named() {
    let mut nodes: Vec<String> = (0..1_000_000).map(|n| format!("{{\"id\":\"n{n}\"}}")).collect();
    let text = |nodes: &[String]| {
        let list = nodes.join(",");
        format!("{{\"mode\":\"cheapest\",\"network\":{{\"nodes\":[{list}],\"edges\":[]}}}}")
    };
    let value = parse_json(&text(&nodes)).unwrap();
    assert_eq!(read_problem(&value, None).unwrap().network.places().len(), 1_000_000);
    nodes[999_999] = nodes[7].clone();
    let error = read_problem(&parse_json(&text(&nodes)).unwrap(), None).unwrap_err();
    assert_eq!(error.field(), Some("network.nodes[999999].id"));
}

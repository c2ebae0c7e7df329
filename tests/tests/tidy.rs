//! The house rules, executed: layers, file heads, lengths, banned words, secrets' names.
//!
//! A rule here must never be loosened to let a change pass: the change is what moves.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Hard cap on a source file, inline tests included.
const FILE_MAX_LINES: usize = 800;
/// Hard cap on a function.
const FUNCTION_MAX_LINES: usize = 70;
/// Columns of a source line.
const LINE_MAX_COLUMNS: usize = 100;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

fn walk(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            if !name.starts_with('.') && !name.starts_with("target") {
                walk(&path, found);
            }
        } else {
            found.push(path);
        }
    }
}

fn files(extension: &str) -> Vec<(String, String)> {
    let root = root();
    let mut found = Vec::new();
    walk(&root, &mut found);
    found.retain(|path| path.extension().is_some_and(|e| e == extension));
    found.sort();
    let read = |path: PathBuf| {
        let name = path.strip_prefix(&root).unwrap().to_string_lossy().into_owned();
        (name, std::fs::read_to_string(&path).unwrap())
    };
    found.into_iter().map(read).collect()
}

fn assert_none(rule: &str, offenders: &[String]) {
    assert!(offenders.is_empty(), "{rule}:\n  {}", offenders.join("\n  "));
}

#[test]
fn every_source_file_says_what_it_is() {
    let sources = files("rs");
    assert!(sources.len() > 100, "the walk found only {} files", sources.len());
    let headless = sources.iter().filter(|(_, text)| !text.starts_with("//!"));
    let headless: Vec<String> = headless.map(|(name, _)| name.clone()).collect();
    assert_none("these files do not open with //!", &headless);
}

#[test]
fn no_file_line_or_function_is_over_its_cap() {
    let mut offenders = Vec::new();
    for (name, text) in files("rs") {
        let lines = text.lines().count();
        if lines > FILE_MAX_LINES {
            offenders.push(format!("{name}: {lines} lines"));
        }
        for (index, line) in text.lines().enumerate() {
            // Text for people is not broken for the sake of a column.
            if line.chars().count() > LINE_MAX_COLUMNS && !line.contains('"') {
                offenders.push(format!("{name}:{}: {} columns", index + 1, line.len()));
            }
        }
        for (start, length) in functions(&text) {
            if length > FUNCTION_MAX_LINES {
                offenders.push(format!("{name}:{start}: function of {length} lines"));
            }
        }
    }
    assert_none("over the cap", &offenders);
}

/// First line and length of every function, by the indentation rustfmt gives its closing brace.
fn functions(text: &str) -> Vec<(usize, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let body = line.trim_start();
        let starts = ["fn ", "pub fn ", "pub(crate) fn ", "pub(super) fn ", "async fn "];
        let starts = starts.iter().chain(&["pub async fn ", "const fn ", "pub const fn "]);
        if !starts.into_iter().any(|start| body.starts_with(start)) {
            continue;
        }
        let head = lines.iter().skip(index).find(|line| line.ends_with(['{', ';', '}']));
        if head.is_none_or(|line| !line.ends_with('{')) {
            continue;
        }
        let indent = line.len() - body.len();
        let closing = format!("{}}}", " ".repeat(indent));
        let end = lines.iter().skip(index).position(|line| *line == closing);
        if let Some(length) = end {
            found.push((index + 1, length + 1));
        }
    }
    found
}

#[test]
fn nothing_is_left_open_in_the_code() {
    let banned =
        ["TO\u{44}O", "FIX\u{4d}E", "unimplemented\u{21}(", "todo\u{21}(", "#[ig\u{6e}ore"];
    let mut offenders = Vec::new();
    for (name, text) in files("rs") {
        for (index, line) in text.lines().enumerate() {
            if banned.iter().any(|word| line.contains(word)) {
                offenders.push(format!("{name}:{}: {}", index + 1, line.trim()));
            }
        }
    }
    assert_none("left open", &offenders);
}

#[test]
fn no_tracked_text_names_a_path_of_one_machine() {
    let places = ["/wo\u{72}k/", "/ro\u{6f}t/", "/ho\u{6d}e/"];
    let mut offenders = Vec::new();
    for extension in ["rs", "toml", "md", "json", "yml", "html"] {
        for (name, text) in files(extension) {
            for (index, line) in text.lines().enumerate() {
                if places.iter().any(|place| line.contains(place)) {
                    offenders.push(format!("{name}:{}: {}", index + 1, line.trim()));
                }
            }
        }
    }
    assert_none("paths of one machine", &offenders);
}

#[test]
fn imports_go_downwards_only() {
    // Words stand for crates: `debal-` is left out.
    let allowed: BTreeMap<&str, &str> = BTreeMap::from([
        ("crypto", ""),
        ("protocol", "crypto"),
        ("agent/planner", "protocol crypto"),
        ("agent/plan", "planner topology"),
        ("agent/topology", "protocol"),
        ("agent/fees", ""),
        ("agent/fees/learn", ""),
        ("agent/fees/history", "fees-learn"),
        ("agent/fees/manager", "fees fees-history fees-learn lnd cln breaker"),
        ("agent/fees/cli", "fees fees-manager fees-history fees-learn lnd cln breaker"),
        ("agent/net", ""),
        ("agent/store", ""),
        ("agent/backends", "protocol crypto"),
        ("agent/backends/lnd", ""),
        ("agent/backends/lnd/fake", ""),
        ("agent/backends/cln", ""),
        ("agent/backends/breaker", ""),
        ("agent/backends/breaker/fake", ""),
        ("agent/backends/cln/fake", ""),
        ("agent/learning", ""),
        ("agent/learning/train", "learn topology"),
        (
            "agent",
            "crypto protocol planner plan fees fees-cli fees-history fees-manager learn train net \
             store backends",
        ),
        ("sim-cluster/simulator", "crypto protocol planner store"),
        ("sim-cluster/bench", "planner topology learn train"),
        ("sim-cluster", "debal bench crypto protocol planner simulator topology"),
    ]);
    let mut offenders = Vec::new();
    for (room, may) in allowed {
        let manifest = std::fs::read_to_string(root().join(room).join("Cargo.toml")).unwrap();
        let start = manifest.find("\n[dependencies]").expect("a [dependencies] table") + 1;
        let table = &manifest[start..];
        let table = table.split("\n[").next().unwrap();
        for line in table.lines().skip(1) {
            let name = line.split(['.', '=', ' ']).next().unwrap_or_default();
            let ours = name == "debal" || name.starts_with("debal-") || name == "sim-cluster";
            let word = name.strip_prefix("debal-").unwrap_or(name);
            if ours && !may.split(' ').any(|allowed| allowed == word) {
                offenders.push(format!("{room} imports {name}"));
            }
        }
    }
    assert_none("imports against the layers", &offenders);
}

#[test]
fn the_core_touches_no_clock_no_disk_no_network_and_no_hash_map() {
    let banned = [
        "std::time::SystemTime",
        "std::time::Instant",
        "std::fs",
        "std::net",
        "std::thread",
        "tokio",
        "HashMap",
        "HashSet",
        "f64",
        "f32",
        "println!",
    ];
    let mut offenders = Vec::new();
    for (name, text) in files("rs") {
        if !name.starts_with("protocol/src") || name.contains("tests") {
            continue;
        }
        let library = text.split("#[cfg(test)]").next().unwrap_or_default();
        for (index, line) in library.lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            if banned.iter().any(|word| code.contains(word)) {
                offenders.push(format!("{name}:{}: {}", index + 1, line.trim()));
            }
        }
    }
    assert_none("the core must be a deterministic value", &offenders);
}

#[test]
fn only_the_codec_names_the_byte_format_and_only_the_table_names_labels() {
    let mut offenders = Vec::new();
    for (name, text) in files("rs") {
        let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        for line in code {
            if line.contains("bin\u{63}ode::") && name != "protocol/src/wire/codec.rs" {
                offenders.push(format!("{name}: {}", line.trim()));
            }
            let label = line.contains("\"debal/1/");
            if label && name != "crypto/src/domain.rs" && !name.starts_with("tests/") {
                offenders.push(format!("{name}: {}", line.trim()));
            }
        }
    }
    assert_none("written in a second place", &offenders);
}

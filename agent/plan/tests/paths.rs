//! `debal plan paths` on the shipped piece of the network and on small graphs.
//!
//! It must never compare times.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use debal_planner::document::{Value, parse_json};

/// The 12-node piece that the project ships.
const PIECE: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../topology/data/ln-2026-02-03-0012.jsonl.gz");

/// Alice, Bob, Carol and Dave; a cheap slow way over Bob, a dear quick one over Carol.
const SMALL: &str = r#"{"nodes":[
  {"pub_key":"02aa","alias":"Alice"},{"pub_key":"02ab","alias":"Bob"},
  {"pub_key":"03ac","alias":"Carol"},{"pub_key":"03ad","alias":"Dave"},
  {"pub_key":"03ae","alias":"Eve"},{"pub_key":"03af","alias":"eve"}],"edges":[
  EDGE1,EDGE2,EDGE3,EDGE4,EDGE5]}"#;

/// A directory with the small graph as `lncli describegraph` prints it.
struct Small(tempfile::TempDir);

impl Small {
    fn new() -> Small {
        let edge = |id: u64, ends: [&str; 2], base: u64, blocks: u64, least: u64| {
            let key = |end: &str| format!("{end}{}", "0".repeat(62));
            let policy = format!(
                r#"{{"time_lock_delta":{blocks},"min_htlc":"{least}","fee_base_msat":"{base}",
                "fee_rate_milli_msat":"0","disabled":false,"max_htlc_msat":"900000000"}}"#
            );
            format!(
                r#"{{"channel_id":"{id}","chan_point":"00:0","node1_pub":"{}","node2_pub":"{}",
                "capacity":"1000000","node1_policy":{policy},"node2_policy":{policy}}}"#,
                key(ends[0]),
                key(ends[1])
            )
        };
        let mut text = SMALL.to_owned();
        for name in ["02aa", "02ab", "03ac", "03ad", "03ae", "03af"] {
            let short = format!("\"pub_key\":\"{name}\"");
            let long = format!("\"pub_key\":\"{name}{}\"", "0".repeat(62));
            text = text.replace(&short, &long);
        }
        let edges = [
            edge(1, ["02aa", "02ab"], 0, 10, 1),
            edge(2, ["02ab", "03ad"], 5, 144, 1),
            edge(3, ["02aa", "03ac"], 0, 10, 1),
            edge(4, ["03ac", "03ad"], 50, 20, 1),
            edge(5, ["03ae", "03af"], 0, 10, 1000),
        ];
        for (number, edge) in (1..).zip(&edges) {
            text = text.replace(&format!("EDGE{number}"), edge);
        }
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("graph.json"), text).unwrap();
        Small(directory)
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).display().to_string()
    }

    /// Runs `paths` on the graph with these words, as JSON.
    fn run(&self, words: &str) -> (u8, Value, String) {
        let graph = self.path("graph.json");
        let all = format!("paths {graph} --json {words}");
        let (code, out, err) = command(&all.split(' ').collect::<Vec<_>>());
        (code, parse_json(&out).unwrap_or(Value::Null), err)
    }
}

fn command(words: &[&str]) -> (u8, String, String) {
    let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let code = debal_plan::run(&words, &mut out, &mut err);
    (code, String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
}

/// Fee and lock of every path.
fn figures(found: &Value) -> Vec<(String, String)> {
    let paths = found.get("paths").and_then(Value::as_list).unwrap();
    let figure = |path: &Value, key: &str| match path.get(key).unwrap() {
        Value::Text(text) | Value::Number(text) => text.clone(),
        other => panic!("{other}"),
    };
    let both = |path: &Value| (figure(path, "fee_msat"), figure(path, "lock_blocks"));
    paths.iter().map(both).collect()
}

fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
    list.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
}

#[test]
fn the_cheapest_come_first_and_the_front_keeps_what_is_quicker() {
    let small = Small::new();
    let (code, found, err) = small.run("--from Alice --to Dave --amount-msat 1000000");
    assert_eq!((code, err.as_str()), (0, ""));
    assert_eq!(figures(&found), pairs(&[("5", "144"), ("50", "20")]));
    let (_, front, _) = small.run("--from 0 --to 03ad --amount-msat 1000000 --front");
    assert_eq!(figures(&front), pairs(&[("5", "144"), ("50", "20")]));
    assert_eq!(front.get("cut_short"), Some(&Value::Bool(false)));
    let (_, one, _) = small.run("--from 0 --to 3 --amount-msat 1000000 --max-paths 1");
    assert_eq!(figures(&one), pairs(&[("5", "144")]));
    let path = &one.get("paths").and_then(Value::as_list).unwrap()[0];
    // Two channels of 10^9 msat, a thousandth of each is asked for.
    let probability = path.get("success_probability").unwrap().to_string();
    assert!(probability.starts_with("0.99800"), "{probability}");
}

#[test]
fn a_known_balance_carries_that_much_and_not_more() {
    let small = Small::new();
    std::fs::write(small.path("held"), "0:0:2 999999\n0x0x1 1000000000\n").unwrap();
    let held = small.path("held");
    let words = format!("--from Alice --to Dave --amount-msat 1000000 --balances {held}");
    let (code, found, err) = small.run(&words);
    assert_eq!((code, figures(&found)), (0, pairs(&[("50", "20")])), "{err}");
    let words = format!("--from Bob --to Alice --amount-msat 1000000 --balances {held}");
    let (code, found, _) = small.run(&words);
    assert_eq!((code, why(&found).as_str()), (3, "balances"));
}

fn why(found: &Value) -> String {
    let error = found.get("error").unwrap();
    assert_eq!(error.get("kind"), Some(&Value::text("no_path")));
    let blame = error.get("blame").and_then(Value::as_list).unwrap();
    blame[0].get("why").and_then(Value::as_text).unwrap().to_owned()
}

#[test]
fn no_path_says_which_limit_closes_every_way() {
    let small = Small::new();
    for (words, reason, said) in [
        ("--from 0 --to 4 --amount-msat 1000", "disconnected", "different parts"),
        ("--from 0 --to 3 --amount-msat 900000001", "capacity", "at most 900000000 msat"),
        ("--from 4 --to 5 --amount-msat 999", "minimum", "carries 1000 msat or more"),
        ("--from 0 --to 3 --amount-msat 9 --max-hops 1", "hops", "shortest way has 2 hops"),
        ("--from 0 --to 3 --amount-msat 9 --max-fee-msat 4", "fee", "costs 5 msat, 4 are allowed"),
        ("--from 0 --to 3 --amount-msat 899999999 --last 0x0x2", "limits", "fees of later hops"),
    ] {
        let (code, found, err) = small.run(words);
        assert_eq!(code, 3, "{words}");
        assert_eq!(why(&found), reason, "{err}");
        assert!(err.contains(said), "{err}");
    }
}

#[test]
fn a_node_that_is_not_there_or_not_one_is_named() {
    let small = Small::new();
    for (name, kind, said) in [
        ("Mallory", "unknown_node", "no node is called \"Mallory\" (numbers go from 0 to 5)"),
        ("aro", "unknown_node", "there is 2 (Carol, 03ac00000000)"),
        ("6", "unknown_node", "numbers go from 0 to 5"),
        ("EVE", "ambiguous_node", "2 nodes are called \"EVE\"; there is 4 (Eve"),
    ] {
        let (code, found, err) = small.run(&format!("--from {name} --to 3 --amount-msat 1"));
        let error = found.get("error").unwrap();
        assert_eq!((code, error.get("kind")), (3, Some(&Value::text(kind))));
        assert!(err.contains(said), "{err}");
    }
}

#[test]
fn wrong_figures_and_channels_are_refused_with_the_option_named() {
    let small = Small::new();
    for (words, option) in [
        ("--from 0 --to 3 --amount-msat 0", "--amount-msat"),
        ("--from 0 --to 3 --amount-msat 1 --max-paths 101", "--max-paths"),
        ("--from 0 --to 3 --amount-msat 1 --max-hops 21 --front", "--max-hops"),
        ("--from 0 --to 0 --amount-msat 1", "--to"),
        ("--from 0 --to 3 --amount-msat 1 --first 9x9x9", "--first"),
        ("--from 0 --to 3 --amount-msat 1 --last 0x0x1", "--last"),
    ] {
        let (code, found, err) = small.run(words);
        let blame = found.get("error").and_then(|e| e.get("blame")).and_then(Value::as_list);
        let field = blame.and_then(|blame| blame[0].get("field")).cloned();
        assert_eq!((code, field), (3, Some(Value::text(option))), "{err}");
    }
}

#[test]
fn a_circular_payment_leaves_by_one_channel_and_returns_by_another() {
    let small = Small::new();
    let words = "--from Alice --to Alice --first 0x0x1 --last 0x0x3 --amount-msat 1000000";
    for front in ["", " --front"] {
        let (code, found, err) = small.run(&format!("{words}{front}"));
        assert_eq!((code, err.as_str()), (0, ""));
        // Bob asks 5 and 144 blocks, Dave 50 and 20, Carol nothing and 10.
        assert_eq!(figures(&found), pairs(&[("55", "174")]));
    }
}

#[test]
fn the_table_fits_eighty_columns() {
    for more in [&[][..], &["--front"], &["--balances", "uniform", "--front"]] {
        let words = ["paths", PIECE, "--from", "0", "--to", "11", "--amount-msat", "50000000"];
        let (code, out, err) = command(&[&words, more].concat());
        assert_eq!((code, err.as_str()), (0, ""));
        assert!(out.lines().all(|line| line.chars().count() <= 80), "{out}");
        assert!(out.contains("lock, blocks") && out.contains(" > "), "{out}");
    }
}

//! What lint finds, and where.
//!
//! It must never compare more of a message than its decisive words.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;

fn findings(text: &str) -> Vec<String> {
    let mut read = |name: &str| match name {
        "list" => Ok("800000x1x1\n\nrubbish, 5\n".to_owned()),
        "keys" => Ok("02AB\n".to_owned()),
        "loop" => Ok("[a]\nstrategy = use_config\nconfig_file = loop\n".to_owned()),
        "inner" => Ok("[a]\nstrategy = statik\n".to_owned()),
        _ => Err("no such file".to_owned()),
    };
    let found = lint(text, "r", &mut read, Options::default(), None);
    found.iter().map(Finding::to_string).collect()
}

#[track_caller]
fn finds(text: &str, place: &str, words: &str) {
    let found = findings(text);
    let hit = found.iter().any(|line| line.starts_with(place) && line.contains(words));
    assert!(hit, "{place} ... {words} is not in {found:#?}");
}

#[test]
fn names_that_do_not_exist_are_found_with_the_nearest_one() {
    finds("[a]\nchan.min_capcity = 1\nstrategy = ignore\n", "r:2:1: error", "chan.min_capacity?");
    finds("[a]\nstrategy = Static\n", "r:2:12: error", "did you mean static?");
    finds("[a]\nstrategy = static\nfee_pm = 3\n", "r:3:1: warning", "did you mean fee_ppm?");
    finds("[a]\nchn.id = 3\nstrategy = static\n", "r:2:1: error", "did you mean chan?");
    finds("[a]\nchan.min_ratio.x = 3\nstrategy = static\n", "r:2:1: error", "no criterion");
}

#[test]
fn keys_of_the_superset_in_a_file_of_charge_lnd_are_found() {
    let text = "[a]\nchan.min_age_days = 3\nstrategy = static\n";
    finds(text, "r:2:1: error", "# dialect: debal");
    assert_eq!(findings(&format!("# dialect: debal\n{text}")), Vec::<String>::new());
}

#[test]
fn values_of_the_wrong_kind_are_found() {
    finds("[a]\nchan.min_capacity = many\nstrategy = static\n", "r:2:21: error", "an integer");
    finds("[a]\nstrategy = static\nfee_ppm = 10.5\n", "r:3:11: error", "an integer");
    finds("[a]\nstrategy = static\nmin_fee_ppm_delta = x\n", "r:3:21: error", "an integer");
    finds("[a]\nstrategy = static\ncb_clear_limit = nope\n", "r:3:18: warning", "counts as true");
    finds("[a]\nstrategy = static\nfee_ppm = ${x}\n", "r:3:11: error", "refers to nothing");
    finds("[a]\nstrategy = static\ntime_lock_delta = 17\n", "r:3:19: error", "outside");
    finds("[a]\nstrategy = static\ninbound_fee_ppm = 5\n", "r:3:19: warning", "above zero");
    finds("[a]\nstrategy = static\ncb_mode = 7\n", "r:3:11: error", "none of");
    finds(
        "[a]\nstrategy = balance_based\ninbound_mode = refil\n",
        "r:3:16: error",
        "did you mean refill?",
    );
}

#[test]
fn lists_that_say_something_else_are_found() {
    let key = "02f65142b499062d0a9387840698435c572c3731bfdab2a8043b31237ca63d046e";
    let text = format!("[a]\nnode.id = {key}\n  {key}\nstrategy = ignore\n");
    finds(&text, "r:2:11: warning", "comma missing");
    finds("[a]\nnode.id = 02AB\nstrategy = ignore\n", "r:2:11: warning", "no key");
    finds("[a]\nchan.id = 1x2x3,\nstrategy = ignore\n", "r:2:11: error", "comma too many");
    finds("[a]\nchan.id = file://list\nstrategy = ignore\n", "list:3:1: warning", "rubbish");
    finds("[a]\nnode.id = file://keys\nstrategy = ignore\n", "keys:1:1: warning", "lower case");
    finds("[a]\nchan.id = file://no\nstrategy = ignore\n", "r:2:11: error", "no such file");
}

#[test]
fn sections_that_nobody_reaches_are_found() {
    let all = "[all]\nstrategy = ignore\n[b]\nchan.private = yes\nstrategy = ignore\n";
    finds(all, "r:3:1: warning", "never reached: [all] in line 1");
    let same = "[a]\nchan.private = yes\nstrategy = ignore\n\
                [b]\nchan.min_capacity = 5\nchan.private = yes\nstrategy = static\n";
    finds(same, "r:4:1: warning", "never reached: [a]");
    finds("[all]\nstrategy = ignore\n[default]\nstrategy = static\n", "r:3:1", "never reached");
    finds("[Default]\nchan.private = yes\nstrategy = ignore\n", "r:1:1: warning", "ordinary");
    finds("[default]\nchan.private = yes\nstrategy = ignore\n", "r:2:1: warning", "looked at");
    finds("[default]\nfee_ppm = 3\n", "r:1:1: warning", "does nothing");
    finds(
        "[a]\nchan.min_ratio = 0.5\nchan.max_ratio = 0.4\nstrategy = ignore\n",
        "r:2:18: error",
        "no channel meets",
    );
    finds("[a]\nchan.min_htlcs_in = 5\nstrategy = ignore\n", "r:2:21: warning", "activity_period");
}

#[test]
fn included_files_are_linted_and_circles_found() {
    finds("[a]\nstrategy = use_config\nconfig_file = inner\n", "inner:2:12: error", "statik");
    finds("[a]\nstrategy = use_config\nconfig_file = loop\n", "loop:3:15: error", "itself");
    finds("[a]\nstrategy = use_config\nconfig_file = no\n", "r:3:15: error", "no such file");
    finds("[a]\nstrategy = use_config\n", "r:2:12: error", "needs config_file");
}

#[test]
fn a_sound_file_has_no_findings() {
    let text = "[DEFAULT]\nusual = 250\n\n[big]\nchan.min_capacity = 5_000_000\n\
                strategy = proportional\nmin_fee_ppm = 10\nmax_fee_ppm = ${usual}\n\n\
                [default]\nstrategy = static\nfee_ppm = ${usual}\ninbound_fee_ppm = -10\n";
    assert_eq!(findings(text), Vec::<String>::new());
}

#[test]
fn what_a_node_is_too_old_for_is_found() {
    let text = "[a]\nstrategy = disable\n[b]\nstrategy = static\ninbound_fee_ppm = -5\n";
    let mut read = |_: &str| Err(String::new());
    let node = r#"{"pubkey": "", "version": "0.12.1-beta", "block_height": 0, "now": 0}"#;
    let node: Node = serde_json::from_str(node).unwrap();
    let found = lint(text, "r", &mut read, Options::default(), Some(&node));
    let found: Vec<String> = found.iter().map(Finding::to_string).collect();
    assert!(found.iter().any(|line| line.starts_with("r:2:12: error: strategy disable")));
    assert!(found.iter().any(|line| line.starts_with("r:5:19: warning: inbound_fee_ppm needs")));
}

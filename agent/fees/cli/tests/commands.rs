//! What the commands print, and their exit codes.
//!
//! It must never write outside of its scratch folder.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use serde_json::Value;

const CHANNEL: &str = "800000x101x1";

/// A scratch folder that goes away at the end.
struct Files(tempfile::TempDir);

impl Files {
    fn new() -> Files {
        Files(tempfile::tempdir().unwrap())
    }

    fn write(&self, name: &str, text: &str) -> String {
        let path = self.0.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_string_lossy().into_owned()
    }

    /// The state of the first case of a topic.
    fn state(&self, topic: &str) -> (String, Value) {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/vectors");
        let text = std::fs::read_to_string(format!("{folder}/{topic}.json")).unwrap();
        let value: Value = serde_json::from_str(&text).unwrap();
        let case = value["cases"][0].clone();
        let state = serde_json::json!({"node": case["node"], "channels": case["channels"]});
        (self.write("state.json", &state.to_string()), case)
    }
}

fn command(args: &[&str]) -> (u8, String, String) {
    let args: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let code = debal_fees_cli::run(&args, &mut out, &mut err);
    (code, String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
}

#[test]
fn evaluate_answers_a_split_case_with_its_expectation() {
    let files = Files::new();
    let (state, case) = files.state("ini");
    let rules = files.write("rules.conf", case["config"].as_str().unwrap());
    let (code, out, err) = command(&["evaluate", "--state", &state, "-c", &rules, "--json"]);
    assert_eq!((code, err.as_str()), (0, ""));
    assert_eq!(serde_json::from_str::<Value>(&out).unwrap(), case["expect"]);
    let dry = ["evaluate", "--state", &state, "-c", &rules, "--json", "--args", "--dry-run -v"];
    let (_, out, _) = command(&dry);
    let answer: Value = serde_json::from_str(&out).unwrap();
    let channel = answer["channels"].as_object().unwrap().values().next().unwrap();
    assert_eq!((&channel["changed"], &channel["reported"]), (&false.into(), &true.into()));
}

#[test]
fn evaluate_shows_changes_and_reasons_to_people() {
    let files = Files::new();
    let (state, _) = files.state("ini");
    let rules = files.write(
        "r.conf",
        "[a]\nchan.private = yes\nstrategy = ignore\n\
        [default]\nstrategy = static\nfee_ppm = 7\n",
    );
    let (code, out, _) = command(&["evaluate", "--state", &state, "-c", &rules, "--explain"]);
    assert_eq!(code, 0);
    assert!(out.contains("fee_ppm:                 500 -> 7"), "{out}");
    assert!(out.contains("- [a] chan.private = yes, but it is false"), "{out}");
    assert!(out.contains("+ [default] applies: no other section did"), "{out}");
    assert!(out.ends_with("1 channels, 1 reported\n"), "{out}");
}

#[test]
fn invalid_input_has_its_own_exit_code() {
    let files = Files::new();
    let (state, _) = files.state("ini");
    let broken = files.write("broken.conf", "[a\n");
    let (code, out, err) = command(&["evaluate", "--state", &state, "-c", &broken, "--json"]);
    assert_eq!(code, 3);
    assert!(out.contains("config_syntax"), "{out}");
    assert!(err.contains("broken.conf:1:1: the header is not closed"), "{err}");
    let (code, out, err) = command(&["evaluate", "--state", &state, "-c", "nowhere", "--json"]);
    assert_eq!(code, 3);
    assert!(out.contains("config_missing") && err.contains("does not exist"), "{out}{err}");
    let junk = files.write("junk.json", "{\"node\": 3}");
    assert_eq!(command(&["evaluate", "--state", &junk, "-c", &broken]).0, 3);
    let args = ["evaluate", "--state", &state, "-c", &broken, "--args", "--fast"];
    assert_eq!(command(&args).0, 2);
    assert_eq!(command(&["evaluate"]).0, 2);
    assert_eq!(command(&["evaluate", "--state", &state]).0, 2);
    assert_eq!(command(&["--help"]).0, 0);
}

#[test]
fn a_fault_is_told_and_the_channel_left_alone() {
    let files = Files::new();
    let (state, _) = files.state("ini");
    let rules = files.write("r.conf", "[default]\nstrategy = static\nfee_ppm = 10.5\n");
    let (code, out, err) = command(&["evaluate", "--state", &state, "-c", &rules]);
    assert_eq!(code, 0);
    assert!(err.contains("r.conf:3:11: '10.5' is no value for fee_ppm: an integer"), "{err}");
    assert!(out.contains("1 channels, 0 reported, 1 with error strategy"), "{out}");
}

#[test]
fn lint_names_the_place_and_the_nearest_name() {
    let files = Files::new();
    let rules = files.write("r.conf", "[a]\nchan.min_capcity = 5\nstrategy = static\n");
    let (code, out, _) = command(&["lint", &rules]);
    assert_eq!(code, 3);
    assert!(out.contains("r.conf:2:1: error"), "{out}");
    assert!(out.contains("did you mean chan.min_capacity?"), "{out}");
    let (code, out, _) = command(&["lint", &rules, "--json"]);
    assert_eq!(code, 3);
    let value: Value = serde_json::from_str(&out).unwrap();
    let finding = &value["findings"][0];
    assert_eq!((&finding["place"]["line"], &finding["place"]["column"]), (&2.into(), &1.into()));
    assert_eq!(finding["nearest"], "chan.min_capacity");
    let sound = files.write("s.conf", "[default]\nstrategy = static\nfee_ppm = 5\n");
    assert_eq!(command(&["lint", &sound]).0, 0);
    let positive = files.write("p.conf", "[default]\nstrategy = static\ninbound_fee_ppm = 5\n");
    let (state, _) = files.state("ini");
    assert_eq!(command(&["lint", &positive]).0, 0, "a warning");
    assert_eq!(command(&["lint", &positive, "--state", &state]).0, 3, "this node refuses it");
}

#[test]
fn test_channel_says_why_this_section_and_why_not_the_others() {
    let files = Files::new();
    let (state, _) = files.state("ini");
    files.write("ids", "1x1x1\n");
    let rules = files.write(
        "r.conf",
        "[mine]\nchan.id = file://ids\nstrategy = ignore\n\
        [b]\nchan.min_ratio = 0.6\nstrategy = ignore\n[c]\nstrategy = balance_based\nfee_ppm = 40\n\
        [d]\nstrategy = ignore\n",
    );
    let args = ["test-channel", CHANNEL, "--state", &state, "-c", &rules];
    let (code, out, _) = command(&args);
    assert_eq!(code, 0, "{out}");
    for line in [
        "- [mine] chan.id = file://ids, but it is another channel",
        "- [b] chan.min_ratio = 0.6, but it is 0.5",
        "+ [c] matches and ends the evaluation",
        "- [d] not looked at",
        "fee_ppm = 40 (from [c]",
        "local share 0.5000 in the middle: 40 ppm",
        "500 -> 40",
    ] {
        assert!(out.contains(line), "{line} is not in\n{out}");
    }
    let (code, out, _) = command(&[&args[..], &["--json"]].concat());
    let value: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &value["result"]["matched_section"]), (0, &"c".into()));
    let before = ["-c", &rules, "-v", "test-channel", CHANNEL, "--state", &state];
    assert_eq!(command(&before).0, 0, "flags may stand before the command");
    assert_eq!(command(&["test-channel", "1x1x9", "--state", &state, "-c", &rules]).0, 3);
    assert_eq!(command(&["test-channel", "x", "--state", &state, "-c", &rules]).0, 2);
}

#[test]
fn the_generated_file_is_sound_and_nothing_is_overwritten() {
    let files = Files::new();
    let path = files.0.path().join("mine.conf").to_string_lossy().into_owned();
    assert_eq!(command(&["generate-config", &path]).0, 0);
    let (code, out, _) = command(&["lint", &path]);
    assert_eq!(code, 0);
    assert!(out.ends_with("0 errors, 0 warnings\n"), "{out}");
    assert_eq!(command(&["generate-config", &path]).0, 1);
    assert_eq!(command(&["generate-config", &path, "--force"]).0, 0);
    assert!(command(&["generate-config"]).1.contains("[new-channels]"));
}

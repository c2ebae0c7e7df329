//! The command line end to end, on searches of a few generations.

use super::*;
use debal_learn::model::ModelFile;

fn learn(words: &str) -> (u8, String, String) {
    let words: Vec<String> = words.split_whitespace().map(str::to_owned).collect();
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let code = run(&words, &mut out, &mut err);
    (code, String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
}

#[test]
fn a_stopped_training_resumed_is_the_same_training() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name).display().to_string();
    let base = "--json train --what forecast --profile ci --seed 3";
    let (whole, kept) = (at("whole.model"), at("kept.json"));
    assert_eq!(learn(&format!("{base} --generations 4 --out {whole}")).0, 0);
    let half = format!("{base} --generations 4 --out {} --checkpoint {kept}", at("half.model"));
    assert_eq!(learn(&half).0, 0);
    // The checkpoint holds all four generations: going on adds none.
    assert_eq!(learn(&format!("{half} --resume")).0, 0);
    let bytes = |name: &str| std::fs::read(at(name)).unwrap();
    assert_eq!(bytes("whole.model"), bytes("half.model"));
    let exported = at("exported.model");
    assert_eq!(learn(&format!("export --checkpoint {kept} --out {exported}")).0, 0);
    assert_eq!(bytes("whole.model"), bytes("exported.model"));
    let beside = std::fs::read_to_string(at("whole.toml")).unwrap();
    assert!(beside.contains("seed = 3") && beside.contains("--profile ci"), "{beside}");
    // A search for something else is refused by name.
    let wrong = format!("train --what policy --out {exported} --checkpoint {kept} --resume");
    let (code, _, err) = learn(&wrong);
    assert_eq!(code, 3);
    assert!(err.contains("a search for forecast"), "{err}");
}

#[test]
fn what_cannot_be_done_is_named() {
    let (code, _, err) = learn("train --what routes --out x");
    assert_eq!((code, err.contains("rounds")), (2, true), "{err}");
    assert_eq!(learn("train").0, 2);
    assert_eq!(learn("evaluate --what policy --model no-such-file").0, 1);
    assert_eq!(learn("--help").0, 0);
}

#[test]
fn a_search_never_answers_with_less_than_it_began_with() {
    let directory = tempfile::tempdir().unwrap();
    let out = directory.path().join("tiny.model").display().to_string();
    let words = format!("--json train --what policy --profile ci --generations 2 --out {out}");
    let (code, text, err) = learn(&words);
    assert_eq!(code, 0, "{err}");
    let said: Value = serde_json::from_str(&text).unwrap();
    let score = |name: &str| said[name].as_f64().unwrap();
    assert!(score("score_best") >= score("score_first"), "{said}");
    assert!(ModelFile::read(&std::fs::read(&out).unwrap()).is_ok());
}

#[test]
fn rounds_are_searched_for_written_and_read_back() {
    let directory = tempfile::tempdir().unwrap();
    let out = directory.path().join("three.model").display().to_string();
    let words = format!("--json train --what rounds --rounds 3 --profile ci --out {out}");
    let (code, text, err) = learn(&words);
    assert_eq!(code, 0, "{err}");
    let said: Value = serde_json::from_str(&text).unwrap();
    assert!(said["score_best"].as_f64() >= said["score_first"].as_f64(), "{said}");
    let read = Chosen::from_bytes(&std::fs::read(&out).unwrap());
    assert!(matches!(read, Chosen::Learned { rounds: 3, .. }), "{read:?}");
}

#[test]
fn a_training_of_arcs_is_kept_and_exported_and_says_how_it_was_made() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name).display().to_string();
    let base = "--json train --what arcs --profile ci --seed 2 --generations";
    let (whole, kept) = (at("whole.model"), at("kept.json"));
    let (code, text, err) = learn(&format!("{base} 40 --out {whole} --checkpoint {kept}"));
    assert_eq!(code, 0, "{err}");
    let said: Value = serde_json::from_str(&text).unwrap();
    assert!(said["loss_best"].as_f64() < said["loss_first"].as_f64(), "{said}");
    let exported = at("exported.model");
    assert_eq!(learn(&format!("export --checkpoint {kept} --out {exported}")).0, 0);
    let bytes = |name: &str| std::fs::read(at(name)).unwrap();
    assert_eq!(bytes("whole.model"), bytes("exported.model"));
    let beside = std::fs::read_to_string(at("whole.toml")).unwrap();
    assert!(beside.contains("seed = 2") && beside.contains("loss_best"), "{beside}");
    // The ablation's checkpoint is another training.
    let wrong = format!("{base} 40 --local --out {exported} --checkpoint {kept} --resume");
    assert_eq!(learn(&wrong).0, 3);
}

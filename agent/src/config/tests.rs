//! Configuration errors name file, line, column and the nearest valid key; docs match the table.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::genesis::{GenesisFile, member_entry, network_id};
use super::raw::{Place, Value, from_text, from_words, share_ppm};
use super::*;
use debal_crypto::Identity;
use debal_protocol::config::{Caps, Deadlines, Liquidity};
use debal_protocol::market::{Market, PlanMode};
use debal_protocol::time::Timetable;
use std::path::{Path, PathBuf};

fn error_of(text: &str) -> String {
    from_text(Path::new("debal.toml"), text).unwrap_err().to_string()
}

#[test]
fn an_unknown_key_is_refused_with_file_line_column_and_nearest_name() {
    let error = error_of("log = \"info\"\n\n[policy]\n  kapa = 0.1\n");
    assert_eq!(error, "debal.toml:4:3: unknown key policy.kapa; did you mean policy.kappa?");
    let error = error_of("lissten = []\n");
    assert_eq!(error, "debal.toml:1:1: unknown key lissten; did you mean listen?");
    let error = error_of("gap_ms = 5\n");
    assert_eq!(error, "debal.toml:1:1: unknown key gap_ms; did you mean deadlines.gap_ms?");
    let error = error_of("[[bootstrap]]\nnod = \"x\"\n");
    assert_eq!(error, "debal.toml:2:1: unknown key bootstrap.nod; did you mean node?");
    assert!(error_of("zzzz = 1\n").ends_with("see docs/configuration.md for all keys"));
}

#[test]
fn values_of_another_kind_or_range_are_refused_with_the_range() {
    assert_eq!(
        error_of("[policy]\nkappa = 1.5\n"),
        "debal.toml:2:9: policy.kappa must be 0 to 1 share, found 1.5"
    );
    assert_eq!(
        error_of("[policy]\nsummary_bits = 9\n"),
        "debal.toml:2:16: policy.summary_bits must be 1 to 8 bit, found 9"
    );
    assert_eq!(
        error_of("loopback = \"yes\"\n"),
        "debal.toml:1:12: loopback must be true or false, found a text"
    );
}

#[test]
fn broken_toml_names_its_line() {
    assert!(error_of("log = \"info\"\n[policy\n").starts_with("debal.toml:2:"));
}

#[test]
fn shares_are_exact_millionths() {
    assert_eq!(share_ppm("0.1"), Some(100_000));
    assert_eq!(share_ppm("1"), Some(1_000_000));
    assert_eq!(share_ppm("0.000001"), Some(1));
    for text in ["0.0000001", "-0.1", "1e-1", "nan", "", "."] {
        let ppm = share_ppm(text);
        assert!(ppm.is_none() || text.len() < 2, "{text} gives {ppm:?}");
    }
}

#[test]
fn a_flag_beats_the_environment_beats_the_file_beats_the_default() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("debal.toml");
    std::fs::write(&file, "[policy]\nkappa = 0.2\ntheta = 0.3\ntarget = 0.4\n").unwrap();
    let config = AgentConfig::load(Sources {
        file: Some(file),
        environment: vec![
            ("DEBAL_POLICY_KAPPA".to_owned(), "0.25".to_owned()),
            ("DEBAL_POLICY_THETA".to_owned(), "0.35".to_owned()),
            ("OTHER".to_owned(), "1".to_owned()),
        ],
        flags: vec!["policy.kappa=0.27".to_owned()],
    })
    .unwrap();
    assert_eq!(config.liquidity.kappa_ppm, 270_000);
    assert_eq!(config.liquidity.theta_ppm, 350_000);
    assert_eq!(config.liquidity.target_ppm, 400_000);
    assert_eq!(config.liquidity.summary_bits, 4);
    assert_eq!(config.data_dir, directory.path().join("."));
    assert_eq!(config.genesis, directory.path().join("./genesis.json"));
}

#[test]
fn the_defaults_are_those_of_the_core() {
    let config = AgentConfig::load(Sources::default()).unwrap();
    assert_eq!(config.liquidity, Liquidity::default());
    assert_eq!(config.caps, Caps::default());
    assert_eq!(config.deadlines, Deadlines::default());
    assert_eq!(config.market, Market::default());
}

#[test]
fn the_plan_mode_is_one_of_three_words_and_rounds_have_a_range() {
    let load = |flag: &str| {
        AgentConfig::load(Sources { flags: vec![flag.to_owned()], ..Sources::default() })
    };
    for mode in PlanMode::ALL {
        let config = load(&format!("plan.mode={}", mode.name())).unwrap();
        assert_eq!(config.market, Market { mode, ..Market::default() });
    }
    let wrong = load("plan.mode=auction").unwrap_err().to_string();
    assert!(wrong.contains("leader, market or hybrid") && wrong.contains("auction"), "{wrong}");
    assert_eq!(load("plan.rounds=64").unwrap().market.rounds, 64);
    assert!(load("plan.rounds=1").is_err() && load("plan.rounds=65").is_err());
}

#[test]
fn values_that_contradict_each_other_are_refused() {
    let flags = vec!["caps.cycle_min_sat=20000000".to_owned()];
    let error = AgentConfig::load(Sources { flags, ..Sources::default() }).unwrap_err();
    assert!(error.to_string().contains("at most caps.cycle_max_sat"), "{error}");
}

#[test]
fn bootstrap_members_read_from_file_and_flag_alike() {
    let node = "ab".repeat(32);
    let text = format!("[[bootstrap]]\nnode = \"{node}\"\naddress = \"/ip4/127.0.0.1/tcp/1\"\n");
    let values = from_text(Path::new("debal.toml"), &text).unwrap();
    let flag = from_words("bootstrap", &format!("{node}@/ip4/127.0.0.1/tcp/1"), Place::Flag);
    assert_eq!(values["bootstrap"].0, flag.unwrap().1);
    assert!(matches!(&values["bootstrap"].0, Value::Peers(peers) if peers.len() == 1));
}

#[test]
fn the_example_file_is_valid_and_changes_nothing() {
    let text = table::example_file();
    assert!(from_text(Path::new("debal.toml"), &text).unwrap().is_empty());
    // With every default line switched on, it still resolves to the defaults.
    let on: String = text
        .lines()
        .map(|line| match line.strip_prefix("# ") {
            Some(rest) if rest.contains(" = ") && !rest.contains("<64 hex>") => rest,
            _ => line,
        })
        .map(|line| format!("{line}\n"))
        .collect();
    assert!(from_text(Path::new("debal.toml"), &on).unwrap().len() >= 25);
}

#[test]
fn the_document_is_generated_from_the_table() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/configuration.md");
    let expected = table::document();
    if std::env::var_os("DEBAL_BLESS").is_some() {
        std::fs::write(&path, &expected).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(found, expected, "run the test again with DEBAL_BLESS=1 and commit the file");
}

fn founding_file(epoch_ms: u64) -> (GenesisFile, Digest) {
    let timetable = Timetable { genesis_ms: 1_000, epoch_ms };
    let network = network_id("test", &timetable);
    let members = (1..=3).map(|seed| {
        member_entry(&Identity::from_seed(&[seed; 32]).unwrap(), &network, u64::from(seed))
    });
    let members = members.collect();
    (GenesisFile { network: "test".to_owned(), genesis_unix_ms: 1_000, epoch_ms, members }, network)
}

use debal_protocol::Digest;

fn genesis_error(file: &GenesisFile) -> String {
    Founding::verify(Path::new("genesis.json"), file).unwrap_err().to_string()
}

#[test]
fn a_founding_file_verifies_and_sorts_its_members() {
    let (file, network) = founding_file(2_000);
    let founding = Founding::verify(Path::new("genesis.json"), &file).unwrap();
    assert_eq!(founding.network, network);
    assert!(founding.members.windows(2).all(|pair| pair[0].node < pair[1].node));
}

#[test]
fn a_member_of_another_network_is_named_by_file_and_index() {
    let (mut file, _) = founding_file(2_000);
    file.members[1] = founding_file(3_000).0.members[1].clone();
    let error = genesis_error(&file);
    assert!(error.starts_with("genesis.json: member 1 (counted from 0): "), "{error}");
    let (mut file, _) = founding_file(2_000);
    file.members[2] = file.members[0].clone();
    assert!(genesis_error(&file).contains("member 2"));
    let (mut file, _) = founding_file(2_000);
    file.members[0].node = "zz".to_owned();
    assert!(genesis_error(&file).contains("member 0 (counted from 0): node: expected 64"));
}

#[test]
fn a_founding_file_that_does_not_exist_says_what_to_do() {
    let error = Founding::load(&PathBuf::from("nowhere/genesis.json")).unwrap_err().to_string();
    assert!(error.contains("ask the one who made it"), "{error}");
}

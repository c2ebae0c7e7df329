//! The examples in the repository are sound, and the documentation names everything.
//!
//! It must never pass an example that lint has a word about.

use crate::states::drawn;
use debal_fees::{Options, Property, Rules, Strategy, evaluate, lint};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

const EXAMPLES: &[(&str, &str)] = &[
    ("starter", include_str!("../../examples/starter.conf")),
    ("charge-lnd", include_str!("../../examples/charge-lnd.conf")),
    ("advanced", include_str!("../../examples/advanced.conf")),
];

fn none(name: &str) -> Result<String, String> {
    Err(format!("no file {name}"))
}

#[test]
fn every_example_passes_lint_without_a_word() {
    for (name, text) in EXAMPLES {
        let found = lint(text, name, &mut none, Options::default(), None);
        assert_eq!(found.iter().map(ToString::to_string).collect::<Vec<_>>(), Vec::<String>::new());
    }
}

#[test]
fn every_rule_file_in_the_documentation_passes_lint_without_a_word() {
    let text = include_str!("../../../../docs/fees.md");
    let blocks: Vec<&str> =
        text.split("```").skip(1).step_by(2).filter(|block| block.contains("strategy =")).collect();
    assert!(blocks.len() >= 2, "{blocks:?}");
    for block in blocks {
        let found = lint(block, "docs/fees.md", &mut none, Options::default(), None);
        let found: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert_eq!(found, Vec::<String>::new(), "{block}");
    }
}

#[test]
fn every_example_decides_every_channel_without_an_error() {
    let state = drawn(&mut ChaCha8Rng::seed_from_u64(11), 200);
    for (name, text) in EXAMPLES {
        let rules = Rules::compile(text, name, &mut none, Options::default()).unwrap();
        let evaluation = evaluate(&rules, &state);
        let mut sections = std::collections::BTreeSet::new();
        for decision in &evaluation.decisions {
            assert_eq!(decision.error, None, "{name}");
            sections.insert(decision.section.clone().unwrap());
        }
        assert!(sections.len() >= 3, "{name} reaches only {sections:?}");
    }
}

#[test]
fn the_documentation_names_every_key_and_strategy() {
    let text = include_str!("../../../../docs/fees.md");
    let mut missing = Vec::new();
    let properties = Property::ALL.iter().map(|property| property.name());
    let strategies = Strategy::ALL.iter().map(|strategy| strategy.name());
    let source = include_str!("../../src/criteria.rs");
    let table = source.split("definitions! {").nth(1).unwrap().split("\n}").next().unwrap();
    let criteria =
        table.lines().filter_map(|line| line.trim().strip_prefix('"')?.split('"').next());
    for name in properties.chain(strategies).chain(criteria) {
        if !text.contains(&format!("`{name}`")) {
            missing.push(name);
        }
    }
    assert_eq!(missing, Vec::<&str>::new());
}

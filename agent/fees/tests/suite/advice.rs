//! `learning_enabled`: who is asked, within which limits, and what an answer may do.

use crate::states::drawn;
use debal_fees::{Advice, Adviser, Ask, NodeState, Options, Rules, evaluate, evaluate_advised};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use std::cell::RefCell;

struct Scripted {
    asked: RefCell<Vec<Ask>>,
    answer: Advice,
}

impl Adviser for Scripted {
    fn advise(&self, ask: &Ask) -> Advice {
        self.asked.borrow_mut().push(*ask);
        self.answer.clone()
    }
}

fn fee(fee_ppm: u32) -> Scripted {
    let why = "because".to_owned();
    Scripted { asked: RefCell::default(), answer: Advice::Fee { fee_ppm, why } }
}

fn rules(body: &str) -> Rules {
    let mut no_files = |name: &str| Err(format!("no file {name}"));
    let text = format!("[default]\n{body}\n");
    Rules::compile(&text, "rules", &mut no_files, Options::default()).unwrap()
}

fn state() -> NodeState {
    let mut state = drawn(&mut ChaCha8Rng::seed_from_u64(5), 3);
    for channel in &mut state.channels {
        channel.local_policy.fee_ppm = 400;
        channel.switches = debal_fees::state::Switches::default();
        channel.fee_trials.clear();
    }
    state
}

#[test]
fn a_rate_from_outside_stays_within_the_sections_limits_whatever_it_is() {
    let rules = rules(
        "strategy = revenue_max\nfee_ppm = 300\nmin_fee_ppm = 100\nmax_fee_ppm = 900\n\
         learning_enabled = true",
    );
    for (said, taken) in [(0, 100), (99, 100), (500, 500), (901, 900), (u32::MAX, 900)] {
        let adviser = fee(said);
        for decision in evaluate_advised(&rules, &state(), Some(&adviser)).decisions {
            assert_eq!(decision.target.unwrap().fee_ppm, Some(taken), "said {said}");
            assert!(decision.learned && decision.notes.contains(&"because".to_owned()));
        }
        let asked = adviser.asked.borrow();
        assert!(asked.iter().all(|ask| (ask.min_fee_ppm, ask.max_fee_ppm) == (100, 900)));
        assert!(asked.iter().all(|ask| (ask.present_ppm, ask.least_forwards) == (400, 3)));
        assert_eq!(asked.len(), 3);
    }
}

#[test]
fn too_little_known_leaves_the_strategys_rate_and_says_so() {
    let rules = rules("strategy = static\nfee_ppm = 250\nlearning_enabled = yes");
    let why = "young".to_owned();
    let adviser = Scripted { asked: RefCell::default(), answer: Advice::Fallback { why } };
    let evaluation = evaluate_advised(&rules, &state(), Some(&adviser));
    for (decision, alone) in evaluation.decisions.iter().zip(evaluate(&rules, &state()).decisions) {
        assert_eq!(decision.update, alone.update);
        assert!(!decision.learned && decision.notes == ["young"] && alone.notes.is_empty());
    }
}

#[test]
fn nobody_is_asked_where_the_rules_do_not_learn_or_leave_fees_alone() {
    for body in [
        "strategy = static\nfee_ppm = 250",
        "strategy = revenue_max\nlearning_enabled = false",
        "strategy = ignore\nlearning_enabled = true",
        "strategy = ignore_fees\nlearning_enabled = true",
        "strategy = disable\nlearning_enabled = true",
        "strategy = nonsense\nlearning_enabled = true",
    ] {
        let adviser = fee(7);
        let decisions = evaluate_advised(&rules(body), &state(), Some(&adviser)).decisions;
        assert!(decisions.iter().all(|decision| !decision.learned), "{body}");
        assert_eq!(adviser.asked.borrow().len(), 0, "{body}");
    }
}

#[test]
fn a_small_learned_step_is_sent_unless_a_threshold_is_set_and_discounts_follow_the_rate() {
    let body = "strategy = revenue_max\nlearning_enabled = true\ninbound_fee_ppm = -500";
    let rates = |said: u32| {
        let evaluation = evaluate_advised(&rules(body), &state(), Some(&fee(said)));
        let target = evaluation.decisions[0].target.clone().unwrap();
        (target.fee_ppm, target.inbound_fee_ppm)
    };
    assert_eq!(rates(404), (Some(404), Some(-320)), "four fifths of the rate in force");
    assert_eq!(rates(200), (Some(200), Some(-160)), "four fifths of the rate to come");
    let quiet = "strategy = revenue_max\nlearning_enabled = true\nmin_fee_ppm_delta = 20";
    let evaluation = evaluate_advised(&rules(quiet), &state(), Some(&fee(404)));
    assert!(evaluation.decisions.iter().all(|decision| decision.update.is_none()));
}

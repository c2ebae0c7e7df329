//! Policies side by side: tuned on some cases, compared on others.
//!
//! It must never tune and test on the same case.

use super::case::Case;
use super::run;
use crate::pool;
use crate::stats::Row;
use crate::{Progress, Watch};
use debal_learn::policy::{Analytic, Margin, Policy};

/// Cases a policy is tuned on.
pub const TUNING_CASES: usize = 40;
/// Cases of one sample of a comparison.
pub const CASES_A_SAMPLE: usize = 40;
/// First seeds of the tuning, training and test cases.
pub const TUNING: u64 = 1 << 40;
/// First seed of the test cases.
pub const TEST: u64 = 2 << 40;
/// First seed of the training cases.
pub const TRAINING: u64 = 3 << 40;

/// Mean net income of a policy on the cases given.
pub fn mean_net(cases: &[Case], policy: &Policy) -> f64 {
    let all =
        pool::map(cases.len(), pool::threads(), |index| run(&cases[index], policy, None).net());
    all.iter().sum::<f64>() / cases.len().max(1) as f64
}

/// The baselines' candidates by name; the first of a name is its default.
pub fn candidates() -> Vec<(&'static str, Vec<Policy>)> {
    const BIDS: [u32; 4] = [1_000, 300, 3_000, 10_000];
    let of = |make: &dyn Fn(u32) -> Vec<Policy>| BIDS.iter().flat_map(|bid| make(*bid)).collect();
    let thresholds = of(&|weight_ppm| {
        [200_000, 50_000, 100_000, 300_000]
            .map(|theta_ppm| Policy::Threshold { theta_ppm, weight_ppm })
            .to_vec()
    });
    let autoloops = of(&|weight_ppm| {
        let pairs = [(300_000, 700_000), (50_000, 950_000), (100_000, 900_000), (200_000, 800_000)];
        pairs.map(|(low_ppm, high_ppm)| Policy::Autoloop { low_ppm, high_ppm, weight_ppm }).to_vec()
    });
    let loopmaxes = of(&|weight_ppm| {
        [1_200, 7_200, 21_600].map(|reach_s| Policy::Loopmax { reach_s, weight_ppm }).to_vec()
    });
    let mut rules = vec![Policy::Analytic(Analytic { horizon: 0, ..Analytic::default() })];
    for horizon in 0..3 {
        for cost_ppm in [0, 30, 100] {
            for lend_ppm in [250_000, 400_000, 500_000] {
                let rule = Analytic { horizon, cost_ppm, lend_ppm, ..Analytic::default() };
                rules.push(Policy::Analytic(rule));
            }
        }
    }
    let mut margins = vec![Policy::Margin(Margin::default())];
    for horizon in 0..3 {
        for risk_ppm in [10_000, 30_000, 100_000] {
            for bid_ppm in [30, 100, 300, 1_000] {
                for reach_ppm in [300_000, 1_000_000] {
                    margins.push(Policy::Margin(Margin { horizon, risk_ppm, bid_ppm, reach_ppm }));
                }
            }
        }
    }
    vec![
        ("threshold theta", thresholds),
        ("Autoloop", autoloops),
        ("Loopmax", loopmaxes),
        ("analytic rule", rules),
        ("margin rule", margins),
    ]
}

/// Compares all baselines, default and tuned, with `learned`; one sample is the mean of
/// [`CASES_A_SAMPLE`] test cases.
pub fn compare(samples: usize, learned: Option<&Policy>, watch: &mut Watch<'_>) -> Vec<Row> {
    let tuning: Vec<Case> =
        (0..TUNING_CASES as u64).map(|index| Case::new(TUNING + index)).collect();
    let mut entries = vec![("never".to_owned(), Policy::Never)];
    for (name, all) in candidates() {
        let score = |policy: &Policy| mean_net(&tuning, policy);
        let first = all.first().cloned();
        let best = all.into_iter().max_by(|a, b| score(a).total_cmp(&score(b)));
        let pair = first.map(|policy| (format!("{name}, default"), policy));
        let tuned = best.map(|policy| (format!("{name}, tuned"), policy));
        entries.extend(pair.into_iter().chain(tuned));
        watch(&Progress {
            stage: "tune",
            done: entries.len(),
            total: 11, // never, and five by default and tuned
            note: entries
                .last()
                .map(|(name, policy)| format!("{name}: {policy:?}"))
                .unwrap_or_default(),
        });
    }
    if let Some(policy) = learned {
        entries.push(("learned".to_owned(), policy.clone()));
    }
    let mut rows: Vec<Row> = entries.iter().map(|(name, _)| Row::new(name)).collect();
    for sample in 0..samples {
        let first = TEST + (sample * CASES_A_SAMPLE) as u64;
        let cases: Vec<Case> =
            (0..CASES_A_SAMPLE as u64).map(|index| Case::new(first + index)).collect();
        for (row, (_, policy)) in rows.iter_mut().zip(&entries) {
            let all =
                pool::map(cases.len(), pool::threads(), |index| run(&cases[index], policy, None));
            let mean = |of: &dyn Fn(&super::Outcome) -> f64| {
                all.iter().map(of).sum::<f64>() / all.len() as f64
            };
            row.push("net", mean(&super::Outcome::net));
            row.push("earned", mean(&|o| o.earned / o.offered.max(1.0)));
            row.push("paid", mean(&|o| o.paid / o.offered.max(1.0)));
            row.push("moved", mean(&|o| o.moved / o.forwarded.max(1.0)));
        }
        watch(&Progress {
            stage: "compare",
            done: sample + 1,
            total: samples,
            note: String::new(),
        });
    }
    rows
}

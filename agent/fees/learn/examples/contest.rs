//! Prints what fixed, proportional and learned fees earn on the same simulated payers.
//!
//! `cargo run --release -p debal-fees-learn --example contest -- [markets] [seed]`. It must never
//! print a gain without its interval.

use debal_fees_learn::contest::{Size, run};

fn main() {
    let mut words = std::env::args().skip(1).filter_map(|word| word.parse::<u64>().ok());
    let markets = words.next().unwrap_or(100);
    let seed = words.next().unwrap_or(1);
    let contest = run(Size { markets, tuning: 40, days: 120, seed });
    let (full, empty) = contest.proportional_ppm;
    println!(
        "{markets} markets of each kind, 120 days, seed {seed}; rivals tuned on 160 others:\n\
         fixed {} ppm, proportional {full}..{empty} ppm (full..empty). Revenue in sat a day.\n",
        contest.fixed_ppm
    );
    println!("demand      fixed  proport.  learned  hindsight  learned/best rival  changes/week");
    for row in &contest.rows {
        println!(
            "{:<10} {:>6.0} {:>9.0} {:>8.0} {:>10.0}    {:>6.3} +- {:<6.3}    {:>8.1}",
            row.kind.name(),
            row.fixed.mean,
            row.proportional.mean,
            row.learned.mean,
            row.hindsight.mean,
            row.gain.mean,
            row.gain.ci95,
            row.changes_per_week,
        );
    }
    println!(
        "\nall together: learned / fixed {:.3} +- {:.3}, learned / proportional {:.3} +- {:.3}",
        contest.over_fixed.mean,
        contest.over_fixed.ci95,
        contest.over_proportional.mean,
        contest.over_proportional.ci95,
    );
}

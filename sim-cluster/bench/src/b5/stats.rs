//! Probabilities of what was seen if the election were fair.
//!
//! Expected wins are sums of what each single epoch promised, given who rested and who was there:
//! a rotation must not be held against the weights alone.

/// What was promised to every member and what it got.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Tally {
    /// Leaderships by member.
    pub wins: Vec<f64>,
    /// Sum over the epochs of the chance that each member had.
    pub expected: Vec<f64>,
    /// Sum over the epochs of the variance of each member's chance.
    pub variance: Vec<f64>,
    /// Most epochs in a row that one member led.
    pub longest_run: u64,
    /// Fewest epochs from one leadership of a member to its next.
    pub shortest_return: Option<u64>,
    /// Most times in a row that one member led whenever it had a chance at all: what a run is
    /// where leaders rest.
    pub longest_streak: u64,
    /// Epochs in which each member had a chance.
    awake: Vec<f64>,
    /// Each member's streak so far.
    streaks: Vec<u64>,
    /// Newest epoch each member led, and how many in a row up to it.
    last: Vec<Option<(u64, u64)>>,
}

impl Tally {
    /// Nothing seen yet of so many members.
    #[must_use]
    pub fn of(members: usize) -> Self {
        let nothing = vec![0.0; members];
        Self {
            wins: nothing.clone(),
            expected: nothing.clone(),
            variance: nothing.clone(),
            awake: nothing,
            streaks: vec![0; members],
            last: vec![None; members],
            ..Self::default()
        }
    }

    /// `leader` led `epoch` among members whose chances were in proportion to `weights` (0 for who
    /// rested or was away). Without any weight nothing is counted.
    pub fn led(&mut self, epoch: u64, leader: usize, weights: &[f64]) {
        let total: f64 = weights.iter().sum();
        if total <= 0.0 {
            return;
        }
        for (member, weight) in weights.iter().enumerate() {
            let chance = weight / total;
            self.expected[member] += chance;
            self.variance[member] += chance * (1.0 - chance);
            self.awake[member] += f64::from(u8::from(chance > 0.0));
            if member == leader {
                self.streaks[member] += 1;
                self.longest_streak = self.longest_streak.max(self.streaks[member]);
            } else if chance > 0.0 {
                self.streaks[member] = 0;
            }
        }
        self.wins[leader] += 1.0;
        let run = match self.last[leader] {
            Some((before, run)) if before + 1 == epoch => run + 1,
            _ => 1,
        };
        if let Some((before, _)) = self.last[leader] {
            let gap = epoch - before;
            self.shortest_return = Some(self.shortest_return.map_or(gap, |least| least.min(gap)));
        }
        self.last[leader] = Some((epoch, run));
        self.longest_run = self.longest_run.max(run);
    }

    /// Adds what another seed saw. Runs do not go across seeds.
    pub fn add(&mut self, other: &Self) {
        for (all, more) in [
            (&mut self.wins, &other.wins),
            (&mut self.expected, &other.expected),
            (&mut self.variance, &other.variance),
            (&mut self.awake, &other.awake),
        ] {
            all.iter_mut().zip(more).for_each(|(sum, one)| *sum += one);
        }
        self.longest_run = self.longest_run.max(other.longest_run);
        self.longest_streak = self.longest_streak.max(other.longest_streak);
        let gaps = self.shortest_return.into_iter().chain(other.shortest_return);
        self.shortest_return = gaps.min();
    }

    /// Leaderships counted.
    #[must_use]
    pub fn epochs(&self) -> f64 {
        self.wins.iter().sum()
    }

    /// Probability of a chi-square at least as large as the one of wins against promises.
    #[must_use]
    pub fn chi_square_p(&self) -> f64 {
        let promised = self.wins.iter().zip(&self.expected).filter(|(_, want)| **want > 0.0);
        let chi: f64 = promised.clone().map(|(won, want)| (won - want).powi(2) / want).sum();
        upper_gamma((promised.count().saturating_sub(1)) as f64 / 2.0, chi / 2.0)
    }

    /// The largest distance of one member from its promise, in standard deviations.
    #[must_use]
    pub fn largest_z(&self) -> f64 {
        let members = self.wins.iter().zip(&self.expected).zip(&self.variance);
        members
            .filter(|(_, variance)| **variance > 0.0)
            .map(|((won, want), variance)| (won - want).abs() / variance.sqrt())
            .fold(0.0, f64::max)
    }

    /// Probability that any of the members is at least that far off (Bonferroni).
    #[must_use]
    pub fn largest_z_p(&self) -> f64 {
        let members = self.variance.iter().filter(|variance| **variance > 0.0).count();
        let both_tails = upper_gamma(0.5, self.largest_z().powi(2) / 2.0);
        (both_tails * members as f64).min(1.0)
    }

    /// Bound on the probability of a streak of at least [`Tally::longest_streak`] by the geometric
    /// law: what every member is expected to lead, times its mean chance to go on each time.
    #[must_use]
    pub fn longest_streak_p(&self) -> f64 {
        let further = i32::try_from(self.longest_streak.max(1) - 1).unwrap_or(i32::MAX);
        let members = self.expected.iter().zip(&self.awake).filter(|(_, awake)| **awake > 0.0);
        members.map(|(want, awake)| want * (want / awake).powi(further)).sum::<f64>().min(1.0)
    }
}

/// The regularised upper incomplete gamma function Q(a, x): the tail of a chi-square of 2 a degrees
/// beyond 2 x. Series below a + 1, continued fraction (Lentz) above.
#[must_use]
pub fn upper_gamma(a: f64, x: f64) -> f64 {
    if x <= 0.0 || a <= 0.0 {
        return 1.0;
    }
    let front = (a * x.ln() - x - ln_gamma(a)).exp();
    if x < a + 1.0 {
        let (mut term, mut sum, mut at) = (1.0 / a, 1.0 / a, a);
        for _ in 0..10_000 {
            at += 1.0;
            term *= x / at;
            sum += term;
            if term < sum * 1e-15 {
                break;
            }
        }
        return (1.0 - front * sum).clamp(0.0, 1.0);
    }
    let mut b = x + 1.0 - a;
    let (mut c, mut d) = (1e300, 1.0 / b);
    let mut product = d;
    for step in 1..10_000 {
        let step = f64::from(step);
        let numerator = -step * (step - a);
        b += 2.0;
        d = 1.0 / (numerator * d + b);
        c = b + numerator / c;
        let factor = c * d;
        product *= factor;
        if (factor - 1.0).abs() < 1e-15 {
            break;
        }
    }
    (front * product).clamp(0.0, 1.0)
}

/// ln of the gamma function for positive arguments: Stirling's series after moving up to 10.
fn ln_gamma(mut x: f64) -> f64 {
    let mut shift = 0.0;
    while x < 10.0 {
        shift += x.ln();
        x += 1.0;
    }
    let inverse = 1.0 / (x * x);
    let series = (1.0 / 12.0 - inverse * (1.0 / 360.0 - inverse * (1.0 / 1260.0))) / x;
    (x - 0.5) * x.ln() - x + 0.5 * std::f64::consts::TAU.ln() + series - shift
}

/// The value below which `share` of the observations lie (nearest rank); 0 without any.
#[must_use]
pub fn quantile(observed: &mut [f64], share: f64) -> f64 {
    observed.sort_unstable_by(f64::total_cmp);
    let rank = (share * observed.len() as f64).ceil() as usize;
    observed.get(rank.max(1) - 1).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tails_are_those_of_the_tables() {
        // NIST, upper 1 % and 5 % points of chi-square.
        for (degrees, at, tail) in
            [(1.0, 6.635, 0.01), (9.0, 21.666, 0.01), (99.0, 134.642, 0.01), (9.0, 16.919, 0.05)]
        {
            let found = upper_gamma(degrees / 2.0, at / 2.0);
            assert!((found - tail).abs() < 2e-5, "{degrees}: {found}");
        }
        assert!((upper_gamma(0.5, 1.96f64.powi(2) / 2.0) - 0.05).abs() < 1e-4);
        assert!((ln_gamma(5.0) - 24f64.ln()).abs() < 1e-10);
    }

    #[test]
    fn a_rotation_that_keeps_its_promise_is_fair_and_a_favourite_is_not() {
        let (mut fair, mut skewed) = (Tally::of(4), Tally::of(4));
        for epoch in 0..400u64 {
            // Everyone in turn; whoever led last rests.
            let mut weights = vec![1.0; 4];
            if epoch > 0 {
                weights[((epoch - 1) % 4) as usize] = 0.0;
            }
            fair.led(epoch, (epoch % 4) as usize, &weights);
            skewed.led(epoch, usize::from(epoch % 2 == 1), &[1.0; 4]);
        }
        assert!(fair.chi_square_p() > 0.9 && fair.largest_z_p() > 0.9);
        assert_eq!((fair.longest_run, fair.shortest_return), (1, Some(4)));
        assert_eq!(fair.longest_streak, 1);
        assert!(skewed.chi_square_p() < 1e-9 && skewed.largest_z_p() < 1e-9);
        // Member 0 led all of ten epochs: about 4 (1/4)^9 is what its chances give that.
        let mut run = Tally::of(4);
        (0..10).for_each(|epoch| run.led(epoch, 0, &[1.0; 4]));
        assert_eq!((run.longest_run, run.longest_streak), (10, 10));
        assert!((run.longest_streak_p() - 10.0 * 0.25f64.powi(9)).abs() < 1e-12);
        let mut both = fair.clone();
        both.add(&skewed);
        assert_eq!((both.epochs(), both.shortest_return), (800.0, Some(2)));
    }

    #[test]
    fn a_quantile_is_an_observation() {
        let mut observed: Vec<f64> = (1..=100).map(f64::from).collect();
        assert_eq!((quantile(&mut observed, 0.5), quantile(&mut observed, 0.99)), (50.0, 99.0));
        assert_eq!(quantile(&mut [], 0.5), 0.0);
    }
}

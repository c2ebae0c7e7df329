//! The learned part of a forecast: a small network that bends the first passage.
//!
//! It must never leave the family: what it returns is again a passage, so probabilities still rise
//! with time and the plain formula is the network of zeros.

use super::Passage;
use crate::model::{FORECAST, Kind, ModelFile, Refused};
use crate::net::{Net, softsign};

/// What the network sees.
pub const INPUTS: usize = 5;
/// What it bends: distance, drift, variance, error of the drift.
pub const OUTPUTS: usize = 4;

/// A day, the unit of time of the inputs, seconds.
const DAY_S: f64 = 86_400.0;
/// How far an output may bend: a factor between 1/8 and 8.
const BEND_LN: f64 = 2.079_441_541_679_836;

/// The learned residual.
#[derive(Debug, Clone, PartialEq)]
pub struct Residual {
    net: Net,
}

impl Residual {
    /// From a network with [`INPUTS`] and [`OUTPUTS`].
    pub const fn new(net: Net) -> Self {
        Self { net }
    }

    /// From the bytes of a model file.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Refused> {
        let net = ModelFile::read(bytes)?.network(Kind::Forecast, INPUTS, OUTPUTS)?;
        Ok(Self { net })
    }

    /// The residual that is shipped, or why there is none: then the plain formula stands.
    pub fn shipped() -> Result<Self, Refused> {
        Self::from_bytes(FORECAST)
    }

    /// The passage as the network sees it. `capacity` in the passage's unit of money, `span_s` the
    /// weighted seconds behind the estimate.
    pub fn bend(&self, plain: Passage, capacity: f64, span_s: f64) -> Passage {
        let out = self.net.answer::<OUTPUTS>(&inputs(plain, capacity, span_s));
        let factor = |value: f32| (BEND_LN * f64::from(softsign(value))).exp();
        Passage {
            distance: plain.distance * factor(out[0]),
            drift: plain.drift * factor(out[1]),
            variance: plain.variance * factor(out[2]),
            drift_variance: plain.drift_variance * factor(out[3]),
        }
    }
}

/// Numbers about one, without a unit: how full, how fast, how noisy, how well known.
fn inputs(plain: Passage, capacity: f64, span_s: f64) -> [f32; INPUTS] {
    let capacity = capacity.max(f64::MIN_POSITIVE);
    let speed = plain.drift * DAY_S / capacity;
    let noise = (plain.variance * DAY_S).max(0.0).sqrt() / capacity;
    let squash = |x: f64| (x / (1.0 + x.abs())) as f32;
    [
        (plain.distance / capacity).clamp(0.0, 1.0) as f32,
        squash(speed),
        squash(noise),
        squash(speed / noise.max(1e-9)),
        squash(span_s / DAY_S),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_of_zeros_is_the_plain_formula() {
        let sizes = [INPUTS, 4, OUTPUTS];
        let net = Net::new(&sizes, vec![0.0; Net::count(&sizes)]).unwrap();
        let plain = Passage { distance: 5e8, drift: 1e4, variance: 1e12, drift_variance: 1e7 };
        assert_eq!(Residual::new(net).bend(plain, 1e9, 7_200.0), plain);
    }

    #[test]
    fn no_network_bends_past_the_family() {
        let sizes = [INPUTS, OUTPUTS];
        let net = Net::new(&sizes, vec![1e30; Net::count(&sizes)]).unwrap();
        let plain = Passage { distance: 5e8, drift: 1e4, variance: 1e12, drift_variance: 1e7 };
        let bent = Residual::new(net).bend(plain, 1e9, 7_200.0);
        assert!(bent.distance <= 8.001 * plain.distance && bent.distance.is_finite());
        assert!((0.0..=1.0).contains(&bent.probability_within(3_600.0)));
    }
}

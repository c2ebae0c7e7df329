//! Fresh networks for a search to begin with.
//!
//! It must never draw from anything but its seed.

use crate::draw::Draw;
use debal_learn::net::Net;

/// Stream of first weights; generations of a search use the streams from 0.
const FIRST_WEIGHTS: u64 = 1 << 40;

/// Values of a network of these sizes: normal weights that keep the scale of what goes through, a
/// quiet last layer with the biases given.
pub fn fresh(sizes: &[usize], last_biases: &[f32], seed: u64) -> Vec<f32> {
    let mut draw = Draw::new(seed, FIRST_WEIGHTS);
    let mut values = Vec::with_capacity(Net::count(sizes));
    let layers = sizes.len() - 1;
    for (layer, pair) in sizes.windows(2).enumerate() {
        let last = layer + 1 == layers;
        let scale = if last { 0.1 } else { 1.5 } / (pair[0] as f64).sqrt();
        values.extend((0..pair[0] * pair[1]).map(|_| (scale * draw.normal()) as f32));
        let bias = |index: usize| last_biases.get(index).copied().filter(|_| last);
        values.extend((0..pair[1]).map(|index| bias(index).unwrap_or(0.0)));
    }
    values
}

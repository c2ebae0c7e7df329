//! A small feed-forward network: plain loops over f32.
//!
//! It must never use a function whose last bit differs between machines: only + - * / and
//! comparisons, in a fixed order, so one file gives one answer everywhere.

use crate::model::Tensor;

/// Widest layer.
pub const WIDTH_MAX: usize = 256;

/// Why tensors are no network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Misfit {
    /// Tensors must come in pairs: weights (outputs x inputs), biases (outputs x 1).
    #[error("{0} tensors are not pairs of weights and biases")]
    NotPairs(usize),
    /// A layer does not fit the one before it, or its own biases.
    #[error("layer {0} does not fit")]
    Layer(usize),
    /// A graph whose channel of this number has an end that is no node.
    #[error("channel {0} does not fit the graph")]
    Graph(usize),
    /// The network has other ends than its use.
    #[error("it takes {inputs} and gives {outputs} numbers")]
    Ends {
        /// Numbers it takes.
        inputs: usize,
        /// Numbers it gives.
        outputs: usize,
    },
}

/// Layers with softsign between them; the last is linear.
#[derive(Debug, Clone, PartialEq)]
pub struct Net {
    /// Numbers in, widths of the layers, numbers out.
    sizes: Vec<usize>,
    /// Layer after layer: weights row by row, then biases.
    values: Vec<f32>,
}

/// x / (1 + |x|): the shape of tanh without a transcendental function.
pub fn softsign(x: f32) -> f32 {
    x / (1.0 + x.abs())
}

impl Net {
    /// A network of these sizes (numbers in first) with the values given.
    pub fn new(sizes: &[usize], values: Vec<f32>) -> Result<Self, Misfit> {
        let fit = sizes.len() >= 2
            && sizes.iter().all(|size| (1..=WIDTH_MAX).contains(size))
            && values.len() == Self::count(sizes);
        if fit { Ok(Self { sizes: sizes.to_vec(), values }) } else { Err(Misfit::Layer(0)) }
    }

    /// How many values a network of these sizes has.
    pub fn count(sizes: &[usize]) -> usize {
        sizes.windows(2).map(|pair| pair.iter().product::<usize>() + pair[1]).sum()
    }

    /// From a model's tensors, which must take `inputs` and give `outputs` numbers.
    pub fn from_tensors(tensors: &[Tensor], inputs: usize, outputs: usize) -> Result<Self, Misfit> {
        let (pairs, rest) = tensors.as_chunks::<2>();
        if pairs.is_empty() || !rest.is_empty() {
            return Err(Misfit::NotPairs(tensors.len()));
        }
        let mut sizes = vec![pairs[0][0].columns];
        let mut values = Vec::new();
        for (index, [weights, biases]) in pairs.iter().enumerate() {
            let fits = sizes.last() == Some(&weights.columns)
                && (biases.rows, biases.columns) == (weights.rows, 1)
                && weights.rows <= WIDTH_MAX
                && weights.columns <= WIDTH_MAX;
            if !fits {
                return Err(Misfit::Layer(index));
            }
            sizes.push(weights.rows);
            values.extend(&weights.values);
            values.extend(&biases.values);
        }
        let (first, last) = (sizes[0], sizes[sizes.len() - 1]);
        if (first, last) != (inputs, outputs) {
            return Err(Misfit::Ends { inputs: first, outputs: last });
        }
        Self::new(&sizes, values)
    }

    /// As tensors of a model file.
    pub fn tensors(&self) -> Vec<Tensor> {
        let mut tensors = Vec::new();
        let mut at = 0;
        for pair in self.sizes.windows(2) {
            let (columns, rows) = (pair[0], pair[1]);
            let weights = self.values[at..at + rows * columns].to_vec();
            at += rows * columns;
            tensors.push(Tensor { rows, columns, values: weights });
            let biases = self.values[at..at + rows].to_vec();
            at += rows;
            tensors.push(Tensor { rows, columns: 1, values: biases });
        }
        tensors
    }

    /// The values, in the order of [`Net::new`].
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// The same network with other values; more are ignored, missing ones stay.
    pub fn set_values(&mut self, values: &[f32]) {
        for (mine, new) in self.values.iter_mut().zip(values) {
            *mine = *new;
        }
    }

    /// What the network answers. Missing inputs count as nought, further ones are ignored; `OUT`
    /// further than the last layer is nought.
    pub fn answer<const OUT: usize>(&self, inputs: &[f32]) -> [f32; OUT] {
        let mut buffers = [[0.0_f32; WIDTH_MAX]; 2];
        let [from, to] = &mut buffers;
        let (mut from, mut to) = (from, to);
        for (slot, value) in from.iter_mut().zip(inputs) {
            *slot = *value;
        }
        let mut at = 0;
        let last = self.sizes.len() - 2;
        for (layer, pair) in self.sizes.windows(2).enumerate() {
            let (columns, rows) = (pair[0], pair[1]);
            let (weights, rest) = self.values[at..].split_at(rows * columns);
            at += rows * columns + rows;
            let lines = weights.chunks_exact(columns).zip(rest);
            for (slot, (line, bias)) in to[..rows].iter_mut().zip(lines) {
                let sum = bias + dot(line, &from[..columns]);
                *slot = if layer == last { sum } else { softsign(sum) };
            }
            std::mem::swap(&mut from, &mut to);
        }
        let width = self.sizes[self.sizes.len() - 1];
        let mut out = [0.0; OUT];
        for (slot, value) in out.iter_mut().zip(&from[..width]) {
            *slot = *value;
        }
        out
    }
}

/// Sum of products in eight running parts, a fixed order that the compiler may use in parallel.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let (a_parts, a_rest) = a.as_chunks::<8>();
    let (b_parts, b_rest) = b.as_chunks::<8>();
    let mut sums = [0.0_f32; 8];
    for (x, y) in a_parts.iter().zip(b_parts) {
        for (sum, (x, y)) in sums.iter_mut().zip(x.iter().zip(y)) {
            *sum += x * y;
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(x, y)| x * y).sum();
    sums.iter().sum::<f32>() + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_layer_is_weights_times_inputs_plus_biases() {
        let net =
            Net::new(&[2, 2, 1], vec![1.0, 2.0, -1.0, 0.5, 0.0, 1.0, 3.0, 4.0, 0.25]).unwrap();
        // Hidden: softsign(1*1 + 2*1 + 0) = 0.75, softsign(-1 + 0.5 + 1) = 1/3.
        let [out] = net.answer::<1>(&[1.0, 1.0]);
        assert!((out - (3.0 * 0.75 + 4.0 / 3.0 + 0.25)).abs() < 1e-6);
        assert_eq!(Net::from_tensors(&net.tensors(), 2, 1).unwrap(), net);
    }

    #[test]
    fn tensors_that_do_not_fit_are_named() {
        let tensor = |rows: usize, columns: usize| Tensor {
            rows,
            columns,
            values: vec![0.0; rows * columns],
        };
        let lone = [tensor(2, 2)];
        assert_eq!(Net::from_tensors(&lone, 2, 2), Err(Misfit::NotPairs(1)));
        let gap = [tensor(2, 2), tensor(2, 1), tensor(1, 3), tensor(1, 1)];
        assert_eq!(Net::from_tensors(&gap, 2, 1), Err(Misfit::Layer(1)));
        let ends = [tensor(2, 2), tensor(2, 1)];
        let wrong = Misfit::Ends { inputs: 2, outputs: 2 };
        assert_eq!(Net::from_tensors(&ends, 3, 2), Err(wrong));
    }
}

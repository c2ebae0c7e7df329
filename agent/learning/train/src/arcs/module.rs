//! The same network as `debal_learn::arcs`, in tensors that know their gradients.
//!
//! It must never use `scatter` or `scatter_add`, whose gradients are wrong in candle 0.11:
//! `index_select` and `index_add` do it.

use crate::Error;
use crate::draw::Draw;
use candle_core::{Device, Tensor, Var};
use debal_learn::arcs::{
    ARC_FEATURES, Features, Graph, KNOTS, NODE_FEATURES, OUTPUTS, RAMPS, WIDTH, ramps, shapes,
};
use debal_learn::model;

/// Stream of first weights; steps of a training use the streams from 0.
const FIRST_WEIGHTS: u64 = 1 << 40;
/// Tensors of one layer.
const PER_LAYER: usize = 9;
/// Log-odds of carrying next to nothing, at first.
const FIRST_ODDS: f64 = 5.0;

/// A result to be foretold: an arc, the share of its capacity, whether it could.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Label {
    /// The arc.
    pub arc: u32,
    /// Amount / capacity.
    pub share: f32,
    /// What came of it.
    pub passed: bool,
}

/// One graph at one moment, as tensors.
#[derive(Debug)]
pub struct Inputs {
    arcs: Tensor,
    nodes: Tensor,
    tail: Tensor,
    head: Tensor,
    back: Tensor,
    share: Tensor,
}

impl Inputs {
    /// Of a graph and what is known of it.
    pub fn new(graph: &Graph, features: &Features) -> Result<Self, Error> {
        let (arcs, nodes) = (graph.arcs(), graph.nodes());
        let numbers =
            |all: Vec<f32>, shape: (usize, usize)| Tensor::from_vec(all, shape, &Device::Cpu);
        let ends = |of: &dyn Fn(usize) -> usize| {
            let all: Vec<u32> = (0..arcs).map(|arc| of(arc) as u32).collect();
            Tensor::from_vec(all, arcs, &Device::Cpu)
        };
        let share = (0..nodes).map(|node| 1.0 / graph.leaving(node).len().max(1) as f32);
        Ok(Self {
            arcs: numbers(features.arcs.as_flattened().to_vec(), (arcs, ARC_FEATURES))?,
            nodes: numbers(features.nodes.as_flattened().to_vec(), (nodes, NODE_FEATURES))?,
            tail: ends(&|arc| graph.tail(arc))?,
            head: ends(&|arc| graph.head(arc))?,
            back: ends(&|arc| arc ^ 1)?,
            share: numbers(share.collect(), (nodes, 1))?,
        })
    }
}

/// Labels as tensors.
#[derive(Debug)]
pub struct Labels {
    arc: Tensor,
    ramps: Tensor,
    passed: Tensor,
    /// How many there are.
    pub count: usize,
}

impl Labels {
    /// Of a list.
    pub fn new(labels: &[Label]) -> Result<Self, Error> {
        let count = labels.len();
        let arc: Vec<u32> = labels.iter().map(|label| label.arc).collect();
        let at: Vec<f32> = labels.iter().flat_map(|label| ramps(label.share)).collect();
        let passed: Vec<f32> =
            labels.iter().map(|label| f32::from(u8::from(label.passed))).collect();
        Ok(Self {
            arc: Tensor::from_vec(arc, count, &Device::Cpu)?,
            ramps: Tensor::from_vec(at, (count, RAMPS), &Device::Cpu)?,
            passed: Tensor::from_vec(passed, (count, 1), &Device::Cpu)?,
            count,
        })
    }
}

/// The network as variables.
#[derive(Debug)]
pub struct Module {
    variables: Vec<Var>,
    layers: usize,
    /// Without messages: an arc sees its channel and the degrees of its ends.
    local: bool,
}

/// First weights, in the order of `debal_learn::arcs::shapes`: normal, so that what goes through
/// keeps its scale; the readout answers with the uniform prior.
pub fn fresh(layers: usize, seed: u64) -> Vec<f32> {
    let mut draw = Draw::new(seed, FIRST_WEIGHTS);
    let mut values = Vec::new();
    let all = shapes(layers);
    let last = all.len() - 2;
    for (index, (rows, columns)) in all.into_iter().enumerate() {
        let scale = match index {
            _ if rows == 1 => 0.0,
            _ if index == last => 0.02,
            0 | 2 => (1.5 / rows as f64).sqrt(),
            _ => 0.5 * (1.0 / rows as f64).sqrt(),
        };
        if index == last + 1 {
            values.extend(prior());
        } else {
            values.extend((0..rows * columns).map(|_| (scale * draw.normal()) as f32));
        }
    }
    values
}

/// What the readout must say to mean the uniform prior.
fn prior() -> [f32; OUTPUTS] {
    let odds = |share: f64| ((1.0 - share) / share).ln().clamp(-FIRST_ODDS, FIRST_ODDS);
    let mut out = [FIRST_ODDS as f32; OUTPUTS];
    for (slot, pair) in out[1..].iter_mut().zip(KNOTS.windows(2)) {
        let step = odds(f64::from(pair[0])) - odds(f64::from(pair[1]));
        // The inverse of (x + sqrt(x^2 + 4)) / 2.
        let step = step.max(0.05);
        *slot = (step - 1.0 / step) as f32;
    }
    out
}

impl Module {
    /// With `values` in the order of `debal_learn::arcs::shapes`.
    pub fn new(layers: usize, local: bool, values: &[f32]) -> Result<Self, Error> {
        let mut variables = Vec::new();
        let mut at = 0;
        for (rows, columns) in shapes(layers) {
            let part = values.get(at..at + rows * columns).unwrap_or_default();
            let tensor = Tensor::from_slice(part, (rows, columns), &Device::Cpu)?;
            variables.push(Var::from_tensor(&tensor)?);
            at += rows * columns;
        }
        Ok(Self { variables, layers, local })
    }

    /// Other values.
    pub fn set(&self, values: &[f32]) -> Result<(), Error> {
        let mut at = 0;
        for variable in &self.variables {
            let count = variable.elem_count();
            let part = values.get(at..at + count).unwrap_or_default();
            variable.set(&Tensor::from_slice(part, variable.dims(), &Device::Cpu)?)?;
            at += count;
        }
        Ok(())
    }

    /// What comes out per arc, before steps are made positive.
    pub fn raw(&self, inputs: &Inputs) -> Result<Tensor, Error> {
        let weights = |index: usize| self.variables[index].as_tensor();
        let affine = |x: &Tensor, index: usize| -> Result<Tensor, Error> {
            Ok(x.matmul(weights(index))?.broadcast_add(weights(index + 1))?)
        };
        let mut arcs = affine(&inputs.arcs, 0)?.relu()?;
        let mut nodes = affine(&inputs.nodes, 2)?.relu()?;
        for layer in 0..self.layers {
            let first = 4 + layer * PER_LAYER;
            let mut sum = nodes.matmul(weights(first))?;
            if !self.local {
                let zeros = nodes.zeros_like()?;
                let out = zeros.index_add(&inputs.tail, &arcs, 0)?;
                let back = zeros.index_add(&inputs.head, &arcs, 0)?;
                let out = out.broadcast_mul(&inputs.share)?;
                let back = back.broadcast_mul(&inputs.share)?;
                sum = (sum + out.matmul(weights(first + 1))?)?;
                sum = (sum + back.matmul(weights(first + 2))?)?;
            }
            nodes = (nodes + sum.broadcast_add(weights(first + 3))?.relu()?)?;
            let other = arcs.index_select(&inputs.back, 0)?;
            let mut sum = arcs.matmul(weights(first + 4))?;
            sum = (sum + other.matmul(weights(first + 5))?)?;
            let tail = nodes.matmul(weights(first + 6))?.index_select(&inputs.tail, 0)?;
            let head = nodes.matmul(weights(first + 7))?.index_select(&inputs.head, 0)?;
            sum = ((sum + tail)? + head)?;
            arcs = (arcs + sum.broadcast_add(weights(first + 8))?.relu()?)?;
        }
        affine(&arcs, 4 + self.layers * PER_LAYER)
    }

    /// Mean negative log-likelihood of the labels.
    pub fn loss(&self, inputs: &Inputs, labels: &Labels) -> Result<Tensor, Error> {
        let raw = self.raw(inputs)?.index_select(&labels.arc, 0)?;
        let start = raw.narrow(1, 0, 1)?;
        let steps = raw.narrow(1, 1, RAMPS)?;
        let steps = ((&steps + ((&steps * &steps)? + 4.0)?.sqrt()?)? * 0.5)?;
        let odds = (start - (steps * &labels.ramps)?.sum_keepdim(1)?)?;
        // ln(1 + e^x) - x y, without overflow.
        let soft = (odds.relu()? + (odds.abs()?.neg()?.exp()? + 1.0)?.log()?)?;
        Ok((soft - (odds * &labels.passed)?)?.mean_all()?)
    }

    /// The loss and its gradient, flat, in the order of the values.
    pub fn gradient(&self, inputs: &Inputs, labels: &Labels) -> Result<(f32, Vec<f32>), Error> {
        let loss = self.loss(inputs, labels)?;
        let found = loss.backward()?;
        let mut gradient = Vec::new();
        for variable in &self.variables {
            match found.get(variable.as_tensor()) {
                Some(part) => gradient.extend(part.flatten_all()?.to_vec1::<f32>()?),
                None => gradient.extend(std::iter::repeat_n(0.0, variable.elem_count())),
            }
        }
        Ok((loss.to_scalar::<f32>()?, gradient))
    }
}

/// The values as a model's tensors; without messages the weights that carry them are nought.
pub fn tensors(layers: usize, local: bool, values: &[f32]) -> Vec<model::Tensor> {
    let mut at = 0;
    let carries = |index: usize| {
        let inside = index.wrapping_sub(4);
        index >= 4 && inside < layers * PER_LAYER && matches!(inside % PER_LAYER, 1 | 2)
    };
    let tensor = |(index, (rows, columns)): (usize, (usize, usize))| {
        let part = values.get(at..at + rows * columns).unwrap_or_default().to_vec();
        at += rows * columns;
        let values = if local && carries(index) { vec![0.0; rows * columns] } else { part };
        model::Tensor { rows, columns, values }
    };
    shapes(layers).into_iter().enumerate().map(tensor).collect()
}

/// How many values a network of so many layers has.
pub fn count(layers: usize) -> usize {
    shapes(layers).iter().map(|(rows, columns)| rows * columns).sum()
}

/// Width of a layer, for people.
pub const fn width() -> usize {
    WIDTH
}

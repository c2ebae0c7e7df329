//! The network: arcs and nodes carry [`WIDTH`] numbers each; a layer tells a node the means over
//! the arcs that leave and enter it, and an arc its way back and both its ends.
//!
//! Only + - * / and square roots in a fixed order, so one file gives one answer everywhere. It must
//! never take tensors of other shapes than [`shapes`] says.

use super::curve::{Curve, RAMPS};
use super::features::{ARC_FEATURES, Features, NODE_FEATURES};
use super::graph::Graph;
use crate::model::Tensor;
use crate::net::Misfit;

/// Numbers an arc or a node carries between layers.
pub const WIDTH: usize = 32;
/// Numbers about an arc that come out: where its curve starts, and its steps.
pub const OUTPUTS: usize = 1 + RAMPS;
/// Most layers a model may have.
pub const LAYERS_MAX: usize = 4;

/// Tensors of one layer.
const PER_LAYER: usize = 9;

type Row = [f32; WIDTH];
/// A matrix by inputs: row `i` is what input `i` adds to the outputs.
type Square = [Row; WIDTH];

#[derive(Debug, Clone, PartialEq)]
struct Layer {
    /// A node from itself, from the arcs that leave it, from those that enter it.
    node: [Square; 3],
    node_bias: Row,
    /// An arc from itself and from its way back.
    arc: [Square; 2],
    /// An arc from its tail and from its head.
    ends: [Square; 2],
    arc_bias: Row,
}

/// The weights.
#[derive(Debug, Clone, PartialEq)]
pub struct Network {
    arc_in: [Row; ARC_FEATURES],
    arc_in_bias: Row,
    node_in: [Row; NODE_FEATURES],
    node_in_bias: Row,
    layers: Vec<Layer>,
    out: [[f32; OUTPUTS]; WIDTH],
    out_bias: [f32; OUTPUTS],
}

/// Rows and columns of every tensor of a network of `layers` layers, in their order: arcs in,
/// nodes in, per layer a node's three and its bias, an arc's two, its ends' two and its bias, then
/// the readout. A matrix has a row for each input.
pub fn shapes(layers: usize) -> Vec<(usize, usize)> {
    let mut all =
        vec![(ARC_FEATURES, WIDTH), (1, WIDTH), (NODE_FEATURES, WIDTH), (1, WIDTH)];
    for _ in 0..layers {
        all.extend([(WIDTH, WIDTH); 3]);
        all.push((1, WIDTH));
        all.extend([(WIDTH, WIDTH); 4]);
        all.push((1, WIDTH));
    }
    all.extend([(WIDTH, OUTPUTS), (1, OUTPUTS)]);
    all
}

fn matrix<const ROWS: usize, const COLUMNS: usize>(values: &[f32]) -> [[f32; COLUMNS]; ROWS] {
    let mut all = [[0.0; COLUMNS]; ROWS];
    for (row, line) in all.iter_mut().zip(values.chunks_exact(COLUMNS)) {
        row.copy_from_slice(line);
    }
    all
}

fn row<const COLUMNS: usize>(values: &[f32]) -> [f32; COLUMNS] {
    let [row] = matrix::<1, COLUMNS>(values);
    row
}

impl Network {
    /// From a model's tensors.
    pub fn from_tensors(tensors: &[Tensor]) -> Result<Self, Misfit> {
        let layers = tensors.len().saturating_sub(6) / PER_LAYER;
        let wanted = shapes(layers);
        if layers > LAYERS_MAX || tensors.len() != wanted.len() {
            return Err(Misfit::Layer(layers));
        }
        let fits = |(tensor, (rows, columns)): (&Tensor, &(usize, usize))| {
            (tensor.rows, tensor.columns) == (*rows, *columns)
                && tensor.values.len() == rows * columns
        };
        if let Some(wrong) = tensors.iter().zip(&wanted).position(|pair| !fits(pair)) {
            return Err(Misfit::Layer(wrong));
        }
        let at = |index: usize| tensors[index].values.as_slice();
        let layer = |index: usize| {
            let first = 4 + index * PER_LAYER;
            Layer {
                node: [0, 1, 2].map(|offset| matrix(at(first + offset))),
                node_bias: row(at(first + 3)),
                arc: [4, 5].map(|offset| matrix(at(first + offset))),
                ends: [6, 7].map(|offset| matrix(at(first + offset))),
                arc_bias: row(at(first + 8)),
            }
        };
        let last = 4 + layers * PER_LAYER;
        Ok(Self {
            arc_in: matrix(at(0)),
            arc_in_bias: row(at(1)),
            node_in: matrix(at(2)),
            node_in_bias: row(at(3)),
            layers: (0..layers).map(layer).collect(),
            out: matrix(at(last)),
            out_bias: row(at(last + 1)),
        })
    }

    /// One curve per arc.
    pub fn curves(&self, graph: &Graph, features: &Features) -> Vec<Curve> {
        let curve = |raw: [f32; OUTPUTS]| {
            let [start, steps @ ..] = raw;
            Curve::Falls { start, steps: steps.map(positive) }
        };
        self.raw(graph, features).into_iter().map(curve).collect()
    }

    /// What comes out per arc before steps are made positive: what training compares.
    pub fn raw(&self, graph: &Graph, features: &Features) -> Vec<[f32; OUTPUTS]> {
        let mut arcs: Vec<Row> = features
            .arcs
            .iter()
            .map(|inputs| relu(affine(self.arc_in_bias, inputs, &self.arc_in)))
            .collect();
        let mut nodes: Vec<Row> = features
            .nodes
            .iter()
            .map(|inputs| relu(affine(self.node_in_bias, inputs, &self.node_in)))
            .collect();
        if arcs.len() != graph.arcs() || nodes.len() != graph.nodes() {
            return vec![self.out_bias; graph.arcs()];
        }
        for layer in &self.layers {
            layer.step(graph, &mut arcs, &mut nodes);
        }
        arcs.iter().map(|arc| affine(self.out_bias, arc, &self.out)).collect()
    }
}

impl Layer {
    fn step(&self, graph: &Graph, arcs: &mut [Row], nodes: &mut [Row]) {
        let mut from = Vec::with_capacity(nodes.len());
        for (index, node) in nodes.iter_mut().enumerate() {
            let (out, back) = means(graph, arcs, index);
            let mut sum = affine(self.node_bias, node, &self.node[0]);
            sum = affine(sum, &out, &self.node[1]);
            sum = affine(sum, &back, &self.node[2]);
            add(node, &relu(sum));
            let tail = affine(self.arc_bias, node, &self.ends[0]);
            from.push((tail, affine([0.0; WIDTH], node, &self.ends[1])));
        }
        for (channel, pair) in arcs.as_chunks_mut::<2>().0.iter_mut().enumerate() {
            let ends = graph.channels()[channel].ends.map(|end| &from[end as usize]);
            let [there, back] = *pair;
            let sums = [(there, back, ends[0], ends[1]), (back, there, ends[1], ends[0])];
            for (arc, (this, other, tail, head)) in pair.iter_mut().zip(sums) {
                let mut sum = tail.0;
                add(&mut sum, &head.1);
                sum = affine(sum, &this, &self.arc[0]);
                sum = affine(sum, &other, &self.arc[1]);
                add(arc, &relu(sum));
            }
        }
    }
}

/// Means over the arcs that leave a node and over those that enter it.
fn means(graph: &Graph, arcs: &[Row], node: usize) -> (Row, Row) {
    let (mut out, mut back) = ([0.0; WIDTH], [0.0; WIDTH]);
    let leaving = graph.leaving(node);
    for &arc in leaving {
        add(&mut out, &arcs[arc as usize]);
        add(&mut back, &arcs[arc as usize ^ 1]);
    }
    let share = 1.0 / leaving.len().max(1) as f32;
    (out.map(|value| value * share), back.map(|value| value * share))
}

fn add(to: &mut Row, more: &Row) {
    for (to, more) in to.iter_mut().zip(more) {
        *to += more;
    }
}

fn relu(row: Row) -> Row {
    row.map(|value| if value > 0.0 { value } else { 0.0 })
}

/// `sum` and what `inputs` add to it.
#[inline]
fn affine<const IN: usize, const OUT: usize>(
    mut sum: [f32; OUT],
    inputs: &[f32; IN],
    weights: &[[f32; OUT]; IN],
) -> [f32; OUT] {
    for (input, line) in inputs.iter().zip(weights) {
        for (to, weight) in sum.iter_mut().zip(line) {
            *to += input * weight;
        }
    }
    sum
}

/// (x + sqrt(x^2 + 4)) / 2: the shape of softplus with nothing but a square root.
fn positive(x: f32) -> f32 {
    0.5 * (x + (x * x + 4.0).sqrt())
}

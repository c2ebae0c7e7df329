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
    let mut all = vec![(ARC_FEATURES, WIDTH), (1, WIDTH), (NODE_FEATURES, WIDTH), (1, WIDTH)];
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
        self.raw_on(graph, features, 1)
    }

    /// [`Network::raw`] on so many threads: the same numbers on any.
    pub fn raw_on(
        &self,
        graph: &Graph,
        features: &Features,
        threads: usize,
    ) -> Vec<[f32; OUTPUTS]> {
        if features.arcs.len() != graph.arcs() || features.nodes.len() != graph.nodes() {
            return vec![self.out_bias; graph.arcs()];
        }
        let mut arcs = vec![[0.0; WIDTH]; graph.arcs()];
        let mut nodes = vec![[0.0; WIDTH]; graph.nodes()];
        each(&mut arcs, 1, threads, |index, arc| {
            arc[0] = relu(affine(self.arc_in_bias, &features.arcs[index], &self.arc_in));
        });
        for (node, inputs) in nodes.iter_mut().zip(&features.nodes) {
            *node = relu(affine(self.node_in_bias, inputs, &self.node_in));
        }
        let mut said = vec![([0.0; WIDTH], [0.0; WIDTH]); graph.nodes()];
        for layer in &self.layers {
            layer.step(graph, threads, &mut arcs, &mut nodes, &mut said);
        }
        let mut out = vec![[0.0; OUTPUTS]; graph.arcs()];
        each(&mut out, 1, threads, |index, out| {
            out[0] = affine(self.out_bias, &arcs[index], &self.out);
        });
        out
    }
}

/// `work` on every group of `size` slots with its number, on so many threads. Groups never share
/// anything, so the result is the same on any number of them.
fn each<T: Send>(
    slots: &mut [T],
    size: usize,
    threads: usize,
    work: impl Fn(usize, &mut [T]) + Sync,
) {
    let run = |first: usize, part: &mut [T]| {
        for (offset, group) in part.chunks_exact_mut(size).enumerate() {
            work(first + offset, group);
        }
    };
    let groups = slots.len() / size;
    if threads <= 1 {
        return run(0, slots);
    }
    let share = groups.div_ceil(threads).max(1);
    std::thread::scope(|scope| {
        for (index, part) in slots.chunks_mut(share * size).enumerate() {
            let run = &run;
            scope.spawn(move || run(index * share, part));
        }
    });
}

impl Layer {
    /// One layer; `said` is room for what nodes tell the arcs that leave and enter them.
    fn step(
        &self,
        graph: &Graph,
        threads: usize,
        arcs: &mut [Row],
        nodes: &mut [Row],
        said: &mut [(Row, Row)],
    ) {
        let seen = &*arcs;
        each(nodes, 1, threads, |index, node| {
            let (out, back) = means(graph, seen, index);
            let mut sum = affine(self.node_bias, &node[0], &self.node[0]);
            sum = affine(sum, &out, &self.node[1]);
            sum = affine(sum, &back, &self.node[2]);
            add(&mut node[0], &relu(sum));
        });
        let nodes = &*nodes;
        each(said, 1, threads, |index, said| {
            let tail = affine(self.arc_bias, &nodes[index], &self.ends[0]);
            said[0] = (tail, affine([0.0; WIDTH], &nodes[index], &self.ends[1]));
        });
        let said = &*said;
        each(arcs, 2, threads, |channel, pair| {
            let [one, other] = graph.channels()[channel].ends.map(|end| &said[end as usize]);
            let ends = [(one, other), (other, one)].map(|(tail, head)| {
                let mut sum = tail.0;
                add(&mut sum, &head.1);
                sum
            });
            if let [there, back] = pair {
                let sums = self.both(ends, there, back);
                add(there, &relu(sums[0]));
                add(back, &relu(sums[1]));
            }
        });
    }

    /// Adds what both arcs of a channel tell each other and themselves, half of the outputs at a
    /// time: so the sums stay in registers and every weight is read once for two arcs.
    fn both(&self, mut sums: [Row; 2], there: &Row, back: &Row) -> [Row; 2] {
        const HALF: usize = WIDTH / 2;
        let [one, two] = &mut sums;
        for half in 0..2 {
            let part = half * HALF..(half + 1) * HALF;
            let mut here = row::<HALF>(&one[part.clone()]);
            let mut far = row::<HALF>(&two[part.clone()]);
            for index in 0..WIDTH {
                let (own, other) =
                    (&self.arc[0][index][part.clone()], &self.arc[1][index][part.clone()]);
                let (x, y) = (there[index], back[index]);
                for slot in 0..HALF {
                    here[slot] += x * own[slot] + y * other[slot];
                    far[slot] += y * own[slot] + x * other[slot];
                }
            }
            one[part.clone()].copy_from_slice(&here);
            two[part].copy_from_slice(&far);
        }
        sums
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

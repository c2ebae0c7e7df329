//! Plans as drawings.
//!
//! It must never put a name into a drawing unescaped: names come from outside.

use std::collections::BTreeMap;

use debal_planner::network::Network;
use debal_planner::plan::Plan;

/// The plan in the language of Graphviz.
pub fn dot(plan: &Plan, network: &Network) -> String {
    let quote = |text: &str| {
        let inner: String = text.chars().flat_map(char::escape_default).collect();
        format!("\"{inner}\"")
    };
    let mut text = "digraph plan {\n  rankdir=LR;\n  node [shape=box];\n".to_owned();
    for (number, step) in plan.steps.iter().enumerate() {
        let (src, dest) = (network.name(step.src), network.name(step.dest));
        let label = format!("{}: {} (e{})", number + 1, step.amount, step.edge);
        text += &format!("  {} -> {} [label={}];\n", quote(src), quote(dest), quote(&label));
    }
    text + "}\n"
}

/// Width of a column and height of a row, pixels.
const CELL: (usize, usize) = (260, 60);

/// The plan as SVG: places in columns by how many steps it takes to reach them, steps as arrows.
pub fn svg(plan: &Plan, network: &Network) -> String {
    let mut column: BTreeMap<u32, usize> = BTreeMap::new();
    for step in &plan.steps {
        // Steps come in an order in which what enters a place stands before what leaves it, apart
        // from own funds that leave early; those may be drawn backwards.
        let from = *column.entry(step.src).or_insert(0);
        let to = column.entry(step.dest).or_insert(0);
        *to = (*to).max(from + 1);
    }
    let mut rows: BTreeMap<usize, usize> = BTreeMap::new();
    let mut spot = BTreeMap::new();
    for (&place, &column) in &column {
        let row = rows.entry(column).or_insert(0);
        spot.insert(place, (column * CELL.0 + 20, *row * CELL.1 + 20));
        *row += 1;
    }
    let width = (rows.keys().max().copied().unwrap_or(0) + 1) * CELL.0;
    let height = (rows.values().max().copied().unwrap_or(0) + 1) * CELL.1;
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         font-family=\"sans-serif\" font-size=\"11\">\n<defs><marker id=\"a\" orient=\"auto\" \
         markerWidth=\"8\" markerHeight=\"8\" refX=\"7\" refY=\"4\"><path d=\"M0,0 L8,4 L0,8 z\"/>\
         </marker></defs>\n"
    );
    for (number, step) in plan.steps.iter().enumerate() {
        let (Some(&(x, y)), Some(&(p, q))) = (spot.get(&step.src), spot.get(&step.dest)) else {
            continue;
        };
        let (x, y, p, q) = (x + 120, y + 12, p, q + 12);
        text += &format!(
            "<line x1=\"{x}\" y1=\"{y}\" x2=\"{p}\" y2=\"{q}\" stroke=\"#557\" \
             marker-end=\"url(#a)\"/>\n<text x=\"{}\" y=\"{}\" fill=\"#335\">{}: {} (e{})</text>\n",
            (x + p) / 2 - 40,
            (y + q) / 2 - 4,
            number + 1,
            step.amount,
            step.edge
        );
    }
    for (&place, &(x, y)) in &spot {
        text += &format!(
            "<rect x=\"{x}\" y=\"{y}\" width=\"120\" height=\"24\" fill=\"#eef\" \
             stroke=\"#557\"/><text x=\"{}\" y=\"{}\">{}</text>\n",
            x + 6,
            y + 16,
            escape(network.name(place))
        );
    }
    text + "</svg>\n"
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

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

/// Width of a column, pixels.
const CELL: usize = 300;
/// Width of a box.
const BOX: usize = 130;
/// Height of a row.
const ROW: usize = 70;
/// The room above the first row, pixels: curves rise into it.
const TOP: usize = 60;
/// How many letters of a name fit a box.
const NAME_MAX: usize = 18;

/// All steps over one edge.
struct Arrow {
    src: u32,
    dest: u32,
    label: String,
}

/// The plan as SVG: places in columns by how many edges it takes to reach them, edges as arrows.
pub fn svg(plan: &Plan, network: &Network) -> String {
    let arrows = arrows(plan);
    let columns = columns(&arrows);
    let mut rows: BTreeMap<usize, usize> = BTreeMap::new();
    let mut spots = BTreeMap::new();
    for (&place, &column) in &columns {
        let row = rows.entry(column).or_insert(0);
        spots.insert(place, (column * CELL + 20, *row * ROW + TOP));
        *row += 1;
    }
    let width = rows.keys().max().map_or(0, |last| last * CELL) + BOX + 40;
    let height = rows.values().max().copied().unwrap_or(0) * ROW + TOP;
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         font-family=\"sans-serif\" font-size=\"11\">\n<defs><marker id=\"a\" orient=\"auto\" \
         markerWidth=\"8\" markerHeight=\"8\" refX=\"7\" refY=\"4\"><path d=\"M0,0 L8,4 L0,8 z\"/>\
         </marker></defs>\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n"
    );
    let mut beside: BTreeMap<(u32, u32), usize> = BTreeMap::new();
    for arrow in &arrows {
        let (Some(&from), Some(&to)) = (spots.get(&arrow.src), spots.get(&arrow.dest)) else {
            continue;
        };
        // Parallel edges lie above each other; one that passes a column bends around its boxes.
        let same = beside.entry((arrow.src, arrow.dest)).or_insert(0);
        let far = columns[&arrow.dest] > columns[&arrow.src] + 1;
        text += &curve(from, to, *same * 44 + usize::from(far) * 70, &arrow.label);
        *same += 1;
    }
    for (&place, &(x, y)) in &spots {
        let name = network.name(place);
        let more = if name.chars().count() > NAME_MAX { "\u{2026}" } else { "" };
        let short: String = name.chars().take(NAME_MAX).collect();
        text += &format!(
            "<g><title>{}</title><rect x=\"{x}\" y=\"{y}\" width=\"{BOX}\" height=\"24\" \
             fill=\"#eef\" stroke=\"#557\"/><text x=\"{}\" y=\"{}\">{}{more}</text></g>\n",
            escape(name),
            x + 6,
            y + 16,
            escape(&short)
        );
    }
    text + "</svg>\n"
}

/// One arrow per edge, in the order of first use.
fn arrows(plan: &Plan) -> Vec<Arrow> {
    let mut found: Vec<(u32, Vec<usize>)> = Vec::new();
    let mut place: BTreeMap<u32, usize> = BTreeMap::new();
    for (number, step) in plan.steps.iter().enumerate() {
        let at = *place.entry(step.edge).or_insert(found.len());
        if at == found.len() {
            found.push((step.edge, Vec::new()));
        }
        found[at].1.push(number);
    }
    let arrow = |(edge, steps): (u32, Vec<usize>)| {
        let first = &plan.steps[steps[0]];
        let amount: u128 = steps.iter().map(|&step| u128::from(plan.steps[step].amount)).sum();
        let label = match steps.len() {
            1 => format!("{}: {amount} (e{edge})", steps[0] + 1),
            count => format!("{}...: {amount} in {count} steps (e{edge})", steps[0] + 1),
        };
        Arrow { src: first.src, dest: first.dest, label }
    };
    found.into_iter().map(arrow).collect()
}

/// Per place, the most edges that lead to it one after the other. A plan has no circle, so going
/// over the edges as often as there are places is enough.
fn columns(arrows: &[Arrow]) -> BTreeMap<u32, usize> {
    let mut column: BTreeMap<u32, usize> = BTreeMap::new();
    for arrow in arrows {
        column.insert(arrow.src, 0);
        column.insert(arrow.dest, 0);
    }
    for _ in 0..column.len() {
        let mut moved = false;
        for arrow in arrows {
            let least = column[&arrow.src] + 1;
            if column[&arrow.dest] < least {
                column.insert(arrow.dest, least);
                moved = true;
            }
        }
        if !moved {
            break;
        }
    }
    column
}

/// An arrow between two boxes that rises by half of `bend`, with its label on top.
fn curve(from: (usize, usize), to: (usize, usize), bend: usize, label: &str) -> String {
    let (x, y, p, q) = (from.0 + BOX, from.1 + 12, to.0, to.1 + 12);
    let (middle, level) = ((x + p) / 2, (y + q) / 2);
    let top = level as i64 - bend as i64;
    format!(
        "<path d=\"M{x},{y} Q{middle},{top} {p},{q}\" fill=\"none\" stroke=\"#557\" \
         marker-end=\"url(#a)\"/>\n<text x=\"{middle}\" y=\"{}\" fill=\"#335\" \
         text-anchor=\"middle\" stroke=\"#fff\" stroke-width=\"3\" \
         paint-order=\"stroke\">{label}</text>\n",
        level as i64 - bend as i64 / 2 - 4
    )
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

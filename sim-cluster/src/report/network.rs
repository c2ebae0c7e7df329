//! The network as a picture: nodes placed by a force-directed layout, channels coloured by how
//! evenly their money is split.
//!
//! The layout depends on the channels alone, so every picture of one run has its nodes in the same
//! places. It must never depend on balances.

use super::data::{ChannelDetail, Report};
use super::figures::DrawingError;
use super::svg::{BALANCED, INK, ONE_SIDED, between, inline};
use crate::measure::ratio;
use plotters::element::{Circle, PathElement, Text};
use plotters::prelude::{IntoDrawingArea, SVGBackend};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, IntoFont};
use std::collections::HashMap;

/// Side of the square picture.
const SIDE: u32 = 560;
/// Room around the outermost nodes.
const MARGIN: f64 = 66.0;
/// Steps of the layout.
const STEPS: u32 = 500;
/// Networks larger than this are drawn without names.
const MAX_NAMED: usize = 24;
/// Distance between parallel channels, drawing units.
const PARALLEL_GAP: f64 = 12.0;

type Point = (f64, f64);

/// Draws the network with the balances that `owned` picks from each channel (end 0's part).
///
/// # Errors
/// The plotting library's.
pub fn network(
    report: &Report,
    label: &str,
    owned: fn(&ChannelDetail) -> u64,
) -> Result<String, DrawingError> {
    let detail = &report.detail;
    let places = layout(detail.nodes.len(), &detail.channels);
    let largest = detail.channels.iter().map(|c| c.capacity_msat).max().unwrap_or(1);
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, (SIDE, SIDE)).into_drawing_area();
        for (channel, offset) in detail.channels.iter().zip(parallel_offsets(&detail.channels)) {
            let [Some(a), Some(b)] = channel.ends.map(|end| places.get(end).copied()) else {
                continue;
            };
            let (a, b) = shifted(a, b, offset);
            let share = ratio(owned(channel), channel.capacity_msat);
            let skew = (2.0 * share - 1.0).abs();
            let colour = between(BALANCED, ONE_SIDED, skew);
            let width = 3.0 + 6.0 * ratio(channel.capacity_msat, largest).sqrt();
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            let style = colour.stroke_width(width as u32);
            area.draw(&PathElement::new(vec![pixel(a), pixel(b)], style))?;
            let dot = (a.0 + (b.0 - a.0) * share, a.1 + (b.1 - a.1) * share);
            area.draw(&Circle::new(pixel(dot), 6, INK.filled()))?;
        }
        let name = ("sans-serif", 19).into_font().color(&INK);
        let name = name.pos(Pos::new(HPos::Center, VPos::Bottom));
        for (node, place) in detail.nodes.iter().zip(&places) {
            let (x, y) = pixel(*place);
            area.draw(&Circle::new((x, y), 11, INK.mix(0.85).filled()))?;
            if detail.nodes.len() <= MAX_NAMED {
                let alias: String = node.alias.chars().take(13).collect();
                area.draw(&Text::new(alias, (x, y - 13), name.clone()))?;
            }
        }
        area.present()?;
    }
    Ok(inline(&svg, label))
}

#[allow(clippy::cast_possible_truncation)]
fn pixel((x, y): Point) -> (i32, i32) {
    (x.round() as i32, y.round() as i32)
}

/// Moves a line sideways, so that parallel channels stay visible.
fn shifted(a: Point, b: Point, offset: f64) -> (Point, Point) {
    // Seen from the lower end always, or two channels listed in opposite order would coincide.
    let (from, to) = if a <= b { (a, b) } else { (b, a) };
    let (dx, dy) = (to.0 - from.0, to.1 - from.1);
    let length = dx.hypot(dy).max(1.0);
    let (sx, sy) = (-dy / length * offset, dx / length * offset);
    ((a.0 + sx, a.1 + sy), (b.0 + sx, b.1 + sy))
}

/// How far each channel is moved sideways: 0 for a single one, symmetric for parallel ones.
fn parallel_offsets(channels: &[ChannelDetail]) -> Vec<f64> {
    let pair = |channel: &ChannelDetail| {
        let [a, b] = channel.ends;
        (a.min(b), a.max(b))
    };
    let mut totals: HashMap<(usize, usize), u32> = HashMap::new();
    for channel in channels {
        *totals.entry(pair(channel)).or_default() += 1;
    }
    let mut drawn: HashMap<(usize, usize), u32> = HashMap::new();
    let offset = |channel: &ChannelDetail| {
        let total = totals.get(&pair(channel)).copied().unwrap_or(1);
        let index = drawn.entry(pair(channel)).or_default();
        let place = f64::from(*index) - f64::from(total - 1) / 2.0;
        *index += 1;
        place * PARALLEL_GAP
    };
    channels.iter().map(offset).collect()
}

/// Fruchterman and Reingold: nodes repel, channels pull, the step shrinks; starts from a circle.
#[allow(clippy::cast_precision_loss)]
fn layout(nodes: usize, channels: &[ChannelDetail]) -> Vec<Point> {
    let count = nodes.max(1) as f64;
    let mut places: Vec<Point> = (0..nodes)
        .map(|index| {
            let angle = std::f64::consts::TAU * index as f64 / count;
            (angle.cos(), angle.sin())
        })
        .collect();
    let ideal = 2.0 / count.sqrt();
    for step in 0..STEPS {
        let reach = 0.2 * (1.0 - f64::from(step) / f64::from(STEPS));
        let mut pushes = vec![(0.0, 0.0); nodes];
        for a in 0..nodes {
            for b in 0..nodes {
                let (dx, dy) = (places[a].0 - places[b].0, places[a].1 - places[b].1);
                let distance = dx.hypot(dy).max(1e-3);
                if a != b {
                    let force = ideal * ideal / distance;
                    pushes[a].0 += dx / distance * force;
                    pushes[a].1 += dy / distance * force;
                }
            }
        }
        for channel in channels {
            let [a, b] = channel.ends;
            if a >= nodes || b >= nodes {
                continue;
            }
            let (dx, dy) = (places[a].0 - places[b].0, places[a].1 - places[b].1);
            let pull = dx.hypot(dy) / ideal;
            pushes[a].0 -= dx * pull;
            pushes[a].1 -= dy * pull;
            pushes[b].0 += dx * pull;
            pushes[b].1 += dy * pull;
        }
        for (place, push) in places.iter_mut().zip(pushes) {
            let length = push.0.hypot(push.1).max(1e-9);
            place.0 += push.0 / length * length.min(reach);
            place.1 += push.1 / length * length.min(reach);
        }
    }
    fitted(&places)
}

/// Scales a layout into the picture.
fn fitted(places: &[Point]) -> Vec<Point> {
    let range = |values: &mut dyn Iterator<Item = f64>| {
        let (low, high) =
            values.fold((f64::MAX, f64::MIN), |(low, high), v| (low.min(v), high.max(v)));
        (low, (high - low).max(1e-6))
    };
    let (left, width) = range(&mut places.iter().map(|place| place.0));
    let (top, height) = range(&mut places.iter().map(|place| place.1));
    let room = f64::from(SIDE) - 2.0 * MARGIN;
    let scaled =
        |(x, y): &Point| (MARGIN + (x - left) / width * room, MARGIN + (y - top) / height * room);
    places.iter().map(scaled).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn channel(ends: [usize; 2]) -> ChannelDetail {
        let (before_msat, after_off_msat, after_on_msat) = (0, 0, 0);
        let channel = "1x1x1".to_owned();
        ChannelDetail {
            channel,
            ends,
            capacity_msat: 1,
            before_msat,
            after_off_msat,
            after_on_msat,
        }
    }

    #[test]
    fn nodes_are_placed_apart_and_inside_the_picture() {
        let channels: Vec<_> = [[0, 1], [1, 2], [2, 0], [2, 3]].map(channel).to_vec();
        let places = layout(4, &channels);
        assert_eq!(places, layout(4, &channels));
        for (index, a) in places.iter().enumerate() {
            assert!((0.0..=f64::from(SIDE)).contains(&a.0), "{a:?}");
            assert!((0.0..=f64::from(SIDE)).contains(&a.1), "{a:?}");
            for b in places.iter().skip(index + 1) {
                assert!((a.0 - b.0).hypot(a.1 - b.1) > 30.0, "{a:?} {b:?}");
            }
        }
    }

    #[test]
    fn parallel_channels_lie_beside_each_other() {
        let channels: Vec<_> = [[0, 1], [1, 0], [1, 2]].map(channel).to_vec();
        assert_eq!(parallel_offsets(&channels), [-PARALLEL_GAP / 2.0, PARALLEL_GAP / 2.0, 0.0]);
        let (a, b) = ((0.0, 0.0), (100.0, 0.0));
        let (first, _) = shifted(a, b, -3.5);
        let (_, second) = shifted(b, a, 3.5);
        assert!((first.1 - second.1).abs() > 6.0);
    }
}

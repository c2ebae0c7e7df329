//! The curves over time and the bars of leadership.
//!
//! Figures take their numbers from the report as they are; they never smooth or fill gaps.

use super::data::Report;
use super::svg::{INK, OFF, ON, inline};
use plotters::chart::ChartBuilder;
use plotters::element::{PathElement, Rectangle, Text};
use plotters::prelude::{IntoDrawingArea, SVGBackend};
use plotters::series::LineSeries;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, IntoFont, TextStyle};

/// Width of a curve, drawing units.
const WIDTH: u32 = 760;
/// Height of a curve.
const HEIGHT: u32 = 300;
/// Most nodes shown in the leadership figure.
const MAX_BARS: usize = 25;
/// Height of one leadership bar with its gap.
const BAR_HEIGHT: u32 = 24;
/// Room for names left of the bars.
const NAME_WIDTH: i32 = 220;

/// What a drawing failed with.
pub type DrawingError = Box<dyn std::error::Error + Send + Sync>;

/// One curve chart: what it is called, its vertical axis, and the two arms' points.
struct Curves<'a> {
    label: &'a str,
    axis: &'a str,
    top: f64,
    percent: bool,
    off: &'a [(f64, f64)],
    on: &'a [(f64, f64)],
}

/// Share of payments delivered over time, both arms.
///
/// # Errors
/// The plotting library's.
pub fn success(report: &Report) -> Result<String, DrawingError> {
    curves(&Curves {
        label: "Share of payments delivered over time, rebalancing off and on",
        axis: "payments delivered",
        top: 1.0,
        percent: true,
        off: &report.arms.off.success_over_time,
        on: &report.arms.on.success_over_time,
    })
}

/// Imbalance over time, both arms.
///
/// # Errors
/// The plotting library's.
pub fn imbalance(report: &Report) -> Result<String, DrawingError> {
    let (off, on) = (&report.arms.off.imbalance_over_time, &report.arms.on.imbalance_over_time);
    let highest = off.iter().chain(on).map(|(_, value)| *value).fold(0.1, f64::max);
    curves(&Curves {
        label: "Imbalance over time, rebalancing off and on",
        axis: "imbalance (Gini)",
        top: (highest * 1.15).min(1.0),
        percent: false,
        off,
        on,
    })
}

fn curves(chart: &Curves<'_>) -> Result<String, DrawingError> {
    let end = chart.off.iter().chain(chart.on).map(|(at, _)| *at).fold(1.0, f64::max);
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, (WIDTH, HEIGHT)).into_drawing_area();
        let mut drawn = ChartBuilder::on(&area)
            .margin(8)
            .x_label_area_size(42)
            .y_label_area_size(64)
            .build_cartesian_2d(0.0..end, 0.0..chart.top)?;
        let text = ("sans-serif", 14).into_font().color(&INK);
        let percent = chart.percent;
        drawn
            .configure_mesh()
            .axis_style(INK.mix(0.5))
            .bold_line_style(INK.mix(0.14))
            .light_line_style(INK.mix(0.0))
            .x_labels(8)
            .y_labels(6)
            .label_style(text.clone())
            .axis_desc_style(text)
            .x_desc("seconds since payments started")
            .y_desc(chart.axis)
            .x_label_formatter(&|seconds| format!("{seconds:.0}"))
            .y_label_formatter(&|value| {
                if percent { format!("{:.0} %", value * 100.0) } else { format!("{value:.2}") }
            })
            .draw()?;
        for (points, colour) in [(chart.off, OFF), (chart.on, ON)] {
            drawn.draw_series(LineSeries::new(points.iter().copied(), colour.stroke_width(3)))?;
        }
        area.present()?;
    }
    Ok(inline(&svg, chart.label))
}

/// Epochs led by each node as bars, with a mark where its share of the capacity would put it.
///
/// # Errors
/// The plotting library's.
#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)]
pub fn leadership(report: &Report) -> Result<String, DrawingError> {
    let total: u64 = report.detail.nodes.iter().map(|node| node.capacity_sat).sum();
    let certified = report.elections.certified as f64;
    let mut rows: Vec<(String, u64, f64)> = report
        .detail
        .nodes
        .iter()
        .map(|node| {
            let led = report.leaders.get(&node.node).copied().unwrap_or(0);
            let expected = node.capacity_sat as f64 / total.max(1) as f64 * certified;
            (node.alias.chars().take(24).collect(), led, expected)
        })
        .collect();
    rows.sort_by(|a, b| b.1.cmp(&a.1).then(b.2.total_cmp(&a.2)));
    rows.truncate(MAX_BARS);
    let longest = rows.iter().map(|(_, led, expected)| (*led as f64).max(*expected));
    let scale = f64::from(WIDTH as i32 - NAME_WIDTH - 60) / longest.fold(1.0, f64::max);
    let height = BAR_HEIGHT * u32::try_from(rows.len()).unwrap_or(0) + 8;
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, (WIDTH, height)).into_drawing_area();
        let font = || ("sans-serif", 14).into_font().color(&INK);
        let right = font().pos(Pos::new(HPos::Right, VPos::Center));
        let left: TextStyle<'_> = font().pos(Pos::new(HPos::Left, VPos::Center));
        for (row, (alias, led, expected)) in (0i32..).zip(&rows) {
            let top = row * BAR_HEIGHT as i32 + 6;
            let middle = top + BAR_HEIGHT as i32 / 2 - 3;
            let end = NAME_WIDTH + (*led as f64 * scale) as i32;
            let mark = NAME_WIDTH + (expected * scale) as i32;
            area.draw(&Text::new(alias.clone(), (NAME_WIDTH - 8, middle), right.clone()))?;
            area.draw(&Rectangle::new([(NAME_WIDTH, top), (end, top + 16)], ON.filled()))?;
            let line = vec![(mark, top - 3), (mark, top + 19)];
            area.draw(&PathElement::new(line, INK.stroke_width(2)))?;
            let after = (end.max(mark) + 8, middle);
            area.draw(&Text::new(led.to_string(), after, left.clone()))?;
        }
        area.present()?;
    }
    Ok(inline(&svg, "Epochs led by each node, and what its capacity would suggest"))
}

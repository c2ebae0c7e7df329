//! Plots as SVG that stand alone and inline: bars with their intervals, one per method.
//!
//! A plot must never bring a background, so that it is readable on light and dark pages.

use super::Report;
use crate::BenchError;
use plotters::prelude::*;

/// Stands for the page's text colour while drawing; replaced in [`inline`].
const INK: RGBColor = RGBColor(1, 2, 3);
const BAR: RGBColor = RGBColor(0x2a, 0x8f, 0xc4);

/// One plot: what it shows, and its SVG.
#[derive(Debug, Clone)]
pub struct Plot {
    /// A name fit for a file.
    pub name: String,
    /// What it shows.
    pub title: String,
    /// The SVG.
    pub svg: String,
}

/// One plot of bars per metric.
///
/// # Errors
/// What plotters refuses.
pub fn plots(report: &Report, metrics: &[(&str, &str)]) -> Result<Vec<Plot>, BenchError> {
    metrics.iter().map(|(metric, title)| bars(report, metric, title)).collect()
}

/// A bar per method with its interval as a line.
///
/// # Errors
/// What plotters refuses.
pub fn bars(report: &Report, metric: &str, title: &str) -> Result<Plot, BenchError> {
    let figures: Vec<_> = report.rows.iter().map(|row| row.figure(metric)).collect();
    let most = figures.iter().flatten().map(|figure| figure.mean + figure.ci95);
    let most = most.fold(f64::MIN_POSITIVE, f64::max) * 1.05;
    let methods: Vec<String> = report.rows.iter().map(|row| row.method.clone()).collect();
    let mut svg = String::new();
    let height = 80 + 24 * u32::try_from(methods.len()).unwrap_or(100);
    let failed = |error: String| BenchError::Write(format!("plot {metric}: {error}"));
    {
        let area = SVGBackend::with_string(&mut svg, (760, height)).into_drawing_area();
        let count = i32::try_from(methods.len()).unwrap_or(i32::MAX);
        let mut chart = ChartBuilder::on(&area)
            .margin(10)
            .x_label_area_size(30)
            .y_label_area_size(190)
            .build_cartesian_2d(0.0..most, (0..count - 1).into_segmented())
            .map_err(|e| failed(e.to_string()))?;
        let name = |at: &SegmentValue<i32>| match at {
            SegmentValue::CenterOf(index) => usize::try_from(count - 1 - index)
                .ok()
                .and_then(|index| methods.get(index).cloned())
                .unwrap_or_default(),
            _ => String::new(),
        };
        chart
            .configure_mesh()
            .disable_y_mesh()
            .y_labels(methods.len())
            .y_label_formatter(&name)
            .label_style(("sans-serif", 13).into_font().color(&INK))
            .axis_style(INK)
            .light_line_style(TRANSPARENT)
            .bold_line_style(INK.mix(0.15))
            .draw()
            .map_err(|e| failed(e.to_string()))?;
        let shapes = (0..count).zip(&figures).filter_map(|(index, figure)| {
            let (figure, row) = ((*figure)?, count - 1 - index);
            Some((figure, SegmentValue::Exact(row), SegmentValue::Exact(row + 1), row))
        });
        for (figure, low, high, row) in shapes {
            let mut bar = Rectangle::new([(0.0, low), (figure.mean, high)], BAR.filled());
            bar.set_margin(4, 4, 0, 0);
            chart.draw_series([bar]).map_err(|e| failed(e.to_string()))?;
            let ends = [figure.mean - figure.ci95, figure.mean + figure.ci95];
            let line = ends.map(|x| (x.max(0.0), SegmentValue::CenterOf(row)));
            let series = LineSeries::new(line, INK.stroke_width(2));
            chart.draw_series(series).map_err(|e| failed(e.to_string()))?;
        }
        area.present().map_err(|e| failed(e.to_string()))?;
    }
    let name = format!("{}-{}-{}-{metric}", report.experiment, report.graph, report.state);
    Ok(Plot { name, title: title.to_owned(), svg })
}

/// A plot for a page: text and axes in the page's colour, the width of the page.
pub(super) fn inline(plot: &Plot) -> String {
    let start = plot.svg.find("<svg").unwrap_or(0);
    let body = plot.svg.get(start..).unwrap_or_default();
    body.replace("#010203", "currentColor").replacen("<svg ", "<svg role=\"img\" ", 1)
}

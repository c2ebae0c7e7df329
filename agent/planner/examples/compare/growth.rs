//! How cost grows with size: 1,000 to 1,000,000 arcs, as a table and a plot.
//!
//! It must never draw a point that is not in the table.

use plotters::prelude::*;

use crate::flows::race;
use crate::peers::Peers;
use crate::table::{Column, Table, milliseconds};
use crate::{Asked, Failure, flow_families};

const COLUMNS: [Column; 6] = [
    ("family", 9, false),
    ("arcs", 9, true),
    ("ours_ms", 10, true),
    ("lemon_ms", 10, true),
    ("to_ours", 8, true),
    ("objective", 9, false),
];

/// A line of the plot: its name, and per size the arcs and the seconds.
type Line = (String, Vec<(f64, f64)>);

/// Sizes in half decades up to the one asked for.
pub fn run(asked: &Asked, peers: &Peers) -> Result<(), Failure> {
    let most = asked.arcs.unwrap_or(1_000_000);
    let title = format!("Growth, best of up to {} runs", asked.runs);
    let table = Table::start(asked, "growth", &title, &COLUMNS);
    let mut lines: Vec<Line> = Vec::new();
    for family in flow_families::FAMILIES {
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        let sizes = [1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000];
        for arcs in sizes.into_iter().filter(|arcs| *arcs <= most) {
            let problem = flow_families::flow(family, (arcs * 3 / 20) as u32, arcs, asked.seed);
            // The largest takes a minute a run.
            let most_runs = match arcs {
                0..=100_000 => asked.runs,
                100_001..=300_000 => 2,
                _ => 1,
            };
            let runs = asked.runs.min(most_runs);
            let rows = race(&problem, peers, &["LEMON"], runs)?;
            let best = rows[0].times.best();
            ours.push((arcs as f64, best));
            let mut cells = vec![family.to_owned(), arcs.to_string(), milliseconds(best)];
            match rows.get(1).filter(|row| row.agrees == Some(true)) {
                Some(row) => {
                    theirs.push((arcs as f64, row.times.best()));
                    let ratio = format!("{:.2}", row.times.best() / best);
                    cells.extend([milliseconds(row.times.best()), ratio, "equal".to_owned()]);
                }
                None => cells.extend(["-", "-", "no answer"].map(str::to_owned)),
            }
            table.row(&cells);
        }
        lines.push((format!("{family}, ours"), ours));
        lines.push((format!("{family}, LEMON"), theirs));
        // After every family, so that a run that is stopped leaves a plot of what it has.
        if let Some(file) = &asked.svg {
            draw(file, &lines)?;
        }
    }
    Ok(())
}

fn draw(file: &str, lines: &[Line]) -> Result<(), Failure> {
    let points = || lines.iter().flat_map(|line| &line.1);
    let most = |figure: fn(&(f64, f64)) -> f64| points().map(figure).fold(1e-4, f64::max) * 1.5;
    let (widest, slowest) = (most(|point| point.0), most(|point| point.1 * 1e3));
    let area = SVGBackend::new(file, (760, 480)).into_drawing_area();
    area.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&area)
        .caption("Minimum-cost flow: time by size", ("sans-serif", 18))
        .margin(12)
        .x_label_area_size(42)
        .y_label_area_size(64)
        .build_cartesian_2d((800f64..widest).log_scale(), (0.05f64..slowest).log_scale())?;
    chart.configure_mesh().x_desc("arcs").y_desc("best time, ms").draw()?;
    let colours = [RGBColor(31, 119, 180), RGBColor(214, 90, 20), RGBColor(44, 140, 44)];
    for (number, (name, points)) in lines.iter().enumerate().filter(|(_, line)| !line.1.is_empty())
    {
        // Ours is drawn thick, the peer's line in the same colour thin.
        let (colour, ours) = (colours[number / 2 % 3], number % 2 == 0);
        let style = colour.stroke_width(if ours { 3 } else { 1 });
        let scaled: Vec<(f64, f64)> = points.iter().map(|p| (p.0, p.1 * 1e3)).collect();
        chart.draw_series(scaled.iter().map(|&at| Circle::new(at, 3, colour.filled())))?;
        chart
            .draw_series(LineSeries::new(scaled, style))?
            .label(name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], style));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .background_style(WHITE)
        .border_style(BLACK)
        .draw()?;
    Ok(area.present()?)
}

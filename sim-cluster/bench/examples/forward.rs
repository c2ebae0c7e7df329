//! One forward pass of the arcs' network over a whole graph, timed, and the same input and weights
//! written down for PyTorch Geometric (`peers/pyg_forward.py`), which is run beside it if a Python
//! that has it is named: `forward GRAPH DIR [PYTHON]`.
//!
//! It must never time another input than the one it wrote.

#![allow(missing_docs)]

use debal_learn::arcs::{
    Channel, Features, Fee, Graph, LAYERS_MAX, Network, OUTPUTS, Pasts, Position, shapes,
};
use debal_learn::model::{ARCS, ModelFile};
use std::path::Path;
use std::process::Command;
use std::time::Instant;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const REPEATS: usize = 31;

type Failure = Box<dyn std::error::Error>;

/// Wall time of the median and of the best pass, and processor time of one on the average: on a
/// machine with other work the last is what compares.
struct Spent {
    median_ms: f64,
    best_ms: f64,
    processor_ms: f64,
}

fn spent(mut work: impl FnMut()) -> Spent {
    work();
    let before = processor_ms();
    let mut wall: Vec<f64> = (0..REPEATS)
        .map(|_| {
            let begun = Instant::now();
            work();
            begun.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    wall.sort_by(f64::total_cmp);
    let processor_ms = (processor_ms() - before) / REPEATS as f64;
    Spent { median_ms: wall[REPEATS / 2], best_ms: wall[0], processor_ms }
}

/// Processor time of this process, all threads, in Linux' hundredths of a second.
fn processor_ms() -> f64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = text.rsplit(')').next().unwrap_or_default().split(' ').collect();
    let ticks = |index: usize| fields.get(index).and_then(|f| f.parse::<f64>().ok());
    // The state is field 3, user and system time fields 14 and 15.
    (ticks(12).unwrap_or(f64::NAN) + ticks(13).unwrap_or(f64::NAN)) * 10.0
}

fn graph(path: &Path) -> Result<Graph, Failure> {
    let read = debal_topology::load(path)?;
    let fee =
        |policy: &debal_topology::Policy| Fee { base_msat: policy.base_msat, ppm: policy.ppm };
    let channels = read.channels.iter().map(|channel| Channel {
        ends: channel.ends.map(|end| end as u32),
        capacity_msat: channel.capacity_msat(),
        fees: [Some(fee(&channel.policies[0])), Some(fee(&channel.policies[1]))],
    });
    Ok(Graph::new(read.nodes.len() as u32, channels.collect())?)
}

fn main() -> Result<(), Failure> {
    let words: Vec<String> = std::env::args().collect();
    let [_, file, folder, rest @ ..] = words.as_slice() else {
        return Err("usage: forward GRAPH DIR [PYTHON]".into());
    };
    let (graph, folder) = (graph(Path::new(file))?, Path::new(folder));
    let begun = Instant::now();
    let position = Position::of(&graph);
    let position_ms = begun.elapsed().as_secs_f64() * 1e3;
    let pasts = Pasts::new(graph.channels().len(), 1.0);
    let features = Features::at(&graph, &position, &pasts, 0);
    let model = ModelFile::read(ARCS)?;
    let network = Network::from_tensors(&model.tensors)?;
    let out = network.raw(&graph, &features);
    std::fs::create_dir_all(folder)?;
    let floats =
        |values: &[f32]| -> Vec<u8> { values.iter().flat_map(|v| v.to_le_bytes()).collect() };
    std::fs::write(folder.join("arcs.f32"), floats(features.arcs.as_flattened()))?;
    std::fs::write(folder.join("nodes.f32"), floats(features.nodes.as_flattened()))?;
    std::fs::write(folder.join("out.f32"), floats(out.as_flattened()))?;
    let weights: Vec<f32> = model.tensors.iter().flat_map(|one| one.values.clone()).collect();
    std::fs::write(folder.join("weights.f32"), floats(&weights))?;
    let ends = (0..graph.arcs()).flat_map(|arc| [graph.tail(arc) as u32, graph.head(arc) as u32]);
    let ends: Vec<u8> = ends.flat_map(u32::to_le_bytes).collect();
    std::fs::write(folder.join("ends.u32"), ends)?;
    let layers = (0..=LAYERS_MAX).find(|n| shapes(*n).len() == model.tensors.len());
    let layers = layers.ok_or("layers")?;
    let shape = serde_json::json!({
        "arcs": graph.arcs(), "nodes": graph.nodes(), "layers": layers, "outputs": OUTPUTS,
        "tensors": shapes(layers),
    });
    std::fs::write(folder.join("shape.json"), shape.to_string())?;
    println!("{} nodes, {} arcs, {layers} layers", graph.nodes(), graph.arcs());
    println!("position {position_ms:.1} ms, once a graph");
    let features_ms = spent(|| drop(Features::at(&graph, &position, &pasts, 0))).processor_ms;
    println!("features {features_ms:.1} ms of processor time");
    for threads in [1, 2] {
        let ours = spent(|| drop(network.raw_on(&graph, &features, threads)));
        let Spent { median_ms, best_ms, processor_ms } = ours;
        let each = processor_ms / (graph.arcs() as f64 / 1e3);
        println!(
            "forward, {threads} thread(s): wall median {median_ms:.1}, best {best_ms:.1} ms; \
             processor {processor_ms:.1} ms, {each:.3} ms per 1,000 arcs"
        );
        let Some(python) = rest.first() else { continue };
        let said = peer(python, folder, threads)?;
        let number = |key: &str| said[key].as_f64().unwrap_or(f64::NAN);
        println!(
            "PyTorch Geometric {}, {threads} thread(s): wall median {:.1}, best {:.1} ms; \
             processor {:.1} ms; differs by {:.1e}; ratio of medians {:.2}, bests {:.2}, processor {:.2}",
            said["version"].as_str().unwrap_or_default(),
            number("ms_median"),
            number("ms_best"),
            number("ms_processor"),
            number("off"),
            number("ms_median") / median_ms,
            number("ms_best") / best_ms,
            number("ms_processor") / processor_ms,
        );
    }
    Ok(())
}

fn peer(python: &str, folder: &Path, threads: usize) -> Result<serde_json::Value, Failure> {
    let said = Command::new(python)
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("peers/pyg_forward.py"))
        .arg(folder)
        .args([threads.to_string(), REPEATS.to_string()])
        .env("OMP_NUM_THREADS", threads.to_string())
        .output()?;
    if !said.status.success() {
        return Err(String::from_utf8_lossy(&said.stderr).into_owned().into());
    }
    Ok(serde_json::from_slice(&said.stdout)?)
}

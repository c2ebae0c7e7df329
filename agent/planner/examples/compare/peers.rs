//! The other solvers: found where they are installed, run as processes of their own on the same
//! file.
//!
//! It must never fail for want of one: a peer that is not there is named, with what installs it.

use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use debal_planner::charge::ChargeProblem;
use debal_planner::simplex::Problem;

use crate::Failure;

/// Sources of ours that speak to each peer, unpacked next to the instances.
const SOURCES: [(&str, &str); 5] = [
    ("lemon.cpp", include_str!("peers/lemon.cpp")),
    ("shared.py", include_str!("peers/shared.py")),
    ("highs.py", include_str!("peers/highs.py")),
    ("or_tools.py", include_str!("peers/or_tools.py")),
    ("javascript.js", include_str!("peers/javascript.js")),
];

/// One other solver.
#[derive(Debug)]
pub struct Peer {
    /// What it is called.
    pub name: &'static str,
    /// Which version was found.
    pub version: String,
    words: Vec<OsString>,
}

/// All that were found, and where they work.
#[derive(Debug)]
pub struct Peers {
    /// Those that are there.
    pub found: Vec<Peer>,
    /// Those that are not: what they are called and what installs them.
    pub missing: Vec<(&'static str, &'static str)>,
    folder: PathBuf,
}

/// What a peer answered.
#[derive(Debug, Clone, Default)]
pub struct Answer {
    /// How long its solver ran.
    pub seconds: f64,
    /// What it found, in scaled costs.
    pub objective: Option<f64>,
    /// What it proved, in scaled costs.
    pub bound: Option<f64>,
    /// Whether it says that it is done.
    pub done: bool,
}

impl Peers {
    /// Looks for every peer; compiles what must be compiled.
    pub fn find() -> Result<Peers, Failure> {
        let folder = std::env::temp_dir().join(format!("debal-compare-{}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        for (name, text) in SOURCES {
            std::fs::write(folder.join(name), text)?;
        }
        let mut peers = Peers { found: Vec::new(), missing: Vec::new(), folder };
        let lemon = peers.folder.join("lemon");
        let compile = Command::new("c++")
            .args(["-O3", "-DNDEBUG", "-o"])
            .arg(&lemon)
            .arg(peers.folder.join("lemon.cpp"))
            .stderr(Stdio::null())
            .status();
        let words = match compile {
            Ok(status) if status.success() => vec![lemon.into_os_string()],
            _ => Vec::new(),
        };
        peers.admit("LEMON", words, "apt install g++ liblemon-dev");
        for (name, program, file, hint) in [
            ("HiGHS", "python3", "highs.py", "pip install highspy"),
            ("OR-tools", "python3", "or_tools.py", "pip install ortools numpy"),
            ("javascript", "node", "javascript.js", "npm install -g javascript-lp-solver"),
        ] {
            let script = peers.folder.join(file).into_os_string();
            peers.admit(name, vec![program.into(), script], hint);
        }
        Ok(peers)
    }

    /// Where a file for the peers goes.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn admit(&mut self, name: &'static str, words: Vec<OsString>, hint: &'static str) {
        let peer = Peer { name, version: String::new(), words };
        let asked = peer.run(&["version".as_ref()], Duration::from_secs(60));
        let version = asked.as_deref().and_then(|text| text.trim().strip_prefix("version "));
        match version {
            Some(version) => {
                self.found.push(Peer { version: version.to_owned(), ..peer });
            }
            None => self.missing.push((name, hint)),
        }
    }
}

impl Drop for Peers {
    fn drop(&mut self) {
        // A folder of temporary files that cannot be removed is the system's to clear.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl Peer {
    /// Solves the instance in `file`; `kind` is `flow` or `charge`. `None` if it gave no answer
    /// within the limit and a grace for reading and building.
    pub fn solve(&self, kind: &str, file: &Path, limit_seconds: u64) -> Option<Answer> {
        let limit = limit_seconds.to_string();
        let grace = Duration::from_secs(limit_seconds * 2 + 60);
        let words: Vec<&std::ffi::OsStr> = match self.name {
            "LEMON" => vec![file.as_os_str()],
            _ => vec![kind.as_ref(), file.as_os_str(), limit.as_ref()],
        };
        let text = self.run(&words, grace)?;
        let words: Vec<&str> = text.split_whitespace().collect();
        let after = |key: &str| {
            let place = words.iter().position(|word| *word == key)?;
            words.get(place + 1).copied()
        };
        let number = |key: &str| after(key)?.parse::<f64>().ok();
        let status = after("status").unwrap_or("ok");
        Some(Answer {
            seconds: number("seconds")?,
            objective: number("objective"),
            bound: number("bound"),
            done: status == "ok",
        })
    }

    /// What the peer prints, or `None` where it cannot be started, fails, or takes too long.
    fn run(&self, words: &[&std::ffi::OsStr], limit: Duration) -> Option<String> {
        let (program, first) = self.words.split_first()?;
        let mut command = Command::new(program);
        command.args(first).args(words).stdin(Stdio::null());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().ok()?;
        if !ends_within(&mut child, limit) {
            return None;
        }
        let output = child.wait_with_output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

fn ends_within(child: &mut Child, limit: Duration) -> bool {
    let start = Instant::now();
    while start.elapsed() < limit {
        match child.try_wait() {
            Ok(Some(_)) => return true,
            // What a peer prints is one line, far below what a pipe holds.
            Ok(None) => std::thread::sleep(Duration::from_millis(5)),
            Err(_) => return false,
        }
    }
    let _ = child.kill();
    let _ = child.wait();
    false
}

/// Writes a flow problem as DIMACS `min`.
pub fn write_flow(path: &Path, problem: &Problem) -> Result<(), Failure> {
    let mut file = std::io::BufWriter::new(std::fs::File::create(path)?);
    writeln!(file, "p min {} {}", problem.nodes, problem.arcs.len())?;
    for (node, supply) in problem.supplies.iter().enumerate().filter(|(_, s)| **s != 0) {
        writeln!(file, "n {} {supply}", node + 1)?;
    }
    for arc in &problem.arcs {
        let (tail, head) = (arc.tail + 1, arc.head + 1);
        writeln!(file, "a {tail} {head} 0 {} {}", arc.capacity, arc.cost)?;
    }
    Ok(file.flush()?)
}

/// Writes a fixed-charge problem in the same format, with two more columns on every arc: what
/// using it costs and the least it carries if used. Costs are multiplied by `10^places`.
pub fn write_charged(path: &Path, problem: &ChargeProblem, places: u32) -> Result<(), Failure> {
    let mut file = std::io::BufWriter::new(std::fs::File::create(path)?);
    writeln!(file, "c scale {}", 10u64.pow(places))?;
    writeln!(file, "p charge {} {}", problem.supplies.len(), problem.links.len())?;
    for (node, supply) in problem.supplies.iter().enumerate().filter(|(_, s)| **s != 0) {
        writeln!(file, "n {} {supply}", node + 1)?;
    }
    for link in &problem.links {
        let (tail, head) = (link.tail + 1, link.head + 1);
        let (unit, fixed, minimum) = (link.unit_cost, link.fixed_cost, link.minimum);
        writeln!(file, "a {tail} {head} 0 {} {unit} {fixed} {minimum}", link.capacity)?;
    }
    Ok(file.flush()?)
}

//! Why a command did not do it: for people, and as data.
//!
//! It must never lose what is to blame.

use debal_planner::document::Value;
use debal_planner::network::{InputError, Network};
use debal_planner::plan::{Diagnosis, PlanError};

/// A failure with its exit code.
#[derive(Debug)]
pub struct Failure {
    /// Exit code.
    pub code: u8,
    /// Stable name.
    pub kind: &'static str,
    /// In plain words.
    pub message: String,
    /// What is to blame: tables with a `field`, `place` or `edge`.
    pub blame: Vec<Value>,
    /// More, for an infeasible problem.
    pub detail: Option<Value>,
}

impl Failure {
    /// It was tried and failed.
    pub fn failed(message: impl Into<String>) -> Failure {
        Failure::of(1, "failed", message)
    }

    /// A failure with nothing to blame.
    pub fn of(code: u8, kind: &'static str, message: impl Into<String>) -> Failure {
        Failure { code, kind, message: message.into(), blame: Vec::new(), detail: None }
    }

    /// From the planner's answer.
    pub fn from_plan(error: &PlanError, network: &Network) -> Failure {
        match error {
            PlanError::Input(input) => Failure::from(input.clone()),
            PlanError::Stopped => Failure::of(1, "stopped", error.to_string()),
            PlanError::Infeasible(diagnosis) => infeasible(diagnosis, network),
        }
    }

    /// The contract: `{"error":{"kind":...,"message":...,"blame":[...]}}`.
    pub fn to_json(&self) -> Value {
        let mut entries = vec![
            ("kind".to_owned(), Value::text(self.kind)),
            ("message".to_owned(), Value::text(&self.message)),
            ("blame".to_owned(), Value::List(self.blame.clone())),
        ];
        if let Some(detail) = &self.detail {
            entries.push(("detail".to_owned(), detail.clone()));
        }
        Value::table([("error", Value::Table(entries))])
    }
}

impl From<InputError> for Failure {
    fn from(error: InputError) -> Failure {
        let blame = error.field().map(|field| Value::table([("field", Value::text(field))]));
        let mut failure = Failure::of(3, error.kind(), error.to_string());
        failure.blame = blame.into_iter().collect();
        failure
    }
}

impl From<debal_topology::InputError> for Failure {
    fn from(error: debal_topology::InputError) -> Failure {
        let mut failure = Failure::of(3, "invalid_graph", error.to_string());
        let (file, place) = (Value::text(&error.file), Value::text(&error.place));
        failure.blame = vec![Value::table([("file", file), ("field", place)])];
        failure
    }
}

/// `{stranded_sources, unreachable_sinks, shortfall}`, as the vectors have it.
pub fn detail(diagnosis: &Diagnosis, network: &Network) -> Value {
    let names = |places: &[u32]| {
        Value::List(places.iter().map(|&place| Value::text(network.name(place))).collect())
    };
    Value::table([
        ("stranded_sources", names(&diagnosis.stranded_sources)),
        ("unreachable_sinks", names(&diagnosis.unreachable_sinks)),
        ("shortfall", Value::text(diagnosis.shortfall)),
    ])
}

fn infeasible(diagnosis: &Diagnosis, network: &Network) -> Failure {
    let mut failure = Failure::of(3, "infeasible", diagnosis.message.clone());
    let edge = |number: u32| {
        let link = &network.edges()[number as usize].link;
        let id = Value::text(format!("e{number}"));
        vec![
            ("edge".to_owned(), id),
            ("src".to_owned(), Value::text(&link.src)),
            ("dest".to_owned(), Value::text(&link.dest)),
        ]
    };
    for raise in &diagnosis.raises {
        let mut entry = edge(raise.edge);
        if raise.by > 0 {
            entry.push(("raise_by".to_owned(), Value::text(raise.by)));
        }
        if raise.off {
            entry.push(("switch_on".to_owned(), Value::Bool(true)));
        }
        failure.blame.push(Value::Table(entry));
    }
    for &number in &diagnosis.minimums {
        let mut entry = edge(number);
        let minimum = network.edges()[number as usize].link.min_amount;
        entry.push(("min_amount".to_owned(), Value::text(minimum)));
        failure.blame.push(Value::Table(entry));
    }
    let places = diagnosis.stranded_sources.iter().map(|&place| (place, "reaches no deficit"));
    let sinks = diagnosis.unreachable_sinks.iter().map(|&place| (place, "no surplus reaches it"));
    for (place, why) in places.chain(sinks) {
        let name = Value::text(network.name(place));
        failure.blame.push(Value::table([("place", name), ("why", Value::text(why))]));
    }
    let mut entries = match detail(diagnosis, network) {
        Value::Table(entries) => entries,
        _ => Vec::new(),
    };
    let cut = diagnosis.cut.iter().map(|number| Value::text(format!("e{number}")));
    entries.push(("cut".to_owned(), Value::List(cut.collect())));
    if let Some(partial) = &diagnosis.partial {
        entries.push(("partial_plan".to_owned(), crate::show::plan_json(partial, network)));
    }
    failure.detail = Some(Value::Table(entries));
    failure
}

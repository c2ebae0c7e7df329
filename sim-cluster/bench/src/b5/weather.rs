//! What happens to a network of B5: who is away, what is lost, who lies, what is cut.
//!
//! A weather must never reach into an election: it decides only what is heard by whom and when.

/// One row of the living table.
#[derive(Debug, Clone, PartialEq)]
pub struct Weather {
    /// The row's name.
    pub name: &'static str,
    /// Share of the weight that is away at any time; who that is changes.
    pub offline: f64,
    /// Share of all transmissions that are lost.
    pub loss: f64,
    /// Share of the members that say one thing to some and another thing to others.
    pub two_faced: f64,
    /// Share of the members that lead without ever giving a plan.
    pub silent: f64,
    /// Share of the weight that is cut off from the rest for the middle third of the epochs.
    pub split: f64,
}

impl Weather {
    /// Nothing happens.
    pub const CALM: Self =
        Self { name: "calm", offline: 0.0, loss: 0.0, two_faced: 0.0, silent: 0.0, split: 0.0 };
}

/// The rows, in the order of the table.
#[must_use]
pub fn all() -> Vec<Weather> {
    let calm = Weather::CALM;
    vec![
        calm.clone(),
        Weather { name: "10 % offline", offline: 0.1, ..calm.clone() },
        Weather { name: "30 % offline", offline: 0.3, ..calm.clone() },
        Weather { name: "50 % offline", offline: 0.5, ..calm.clone() },
        Weather { name: "20 % lost", loss: 0.2, ..calm.clone() },
        Weather { name: "30 % offline, 20 % lost", offline: 0.3, loss: 0.2, ..calm.clone() },
        Weather { name: "25 % offline, 20 % lost", offline: 0.25, loss: 0.2, ..calm.clone() },
        Weather { name: "a fifth cut off", split: 0.2, ..calm.clone() },
        Weather { name: "cut in halves", split: 0.5, ..calm.clone() },
        Weather { name: "10 % two-faced", two_faced: 0.1, ..calm.clone() },
        Weather { name: "20 % silent leaders", silent: 0.2, ..calm },
    ]
}

//! What the agents of a cluster are told about forecasts and policies.
//!
//! The names must stay those of the agent's `learning.policy`: the agents refuse any other.

use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Who decides what a channel end asks for and lends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Decides {
    /// The margin rule on the forecast
    Margin,
    /// The analytic rule on the forecast
    Analytic,
    /// The trained network
    Model,
    /// Thresholds, with the forecast for tau
    Thresholds,
    /// Thresholds, no forecast
    Off,
}

impl fmt::Display for Decides {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.to_possible_value();
        f.write_str(name.as_ref().map_or("?", |name| name.get_name()))
    }
}

/// Forecasts, and who decides by them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Args, Serialize, Deserialize)]
pub struct Learning {
    /// Who decides what a channel end asks for and lends
    #[arg(long, value_enum, value_name = "POLICY", default_value_t = Self::DEFAULT.policy)]
    pub policy: Decides,
    /// Epochs a channel is watched before a forecast steers it; a cluster lives shorter than a node
    #[arg(long, value_name = "N", default_value_t = Self::DEFAULT.watch_epochs, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub watch_epochs: u32,
}

impl Learning {
    /// What the agents decide by unless told otherwise, with a watch that fits a short run.
    pub const DEFAULT: Self = Self { policy: Decides::Margin, watch_epochs: 4 };
    /// The agents decide by thresholds alone.
    pub const OFF: Self = Self { policy: Decides::Off, ..Self::DEFAULT };
}

impl Default for Learning {
    fn default() -> Self {
        Self::DEFAULT
    }
}

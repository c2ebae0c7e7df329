//! What a backend can do, declared up front so that no plan relies on what is missing.
//!
//! A capability must never be guessed from the name of an implementation.

use serde::Serialize;

/// Capabilities. `false` is an honest answer: the conformance suite checks it is a refusal by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Caps {
    /// Sends along hops named by the caller.
    pub explicit_route: bool,
    /// Receives under a hash whose secret only the caller knows.
    pub hold: bool,
    /// Asks before it forwards.
    pub intercept: bool,
    /// Forwards an intercepted payment without taking its own fee.
    pub zero_fee_intercept: bool,
    /// Fees on the way in.
    pub inbound_fee: bool,
    /// Balances in msat; if not, own balances are rounded down to a satoshi.
    pub msat_balances: bool,
    /// Deadlines are block heights; if not, Unix milliseconds.
    pub chain: bool,
    /// A settled payment shows its secret.
    pub shows_secret: bool,
    /// Longest route.
    pub max_hops: u8,
}

/// A capability that was asked for and is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Gap {
    /// No explicit routes.
    ExplicitRoute,
    /// No held receives.
    Hold,
    /// No interception.
    Intercept,
    /// No inbound fees.
    InboundFee,
    /// No timelock deltas: this backend has no chain.
    Timelock,
}

impl std::fmt::Display for Gap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::ExplicitRoute => "explicit routes",
            Self::Hold => "held receives",
            Self::Intercept => "interception of forwards",
            Self::InboundFee => "inbound fees",
            Self::Timelock => "timelock deltas",
        })
    }
}

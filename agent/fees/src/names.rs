//! Every name a rule file may use: properties and strategies. Criteria are in `criteria`.
//!
//! A name must never be written in a second place: evaluation, lint and the documentation's test
//! read these tables.

macro_rules! properties {
    ($($variant:ident $name:literal $kind:ident $origin:ident),* $(,)?) => {
        /// A plain key that sets something.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Property {
            $(#[doc = concat!("`", $name, "`")] $variant,)*
        }

        impl Property {
            /// All of them, in the order of their numbers.
            pub const ALL: &'static [Property] = &[$(Property::$variant,)*];

            /// Its name in a rule file.
            pub const fn name(self) -> &'static str {
                match self { $(Property::$variant => $name,)* }
            }

            /// What its value must be.
            pub const fn kind(self) -> Kind {
                match self { $(Property::$variant => Kind::$kind,)* }
            }

            /// Whether charge-lnd has it too.
            pub const fn origin(self) -> Origin {
                match self { $(Property::$variant => Origin::$origin,)* }
            }
        }
    };
}

/// What a property's value must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// An integer.
    Integer,
    /// A fraction.
    Float,
    /// true, yes, on, 1, false, no, off or 0.
    Flag,
    /// A span of time: seconds, or with s, m, h or d behind it.
    Span,
    /// Any text.
    Text,
}

/// Where a name comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// charge-lnd has it.
    Original,
    /// Only here.
    Superset,
}

properties! {
    Strategy "strategy" Text Original,
    BaseFee "base_fee_msat" Integer Original,
    Fee "fee_ppm" Integer Original,
    InboundBaseFee "inbound_base_fee_msat" Integer Original,
    InboundFee "inbound_fee_ppm" Integer Original,
    InboundLevel "inbound_level_ppm" Integer Original,
    MinFee "min_fee_ppm" Integer Original,
    MaxFee "max_fee_ppm" Integer Original,
    MinFeeDelta "min_fee_ppm_delta" Integer Original,
    MinInboundFeeDelta "min_inbound_fee_ppm_delta" Integer Original,
    SumPeerChannels "sum_peer_chans" Flag Original,
    CostFactor "cost_factor" Float Original,
    OnchainFeeBtc "onchain_fee_btc" Float Original,
    OnchainFeeBlocks "onchain_fee_numblocks" Integer Original,
    ConfigFile "config_file" Text Original,
    MinHtlc "min_htlc_msat" Integer Original,
    MaxHtlc "max_htlc_msat" Integer Original,
    MaxHtlcRatio "max_htlc_msat_ratio" Float Original,
    TimeLockDelta "time_lock_delta" Integer Original,
    BreakerHourlyRate "cb_max_hourly_rate" Integer Original,
    BreakerPending "cb_max_pending" Integer Original,
    BreakerMode "cb_mode" Integer Original,
    BreakerClear "cb_clear_limit" Flag Original,
    Priority "priority" Integer Superset,
    Final "final" Flag Superset,
    Enabled "enabled" Flag Superset,
    InboundMode "inbound_mode" Text Superset,
    MinInboundFee "min_inbound_fee_ppm" Integer Superset,
    MaxInboundFee "max_inbound_fee_ppm" Integer Superset,
    MaxFeeStep "max_fee_ppm_step" Integer Superset,
    FlowPeriod "flow_period" Span Superset,
    TrialMinHours "trial_min_hours" Float Superset,
    TrialMinForwards "trial_min_forwards" Integer Superset,
    LearningEnabled "learning_enabled" Flag Superset,
    EnableAutoRollback "enable_auto_rollback" Flag Superset,
    RollbackThreshold "rollback_threshold" Float Superset,
}

impl Property {
    /// How many there are.
    pub const COUNT: usize = Property::ALL.len();

    /// The property of a name.
    pub fn of(name: &str) -> Option<Property> {
        Property::ALL.iter().copied().find(|property| property.name() == name)
    }

    /// Its number.
    pub const fn number(self) -> usize {
        self as usize
    }
}

macro_rules! strategies {
    ($($variant:ident $name:literal $origin:ident),* $(,)?) => {
        /// How a section's fees are found.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Strategy {
            $(#[doc = concat!("`", $name, "`")] $variant,)*
        }

        impl Strategy {
            /// All of them.
            pub const ALL: &'static [Strategy] = &[$(Strategy::$variant,)*];

            /// Its name in a rule file; case matters.
            pub const fn name(self) -> &'static str {
                match self { $(Strategy::$variant => $name,)* }
            }

            /// Whether charge-lnd has it too.
            pub const fn origin(self) -> Origin {
                match self { $(Strategy::$variant => Origin::$origin,)* }
            }
        }
    };
}

strategies! {
    Ignore "ignore" Original,
    IgnoreFees "ignore_fees" Original,
    Static "static" Original,
    Proportional "proportional" Original,
    MatchPeer "match_peer" Original,
    Cost "cost" Original,
    OnchainFee "onchain_fee" Original,
    UseConfig "use_config" Original,
    Disable "disable" Original,
    BalanceBased "balance_based" Superset,
    FlowBased "flow_based" Superset,
    InboundDiscount "inbound_discount" Superset,
    RevenueMax "revenue_max" Superset,
    CostRecovery "cost_recovery" Superset,
}

impl Strategy {
    /// The strategy of a name.
    pub fn of(name: &str) -> Option<Strategy> {
        Strategy::ALL.iter().copied().find(|strategy| strategy.name() == name)
    }
}

/// The valid name most like `name`, if one is like it at all.
pub(crate) fn nearest<'a>(name: &str, valid: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let score = |candidate: &str| strsim::jaro_winkler(name, candidate);
    let best = valid
        .into_iter()
        .map(|candidate| (score(candidate), candidate))
        .max_by(|one, other| one.0.total_cmp(&other.0))?;
    (best.0 >= 0.85).then(|| best.1.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_found_and_nonsense_has_none() {
        let valid = || Strategy::ALL.iter().map(|strategy| strategy.name());
        assert_eq!(nearest("proportionnal", valid()).as_deref(), Some("proportional"));
        assert_eq!(nearest("Static", valid()).as_deref(), Some("static"));
        assert_eq!(nearest("teleport", valid()), None);
    }

    #[test]
    fn every_name_leads_back_to_its_property() {
        for (number, property) in Property::ALL.iter().enumerate() {
            assert_eq!(Property::of(property.name()), Some(*property));
            assert_eq!(property.number(), number);
        }
    }
}

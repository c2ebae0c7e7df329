//! The configuration the agent runs with: typed, complete, validated.
//!
//! Nothing required may be optional here, and no default may be written here: they are in the
//! table.

use super::raw::{self, ConfigError, Peer, Place, Value, Values};
use super::table::KNOBS;
use crate::fees::Model;
use debal_protocol::Msat;
use debal_protocol::config::{Caps, Deadlines, Liquidity};
use debal_protocol::market::{Market, PlanMode};
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What the leader's plans may contain when this node leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlannerLimits {
    /// Longest cycle.
    pub max_hops: u32,
    /// Smallest cycle.
    pub min_amount_msat: Msat,
}

/// The agent's configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentConfig {
    /// Everything the agent owns.
    pub data_dir: PathBuf,
    /// The network's founding file.
    pub genesis: PathBuf,
    /// Addresses to listen on.
    pub listen: Vec<String>,
    /// All agents are on this machine.
    pub loopback: bool,
    /// First members to connect to.
    pub bootstrap: Vec<Peer>,
    /// Log filter.
    pub log: String,
    /// Prometheus endpoint.
    pub metrics_listen: Option<SocketAddr>,
    /// When to ask for help and what to lend.
    pub liquidity: Liquidity,
    /// What may be at stake.
    pub caps: Caps,
    /// Deadlines of transfers.
    pub deadlines: Deadlines,
    /// Routes tried per payment.
    pub attempts: u32,
    /// Take part in rebalancing.
    pub rebalancing: bool,
    /// Price rounds.
    pub market: Market,
    /// Limits of plans this node makes.
    pub planner: PlannerLimits,
    /// Rules for the fees of our channels, if any.
    pub fees: Option<FeesConfig>,
    /// Forecasts, and who decides by them.
    pub learning: Learning,
}

/// Forecasts, and who decides by them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Learning {
    /// Who decides.
    pub decides: Decides,
    /// Epochs a channel is watched before a forecast steers it.
    pub watch_epochs: u32,
}

/// Who decides what a channel end asks for and lends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decides {
    /// The thresholds, without a forecast.
    Off,
    /// The thresholds, with the forecast for tau.
    Thresholds,
    /// The margin rule.
    Margin,
    /// The analytic rule.
    Analytic,
    /// The trained network.
    Model,
}

impl Decides {
    /// Everything there is, by name.
    const ALL: [(&'static str, Self); 5] = [
        ("margin", Self::Margin),
        ("analytic", Self::Analytic),
        ("model", Self::Model),
        ("thresholds", Self::Thresholds),
        ("off", Self::Off),
    ];

    fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(known, _)| *known == name).map(|(_, decides)| *decides)
    }
}

/// Rules for fees, and how liquidity is valued by them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeesConfig {
    /// The rule file.
    pub rules: PathBuf,
    /// Pause between two passes.
    pub every: Duration,
    /// How moves are valued.
    pub model: Model,
}

/// Where the values come from, strongest last in [`AgentConfig::load`].
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// The file, if there is one.
    pub file: Option<PathBuf>,
    /// Environment variables.
    pub environment: Vec<(String, String)>,
    /// `KEY=VALUE` flags.
    pub flags: Vec<String>,
}

impl AgentConfig {
    /// Reads, merges and validates: flag over environment over file over default.
    ///
    /// # Errors
    /// [`ConfigError`] says where and what to change.
    pub fn load(sources: Sources) -> Result<Self, ConfigError> {
        let mut values = defaults()?;
        let base = match &sources.file {
            Some(path) => {
                values.extend(raw::from_file(path)?);
                path.parent().unwrap_or(Path::new("")).to_owned()
            }
            None => PathBuf::new(),
        };
        values.extend(raw::from_environment(sources.environment)?);
        for flag in &sources.flags {
            let (key, text) = flag.split_once('=').ok_or_else(|| {
                ConfigError::Invalid(format!("flag --set {flag}: write it as KEY=VALUE"))
            })?;
            let (key, value) = raw::from_words(key, text, Place::Flag)?;
            values.insert(key, (value, Place::Flag));
        }
        resolve(&Reader { values, base })
    }
}

fn defaults() -> Result<Values, ConfigError> {
    let mut text = String::new();
    let mut table = "";
    for knob in KNOBS.iter().filter(|knob| !knob.default.is_empty()) {
        let (this, name) = knob.key.split_once('.').unwrap_or(("", knob.key));
        if this != table {
            text.push_str(&format!("[{this}]\n"));
            table = this;
        }
        text.push_str(&format!("{name} = {}\n", knob.default));
    }
    let values = raw::from_text(Path::new("defaults"), &text)?;
    Ok(values.into_iter().map(|(key, (value, _))| (key, (value, Place::Default))).collect())
}

struct Reader {
    values: Values,
    base: PathBuf,
}

impl Reader {
    fn value(&self, key: &str) -> Option<&Value> {
        self.values.get(key).map(|(value, _)| value)
    }

    fn text(&self, key: &str) -> String {
        match self.value(key) {
            Some(Value::Text(text)) => text.clone(),
            _ => String::new(),
        }
    }

    /// A path; relative ones in the file start at the file, others at the working directory.
    fn path(&self, key: &str) -> PathBuf {
        let path = PathBuf::from(self.text(key));
        match self.values.get(key).map(|(_, place)| place) {
            Some(Place::File { .. } | Place::Default) => self.base.join(path),
            _ => path,
        }
    }

    fn switch(&self, key: &str) -> bool {
        matches!(self.value(key), Some(Value::Switch(true)))
    }

    fn whole(&self, key: &str) -> u64 {
        match self.value(key) {
            Some(Value::Whole(number)) => *number,
            _ => 0,
        }
    }

    /// A whole number whose range in the table fits 32 bits.
    fn whole32(&self, key: &str) -> u32 {
        u32::try_from(self.whole(key)).unwrap_or(u32::MAX)
    }

    fn whole8(&self, key: &str) -> u8 {
        u8::try_from(self.whole(key)).unwrap_or(u8::MAX)
    }

    fn share(&self, key: &str) -> u32 {
        match self.value(key) {
            Some(Value::Share(ppm)) => *ppm,
            _ => 0,
        }
    }

    fn sat(&self, key: &str) -> Msat {
        Msat(self.whole(key).saturating_mul(1_000)).min(Msat::MAX)
    }

    fn wrong(&self, key: &str, expected: &str) -> ConfigError {
        let place = self.values.get(key).map_or(Place::Default, |(_, place)| place.clone());
        ConfigError::Value {
            place,
            key: key.to_owned(),
            expected: expected.to_owned(),
            found: format!("{:?}", self.text(key)),
        }
    }
}

fn resolve(read: &Reader) -> Result<AgentConfig, ConfigError> {
    let data_dir = read.path("data_dir");
    let genesis = match read.values.get("genesis") {
        // The default lies in the data directory, wherever that is.
        Some((Value::Text(name), Place::Default)) => data_dir.join(name),
        _ => read.path("genesis"),
    };
    let liquidity = liquidity(read);
    if liquidity.dead_band_ppm > liquidity.lend_band_ppm {
        return Err(read.wrong("policy.dead_band", "at most policy.lend_band"));
    }
    let caps = caps(read);
    if caps.cycle_min_msat > caps.cycle_max_msat {
        return Err(read.wrong("caps.cycle_min_sat", "at most caps.cycle_max_sat"));
    }
    if caps.fees_hour_msat > caps.fees_day_msat {
        return Err(read.wrong("caps.fees_hour_sat", "at most caps.fees_day_sat"));
    }
    let deadlines = deadlines(read);
    if deadlines.reveal_margin_ms >= deadlines.last_hop_ms {
        let expected = "less than deadlines.last_hop_ms";
        return Err(read.wrong("deadlines.reveal_margin_ms", expected));
    }
    Ok(AgentConfig {
        data_dir,
        genesis,
        listen: match read.value("listen") {
            Some(Value::List(addresses)) => addresses.clone(),
            _ => Vec::new(),
        },
        loopback: read.switch("loopback"),
        bootstrap: match read.value("bootstrap") {
            Some(Value::Peers(peers)) => peers.clone(),
            _ => Vec::new(),
        },
        log: read.text("log"),
        metrics_listen: metrics_listen(read)?,
        liquidity,
        caps,
        deadlines,
        attempts: read.whole32("payments.attempts"),
        rebalancing: read.switch("rebalancing.enabled"),
        market: market(read)?,
        planner: PlannerLimits {
            max_hops: read.whole32("planner.max_hops"),
            min_amount_msat: read.sat("planner.min_amount_sat"),
        },
        fees: fees(read),
        learning: Learning {
            decides: Decides::named(&read.text("learning.policy")).ok_or_else(|| {
                read.wrong("learning.policy", "margin, analytic, model, thresholds or off")
            })?,
            watch_epochs: read.whole32("learning.watch_epochs"),
        },
    })
}

fn metrics_listen(read: &Reader) -> Result<Option<SocketAddr>, ConfigError> {
    let text = read.text("metrics_listen");
    if text.is_empty() {
        return Ok(None);
    }
    let resolved = text.to_socket_addrs().ok().and_then(|mut addresses| addresses.next());
    resolved.map(Some).ok_or_else(|| read.wrong("metrics_listen", "host:port"))
}

fn market(read: &Reader) -> Result<Market, ConfigError> {
    let mode = PlanMode::named(&read.text("plan.mode"));
    let mode = mode.ok_or_else(|| read.wrong("plan.mode", "leader, market or hybrid"))?;
    Ok(Market { mode, rounds: read.whole8("plan.rounds") })
}

fn fees(read: &Reader) -> Option<FeesConfig> {
    if read.text("fees.rules").is_empty() {
        return None;
    }
    Some(FeesConfig {
        rules: read.path("fees.rules"),
        every: Duration::from_secs(read.whole("fees.interval_s")),
        model: Model {
            horizon_h: read.whole32("fees.horizon_h"),
            demand_days: read.whole32("fees.demand_days"),
            margin_ppm: read.share("fees.margin"),
        },
    })
}

fn liquidity(read: &Reader) -> Liquidity {
    Liquidity {
        kappa_ppm: read.share("policy.kappa"),
        theta_ppm: read.share("policy.theta"),
        tau_ms: read.whole("policy.tau_s").saturating_mul(1_000),
        target_ppm: read.share("policy.target"),
        dead_band_ppm: read.share("policy.dead_band"),
        lend_band_ppm: read.share("policy.lend_band"),
        price_ppm: read.whole32("policy.price_ppm"),
        summary_bits: read.whole8("policy.summary_bits"),
    }
}

fn caps(read: &Reader) -> Caps {
    Caps {
        cycle_min_msat: read.sat("caps.cycle_min_sat"),
        cycle_max_msat: read.sat("caps.cycle_max_sat"),
        exposure_msat: read.sat("caps.exposure_sat"),
        cycles_per_plan: read.whole32("caps.cycles_per_plan"),
        fees_hour_msat: read.sat("caps.fees_hour_sat"),
        fees_day_msat: read.sat("caps.fees_day_sat"),
        fee_max_ppm: read.whole32("caps.fee_max_ppm"),
        pair_cooldown_ms: read.whole("caps.pair_cooldown_s").saturating_mul(1_000),
    }
}

fn deadlines(read: &Reader) -> Deadlines {
    Deadlines {
        gap_ms: read.whole("deadlines.gap_ms"),
        last_hop_ms: read.whole("deadlines.last_hop_ms"),
        accept_ttl_ms: read.whole("deadlines.accept_ttl_ms"),
        reveal_margin_ms: read.whole("deadlines.reveal_margin_ms"),
        retry_ms: read.whole("deadlines.retry_ms"),
    }
}

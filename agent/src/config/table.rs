//! Every knob of the agent: unit, range, default and reason, in one table.
//!
//! The file `debal init` writes, `docs/configuration.md` and the checks of what an operator typed
//! all come from here; no default may be written anywhere else.

use std::fmt::Write as _;

/// What a knob holds, with its range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Any text.
    Text,
    /// A path; a relative one starts at the configuration file's directory.
    Path,
    /// A list of texts.
    List,
    /// `true` or `false`.
    Switch,
    /// A whole number.
    Whole {
        /// Smallest.
        min: u64,
        /// Largest.
        max: u64,
    },
    /// A share of a whole with at most six decimals, kept in millionths.
    Share {
        /// Smallest, millionths.
        min_ppm: u32,
        /// Largest, millionths.
        max_ppm: u32,
    },
    /// `[[bootstrap]]` tables.
    Peers,
}

/// One knob.
#[derive(Clone, Copy, Debug)]
pub struct Knob {
    /// Its name in the file, with the table in front.
    pub key: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// Its unit; empty where it has none.
    pub unit: &'static str,
    /// Its default as it is written in the file; empty: not set.
    pub default: &'static str,
    /// What it is for, and why the default is what it is.
    pub reason: &'static str,
}

const fn knob(
    key: &'static str,
    kind: Kind,
    unit: &'static str,
    default: &'static str,
    reason: &'static str,
) -> Knob {
    Knob { key, kind, unit, default, reason }
}

const fn whole(min: u64, max: u64) -> Kind {
    Kind::Whole { min, max }
}

const SHARE: Kind = Kind::Share { min_ppm: 0, max_ppm: 1_000_000 };
const SAT: Kind = whole(0, 1_000_000_000_000);

/// The table.
pub const KNOBS: &[Knob] = &[
    knob(
        "data_dir",
        Kind::Path,
        "",
        "\".\"",
        "Identity, journal, history and control socket live here. One agent per directory. \
        Default: where the configuration file is.",
    ),
    knob(
        "genesis",
        Kind::Path,
        "",
        "\"genesis.json\"",
        "The founding file of the network: name, timetable, first members. Equal on every member.",
    ),
    knob(
        "listen",
        Kind::List,
        "",
        "[\"/ip4/127.0.0.1/tcp/0\"]",
        "Addresses to listen on. Loopback until you decide to be reachable; port 0 takes a free \
        one.",
    ),
    knob(
        "loopback",
        Kind::Switch,
        "",
        "false",
        "All agents run on this machine: many peers behind one address are then not suspicious.",
    ),
    knob(
        "bootstrap",
        Kind::Peers,
        "",
        "[]",
        "Members to connect to first, each with its identity, so that nobody can stand in for \
        them.",
    ),
    knob(
        "log",
        Kind::Text,
        "",
        "\"info\"",
        "What to log: error, warn, info, debug, trace, or a filter per module.",
    ),
    knob(
        "metrics_listen",
        Kind::Text,
        "",
        "",
        "host:port of the Prometheus endpoint. Not set: none. It shows balances; do not publish \
        it.",
    ),
    knob(
        "policy.kappa",
        SHARE,
        "share",
        "0.1",
        "Ask for help when outbound / capacity over all channels is below this.",
    ),
    knob(
        "policy.theta",
        SHARE,
        "share",
        "0.2",
        "Ask for help when min(out, in) / capacity of a channel is below this.",
    ),
    knob(
        "policy.tau_s",
        whole(0, 604_800),
        "s",
        "7200",
        "Ask for help when a channel is predicted to be empty within this time.",
    ),
    knob("policy.target", SHARE, "share", "0.5", "Outbound share a channel should have."),
    knob(
        "policy.dead_band",
        SHARE,
        "share",
        "0.05",
        "Distance from the target within which a channel wants nothing: moving so little is not \
        worth a lock.",
    ),
    knob(
        "policy.lend_band",
        SHARE,
        "share",
        "0.2",
        "Distance from the target up to which a channel may help others.",
    ),
    knob(
        "policy.price_ppm",
        whole(0, 1_000_000),
        "ppm",
        "0",
        "What helping costs others, millionths of the amount.",
    ),
    knob(
        "policy.summary_bits",
        whole(1, 8),
        "bit",
        "4",
        "How finely summaries tell ratios: 4 bits are 16 buckets. Fewer tell less and plan worse.",
    ),
    knob("caps.cycle_min_sat", SAT, "sat", "1000", "Smallest lock accepted in a cycle."),
    knob("caps.cycle_max_sat", SAT, "sat", "10000000", "Largest lock accepted in a cycle."),
    knob(
        "caps.exposure_sat",
        SAT,
        "sat",
        "20000000",
        "Most that may be locked in cycles with one counterparty, both directions together.",
    ),
    knob(
        "caps.cycles_per_plan",
        whole(0, 48),
        "cycles",
        "32",
        "Most cycles accepted from one plan.",
    ),
    knob(
        "caps.fees_hour_sat",
        SAT,
        "sat",
        "1000",
        "Most cycle fees in an hour; reserved before a cycle locks, released when it fails.",
    ),
    knob("caps.fees_day_sat", SAT, "sat", "5000", "Most cycle fees in a day."),
    knob(
        "caps.fee_max_ppm",
        whole(0, 1_000_000),
        "ppm",
        "1000",
        "Highest fee of one cycle, millionths of its amount.",
    ),
    knob(
        "caps.pair_cooldown_s",
        whole(0, 3_600),
        "s",
        "600",
        "For this long after a cycle, none may move liquidity back between the same two of our \
        channels: a way there and back pays fees twice for nothing. 0: no such rule.",
    ),
    knob(
        "deadlines.gap_ms",
        whole(10, 86_400_000),
        "ms",
        "3000",
        "Time between the deadlines of neighbouring hops: what a crashed neighbour has to come \
        back.",
    ),
    knob(
        "deadlines.last_hop_ms",
        whole(10, 86_400_000),
        "ms",
        "10000",
        "Time the last hop has from the start of a transfer.",
    ),
    knob(
        "deadlines.accept_ttl_ms",
        whole(10, 86_400_000),
        "ms",
        "5000",
        "How long a consent to a cycle holds without the leader's go.",
    ),
    knob(
        "deadlines.reveal_margin_ms",
        whole(1, 86_400_000),
        "ms",
        "1000",
        "How long before a deadline the opener stops revealing its secret.",
    ),
    knob(
        "deadlines.retry_ms",
        whole(10, 60_000),
        "ms",
        "1000",
        "Pause before an unanswered message is sent again.",
    ),
    knob(
        "payments.attempts",
        whole(1, 20),
        "routes",
        "1",
        "Routes tried per payment when the request names no number.",
    ),
    knob(
        "rebalancing.enabled",
        Kind::Switch,
        "",
        "true",
        "Take part in rebalancing from the start; `debal status` shows it.",
    ),
    knob(
        "learning.policy",
        Kind::Text,
        "",
        "\"margin\"",
        "Who decides what a channel end asks for and lends: margin (keep the balance where the \
        forecast calls it safe), analytic (fees at stake), model (the trained network), thresholds \
        (theta and the target, with the forecast for tau) or off (thresholds, no forecast). Fee \
        rules, where set, come first.",
    ),
    knob(
        "learning.watch_epochs",
        whole(1, 1_000),
        "epochs",
        "12",
        "For so long a channel is watched before a forecast steers it, and so much silence is \
        assumed to lie before: a drift seen for a few payments says little.",
    ),
    knob(
        "plan.mode",
        Kind::Text,
        "",
        "\"leader\"",
        "What this node offers to plans: `leader` its offers in buckets; `market` what price rounds \
        with its neighbours come to, no ratios; `hybrid` the same, starting at the newest plan's \
        prices. Members may differ; docs/benchmarks.md compares the three.",
    ),
    knob(
        "plan.rounds",
        whole(2, 64),
        "rounds",
        "10",
        "Price rounds before an epoch, in the last quarter of the one before; the first only shows \
        what can move. Each is one message to every neighbour.",
    ),
    knob(
        "fees.rules",
        Kind::Path,
        "",
        "",
        "Rule file for the fees of this node's channels (docs/fees.md). Not set: fees stay as they \
        are, and liquidity is valued by the thresholds alone.",
    ),
    knob(
        "fees.interval_s",
        whole(1, 86_400),
        "s",
        "600",
        "Pause between two passes of the rules. A channel changes at most twice a day.",
    ),
    knob(
        "fees.horizon_h",
        whole(1, 8_760),
        "h",
        "168",
        "How far ahead it is counted what moved liquidity earns, at the fees the rules will ask then.",
    ),
    knob(
        "fees.demand_days",
        whole(1, 90),
        "d",
        "7",
        "Over how many days demand is observed: what was forwarded and what failed for want of \
        balance.",
    ),
    knob(
        "fees.margin",
        SHARE,
        "share",
        "0.2",
        "What a move must be worth beyond its cost, as a share of its worth: small gains are noise.",
    ),
    knob(
        "planner.max_hops",
        whole(2, 8),
        "hops",
        "6",
        "Longest cycle planned when this node leads: longer ones fail more often.",
    ),
    knob(
        "planner.min_amount_sat",
        SAT,
        "sat",
        "1000",
        "Smallest cycle planned when this node leads.",
    ),
];

impl Kind {
    /// The range in words.
    #[must_use]
    pub fn range(self) -> String {
        match self {
            Self::Text | Self::Path => "text".to_owned(),
            Self::List => "list of texts".to_owned(),
            Self::Switch => "true or false".to_owned(),
            Self::Whole { min, max } => format!("{min} to {max}"),
            Self::Share { min_ppm, max_ppm } => {
                format!("{} to {}", share_text(min_ppm), share_text(max_ppm))
            }
            Self::Peers => "tables with node and address (NODE@ADDRESS,... in a flag)".to_owned(),
        }
    }
}

impl Knob {
    /// Its name in the environment.
    #[must_use]
    pub fn variable(&self) -> String {
        format!("DEBAL_{}", self.key.replace('.', "_").to_uppercase())
    }
}

/// The knob of that name.
#[must_use]
pub fn find(key: &str) -> Option<&'static Knob> {
    KNOBS.iter().find(|knob| knob.key == key)
}

/// The name closest to `key`, if any is close enough to be a slip.
#[must_use]
pub fn nearest(key: &str) -> Option<&'static str> {
    let scored = KNOBS.iter().map(|knob| (closeness(key, knob.key), knob.key));
    let best = scored.max_by(|a, b| a.0.total_cmp(&b.0))?;
    (best.0 > 0.6).then_some(best.1)
}

/// A name without its table is the common slip: it counts as if the table were right.
fn closeness(key: &str, name: &str) -> f64 {
    let last = name.rsplit('.').next().unwrap_or(name);
    let short = key.rsplit('.').next().unwrap_or(key);
    let whole = strsim::jaro_winkler(key, name);
    let part = strsim::jaro_winkler(short, last);
    whole.max(0.98 * part)
}

/// Millionths as a decimal.
#[must_use]
pub fn share_text(ppm: u32) -> String {
    let text = format!("{}.{:06}", ppm / 1_000_000, ppm % 1_000_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// The configuration file with every knob at its default, each explained.
#[must_use]
pub fn example_file() -> String {
    let mut text = String::from(
        "# Configuration of one DEBAL agent. Every line below is the default; change what you \
        need.\n\
         # A flag beats the environment (DEBAL_...), the environment beats this file.\n",
    );
    let mut table = "";
    for knob in KNOBS {
        let (this, name) = knob.key.split_once('.').unwrap_or(("", knob.key));
        if this != table {
            let _ = write!(text, "\n[{this}]\n");
            table = this;
        }
        let unit = if knob.unit.is_empty() { String::new() } else { format!(" {}", knob.unit) };
        let _ = write!(text, "\n# {}\n# Range: {}{unit}.\n", knob.reason, knob.kind.range());
        let _ = match (knob.kind, knob.default) {
            (Kind::Peers, _) => {
                writeln!(text, "# bootstrap = [{{ node = \"<64 hex>\", address = \"/ip4/...\" }}]")
            }
            (Kind::Path, "") => writeln!(text, "# {name} = \"{name}.conf\""),
            (_, "") => writeln!(text, "# {name} = \"127.0.0.1:9735\""),
            (_, default) => writeln!(text, "# {name} = {default}"),
        };
    }
    text
}

/// `docs/configuration.md`.
#[must_use]
pub fn document() -> String {
    let mut text = String::from(
        "# Configuration\n\n\
         Generated from the table in `agent/src/config/table.rs`; a test keeps the two equal.\n\n\
         Precedence: flag (`--set KEY=VALUE`), then environment, then file, then default. An\n\
         unknown key is refused with file, line, column and the nearest valid name.\n\n\
         | Key | Environment | Range | Unit | Default | What for |\n\
         |---|---|---|---|---|---|\n",
    );
    for knob in KNOBS {
        let default = if knob.default.is_empty() { "not set" } else { knob.default };
        let unit = if knob.unit.is_empty() { "-" } else { knob.unit };
        let _ = writeln!(
            text,
            "| `{}` | `{}` | {} | {unit} | `{default}` | {} |",
            knob.key,
            knob.variable(),
            knob.kind.range(),
            knob.reason
        );
    }
    text
}

//! The command line as it is typed.
//!
//! Only words: what they do is in the neighbouring modules.

use std::path::PathBuf;

use clap::{ArgAction, Args as Group, Parser, Subcommand, ValueEnum};

/// Fee rules for payment channels: charge-lnd's files unchanged, and more.
#[derive(Debug, Parser)]
#[command(name = "debal fees", max_term_width = 100)]
#[command(after_help = "Exit codes: 0 done, 1 failed, 2 wrong usage, 3 invalid input.")]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// What every command understands.
    #[command(flatten)]
    pub common: Common,
}

/// What every command understands, before its name or behind it.
#[derive(Debug, Default, Group)]
pub struct Common {
    /// The rule file.
    #[arg(short = 'c', long, value_name = "RULES", global = true)]
    pub config: Option<PathBuf>,
    /// Report every channel that a section applies to; twice: and every reason.
    #[arg(short = 'v', long, action = ArgAction::Count, global = true)]
    pub verbose: u8,
    /// Print JSON instead of text.
    #[arg(long, global = true)]
    pub json: bool,
}

/// What rules are judged against.
#[derive(Debug, Group)]
pub struct Given {
    /// The recorded node: JSON with `node` and `channels`.
    #[arg(long, value_name = "STATE.json")]
    pub state: Option<PathBuf>,
    /// charge-lnd's own flags, in one word: --args "--dry-run -v".
    #[arg(long, value_name = "FLAGS", default_value = "", allow_hyphen_values = true)]
    pub args: String,
    /// Whose language the file is; without it, the file shows.
    #[arg(long, value_name = "NAME")]
    pub dialect: Option<DialectName>,
}

/// Whose language a rule file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DialectName {
    /// charge-lnd alone.
    ChargeLnd,
    /// The superset.
    Debal,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Evaluate rules against a recorded node; nothing is sent anywhere.
    Evaluate {
        /// The state.
        #[command(flatten)]
        given: Given,
        /// Say for every channel why, section by section.
        #[arg(long)]
        explain: bool,
    },
    /// Find what is wrong with a rule file: names, values, lists, sections nobody reaches.
    Lint {
        /// The rule file, unless -c names it.
        file: Option<PathBuf>,
        /// A recorded node; then what it would refuse is found too.
        #[arg(long, value_name = "STATE.json")]
        state: Option<PathBuf>,
        /// Whose language the file is; without it, the file shows.
        #[arg(long, value_name = "NAME")]
        dialect: Option<DialectName>,
    },
    /// Explain one channel: why this section, why not the others.
    TestChannel {
        /// The channel: a number, BxTxO or B:T:O.
        channel: String,
        /// The state.
        #[command(flatten)]
        given: Given,
        /// The node, which is asked if no state is given.
        #[command(flatten)]
        access: Access,
    },
    /// Apply rules to a node: decide, write down, change channel by channel.
    Apply {
        /// The node.
        #[command(flatten)]
        access: Access,
        /// Show what would change and send nothing.
        #[arg(long)]
        dry_run: bool,
        /// Whose language the file is; without it, the file shows.
        #[arg(long, value_name = "NAME")]
        dialect: Option<DialectName>,
    },
    /// charge-lnd's own command line: a crontab line changes one word.
    #[command(name = "charge-lnd")]
    ChargeLnd {
        /// The node.
        #[command(flatten)]
        access: Access,
        /// Show what would change and send nothing.
        #[arg(long)]
        dry_run: bool,
        /// Read the rule file and do nothing else.
        #[arg(long)]
        check: bool,
    },
    /// Record the node for `evaluate`; with -c, only what these rules look at.
    Snapshot {
        /// The node.
        #[command(flatten)]
        access: Access,
        /// Where to; without it, it is printed.
        #[arg(short, long, value_name = "STATE.json")]
        output: Option<PathBuf>,
    },
    /// Show which changes cost revenue; with --execute, take those back.
    Rollback {
        /// The node.
        #[command(flatten)]
        access: Access,
        /// Bring the old policies back.
        #[arg(long)]
        execute: bool,
        /// The share of revenue that may be lost, 0 to 1.
        #[arg(long, default_value_t = 0.3)]
        threshold: f64,
    },
    /// Apply rules again and again, and take back what costs revenue where the rules allow it.
    Daemon {
        /// The node.
        #[command(flatten)]
        access: Access,
        /// Goes on until a signal; without it, one pass is made.
        #[arg(long)]
        watch: bool,
        /// Minutes between two passes; each is up to a fifth longer or shorter.
        #[arg(long, value_name = "MIN", default_value_t = 10)]
        interval: u64,
        /// Serve Prometheus metrics there: a port on this machine, or ADDRESS:PORT; needs --watch.
        #[arg(long, value_name = "ADDR", requires = "watch")]
        metrics: Option<String>,
        /// Whose language the file is; without it, the file shows.
        #[arg(long, value_name = "NAME")]
        dialect: Option<DialectName>,
    },
    /// Compare fees on the recorded past: those in force, fixed, proportional and learned ones.
    Replay {
        /// The history.
        #[command(flatten)]
        memory: Memory,
        /// Days of the past that count, up to the last record.
        #[arg(long, default_value_t = 90)]
        days: u32,
        /// Whose language the rule file is; without it, the file shows.
        #[arg(long, value_name = "NAME")]
        dialect: Option<DialectName>,
    },
    /// Show the last runs' state: open changes, what changed, what was earned.
    Status {
        /// The history.
        #[command(flatten)]
        memory: Memory,
    },
    /// Show what every channel earned.
    Report {
        /// The history.
        #[command(flatten)]
        memory: Memory,
        /// Days up to today.
        #[arg(long, default_value_t = 30)]
        days: u32,
        /// How it is written; without it, as the output's name ends.
        #[arg(long, value_name = "FORM")]
        format: Option<Form>,
        /// Where to; without it, it is printed.
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Print the line that bakes a macaroon (LND) or makes a rune (CLN) for exactly what is used.
    Permissions,
    /// Run a folder of recorded cases and count which pass.
    Vectors {
        /// The folder.
        directory: PathBuf,
    },
    /// Write a rule file to start from.
    GenerateConfig {
        /// Where to; without it, it is printed.
        file: Option<PathBuf>,
        /// Replace a file that is there.
        #[arg(long)]
        force: bool,
    },
}

/// The history of decisions, changes and forwards.
#[derive(Debug, Clone, Group)]
pub struct Memory {
    /// The history's file.
    #[arg(long, value_name = "FILE", default_value = "debal-fees.db", env = "DEBAL_FEES_HISTORY")]
    pub history: PathBuf,
}

/// How a node is reached; names as charge-lnd and lnflow have them.
#[derive(Debug, Clone, Group)]
pub struct Access {
    /// Core Lightning's socket (`lightning-rpc`); then everything about LND is left aside.
    #[arg(long, value_name = "SOCKET")]
    pub cln_rpc: Option<PathBuf>,
    /// Core Lightning's directory: the socket is looked for there, by --network.
    #[arg(long, value_name = "DIR", conflicts_with = "cln_rpc")]
    pub lightning_dir: Option<PathBuf>,
    /// LND's directory: certificate and macaroon are looked for there.
    #[arg(long, alias = "lnd-dir", value_name = "DIR", env = "LND_DIR")]
    pub lnddir: Option<PathBuf>,
    /// The bitcoin network, for the macaroon's usual place.
    #[arg(long, default_value = "mainnet")]
    pub network: String,
    /// Where gRPC is served.
    #[arg(long, alias = "lnd-grpc-host", value_name = "HOST:PORT", env = "LND_GRPC_HOST")]
    pub grpc: Option<String>,
    /// Where REST is served; the fallback, or the only way if --grpc is not given.
    #[arg(long, alias = "lnd-rest-url", value_name = "HOST:PORT", env = "LND_REST_URL")]
    pub rest: Option<String>,
    /// The node's TLS certificate.
    #[arg(long, visible_alias = "tlscert", value_name = "FILE", env = "LND_CERT_PATH")]
    pub cert_path: Option<PathBuf>,
    /// The macaroon: `debal fees permissions` prints how to bake a small one.
    #[arg(long, visible_alias = "macaroon", value_name = "FILE", env = "LND_MACAROON_PATH")]
    pub macaroon_path: Option<PathBuf>,
    /// Try REST before gRPC.
    #[arg(long)]
    pub prefer_rest: bool,
    /// The circuit breaker, which limits HTLCs by peer; it speaks plain text.
    #[arg(long, value_name = "HOST:PORT")]
    pub circuitbreaker: Option<String>,
    /// The node runs with accept-positive-inbound-fees.
    #[arg(long)]
    pub accept_positive_inbound: bool,
    /// The history.
    #[command(flatten)]
    pub memory: Memory,
}

/// How a report is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Form {
    /// Columns for people.
    Table,
    /// JSON.
    Json,
    /// Comma separated values.
    Csv,
}

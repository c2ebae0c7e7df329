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
    pub state: PathBuf,
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
    },
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

//! The command line as it is typed.
//!
//! Only words: what they do is in the neighbouring modules.

use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;

/// Agents beside payment-channel nodes that rebalance together, all or nothing.
#[derive(Debug, Parser)]
#[command(name = "debal", version, about, max_term_width = 100)]
#[command(after_help = "Exit codes: 0 done, 1 failed, 2 wrong usage, 3 invalid input.")]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// Print JSON instead of text.
    #[arg(long, global = true)]
    pub json: bool,
}

/// How to find the running agent.
#[derive(Clone, Debug, Default, Args)]
pub struct Target {
    /// The agent's data directory.
    #[arg(long, value_name = "DIR", env = "DEBAL_DATA_DIR")]
    pub data_dir: Option<PathBuf>,
    /// The agent's control socket.
    #[arg(long, value_name = "FILE")]
    pub socket: Option<PathBuf>,
    /// The agent's configuration file.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// The founding parameters a member signs.
#[derive(Clone, Debug, Args)]
pub struct Network {
    /// Name of the network.
    #[arg(long, value_name = "NAME")]
    pub network: String,
    /// When epoch 0 begins, Unix milliseconds.
    #[arg(long, value_name = "MS")]
    pub genesis_unix_ms: u64,
    /// Length of an epoch.
    #[arg(long, value_name = "MS", default_value_t = 600_000)]
    pub epoch_ms: u64,
    /// Election weight: your public capacity.
    #[arg(long, value_name = "SAT", default_value_t = 1)]
    pub weight: u64,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Plan movements of funds over a network, exactly (`debal plan --help`).
    #[command(disable_help_flag = true)]
    Plan {
        /// What `debal plan --help` lists.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        words: Vec<String>,
    },
    /// Decide channel fees by rule files: charge-lnd's and more (`debal fees --help`).
    #[command(disable_help_flag = true)]
    Fees {
        /// What `debal fees --help` lists.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        words: Vec<String>,
    },
    /// Train and compare what the node decides with (`debal learn --help`).
    #[command(disable_help_flag = true)]
    Learn {
        /// What `debal learn --help` lists.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        words: Vec<String>,
    },
    /// Run charge-lnd's command line: the same flags, the same rule files.
    #[command(name = "charge-lnd", disable_help_flag = true)]
    ChargeLnd {
        /// charge-lnd's flags.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        words: Vec<String>,
    },
    /// Make a data directory: identity, journal, explained configuration.
    Init {
        /// The new data directory.
        #[arg(long, value_name = "DIR", default_value = super::DATA_DIR, env = "DEBAL_DATA_DIR")]
        data_dir: PathBuf,
    },
    /// Print this node's entry for a network's founding file.
    Member {
        /// The data directory with the identity.
        #[arg(long, value_name = "DIR", default_value = super::DATA_DIR, env = "DEBAL_DATA_DIR")]
        data_dir: PathBuf,
        /// What is founded.
        #[command(flatten)]
        network: Network,
    },
    /// Run the agent until a signal or `debal stop`.
    Agent {
        /// The configuration file; debal.toml here or in debal-data if there is one.
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
        /// Overrides one knob; may be repeated.
        #[arg(long = "set", value_name = "KEY=VALUE")]
        set: Vec<String>,
        /// Checks the configuration and the founding file, prints what applies, and ends.
        #[arg(long)]
        check: bool,
    },
    /// Show the node, its leader and its channels.
    Status {
        #[command(flatten)]
        target: Target,
    },
    /// Move sats out of one channel and into another, around the network and back to this node.
    #[command(after_help = "  this node --FROM--> ... --> ... --TO--> this node\n\
        FROM loses outbound, TO gains it. Nothing moves unless all of it does.")]
    Rebalance {
        /// Channel that loses outbound.
        #[arg(long, value_name = "CHANNEL")]
        from: String,
        /// Channel that gains outbound.
        #[arg(long, value_name = "CHANNEL")]
        to: String,
        /// How much arrives.
        #[arg(long, value_name = "SAT", value_parser = parse_sat)]
        amount: u64,
        /// Highest fee, millionths of the amount.
        #[arg(long, value_name = "PPM")]
        max_fee_ppm: Option<u32>,
        /// Use only routes that succeed with at least this probability, as far as is known.
        #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u32).range(1..=100))]
        min_success: Option<u32>,
        #[command(flatten)]
        target: Target,
    },
    /// Explain what the node would do with a channel and what stands in the way.
    Why {
        /// The channel: 800000x4x0, 800000:4:0 or lnd's number.
        channel: String,
        #[command(flatten)]
        target: Target,
    },
    /// Check a leader's certificate; needs no agent.
    Verify {
        /// The certificate file.
        file: PathBuf,
    },
    /// Print the certificate of a leader, for `debal verify`.
    Certificate {
        /// The epoch; the newest certified one if absent.
        #[arg(long)]
        epoch: Option<u64>,
        #[command(flatten)]
        target: Target,
    },
    /// Prepare to be paid; prints the invoice as one line of JSON.
    Invoice {
        /// Exact amount.
        #[arg(long, value_name = "SAT", value_parser = parse_sat)]
        amount: u64,
        /// How long it may be paid.
        #[arg(long, value_name = "S", default_value_t = 3_600)]
        expiry: u64,
        #[command(flatten)]
        target: Target,
    },
    /// Pay an invoice.
    Pay {
        /// The invoice: the line that `debal invoice` printed.
        invoice: String,
        /// Routes to try.
        #[arg(long)]
        attempts: Option<u32>,
        /// Highest fee.
        #[arg(long, value_name = "SAT", value_parser = parse_sat)]
        max_fee: Option<u64>,
        /// Use only routes that succeed with at least this probability, as far as is known.
        #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u32).range(1..=100))]
        min_success: Option<u32>,
        #[command(flatten)]
        target: Target,
    },
    /// Agree to a channel, or propose it to a peer that agreed.
    Channel {
        #[command(subcommand)]
        action: ChannelAction,
    },
    /// Show who may lead and vote, now and soon.
    Roster {
        #[command(flatten)]
        target: Target,
    },
    /// Vouch for a newcomer this node shares a channel with; it acts eight epochs later.
    Sponsor {
        /// The line that `debal member` printed on the newcomer's side, in quotes.
        entry: String,
        #[command(flatten)]
        target: Target,
    },
    /// Leave the roster: no more votes and plans; channels and payments go on.
    Leave {
        #[command(flatten)]
        target: Target,
    },
    /// Show what others learn about this node.
    Privacy {
        #[command(flatten)]
        target: Target,
    },
    /// Stop the agent gracefully.
    Stop {
        #[command(flatten)]
        target: Target,
    },
}

/// The two sides of a new channel: one expects, then the other opens.
#[derive(Debug, Subcommand)]
pub enum ChannelAction {
    /// Agree in advance to a channel that the peer will open.
    Expect(NewChannel),
    /// Open a channel that the peer expects.
    Open(NewChannel),
}

/// A new channel as this end sees it. Both ends must name the same channel and capacity.
#[derive(Debug, Args)]
pub struct NewChannel {
    /// Its name: 800000x4x0, 800000:4:0 or lnd's number.
    pub channel: String,
    /// The other end's identity, hex.
    #[arg(long, value_name = "NODE")]
    pub peer: String,
    /// Capacity.
    #[arg(long, value_name = "SAT", value_parser = parse_sat)]
    pub capacity: u64,
    /// What this end starts with; the peer has the rest.
    #[arg(long, value_name = "SAT", value_parser = parse_sat)]
    pub local: u64,
    /// This end's fixed fee per payment.
    #[arg(long, value_name = "MSAT", default_value_t = 1_000)]
    pub base_fee_msat: u32,
    /// This end's fee, millionths of the amount.
    #[arg(long, value_name = "PPM", default_value_t = 100)]
    pub fee_ppm: u32,
    #[command(flatten)]
    pub target: Target,
}

/// A whole number of satoshi, with or without separators between thousands.
fn parse_sat(text: &str) -> Result<u64, String> {
    let digits: String = text.chars().filter(|c| !matches!(c, ',' | '_')).collect();
    let sat: u64 = digits.parse().map_err(|_| "not a whole number of sat".to_owned())?;
    if sat.checked_mul(1_000).is_none_or(|msat| msat > debal_protocol::Msat::MAX.0) {
        return Err("more than can exist".to_owned());
    }
    Ok(sat)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(line.split_whitespace())
    }

    #[test]
    fn the_commands_of_the_issue_parse() {
        for line in [
            "debal init --data-dir d --json",
            "debal agent --config debal.toml --set policy.kappa=0.2",
            "debal status --json --data-dir d",
            "debal rebalance --from 1x2x3 --to 4x5x6 --amount 100,000 --max-fee-ppm 500",
            "debal why 800000x4x0 --socket s",
            "debal verify leader.txt",
            "debal certificate --epoch 7",
            "debal invoice --amount 5_000",
            "debal pay {}",
            "debal privacy",
            "debal channel expect 1x2x3 --peer ab --capacity 1_000_000 --local 400_000",
            "debal channel open 1x2x3 --peer ab --capacity 1000000 --local 600000 --fee-ppm 5",
            "debal roster",
            "debal sponsor {}",
            "debal leave",
            "debal stop",
        ] {
            assert!(parse(line).is_ok(), "{line}: {:?}", parse(line).err());
        }
    }

    #[test]
    fn amounts_are_whole_sat_that_can_exist() {
        assert_eq!(parse_sat("1,000_000"), Ok(1_000_000));
        for text in ["", "1.5", "-1", "abc", "99999999999999999999", "9999999999999999"] {
            assert!(parse_sat(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_missing_or_unknown_word_is_wrong_usage() {
        for line in ["debal", "debal rebalance --from 1x2x3", "debal steal", "debal status --x"] {
            assert_eq!(parse(line).unwrap_err().exit_code(), 2, "{line}");
        }
    }
}

//! Arguments of `simulate`, by hand: ten options do not need a parser crate in this library.
//!
//! Unknown words must never be ignored.

/// What `--help` prints.
pub const HELP: &str = "\
simulate: the protocol core under virtual time, faults and an observer

  --seeds N        seeds to run (default 50)
  --from S         first seed (default 0)
  --nodes N        fix the number of members, 3 to 8
  --threads T      seeds run at once (default: one per core); changes no result
  --repeat FILE    run one .scn file and draw its failure
  --story          with --repeat: draw everything that happened, not only its end
  --mutant NAME    plant one bug, or `all`, and hunt it for 500 seeds
  --crash-points   run the exhaustive crash-point suite for rings of 2 to 4
  --marks          print every coverage mark
  --json           print the result as JSON

exit codes: 0 all held, 1 something did not, 2 usage, 3 unreadable file";

/// What was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Args {
    /// Seeds to run.
    pub seeds: u64,
    /// First seed.
    pub from: u64,
    /// Number of members, if fixed.
    pub nodes: Option<usize>,
    /// Threads, if fixed.
    pub threads: Option<usize>,
    /// A `.scn` file.
    pub repeat: Option<String>,
    /// Draw the whole story of a `.scn` file.
    pub story: bool,
    /// A planted bug, or `all`.
    pub mutant: Option<String>,
    /// The crash-point suite.
    pub crash_points: bool,
    /// Print all marks.
    pub marks: bool,
    /// Print JSON.
    pub json: bool,
    /// Print the help.
    pub help: bool,
}

impl Default for Args {
    fn default() -> Self {
        Self {
            seeds: 50,
            from: 0,
            nodes: None,
            threads: None,
            repeat: None,
            story: false,
            mutant: None,
            crash_points: false,
            marks: false,
            json: false,
            help: false,
        }
    }
}

impl Args {
    /// Threads to use.
    #[must_use]
    pub fn threads(&self) -> usize {
        self.threads.unwrap_or_else(crate::parallel::default_threads)
    }
}

/// Reads the arguments.
///
/// # Errors
/// One sentence that names the word at fault.
pub fn parse(words: impl IntoIterator<Item = String>) -> Result<Args, String> {
    let mut args = Args::default();
    let mut words = words.into_iter();
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or_else(|| format!("{word} needs a value"));
        match word.as_str() {
            "--seeds" => args.seeds = number(&word, &value()?)?,
            "--from" => args.from = number(&word, &value()?)?,
            "--nodes" => {
                let nodes = number(&word, &value()?)?;
                let nodes = usize::try_from(nodes).unwrap_or(usize::MAX);
                if !(3..=8).contains(&nodes) {
                    return Err(format!("--nodes must be 3 to 8, not {nodes}"));
                }
                args.nodes = Some(nodes);
            }
            "--threads" => args.threads = Some(threads(&word, &value()?)?),
            "--story" => args.story = true,
            "--repeat" => args.repeat = Some(value()?),
            "--mutant" => args.mutant = Some(value()?),
            "--crash-points" => args.crash_points = true,
            "--marks" => args.marks = true,
            "--json" => args.json = true,
            "--help" | "-h" => args.help = true,
            _ => return Err(format!("unknown option {word}")),
        }
    }
    Ok(args)
}

fn threads(word: &str, value: &str) -> Result<usize, String> {
    match usize::try_from(number(word, value)?).unwrap_or(usize::MAX) {
        threads @ 1..=256 => Ok(threads),
        threads => Err(format!("--threads must be 1 to 256, not {threads}")),
    }
}

fn number(word: &str, value: &str) -> Result<u64, String> {
    value.parse().map_err(|_| format!("{word} needs a number, not {value:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Args, String> {
        parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn options_are_read_and_nonsense_is_named() {
        let wanted = Args { seeds: 7, from: 3, json: true, ..Args::default() };
        assert_eq!(read("--seeds 7 --from 3 --json"), Ok(wanted));
        assert_eq!(read("--seeds x"), Err("--seeds needs a number, not \"x\"".into()));
        assert_eq!(read("--seed 1"), Err("unknown option --seed".into()));
        assert_eq!(read("--nodes 9"), Err("--nodes must be 3 to 8, not 9".into()));
        assert_eq!(read("--threads 0"), Err("--threads must be 1 to 256, not 0".into()));
        assert_eq!(read("--repeat"), Err("--repeat needs a value".into()));
    }
}

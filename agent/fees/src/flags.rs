//! charge-lnd's own command line flags, as a case or a crontab line has them.
//!
//! It must never act on a flag: what each one means is the caller's.

/// The flags, read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Flags {
    /// `--dry-run`: nothing is sent.
    pub dry_run: bool,
    /// `--check`: the rule file is read and nothing else happens.
    pub check: bool,
    /// `-v`, `--verbose`: every channel that a section applies to is reported.
    pub verbose: bool,
    /// `-vv`, `--very-verbose`: every section that matched is reported.
    pub very_verbose: bool,
    /// `--circuitbreaker HOST:PORT`.
    pub circuitbreaker: Option<String>,
    /// `-c`, `--config`.
    pub config: Option<String>,
    /// `--lnddir`.
    pub lnddir: Option<String>,
    /// `--tlscert`.
    pub tlscert: Option<String>,
    /// `--macaroon`.
    pub macaroon: Option<String>,
    /// `--grpc HOST:PORT`.
    pub grpc: Option<String>,
}

/// Why a word is no flag.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FlagError {
    /// There is no such flag.
    #[error("charge-lnd has no flag {0}")]
    Unknown(String),
    /// A flag that needs a value stands last.
    #[error("{0} needs a value")]
    NoValue(String),
}

impl Flags {
    /// Reads the words of a command line, without the program's name.
    ///
    /// # Errors
    ///
    /// A word that is no flag, a flag without its value.
    pub fn parse<'a>(words: impl IntoIterator<Item = &'a str>) -> Result<Flags, FlagError> {
        let mut flags = Flags::default();
        let mut words = words.into_iter();
        while let Some(word) = words.next() {
            let (name, given) = match word.split_once('=') {
                Some((name, value)) if name.starts_with("--") => (name, Some(value)),
                _ => (word, None),
            };
            let switch = match name {
                "--dry-run" => Some(&mut flags.dry_run),
                "--check" => Some(&mut flags.check),
                "-v" | "--verbose" => Some(&mut flags.verbose),
                "-vv" | "--very-verbose" => Some(&mut flags.very_verbose),
                _ => None,
            };
            if let Some(switch) = switch {
                *switch = true;
                continue;
            }
            let slot = match name {
                "--circuitbreaker" => &mut flags.circuitbreaker,
                "-c" | "--config" => &mut flags.config,
                "--lnddir" => &mut flags.lnddir,
                "--tlscert" => &mut flags.tlscert,
                "--macaroon" => &mut flags.macaroon,
                "--grpc" => &mut flags.grpc,
                _ => return Err(FlagError::Unknown(word.to_owned())),
            };
            let value = given.or_else(|| words.next());
            *slot = Some(value.ok_or_else(|| FlagError::NoValue(word.to_owned()))?.to_owned());
        }
        flags.verbose |= flags.very_verbose;
        Ok(flags)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crontab_line_is_read() {
        let flags = Flags::parse(["--grpc=host:1", "-c", "rules", "-vv", "--dry-run"]);
        let wanted = Flags {
            grpc: Some("host:1".to_owned()),
            config: Some("rules".to_owned()),
            verbose: true,
            very_verbose: true,
            dry_run: true,
            ..Flags::default()
        };
        assert_eq!(flags, Ok(wanted));
        assert_eq!(Flags::parse(["--macaroon"]), Err(FlagError::NoValue("--macaroon".to_owned())));
        assert_eq!(Flags::parse(["--fast"]), Err(FlagError::Unknown("--fast".to_owned())));
    }
}

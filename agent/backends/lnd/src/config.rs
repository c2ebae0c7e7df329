//! Where the node is, what to show it, and how long to wait.
//!
//! Nothing here has a default that weakens a check.

use crate::certificate::Certificate;
use crate::error::Error;
use crate::macaroon::Macaroon;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// One of the node's two interfaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// gRPC, usually port 10009.
    Grpc,
    /// REST, usually port 8080.
    Rest,
}

impl Transport {
    /// The port LND listens on unless told otherwise.
    #[must_use]
    pub const fn default_port(self) -> u16 {
        match self {
            Self::Grpc => 10_009,
            Self::Rest => 8_080,
        }
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Grpc => "gRPC",
            Self::Rest => "REST",
        })
    }
}

/// Which interface is tried first; the other is the fallback if it has an address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Prefer {
    /// gRPC first.
    #[default]
    Grpc,
    /// REST first.
    Rest,
}

/// Host and port. Text forms: `host:port`, `[::1]:port`, with an optional `https://`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// Name or address, without brackets.
    pub host: String,
    /// Port.
    pub port: u16,
}

impl Address {
    /// Reads an address whose port may be left out.
    ///
    /// # Errors
    /// [`Error::Invalid`] if it is neither a name nor an address, or asks for plain HTTP.
    pub fn parse(text: &str, default_port: u16) -> Result<Self, Error> {
        let invalid = || Error::Invalid(format!("{text:?} is not an address: write host:port"));
        let rest = text.trim().trim_end_matches('/');
        let rest = rest.strip_prefix("https://").unwrap_or(rest);
        let (host, port) = match rest.strip_prefix('[') {
            Some(rest) => {
                let (host, port) = rest.split_once(']').ok_or_else(invalid)?;
                (host, port.strip_prefix(':'))
            }
            None => match rest.rsplit_once(':') {
                Some((host, _)) if host.contains(':') => (rest, None),
                Some((host, port)) => (host, Some(port)),
                None => (rest, None),
            },
        };
        let port = match port {
            Some(port) => port.parse().map_err(|_| invalid())?,
            None => default_port,
        };
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.:".contains(c);
        if host.is_empty() || !host.chars().all(plain) {
            return Err(invalid());
        }
        Ok(Self { host: host.to_owned(), port })
    }
}

impl FromStr for Address {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let address = Self::parse(text, 0)?;
        if address.port == 0 {
            return Err(Error::Invalid(format!("{text:?} lacks a port")));
        }
        Ok(address)
    }
}

/// How long to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// For a connection, TLS included.
    pub connect: Duration,
    /// For an answer. Large reads may take up to twelve times as long.
    pub answer: Duration,
    /// After a fallback, for how long the preferred transport is left alone.
    pub retry_preferred: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            answer: Duration::from_secs(30),
            retry_preferred: Duration::from_secs(300),
        }
    }
}

/// Everything an [`crate::Lnd`] is made from.
#[derive(Debug)]
pub struct Config {
    /// gRPC address, if it may be used.
    pub grpc: Option<Address>,
    /// REST address, if it may be used.
    pub rest: Option<Address>,
    /// Which is tried first.
    pub prefer: Prefer,
    /// The certificate the node must show.
    pub certificate: Certificate,
    /// The macaroon to show the node.
    pub macaroon: Macaroon,
    /// How long to wait.
    pub limits: Limits,
}

impl Config {
    /// Credentials and preference; addresses are still to be filled in.
    #[must_use]
    pub fn new(certificate: Certificate, macaroon: Macaroon, prefer: Prefer) -> Self {
        let limits = Limits::default();
        Self { grpc: None, rest: None, prefer, certificate, macaroon, limits }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_operators_write_them() {
        let read = |text: &str| Address::parse(text, 8_080).map(|a| (a.host, a.port));
        let is = |host: &str, port| Ok((host.to_owned(), port));
        assert_eq!(read("localhost:10009"), is("localhost", 10_009));
        assert_eq!(read("https://node.example:443/"), is("node.example", 443));
        assert_eq!(read("127.0.0.1"), is("127.0.0.1", 8_080));
        assert_eq!(read("[::1]:8080"), is("::1", 8_080));
        assert_eq!(read("::1"), is("::1", 8_080));
        for bad in ["", "http://a:1", "a:b", "a b:1", "a:70000", "a/b:1", "user@a:1"] {
            assert!(read(bad).is_err(), "{bad}");
        }
        assert!("localhost".parse::<Address>().is_err());
    }
}

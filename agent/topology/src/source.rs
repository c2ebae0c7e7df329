//! Finds a topology's bytes, unpacks them within bounds and tells its format by its content.
//!
//! Nothing is parsed before its size is bounded, and a file's name decides nothing.

use crate::InputError;
use crate::{Graph, capacities, describegraph, lngraph};
use flate2::read::MultiGzDecoder;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// Largest file read, packed or plain, in bytes.
const MAX_FILE_BYTES: u64 = 128 << 20;
/// Largest content after unpacking, in bytes.
const MAX_CONTENT_BYTES: u64 = 512 << 20;

/// The piece the project ships; `agent/topology/data/NOTICE` says where it is from.
static EMBEDDED: &[u8] = include_bytes!("../data/ln-2026-02-03-0012.jsonl.gz");

/// The shipped 12-node piece of the mainnet graph of 2026-02-03.
///
/// # Errors
/// None in a tested build: the file is part of the program.
pub fn embedded() -> Result<Graph, InputError> {
    parse("ln-2026-02-03-0012 (shipped)", &unpack("ln-2026-02-03-0012 (shipped)", EMBEDDED)?)
}

/// Reads a topology file: lngraph, lnd describegraph JSON or a capacity list, gzip or plain.
///
/// # Errors
/// [`InputError`] with file, place and fix for whatever is wrong with it.
pub fn load(path: &Path) -> Result<Graph, InputError> {
    let name = path.display().to_string();
    let bytes = read_bounded(path, MAX_FILE_BYTES)?;
    parse(&name, &unpack(&name, &bytes)?)
}

/// Reads a file of at most `limit` bytes.
///
/// # Errors
/// A file that is missing, unreadable or larger.
pub fn read_bounded(path: &Path, limit: u64) -> Result<Vec<u8>, InputError> {
    let name = path.display().to_string();
    let failed = |e: io::Error| {
        let fix = "check the path and its permissions";
        InputError::new(&name, "the file", format!("cannot be read ({e})"), fix)
    };
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(failed)?;
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(failed)?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > limit {
        let problem = format!("it is larger than {} MiB", limit >> 20);
        return Err(InputError::new(&name, "the file", problem, "use a smaller piece"));
    }
    Ok(bytes)
}

/// Unpacks gzip (told by its first bytes) and checks that the content is UTF-8.
///
/// # Errors
/// Damaged or truncated gzip, content above the limit, no UTF-8.
pub fn unpack(name: &str, bytes: &[u8]) -> Result<String, InputError> {
    let whole = |problem: String, fix: &str| InputError::new(name, "the file", problem, fix);
    let content = if bytes.starts_with(&[0x1f, 0x8b]) {
        let mut content = Vec::new();
        MultiGzDecoder::new(bytes)
            .take(MAX_CONTENT_BYTES.saturating_add(1))
            .read_to_end(&mut content)
            .map_err(|e| match e.kind() {
                io::ErrorKind::UnexpectedEof => {
                    whole("the gzip data is truncated".into(), "copy the file again")
                }
                _ => whole(format!("the gzip data is damaged ({e})"), "copy the file again"),
            })?;
        if u64::try_from(content.len()).unwrap_or(u64::MAX) > MAX_CONTENT_BYTES {
            let problem = format!("it unpacks to more than {} MiB", MAX_CONTENT_BYTES >> 20);
            return Err(whole(problem, "use a smaller piece"));
        }
        content
    } else {
        bytes.to_vec()
    };
    String::from_utf8(content).map_err(|e| {
        let at = e.utf8_error().valid_up_to();
        whole(format!("byte {at} is not UTF-8"), "use a text file, plain or gzip")
    })
}

/// Tells the format by the content and parses it.
fn parse(name: &str, text: &str) -> Result<Graph, InputError> {
    let first = text.lines().next().unwrap_or_default();
    if lngraph::recognises(first) {
        return lngraph::parse(name, text);
    }
    if capacities::recognises(first) {
        return capacities::parse(name, text);
    }
    if text.trim_start().starts_with('{') {
        return describegraph::parse(name, text);
    }
    let fix = "use lngraph (JSON lines), the output of `lncli describegraph` or \
               node1,node2,capacity_sat lines, plain or gzip";
    Err(InputError::new(name, "line 1", "this is not a graph", fix))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;

    fn refused(bytes: &[u8]) -> String {
        unpack("file", bytes).and_then(|text| parse("file", &text)).unwrap_err().to_string()
    }

    #[test]
    fn the_shipped_piece_is_twelve_nodes_with_twenty_one_channels() {
        let graph = embedded().unwrap();
        assert_eq!((graph.nodes.len(), graph.channels.len()), (12, 21));
        assert_eq!(graph.median_capacity_sat(), 2_000_000);
        assert!(graph.channels.iter().all(crate::Channel::enabled_both_ways));
    }

    #[test]
    fn truncated_and_damaged_gzip_are_named() {
        let half = &EMBEDDED[..EMBEDDED.len() / 2];
        assert_eq!(
            refused(half),
            "file, the file: the gzip data is truncated; copy the file again"
        );
        let mut damaged = EMBEDDED.to_vec();
        let middle = damaged.len() / 2;
        damaged[middle] ^= 0xff;
        let message = refused(&damaged);
        assert!(message.contains("gzip data is") || message.contains("UTF-8"), "{message}");
    }

    #[test]
    fn what_is_no_graph_is_refused_with_the_formats_named() {
        for bytes in [&b""[..], b"hello", b"[1]", b"amount_sat\n5\n"] {
            assert!(refused(bytes).contains("this is not a graph"), "{bytes:?}");
        }
        assert!(refused(b"{}").contains("describegraph"), "{}", refused(b"{}"));
        assert!(refused(&[0xff, 0xfe]).contains("UTF-8"));
    }
}

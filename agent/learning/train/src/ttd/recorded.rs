//! The same forecasts on recorded forwards of a real node.
//!
//! Balances were not recorded: a channel counts as dry once a given amount more has left than
//! entered. It must never use a forward after the moment of a forecast.

use super::contest::Method;
use super::{HORIZON_S, Sample};
use crate::Error;
use crate::stats::Row;
use debal_learn::forecast::{Drift, Residual, Settings};
use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

/// Largest file read after unpacking, bytes.
const FILE_MAX_BYTES: u64 = 64 << 20;
/// Distances to depletion that are asked about, msat.
const DISTANCES_MSAT: [i64; 3] = [30_000_000, 100_000_000, 300_000_000];
/// Hours between two askings, and before the first.
const ASK_EVERY_MS: u64 = 4 * 3_600_000;
const FIRST_ASK_MS: u64 = 24 * 3_600_000;
/// Added to cumulative flows so that they are balances.
const LEVEL_MSAT: i64 = 1 << 50;

/// Cumulative local balance of each channel: (milliseconds from the start, msat).
pub type Paths = BTreeMap<u32, Vec<(u64, i64)>>;

/// Reads `unix_ms,chan_in,chan_out,in_msat,out_msat`, plain or gzip.
pub fn read(path: &Path) -> Result<Paths, Error> {
    let name = path.display().to_string();
    let file = |source| Error::File { path: name.clone(), source };
    let bytes = std::fs::File::open(path).map_err(file)?;
    let mut text = String::new();
    if name.ends_with(".gz") {
        let unpacked = flate2::read::GzDecoder::new(bytes);
        unpacked.take(FILE_MAX_BYTES).read_to_string(&mut text).map_err(file)?;
    } else {
        bytes.take(FILE_MAX_BYTES).read_to_string(&mut text).map_err(file)?;
    }
    parse(&text).ok_or_else(|| Error::Content {
        path: name,
        why: "not lines of unix_ms,chan_in,chan_out,in_msat,out_msat in time order".to_owned(),
    })
}

fn parse(text: &str) -> Option<Paths> {
    let mut paths = Paths::new();
    let mut start_ms = None;
    let mut last_ms = 0;
    for line in text.lines().skip(1).filter(|line| !line.is_empty()) {
        let fields: Vec<u64> =
            line.split(',').map(|field| field.trim().parse().ok()).collect::<Option<_>>()?;
        let [unix_ms, channel_in, channel_out, in_msat, out_msat] = fields[..] else { return None };
        let at_ms = unix_ms.checked_sub(*start_ms.get_or_insert(unix_ms))?;
        if at_ms < last_ms || in_msat > 1 << 48 || out_msat > 1 << 48 {
            return None;
        }
        last_ms = at_ms;
        let moved = [(channel_in, in_msat as i64), (channel_out, -(out_msat as i64))];
        for (channel, change) in moved {
            let path = paths.entry(u32::try_from(channel).ok()?).or_insert_with(|| vec![(0, 0)]);
            let level = path.last().map_or(0, |(_, level)| *level);
            path.push((at_ms, level.checked_add(change)?));
        }
    }
    Some(paths)
}

/// The samples of every channel.
pub fn samples(paths: &Paths) -> Vec<Vec<Sample>> {
    let end_ms = paths.values().flatten().map(|(at_ms, _)| *at_ms).max().unwrap_or(0);
    let of = |path: &Vec<(u64, i64)>| {
        let mut found = Vec::new();
        let mut ask_ms = FIRST_ASK_MS;
        while ask_ms + HORIZON_S as u64 * 1_000 <= end_ms {
            found.extend(at(path, ask_ms));
            ask_ms += ASK_EVERY_MS;
        }
        found
    };
    paths.values().map(of).collect()
}

fn at(path: &[(u64, i64)], ask_ms: u64) -> Vec<Sample> {
    let (past, future) = path.split_at(path.partition_point(|(at_ms, _)| *at_ms <= ask_ms));
    let level = past.last().map_or(0, |(_, level)| *level);
    let mut drift = Drift::new(Settings::default());
    for (at_ms, level) in past {
        drift.observe(*at_ms, u64::try_from(level + LEVEL_MSAT).unwrap_or(0));
    }
    drift.observe(ask_ms, u64::try_from(level + LEVEL_MSAT).unwrap_or(0));
    let all = DISTANCES_MSAT.map(|distance| {
        let reached = future.iter().find(|(_, later)| *later <= level - distance);
        let after_s = reached.map(|(at_ms, _)| (at_ms - ask_ms) as f64 / 1_000.0);
        // The capacity is not recorded either: four times the distance stands for it.
        let plain = Sample::new(distance as f64, -1.0, drift.estimate(), 4.0 * distance as f64);
        Sample { observed_s: after_s.filter(|after_s| *after_s <= HORIZON_S), ..plain }
    });
    all.to_vec()
}

/// All methods; one sample of a metric is one channel.
pub fn compare(paths: &Paths, residual: Option<&Residual>) -> Vec<Row> {
    let all = samples(paths);
    let mut methods = vec![("first passage", Method::Passage(None)), ("b / |mu|", Method::Ratio)];
    if residual.is_some() {
        methods.insert(1, ("first passage, residual", Method::Passage(residual)));
    }
    let scored = methods.into_iter().map(|(name, method)| {
        let mut row = Row::new(name);
        for channel in all.iter().filter(|channel| !channel.is_empty()) {
            method.score(channel, &mut row);
        }
        row
    });
    scored.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forwards_become_paths_and_wrong_lines_are_refused() {
        let text = "unix_ms,chan_in,chan_out,in_msat,out_msat\n1000,0,1,500,499\n2000,1,0,10,9\n";
        let paths = parse(text).unwrap();
        assert_eq!(paths[&0], [(0, 0), (0, 500), (1_000, 491)]);
        assert_eq!(paths[&1], [(0, 0), (0, -499), (1_000, -489)]);
        for wrong in
            ["h\n1,2,3,4\n", "h\n1,2,3,4,x\n", "h\n5,0,1,1,1\n4,0,1,1,1\n", "h\n1,0,1,1,-2\n"]
        {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}

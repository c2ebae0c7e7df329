//! Measures that reports quote: the imbalance of a network and quantiles of what was observed.
//!
//! A measure must never be computed in two places: progress, report and tests use these.

use crate::control::Status;

/// Gini coefficient of a node's outbound ratios: `sum_ij |z_i - z_j| / (2 n sum_j z_j)`, as in
/// arXiv 1912.09555. 0 for a node without channels or without outbound liquidity.
#[must_use]
#[allow(clippy::cast_precision_loss)]
pub fn node_imbalance(ratios: &[f64]) -> f64 {
    let sum: f64 = ratios.iter().sum();
    if sum <= 0.0 {
        return 0.0;
    }
    let mut sorted = ratios.to_vec();
    sorted.sort_by(f64::total_cmp);
    let count = sorted.len() as f64;
    // With z sorted ascending, sum_ij |z_i - z_j| = 2 * sum_k (2k - n + 1) z_k.
    let weighted: f64 =
        sorted.iter().enumerate().map(|(k, z)| (2.0 * k as f64 - count + 1.0) * z).sum();
    weighted / (count * sum)
}

/// Mean over nodes of [`node_imbalance`]; each inner list has one node's outbound ratios.
#[must_use]
#[allow(clippy::cast_precision_loss)]
pub fn imbalance(nodes: &[Vec<f64>]) -> f64 {
    if nodes.is_empty() {
        return 0.0;
    }
    nodes.iter().map(|ratios| node_imbalance(ratios)).sum::<f64>() / nodes.len() as f64
}

/// Outbound ratio (own balance / capacity) of every channel of a node.
#[must_use]
pub fn outbound_ratios(status: &Status) -> Vec<f64> {
    status.channels.iter().map(|c| ratio(c.local_msat, c.capacity_msat)).collect()
}

/// `part / whole`, 0 if there is no whole.
#[must_use]
#[allow(clippy::cast_precision_loss)]
pub fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// The value that a `share` of the observations does not exceed (nearest rank); `None` of nothing.
#[must_use]
pub fn quantile(observations: &[u64], share: f64) -> Option<u64> {
    let mut sorted = observations.to_vec();
    sorted.sort_unstable();
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn by_definition(ratios: &[f64]) -> f64 {
        let differences: f64 =
            ratios.iter().flat_map(|a| ratios.iter().map(move |b| (a - b).abs())).sum();
        let count = f64::from(u32::try_from(ratios.len()).unwrap_or(0));
        differences / (2.0 * count * ratios.iter().sum::<f64>())
    }

    #[test]
    fn the_sorted_form_equals_the_definition() {
        for ratios in [vec![0.5], vec![0.0, 1.0], vec![0.1, 0.9, 0.3], vec![0.2, 0.2, 0.7, 1.0]] {
            let difference = node_imbalance(&ratios) - by_definition(&ratios);
            assert!(difference.abs() < 1e-12, "{ratios:?}");
        }
    }

    #[test]
    fn equal_ratios_are_balanced_and_one_full_channel_of_n_is_the_worst() {
        assert!(node_imbalance(&[0.3, 0.3, 0.3]).abs() < 1e-12);
        assert!((node_imbalance(&[1.0, 0.0, 0.0, 0.0]) - 0.75).abs() < 1e-12);
        assert!(node_imbalance(&[]).abs() < 1e-12 && node_imbalance(&[0.0, 0.0]).abs() < 1e-12);
        assert!((imbalance(&[vec![1.0, 0.0], vec![0.5, 0.5]]) - 0.25).abs() < 1e-12);
    }

    #[test]
    fn quantiles_are_observed_values() {
        let observations = [5, 1, 3, 2, 4];
        assert_eq!(quantile(&observations, 0.5), Some(3));
        assert_eq!(quantile(&observations, 0.99), Some(5));
        assert_eq!(quantile(&observations, 0.0), Some(1));
        assert_eq!(quantile(&[], 0.5), None);
    }
}

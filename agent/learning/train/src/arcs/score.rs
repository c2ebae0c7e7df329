//! How good probabilities are: ranking (AUC) and distance (Brier), over all arcs that are wide
//! enough for the amount.
//!
//! It must never weigh an arc by how often it is used: arcs nobody used count too.

use debal_learn::arcs::{Curve, Graph};

/// What every arc that is wide enough was said to carry, and whether it does.
pub fn judged(
    graph: &Graph,
    held_msat: &[u64],
    amount_msat: u64,
    chance: impl Fn(usize) -> f64,
) -> Vec<(f64, bool)> {
    let wide = (0..graph.arcs()).filter(|arc| graph.capacity_msat(*arc) >= amount_msat);
    wide.map(|arc| (chance(arc), holds(graph, held_msat, arc) >= amount_msat)).collect()
}

/// What the tail of an arc holds.
pub fn holds(graph: &Graph, held_msat: &[u64], arc: usize) -> u64 {
    let held = held_msat.get(arc / 2).copied().unwrap_or_default();
    if arc.is_multiple_of(2) { held } else { graph.capacity_msat(arc).saturating_sub(held) }
}

/// [`judged`] of a network's curves.
pub fn judged_curves(
    graph: &Graph,
    held_msat: &[u64],
    amount_msat: u64,
    curves: &[Curve],
) -> Vec<(f64, bool)> {
    judged(graph, held_msat, amount_msat, |arc| {
        curves[arc].probability(graph.capacity_msat(arc), amount_msat)
    })
}

/// The probability that an arc that carries is said to be likelier than one that does not; equal
/// ones count half. One half if there are not both.
pub fn auc(judged: &[(f64, bool)]) -> f64 {
    let mut sorted: Vec<&(f64, bool)> = judged.iter().collect();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (mut below, mut wins, mut carried) = (0.0, 0.0, 0.0);
    for equal in sorted.chunk_by(|a, b| a.0 == b.0) {
        let yes = equal.iter().filter(|(_, carries)| *carries).count() as f64;
        let no = equal.len() as f64 - yes;
        wins += yes * (below + no / 2.0);
        below += no;
        carried += yes;
    }
    if carried > 0.0 && below > 0.0 { wins / (carried * below) } else { 0.5 }
}

/// Mean squared distance from what is.
pub fn brier(judged: &[(f64, bool)]) -> f64 {
    let square = |(chance, carries): &(f64, bool)| {
        let off = chance - f64::from(u8::from(*carries));
        off * off
    };
    judged.iter().map(square).sum::<f64>() / judged.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_is_what_counts() {
        let judged = [(0.1, false), (0.4, true), (0.3, false), (0.9, true)];
        assert_eq!(auc(&judged), 1.0);
        let flat = judged.map(|(_, carries)| (0.5, carries));
        assert_eq!((auc(&flat), brier(&flat)), (0.5, 0.25));
        let wrong = judged.map(|(chance, carries)| (1.0 - chance, carries));
        assert_eq!(auc(&wrong), 0.0);
    }
}

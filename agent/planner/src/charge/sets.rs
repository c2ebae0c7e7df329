//! Sets of places whose borders the relaxation may pay for too little: those that grow over the
//! links it uses most.
//!
//! It must never say that a border carries more than it must.

use super::ChargeProblem;

/// What is to carry how much out of a set, or into it.
pub(super) struct Demand {
    /// The links at the border that have a charge.
    pub border: Vec<u32>,
    /// What they carry at least: what the set holds or lacks beyond what links without a charge
    /// carry.
    pub excess: i128,
}

/// Every place is a set at first; then the ends of links are joined, most used first.
pub(super) fn joined(tight: &ChargeProblem, used: &[i64]) -> Vec<Demand> {
    let nodes = tight.supplies.len();
    let mut set_of: Vec<u32> = (0..nodes as u32).collect();
    let mut members: Vec<Vec<u32>> = (0..nodes as u32).map(|node| vec![node]).collect();
    let mut around = vec![Vec::new(); nodes];
    for (number, link) in (0u32..).zip(&tight.links).filter(|(_, link)| link.capacity > 0) {
        around[link.tail as usize].push(number);
        around[link.head as usize].push(number);
    }
    let demand = |set: &[u32], set_of: &[u32]| demand(tight, set, set_of, &around);
    let mut found: Vec<Demand> = members.iter().filter_map(|set| demand(set, &set_of)).collect();
    let mut order: Vec<u32> = (0..tight.links.len() as u32)
        .filter(|&link| used[link as usize] > 0 && tight.links[link as usize].capacity > 0)
        .collect();
    order.sort_by_key(|&link| std::cmp::Reverse(used[link as usize]));
    for link in order {
        let link = &tight.links[link as usize];
        let (mut one, mut other) = (set_of[link.tail as usize], set_of[link.head as usize]);
        if one == other {
            continue;
        }
        if members[one as usize].len() < members[other as usize].len() {
            (one, other) = (other, one);
        }
        let moved = std::mem::take(&mut members[other as usize]);
        moved.iter().for_each(|&node| set_of[node as usize] = one);
        members[one as usize].extend(moved);
        found.extend(demand(&members[one as usize], &set_of));
    }
    found
}

/// What a set asks of its border. `None` if it asks nothing.
fn demand(
    tight: &ChargeProblem,
    set: &[u32],
    set_of: &[u32],
    around: &[Vec<u32>],
) -> Option<Demand> {
    let net: i128 = set.iter().map(|&node| i128::from(tight.supplies[node as usize])).sum();
    let (mut border, mut excess) = (Vec::new(), net.abs());
    for &node in set {
        for &number in &around[node as usize] {
            let link = &tight.links[number as usize];
            let (near, far) = if net > 0 { (link.tail, link.head) } else { (link.head, link.tail) };
            if near != node || set_of[far as usize] == set_of[node as usize] {
                continue;
            }
            if link.fixed_cost == 0 {
                excess -= i128::from(link.capacity);
            } else {
                border.push(number);
            }
        }
    }
    (excess > 0 && !border.is_empty()).then_some(Demand { border, excess })
}

//! Flows without cycles.
//!
//! It must never make a flow dearer or move what a node sends or takes.

use super::ChargeProblem;

/// Takes every cycle out of `flows`. Where that would leave a link below its minimum, the links of
/// that cycle are the error.
pub(super) fn cancel_cycles(problem: &ChargeProblem, flows: &mut [i64]) -> Result<(), Vec<u32>> {
    while let Some(cycle) = find_cycle(problem, flows) {
        let amount = cycle.iter().map(|&link| flows[link as usize]).min().unwrap_or(0);
        let stays = |&link: &u32| {
            let left = flows[link as usize] - amount;
            left == 0 || left >= problem.links[link as usize].minimum
        };
        if !cycle.iter().all(stays) {
            return Err(cycle);
        }
        for &link in &cycle {
            flows[link as usize] -= amount;
        }
    }
    Ok(())
}

/// The links of a cycle that carries flow, if there is one.
pub(super) fn find_cycle(problem: &ChargeProblem, flows: &[i64]) -> Option<Vec<u32>> {
    let nodes = problem.supplies.len();
    let mut leaving = vec![Vec::new(); nodes];
    let mut entering = vec![0u32; nodes];
    for (index, (link, &flow)) in (0u32..).zip(problem.links.iter().zip(flows)) {
        if flow > 0 {
            leaving[link.tail as usize].push(index);
            entering[link.head as usize] += 1;
        }
    }
    // Nodes that nothing enters are on no cycle; what is left after removing them again and again
    // is entered from within, so walking backwards there must close a cycle.
    let mut ready: Vec<u32> = (0..nodes as u32).filter(|&v| entering[v as usize] == 0).collect();
    while let Some(node) = ready.pop() {
        for &link in &leaving[node as usize] {
            let head = problem.links[link as usize].head;
            entering[head as usize] -= 1;
            if entering[head as usize] == 0 {
                ready.push(head);
            }
        }
    }
    let mut into = vec![u32::MAX; nodes];
    for (index, (link, &flow)) in (0u32..).zip(problem.links.iter().zip(flows)) {
        if flow > 0 && entering[link.tail as usize] > 0 {
            into[link.head as usize] = index;
        }
    }
    let mut node = (0..nodes as u32).find(|&v| entering[v as usize] > 0)?;
    for _ in 0..nodes {
        node = problem.links[into[node as usize] as usize].tail;
    }
    let (start, mut cycle) = (node, Vec::new());
    loop {
        let link = into[node as usize];
        cycle.push(link);
        node = problem.links[link as usize].tail;
        if node == start {
            cycle.reverse();
            return Some(cycle);
        }
    }
}

//! The shortest way from one node to another over arcs that may be used now.
//!
//! It must never remember between searches which arcs could be used.

/// Arcs by tail and by head, with the marks of the present search.
#[derive(Debug)]
pub struct Search {
    leaving: Vec<Vec<(u32, u32)>>,
    entering: Vec<Vec<(u32, u32)>>,
    /// Per side and node: the search that reached it, and the arc it was reached by.
    reached: [Vec<(u32, u32)>; 2],
    turn: u32,
}

impl Search {
    /// Over arcs given as tail and head.
    #[must_use]
    pub fn new(nodes: u32, arcs: &[(u32, u32)]) -> Self {
        let mut leaving = vec![Vec::new(); nodes as usize];
        let mut entering = vec![Vec::new(); nodes as usize];
        for (index, &(tail, head)) in (0u32..).zip(arcs) {
            leaving[tail as usize].push((index, head));
            entering[head as usize].push((index, tail));
        }
        let unseen = vec![(0, 0); nodes as usize];
        Self { leaving, entering, reached: [unseen.clone(), unseen], turn: 0 }
    }

    /// The arcs of a shortest way of at most `longest` arcs over what `usable` admits. Two waves,
    /// the narrower one moves.
    pub fn path(
        &mut self,
        from: u32,
        to: u32,
        longest: u32,
        ends: &[(u32, u32)],
        usable: impl Fn(u32) -> bool,
    ) -> Option<Vec<u32>> {
        self.turn += 1;
        let mut fronts = [vec![from], vec![to]];
        for (side, start) in [from, to].into_iter().enumerate() {
            self.reached[side][start as usize] = (self.turn, u32::MAX);
        }
        for _ in 0..longest {
            let side = usize::from(fronts[1].len() < fronts[0].len());
            let lists = if side == 0 { &self.leaving } else { &self.entering };
            let mut next = Vec::new();
            for &node in &fronts[side] {
                for &(arc, other) in &lists[node as usize] {
                    if self.reached[side][other as usize].0 == self.turn || !usable(arc) {
                        continue;
                    }
                    self.reached[side][other as usize] = (self.turn, arc);
                    if self.reached[1 - side][other as usize].0 == self.turn {
                        return Some(self.joined(other, ends));
                    }
                    next.push(other);
                }
            }
            if next.is_empty() {
                return None;
            }
            fronts[side] = next;
        }
        None
    }

    /// The way over the node at which the waves met.
    fn joined(&self, meeting: u32, ends: &[(u32, u32)]) -> Vec<u32> {
        let mut path = Vec::new();
        let mut node = meeting;
        while let (_, arc) = self.reached[0][node as usize]
            && arc != u32::MAX
        {
            path.push(arc);
            node = ends[arc as usize].0;
        }
        path.reverse();
        node = meeting;
        while let (_, arc) = self.reached[1][node as usize]
            && arc != u32::MAX
        {
            path.push(arc);
            node = ends[arc as usize].1;
        }
        path
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shortest_usable_way_is_found_and_a_longer_one_refused() {
        let ends = [(0, 1), (1, 2), (2, 3), (0, 3), (3, 0)];
        let mut search = Search::new(4, &ends);
        assert_eq!(search.path(0, 3, 5, &ends, |_| true), Some(vec![3]));
        assert_eq!(search.path(0, 3, 5, &ends, |arc| arc != 3), Some(vec![0, 1, 2]));
        assert_eq!(search.path(0, 3, 2, &ends, |arc| arc != 3), None);
        assert_eq!(search.path(1, 0, 9, &ends, |arc| arc != 4), None);
    }
}

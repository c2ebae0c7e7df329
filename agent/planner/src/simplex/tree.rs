//! The spanning tree of the basis: parents for walking up, a preorder list for walking a subtree,
//! sizes for finding where two nodes meet.
//!
//! It must never know flows or costs, and it is indexed only by node numbers that the entrance
//! checked.

/// No node.
pub(super) const NIL: u32 = u32::MAX;

/// One node's place in the tree. Kept together because a walk up reads most of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    /// The parent, `NIL` for the root.
    pub parent: u32,
    /// The arc between the node and its parent.
    pub arc: u32,
    /// Whether that arc points at the parent.
    pub up: bool,
    /// How many nodes the subtree has, itself included.
    pub size: u32,
    /// The node before it in the circular preorder list.
    previous: u32,
    /// The last node of its subtree in preorder.
    last: u32,
}

/// What a node hangs by.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Hung {
    /// The node above.
    pub parent: u32,
    /// The arc to it.
    pub arc: u32,
    /// Whether that arc points at the parent.
    pub up: bool,
}

/// A rooted spanning tree; the root is the node with the highest number.
#[derive(Debug, Clone)]
pub(super) struct Tree {
    places: Vec<Place>,
    /// Per node, the next one in preorder. Apart from the places, so that a walk over a subtree,
    /// which is most of the work of a pivot, stays within a few cache lines.
    next: Vec<u32>,
}

impl Tree {
    /// A star: every node `v` of `0..nodes` hangs under the root `nodes` by arc `first_arc + v`,
    /// pointing up where `up(v)`.
    pub fn star(nodes: u32, first_arc: u32, up: impl Fn(u32) -> bool) -> Tree {
        let root = nodes;
        let mut places: Vec<Place> = (0..nodes)
            .map(|v| Place {
                parent: root,
                arc: first_arc + v,
                up: up(v),
                size: 1,
                previous: if v == 0 { root } else { v - 1 },
                last: v,
            })
            .collect();
        let last = nodes.checked_sub(1).unwrap_or(root);
        let size = nodes + 1;
        places.push(Place { parent: NIL, arc: NIL, up: false, size, previous: last, last });
        let next = (1..=nodes).chain([0]).collect();
        Tree { places, next }
    }

    /// A tree from what every node hangs by; the root is the number after the last.
    pub fn hang_all(hung: &[Hung]) -> Tree {
        let root = hung.len() as u32;
        // The children of node `v` are `children[starts[v]..starts[v + 1]]`, ascending.
        let mut starts = vec![0u32; hung.len() + 2];
        hung.iter().for_each(|place| starts[place.parent as usize + 1] += 1);
        for node in 1..starts.len() {
            starts[node] += starts[node - 1];
        }
        let (mut fill, mut children) = (starts.clone(), vec![0; hung.len()]);
        for (node, place) in (0u32..).zip(hung) {
            let slot = &mut fill[place.parent as usize];
            children[*slot as usize] = node;
            *slot += 1;
        }
        let place = |h: &Hung| Place {
            parent: h.parent,
            arc: h.arc,
            up: h.up,
            size: 1,
            previous: NIL,
            last: NIL,
        };
        let mut places: Vec<Place> = hung.iter().map(place).collect();
        places.push(place(&Hung { parent: NIL, arc: NIL, up: false }));
        let mut tree = Tree { places, next: vec![NIL; hung.len() + 1] };
        let (mut order, mut stack) = (Vec::with_capacity(hung.len() + 1), vec![root]);
        while let Some(node) = stack.pop() {
            order.push(node);
            let (start, end) = (starts[node as usize], starts[node as usize + 1]);
            stack.extend(&children[start as usize..end as usize]);
        }
        for (position, &node) in order.iter().enumerate() {
            tree.link(node, order[(position + 1) % order.len()]);
        }
        for (position, &node) in order.iter().enumerate().rev() {
            let size = tree.at(node).size;
            tree.at_mut(node).last = order[position + size as usize - 1];
            if node != root {
                let parent = tree.at(node).parent;
                tree.at_mut(parent).size += size;
            }
        }
        tree
    }

    /// Gives every node the number of its place in preorder, but for the root, which stays the
    /// highest. Returns the old number of every new one.
    pub fn renumber(&mut self) -> Vec<u32> {
        let root = (self.places.len() - 1) as u32;
        let mut olds = Vec::with_capacity(self.places.len());
        let mut news = vec![root; self.places.len()];
        let mut node = self.next(root);
        while node != root {
            news[node as usize] = olds.len() as u32;
            olds.push(node);
            node = self.next(node);
        }
        olds.push(root);
        let renamed = |node: u32| if node == NIL { NIL } else { news[node as usize] };
        let place = |&old: &u32| {
            let place = *self.at(old);
            let (parent, previous) = (renamed(place.parent), renamed(place.previous));
            Place { parent, previous, last: renamed(place.last), ..place }
        };
        self.places = olds.iter().map(place).collect();
        for (new, next) in (1..=root).chain([0]).enumerate() {
            self.next[new] = next;
        }
        olds
    }

    /// How many nodes from `node` on follow each other in preorder with rising numbers without a
    /// gap, at most `most`.
    pub fn run(&self, node: u32, most: usize) -> usize {
        let following = &self.next[node as usize..];
        let most = most.min(following.len());
        let mut length = 1;
        while length < most && following[length - 1] as usize == node as usize + length {
            length += 1;
        }
        length
    }

    /// The last node of the subtree under `node` in preorder.
    pub fn last(&self, node: u32) -> u32 {
        self.at(node).last
    }

    /// Where `node` hangs.
    pub fn at(&self, node: u32) -> &Place {
        &self.places[node as usize]
    }

    fn at_mut(&mut self, node: u32) -> &mut Place {
        &mut self.places[node as usize]
    }

    /// The next node in preorder; after the last one comes the root again.
    pub fn next(&self, node: u32) -> u32 {
        self.next[node as usize]
    }

    /// The lowest node that has both `one` and `other` below it (or is one of them).
    pub fn join(&self, mut one: u32, mut other: u32) -> u32 {
        // An ancestor's subtree is strictly larger, so the smaller of two different nodes is never
        // above the other.
        while one != other {
            if self.at(one).size < self.at(other).size {
                one = self.at(one).parent;
            } else {
                other = self.at(other).parent;
            }
        }
        one
    }

    /// Cuts the subtree under `cut`, makes `inner` (a node of it) its top, and hangs it under
    /// `outer` by `arc`. `join` is the lowest node above both ends of the new arc.
    pub fn hang(&mut self, cut: u32, inner: u32, outer: u32, arc: u32, up: bool, join: u32) {
        let moved = self.at(cut).size;
        let old_parent = self.at(cut).parent;
        let old_last = self.at(cut).last;
        let before = self.reroot(cut, inner, Place { parent: outer, arc, up, ..*self.at(inner) });
        self.replace_last(old_parent, old_last, before);
        let mut node = old_parent;
        while node != join {
            self.at_mut(node).size -= moved;
            node = self.at(node).parent;
        }
        let end = self.at(inner).last;
        let after = self.next(outer);
        self.link(outer, inner);
        self.link(end, after);
        self.replace_last(outer, outer, end);
        let mut node = outer;
        while node != join {
            self.at_mut(node).size += moved;
            node = self.at(node).parent;
        }
    }

    /// Takes the subtree under `cut` out of the preorder list and turns it over so that `inner` is
    /// on top with the parent, arc and direction of `top`. Returns the node that stood before `cut`
    /// in the list.
    ///
    /// Each node of the stem from `inner` up to `cut` is unlinked together with what still hangs
    /// below it, and appended to the new list: that is the preorder of the turned tree, with the
    /// old parent as the last child.
    fn reroot(&mut self, cut: u32, inner: u32, top: Place) -> u32 {
        let total = self.at(cut).size;
        let (mut node, mut end, mut built, mut above) = (inner, self.at(inner).last, NIL, top);
        let mut size_above = 0;
        loop {
            let place = *self.at(node);
            let before = place.previous;
            self.link(before, self.next(end));
            if built != NIL {
                self.link(built, node);
            }
            built = end;
            let here = self.at_mut(node);
            (here.parent, here.arc, here.up) = (above.parent, above.arc, above.up);
            here.size = total - size_above;
            if node == cut {
                self.share_last(cut, inner, built);
                return before;
            }
            size_above = place.size;
            let old_parent = self.at(place.parent);
            end = if old_parent.last == place.last { before } else { old_parent.last };
            above = Place { parent: node, up: !place.up, ..place };
            node = place.parent;
        }
    }

    /// Every node of the turned stem now ends where the whole subtree ends.
    fn share_last(&mut self, cut: u32, inner: u32, end: u32) {
        let mut node = cut;
        loop {
            self.at_mut(node).last = end;
            if node == inner {
                return;
            }
            node = self.at(node).parent;
        }
    }

    /// From `node` upward, subtrees that ended at `old` now end at `new`.
    fn replace_last(&mut self, mut node: u32, old: u32, new: u32) {
        while node != NIL && self.at(node).last == old {
            self.at_mut(node).last = new;
            node = self.at(node).parent;
        }
    }

    fn link(&mut self, one: u32, next: u32) {
        self.next[one as usize] = next;
        self.at_mut(next).previous = one;
    }
}

#[cfg(test)]
mod tests {
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    /// Recomputes sizes, ends and the preorder from the parents alone and compares.
    fn check(tree: &Tree) {
        let nodes = tree.places.len() as u32;
        let root = nodes - 1;
        let mut order = vec![root];
        let mut node = tree.next(root);
        while node != root {
            assert_eq!(tree.at(node).previous, order[order.len() - 1]);
            order.push(node);
            node = tree.next(node);
        }
        assert_eq!(order.len(), tree.places.len(), "every node once");
        let mut position = vec![0; order.len()];
        order.iter().enumerate().for_each(|(place, &node)| position[node as usize] = place);
        let mut sizes = vec![1; order.len()];
        for &node in order.iter().skip(1).rev() {
            sizes[tree.at(node).parent as usize] += sizes[node as usize];
        }
        for node in 0..nodes {
            let place = tree.at(node);
            assert_eq!(place.size as usize, sizes[node as usize]);
            // A subtree is the run of its size that starts at its top: then the list is a preorder.
            let end = position[node as usize] + sizes[node as usize] - 1;
            assert_eq!(place.last, order[end]);
            if node != root {
                let parent = place.parent;
                let run =
                    position[parent as usize]..position[parent as usize] + sizes[parent as usize];
                assert!(run.contains(&position[node as usize]));
            }
        }
    }

    #[test]
    fn any_exchange_of_arcs_leaves_a_tree() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        for nodes in [1u32, 2, 3, 8, 40] {
            let mut tree = Tree::star(nodes, 0, |v| v % 2 == 0);
            check(&tree);
            for arc in 1_000..1_400 {
                let (inner, outer) = (rng.random_range(0..nodes), rng.random_range(0..=nodes));
                let join = tree.join(inner, outer);
                // Cut anywhere between the inner end and the join.
                let mut stem = vec![];
                let mut node = inner;
                while node != join {
                    stem.push(node);
                    node = tree.at(node).parent;
                }
                if stem.is_empty() {
                    continue;
                }
                let cut = stem[rng.random_range(0..stem.len())];
                tree.hang(cut, inner, outer, arc, true, join);
                let place = tree.at(inner);
                assert_eq!((place.parent, place.arc, place.up), (outer, arc, true));
                check(&tree);
                if arc % 50 == 0 {
                    tree.renumber();
                    check(&tree);
                    assert!((0..nodes).all(|node| tree.next(node) == node + 1));
                }
            }
        }
    }
}

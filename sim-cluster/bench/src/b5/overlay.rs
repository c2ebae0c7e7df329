//! Who is connected to whom, and whose mesh passes gossip on.
//!
//! It must never connect members that are away or on different sides of a split.

use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

/// Rings through all members: each gives everyone two connections, so there are up to 16, as the
/// daemon keeps.
const RINGS: usize = 8;
/// Rings whose connections are mesh too; with every other one of the next ring that makes five.
const MESH_RINGS: usize = 2;

/// The connections of every member.
#[derive(Debug, Clone, Default)]
pub struct Overlay {
    connections: Vec<Vec<usize>>,
    mesh: Vec<Vec<usize>>,
}

impl Overlay {
    /// Draws connections within each of `groups`, of `members` in all.
    #[must_use]
    pub fn draw(members: usize, groups: Vec<Vec<usize>>, rng: &mut ChaCha8Rng) -> Self {
        let empty = vec![Vec::new(); members];
        let mut overlay = Self { connections: empty.clone(), mesh: empty };
        for mut group in groups {
            for ring in 0..RINGS {
                group.shuffle(rng);
                let next = group.iter().cycle().skip(1);
                for (place, (&one, &other)) in group.iter().zip(next).enumerate() {
                    join(&mut overlay.connections, one, other);
                    let paired = ring == MESH_RINGS && place % 2 == 0;
                    if ring < MESH_RINGS || paired {
                        join(&mut overlay.mesh, one, other);
                    }
                }
            }
        }
        overlay
    }

    /// Whom an author tells.
    #[must_use]
    pub fn connections(&self, member: usize) -> &[usize] {
        self.connections.get(member).map_or(&[], Vec::as_slice)
    }

    /// Whom a member passes on to.
    #[must_use]
    pub fn mesh(&self, member: usize) -> &[usize] {
        self.mesh.get(member).map_or(&[], Vec::as_slice)
    }
}

fn join(lists: &mut [Vec<usize>], one: usize, other: usize) {
    if one != other && !lists[one].contains(&other) {
        lists[one].push(other);
        lists[other].push(one);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use debal_topology::random;

    #[test]
    fn everyone_has_about_sixteen_connections_and_a_mesh_of_five() {
        let rng = &mut random::stream(3, "overlay", 0);
        let overlay = Overlay::draw(100, vec![(0..60).collect(), (60..99).collect()], rng);
        for member in 0..99 {
            let count = overlay.connections(member).len();
            assert!((10..=16).contains(&count), "{member}: {count}");
            assert!((3..=6).contains(&overlay.mesh(member).len()));
            let side = member < 60;
            assert!(overlay.connections(member).iter().all(|other| (*other < 60) == side));
        }
        assert!(overlay.connections(99).is_empty());
        assert!(Overlay::draw(2, vec![vec![0], vec![1]], rng).mesh(0).is_empty());
    }
}

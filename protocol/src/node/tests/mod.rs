//! The node under virtual time: whole scenarios over a perfect or a cut network.
//!
//! The world here must stay small: faults, seeds and shrinking belong to the simulator.

mod cycles;
mod market;
mod payments;
mod steer;
mod world;

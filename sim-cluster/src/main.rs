//! The `sim-cluster` binary.
fn main() {}

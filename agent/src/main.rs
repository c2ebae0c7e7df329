//! The `debal` binary.
fn main() {}

//! Cross-crate suites over loopback and over the source itself.
//!
//! Nothing may depend on this crate. The suites are in `tests/`; see each file's head.

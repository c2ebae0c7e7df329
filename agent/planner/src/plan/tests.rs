//! Facts about plans that a reader can check by hand.
//!
//! It must never need a generator.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;
use crate::document::parse_json;

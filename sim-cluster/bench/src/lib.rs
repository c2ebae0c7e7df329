//! The open benchmark: what methods of rebalancing achieve on real and generated graphs, beside
//! the exact optimum.
//!
//! Every figure is the mean over seeds with its 95 % interval; every method gets the same states.
//! It must never tune a method on the seeds it is measured on ([`states::TUNING_SEEDS`] are
//! apart), nor leave out what a method costs: messages, bytes and processor time stand beside its
//! result.
//!
//! | module | what |
//! | --- | --- |
//! | [`graphs`] | files, and generators that need none |
//! | [`states`] | one start: channels, what each end holds, the arcs of the problem |
//! | [`method`] | what a method is asked and what it answers |
//! | [`methods`] | the methods |
//! | [`experiment`] | the one loop over seeds, tuned candidates and methods |
//! | [`b1`] | the static ceiling |
//! | [`b2`] | success of payments over time |
//! | [`b3`] | one relay node, RebEL's environment |
//! | [`b4`] | which arcs carry an amount |
//! | [`b5`] | the election |
//! | [`figures`] | means and intervals |
//! | [`report`] | table, CSV, JSON, SVG, page |

pub mod b1;
pub mod b2;
pub mod b3;
pub mod b4;
pub mod b5;
pub mod clock;
pub mod error;
pub mod experiment;
pub mod figures;
pub mod measures;
pub mod method;
pub mod methods;
pub mod report;
pub mod states;

pub use debal_train::world::graphs;
pub use error::BenchError;

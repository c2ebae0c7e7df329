//! The planner: exact integer optimisation for moving liquidity, as pure functions of their
//! arguments.
//!
//! It must never do IO, read a clock, start a thread, draw a random number or decide by floating
//! point: the leader, every member that checks the leader, and the simulator must get the same
//! answer to the last msat. Channels and nodes are dense `u32` indices here
//! and the caller keeps the names; only [`leader`] speaks the protocol's language.
//!
//! Every module checks lengths, indices and magnitudes where data enters and names what it refuses;
//! behind that it works on dense arrays by plain slice indexing.
//!
//! | module | answers |
//! | --- | --- |
//! | [`simplex`] | the cheapest integer flow that meets given supplies |
//! | [`circulation`] | the most valuable circulation of a residual graph, with a dual certificate |
//! | [`cycles`] | which short cycles carry that circulation |
//! | [`paths`] | the best payment paths between two nodes, or around one |
//! | [`score`] | what unreliability costs |
//! | [`leader`] | which cycles a leader proposes, given the members' summaries |
//! | [`convert`] | the same problem as a petgraph graph |

pub mod charge;
pub mod circulation;
pub mod convert;
pub mod cycles;
pub mod document;
pub mod exact;
pub mod leader;
pub mod network;
pub mod paths;
pub mod plan;
pub mod schedule;
pub mod score;
pub mod simplex;

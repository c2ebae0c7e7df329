//! The planner: exact integer optimisation for moving liquidity, as pure functions of their
//! arguments.
//!
//! It must never do IO, read a clock, start a thread, draw a random number or decide by floating
//! point: the leader, every member that checks the leader, and the simulator must get the same
//! answer to the last msat. Channels and nodes are dense `u32` indices here
//! and the caller keeps the names; only [`leader`] and [`market`] speak the protocol's language.
//!
//! Every module checks lengths, indices and magnitudes where data enters and names what it refuses;
//! behind that it works on dense arrays by plain slice indexing.
//!
//! # Moving funds over a network
//!
//! Two hubs, a link that is cheap per unit and slow, and one with a flat fee:
//!
//! ```
//! use debal_planner::exact::Decimal;
//! use debal_planner::network::{Link, Network, NetworkDefinition, Place};
//! use debal_planner::plan::{Certificate, Mode, Plan, Problem, solve, verify::verify};
//!
//! let place = |id: &str| Place { id: id.to_owned(), hub: None };
//! let link = |tag: &str, unit: &str, flat: &str, seconds: &str| Link {
//!     src: "north".to_owned(),
//!     dest: "south".to_owned(),
//!     variable_fee: Decimal::parse(unit).unwrap_or_default(),
//!     fixed_fee: Decimal::parse(flat).unwrap_or_default(),
//!     time_sec: Decimal::parse(seconds).unwrap_or_default(),
//!     tags: vec![tag.to_owned()],
//!     ..Link::default()
//! };
//! let definition = NetworkDefinition {
//!     places: vec![place("north"), place("south")],
//!     links: vec![link("slow", "0.01", "0", "1200"), link("quick", "0", "50", "30")],
//!     auto_intra: false,
//! };
//! let network: Network = definition.build()?;
//!
//! // 1,000 units from north to south, as cheaply as can be.
//! let (current, target) = (vec![1_000, 0], vec![Some(0), Some(1_000)]);
//! let problem = Problem::new(network, current, target, Vec::new(), Mode::Cheapest)?;
//! let plan: Plan = solve(&problem, &mut |_progress| true)?;
//! assert_eq!(plan.steps.len(), 1);
//! assert_eq!((plan.objective.to_string(), plan.proven_optimal), ("10".to_owned(), true));
//!
//! // Whoever executes it checks it without the solver, and its prices prove that none is cheaper.
//! assert_eq!(verify(&problem, &plan.steps, Some(&plan.after), None)?, plan.objective);
//! let certificate = Certificate::of(&problem).ok_or("the figures fit")?;
//! assert_eq!(certificate.bound(&problem), Some(plan.objective));
//!
//! // The same network as a petgraph graph, and back.
//! let graph = debal_planner::convert::network_to_petgraph(&problem.network);
//! assert_eq!(debal_planner::convert::network_from_petgraph(&graph)?, problem.network);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Modules
//!
//! | module | answers |
//! | --- | --- |
//! | [`network`] | which places and edges a definition means, and what is wrong with it |
//! | [`plan`] | the best plan for a problem, or what makes it infeasible |
//! | [`charge`] | the same below: flows over links that cost something once used |
//! | [`schedule`] | in which order steps can be paid for |
//! | [`simplex`] | the cheapest integer flow that meets given supplies |
//! | [`circulation`] | the most valuable circulation of a residual graph, with a dual certificate |
//! | [`cycles`] | which short cycles carry that circulation |
//! | [`prices`] | nearly the same circulation from neighbours' messages, balances kept private |
//! | [`paths`] | the best payment paths between two nodes, or around one |
//! | [`score`] | what unreliability costs |
//! | [`leader`] | which cycles a leader proposes, given the members' summaries |
//! | [`market`] | what a member says and offers in the protocol's price rounds |
//! | [`convert`] | the same problem or network as a petgraph graph |

pub mod charge;
pub mod circulation;
pub mod convert;
pub mod cycles;
pub mod document;
pub mod exact;
pub mod leader;
pub mod market;
pub mod network;
pub mod paths;
pub mod plan;
pub mod prices;
pub mod schedule;
pub mod score;
pub mod simplex;
mod values;

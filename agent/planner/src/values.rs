//! What moving liquidity is worth by what the ends of a channel state: the one formula that the
//! leader's plan, its proof and the price rounds share.
//!
//! Another reading of a statement is another protocol (P6): nothing here may depend on who asks.

use debal_protocol::market::QuotedEnd;
use debal_protocol::summary::{ChannelSummary, Want};

/// What one step of urgency is worth, millionths of the amount. Full urgency is worth about 1,000
/// ppm, the order of what operators pay to refill a channel.
const URGENCY_PPM: i64 = 4;
/// What the use of an idle channel costs at least, so that no liquidity moves for nothing.
const LEND_PPM: i64 = 5;

/// What one end of a channel states.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stated {
    want: Want,
    urgency: u8,
    price_ppm: u32,
}

impl From<&ChannelSummary> for Stated {
    fn from(end: &ChannelSummary) -> Self {
        Self { want: end.want, urgency: end.urgency, price_ppm: end.price_ppm }
    }
}

impl From<&QuotedEnd> for Stated {
    fn from(end: &QuotedEnd) -> Self {
        Self { want: end.want, urgency: end.urgency, price_ppm: end.price_ppm }
    }
}

impl Stated {
    /// What a move is worth to this end: its urgency if it wants this, its price against it if it
    /// lends, and both against it if it wants the opposite. Out and back is worth less than nothing
    /// to every end, so no channel gains both ways.
    fn ppm(self, this_way: Want) -> i64 {
        let (urgency, price) = (i64::from(self.urgency) * URGENCY_PPM, i64::from(self.price_ppm));
        match self.want {
            want if want == this_way => urgency,
            Want::Nothing => -price,
            _ => -price - urgency,
        }
    }
}

/// What one direction of a channel is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Worth {
    /// To the end that pays, by its own statement.
    pub payer_ppm: i64,
    /// To the end that is paid.
    pub payee_ppm: i64,
    /// To both, less what whoever lends adds at least.
    pub value_ppm: i64,
}

impl Worth {
    pub(crate) fn of(payer: impl Into<Stated>, payee: impl Into<Stated>) -> Self {
        let stated = [payer.into().ppm(Want::Send), payee.into().ppm(Want::Receive)];
        let lends = stated.iter().filter(|ppm| **ppm <= 0).count() as i64;
        let value_ppm = stated.iter().sum::<i64>() - lends * LEND_PPM;
        Self { payer_ppm: stated[0], payee_ppm: stated[1], value_ppm }
    }
}

//! The arithmetic of the protocol's price rounds: what its node is given as [`PRICE_RULE`].
//!
//! Pure functions over what one member knows. The values are the leader's own ([`crate::leader`]),
//! so that what the rounds come to is what a plan gains by. It must never offer more than both
//! ends quoted.

use crate::circulation::MAX_CAPACITY_MSAT;
use crate::prices::{
    End, FRACTION_BITS, MAX_POTENTIAL, NodePrices, Precision, Schedule, decode, encode,
};
use crate::values::Worth;
use debal_protocol::Msat;
use debal_protocol::market::{Agreed, Known, Potential, PriceRule, QuotedEnd, Standing};

/// Price rounds by [`Schedule::urgencies`]: give this to `Node::pricing`.
pub const PRICE_RULE: PriceRule = PriceRule { start, step, offers, ppm };

/// What moving liquidity from `payer`'s end to `payee`'s is worth by what both state, in ppm: the
/// value the leader's plan counts by.
#[must_use]
pub fn value_ppm(payer: &QuotedEnd, payee: &QuotedEnd) -> i64 {
    Worth::of(payer, payee).value_ppm
}

/// A plan's price as the potential the rounds start at.
fn start(potential_ppm: i64) -> Potential {
    let largest = MAX_POTENTIAL >> FRACTION_BITS;
    Potential(encode(potential_ppm.clamp(-largest, largest) << FRACTION_BITS))
}

fn ppm(potential: Potential) -> i64 {
    decode(potential.0) >> FRACTION_BITS
}

/// One round of one node.
fn step(standing: &Standing) -> Potential {
    let ends = standing.channels.iter().flat_map(arcs).collect();
    let schedule = Schedule::urgencies();
    // What was heard is in the standing already; nothing more arrives in this step.
    Potential(encode(prices(standing, ends).step(schedule.rule(0), &[])))
}

/// What the channels offer at the potentials said last: their flows and room to spare.
fn offers(standing: &Standing) -> Vec<Agreed> {
    let (schedule, prices) = (Schedule::urgencies(), prices(standing, Vec::new()));
    let ready = |end: End| Msat(prices.ready_msat(&end, schedule.rule(0)));
    let agreed = |known: &Known| {
        let mut agreed = Agreed::default();
        for end in arcs(known) {
            let amount = if end.pays { &mut agreed.send_msat } else { &mut agreed.receive_msat };
            *amount = ready(end);
        }
        agreed
    };
    standing.channels.iter().map(agreed).collect()
}

fn prices(standing: &Standing, ends: Vec<End>) -> NodePrices {
    let heard = standing.heard.iter().map(|potential| decode(potential.0)).collect();
    NodePrices::new(ends, decode(standing.said.0), heard, Precision::TwoBytes)
}

/// Both directions of a channel as this node's end sees them, as far as both ends offer them.
fn arcs(known: &Known) -> impl Iterator<Item = End> {
    let Known { neighbour, own, other } = *known;
    let end = |pays, capacity: Msat, worth: Worth| End {
        neighbour: u32::try_from(neighbour).unwrap_or(u32::MAX),
        pays,
        capacity_msat: capacity.0.min(MAX_CAPACITY_MSAT),
        value_ppm: worth.value_ppm,
    };
    let pays = end(true, own.send_msat.min(other.receive_msat), Worth::of(&own, &other));
    let gets = end(false, own.receive_msat.min(other.send_msat), Worth::of(&other, &own));
    [pays, gets].into_iter().filter(|end| end.capacity_msat > 0)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use debal_protocol::ChannelId;
    use debal_protocol::summary::Want;
    use proptest::prelude::*;

    fn end(channel: u64, want: Want, msat: u64, urgency: u8) -> QuotedEnd {
        let [send_msat, receive_msat] = match want {
            Want::Send => [msat, 0],
            Want::Receive => [0, msat],
            Want::Nothing => [msat, msat],
        };
        QuotedEnd {
            channel: ChannelId(channel),
            want,
            send_msat: Msat(send_msat),
            receive_msat: Msat(receive_msat),
            urgency,
            price_ppm: 0,
        }
    }

    /// What node `at` of a ring knows in which every node has too much towards the next one.
    fn ring_standing(at: usize, said: &[Potential], msat: &[u64]) -> Standing {
        let count = said.len();
        let (next, before) = ((at + 1) % count, (at + count - 1) % count);
        let known = |neighbour, channel: usize, own, other| Known {
            neighbour,
            own: end(channel as u64, own, msat[channel], 255),
            other: end(channel as u64, other, msat[channel], 255),
        };
        let mut channels = vec![
            known(0, at, Want::Send, Want::Receive),
            known(1, before, Want::Receive, Want::Send),
        ];
        channels.sort_by_key(|known| known.own.channel);
        Standing { said: said[at], heard: vec![said[next], said[before]], channels }
    }

    fn after_rounds(count: usize, msat: &[u64], rounds: usize) -> Vec<Potential> {
        let mut said = vec![Potential::default(); count];
        for _ in 0..rounds {
            said = (0..count).map(|at| step(&ring_standing(at, &said, msat))).collect();
        }
        said
    }

    #[test]
    fn a_ring_comes_to_the_amount_of_its_narrowest_channel_or_a_little_more() {
        let msat = [1_000_000, 3_000_000, 2_000_000, 9_000_000];
        let said = after_rounds(4, &msat, 20);
        for (at, whole) in msat.into_iter().enumerate() {
            let standing = ring_standing(at, &said, &msat);
            let offered = offers(&standing);
            let sends = standing.channels.iter().zip(&offered);
            let (_, send) = sends.max_by_key(|(known, _)| known.own.send_msat).unwrap();
            assert!((1_000_000..=whole).contains(&send.send_msat.0), "{at}: {send:?}");
        }
    }

    #[test]
    fn both_ends_of_a_channel_come_to_the_same_offer() {
        let msat = [1_000_000, 3_000_000, 2_000_000];
        let said = after_rounds(3, &msat, 3);
        for at in 0..3 {
            let of = |node: usize| {
                let standing = ring_standing(node, &said, &msat);
                let mut all = standing.channels.iter().zip(offers(&standing));
                all.find(|(known, _)| known.own.channel.0 == at as u64).unwrap().1
            };
            assert_eq!(of(at).send_msat, of((at + 1) % 3).receive_msat);
        }
    }

    #[test]
    fn an_end_that_wants_the_opposite_is_asked_for_less_than_one_that_wants_this() {
        let one = |own, other| {
            let known = Known { neighbour: 0, own, other };
            offers(&Standing {
                heard: vec![Potential(0)],
                channels: vec![known],
                ..Standing::default()
            })
        };
        let wants = one(end(1, Want::Send, 1_000, 255), end(1, Want::Receive, 1_000, 255));
        let lends = one(end(1, Want::Nothing, 1_000, 0), end(1, Want::Nothing, 1_000, 0));
        assert_eq!(wants[0].send_msat, Msat(1_000));
        assert!(lends[0].send_msat > Msat(0) && lends[0].send_msat < Msat(500), "{lends:?}");
        let against = QuotedEnd { send_msat: Msat(1_000), ..end(1, Want::Receive, 0, 255) };
        let takes = QuotedEnd { receive_msat: Msat(1_000), ..end(1, Want::Send, 0, 255) };
        assert_eq!(one(against, takes)[0].send_msat, Msat(0));
    }

    #[test]
    fn a_plans_price_is_where_rounds_start_and_is_shown_again() {
        for price_ppm in [0, 5, -255, 2_040, -1_020] {
            assert!((ppm(start(price_ppm)) - price_ppm).abs() * 256 <= price_ppm.abs().max(256));
        }
        assert!(ppm(start(i64::MAX)) > 0 && ppm(start(i64::MIN)) < 0, "wild ones are clamped");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn whatever_neighbours_quote_no_offer_exceeds_what_both_ends_do(
            said in any::<u16>(), heard in prop::collection::vec(any::<u16>(), 1..4),
            ends in prop::collection::vec(any::<([u64; 4], [u8; 4], [u32; 2])>(), 0..6),
        ) {
            let want = |byte: u8| [Want::Nothing, Want::Send, Want::Receive][usize::from(byte % 3)];
            let channels = ends.iter().enumerate().map(|(index, (msat, bytes, prices))| {
                let quoted = |at: usize| QuotedEnd {
                    channel: ChannelId(index as u64),
                    want: want(bytes[at]),
                    send_msat: Msat(msat[2 * at]),
                    receive_msat: Msat(msat[2 * at + 1]),
                    urgency: bytes[2 + at],
                    price_ppm: prices[at],
                };
                Known { neighbour: index % heard.len(), own: quoted(0), other: quoted(1) }
            });
            let heard: Vec<Potential> = heard.iter().map(|word| Potential(*word)).collect();
            let standing = Standing { said: Potential(said), heard, channels: channels.collect() };
            step(&standing);
            for (known, agreed) in standing.channels.iter().zip(offers(&standing)) {
                let Known { own, other, .. } = known;
                prop_assert!(agreed.send_msat <= own.send_msat.min(other.receive_msat));
                prop_assert!(agreed.receive_msat <= own.receive_msat.min(other.send_msat));
            }
        }
    }
}

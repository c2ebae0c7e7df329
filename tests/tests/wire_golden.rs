//! Golden vectors of the wire format, and what the daemon must not contain.
//!
//! These bytes never change within protocol version 1: a codec that gives others is another
//! protocol. Vectors are made by hand from fixed values and must never be regenerated to make a
//! test pass.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use debal_crypto::{VrfPreout, VrfProof};
use debal_protocol::channel::{Change, LockKey};
use debal_protocol::election::{Certificate, Claim};
use debal_protocol::market::{Potential, Quote, QuotedEnd};
use debal_protocol::message::{Outcome, Refusal};
use debal_protocol::plan::{CyclePlan, Hop, Plan, PlanProof, Price};
use debal_protocol::summary::Want;
use debal_protocol::wire::codec::{decode, encode};
use debal_protocol::{
    Bounded, ChannelId, Digest, Epoch, Message, Msat, NodeId, Secret, Signature, TransferId,
};

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn id(byte: u8) -> TransferId {
    TransferId(Digest([byte; 32]))
}

/// A plan of one cycle of two hops over `channel`, with its proof.
fn plan(channel: ChannelId) -> Plan {
    let node = |byte: u8| NodeId([byte; 32]);
    let claim = Claim {
        node: node(0x61),
        epoch: Epoch(3),
        tip: Digest([0x62; 32]),
        block: None,
        changes: Bounded::new(),
        preout: VrfPreout([0x63; 32]),
        proof: VrfProof::from_bytes(&[0x64; 64]),
    };
    let votes = [(node(0x65), Signature::from_bytes(&[0x66; 64]))];
    let price = Price { node: node(0x68), summary_seq: 300, potential_ppm: -5 };
    let prices = Bounded::first_of([price]);
    let hop = |payer, payee| Hop { channel, payer, payee, amount_msat: Msat(1_000) };
    let (a, b) = (node(0x69), node(0x6a));
    let hops = Bounded::first_of([hop(a, b), hop(b, a)]);
    Plan {
        certificate: Certificate::from_votes(claim, 1, votes),
        summaries: Digest([0x67; 32]),
        proof: PlanProof { prices, value: 17_000, bound: 1 << 70 },
        expires_ms: 250,
        cycles: Bounded::first_of([CyclePlan { hops }]),
    }
}

/// Signed numbers are zigzag: -5 is 9, 17,000 is 34,000; what exceeds 64 bits takes the marker 0xfe
/// and sixteen bytes.
fn plan_hex(channel_hex: &str) -> String {
    let many = |byte: &str, count: usize| byte.repeat(count);
    let claim = format!("{}03{}0000{}", many("61", 32), many("62", 32), many("63", 32));
    let votes = format!("01{}{}", many("65", 32), many("66", 64));
    let certificate = format!("{claim}{}01{votes}", many("64", 64));
    let bound = format!("fe{}80{}", many("00", 8), many("00", 7));
    let proof = format!("01{}fb2c0109fbd084{bound}", many("68", 32));
    let (a, b) = (many("69", 32), many("6a", 32));
    let cycles = format!("0102{channel_hex}{a}{b}fbe803{channel_hex}{b}{a}fbe803");
    format!("05{certificate}{}{proof}fa{cycles}", many("67", 32))
}

/// One end that would send 400,000 msat, in round 9 for epoch 300.
fn quote(channel: ChannelId) -> Quote {
    let end = QuotedEnd {
        channel,
        want: Want::Send,
        send_msat: Msat(400_000),
        receive_msat: Msat(0),
        urgency: 255,
        price_ppm: 20,
    };
    let (epoch, potential) = (Epoch(300), Potential(0x8105));
    Quote { epoch, round: 9, potential, ends: Bounded::first_of([end]) }
}

fn vectors() -> Vec<(&'static str, Message, String)> {
    let channel = ChannelId::from_parts(800_000, 4, 1).unwrap();
    // Variant number, then fields in order; small integers take one byte, a u64 above 2^32 takes
    // the marker 0xfd and eight bytes, little-endian.
    let channel_hex = format!("fd{}", hex(&channel.0.to_le_bytes()));
    let signature = Signature::from_bytes(&[0x33; 64]);
    let key = LockKey { transfer: id(0x22), hop: 2 };
    let change = Change::Settle { key, secret: Secret::new([0x44; 32]) };
    vec![
        ("plan", Message::Plan(plan(channel)), plan_hex(&channel_hex)),
        (
            "receipt",
            Message::Receipt { transfer: id(0x11), outcome: Outcome::RolledBack },
            format!("06{}01", "11".repeat(32)),
        ),
        (
            "refuse",
            Message::Refuse { cycle: id(0x11), reason: Refusal::Fee },
            format!("08{}05", "11".repeat(32)),
        ),
        (
            "request",
            Message::Request { channel, changes: Bounded::first_of([change]) },
            format!("0c{channel_hex}0101{}02{}", "22".repeat(32), "44".repeat(32)),
        ),
        (
            "countersign",
            Message::Countersign { channel, seq: 300, signature },
            format!("0e{channel_hex}fb2c01{}", "33".repeat(64)),
        ),
        (
            "claim_hop",
            Message::ClaimHop { channel, key, secret: Secret::new([0x44; 32]) },
            format!("10{channel_hex}{}02{}", "22".repeat(32), "44".repeat(32)),
        ),
        (
            "tip_request",
            Message::TipRequest { tip: Digest([0x55; 32]) },
            format!("11{}", "55".repeat(32)),
        ),
        (
            "quote",
            Message::Quote(quote(channel)),
            format!("13fb2c0109fb058101{channel_hex}01fc801a060000ff14"),
        ),
    ]
}

#[test]
fn every_vector_encodes_to_its_bytes_and_decodes_back() {
    for (name, message, expected) in vectors() {
        let bytes = encode(&message).unwrap();
        assert_eq!(hex(&bytes), expected, "{name}");
        assert_eq!(decode::<Message>(&bytes, 64 * 1024), Ok(message), "{name}");
    }
}

#[test]
fn every_truncation_and_every_appended_byte_is_refused() {
    for (name, message, _) in vectors() {
        let bytes = encode(&message).unwrap();
        for length in 0..bytes.len() {
            assert!(decode::<Message>(&bytes[..length], 64 * 1024).is_err(), "{name} {length}");
        }
        let longer = [&bytes[..], &[0]].concat();
        assert!(decode::<Message>(&longer, 64 * 1024).is_err(), "{name}");
    }
}

#[test]
fn whatever_a_flipped_bit_decodes_to_is_canonical() {
    for (name, message, _) in vectors() {
        let bytes = encode(&message).unwrap();
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            if let Ok(other) = decode::<Message>(&flipped, 64 * 1024) {
                assert_eq!(encode(&other).unwrap(), flipped, "{name} bit {bit}");
            }
        }
    }
}

#[test]
fn planted_bugs_are_not_compiled_into_what_operators_run() {
    assert!(!std::hint::black_box(debal_protocol::mutant::COMPILED));
}

//! Gossipsub as this network runs it: signing, validation, caps, mesh shape and peer scores.
//! Every score weight stands here with its arithmetic; nothing here looks into a payload.

use std::{net::IpAddr, time::Duration};

use libp2p::{
    gossipsub::{
        Behaviour, ConfigBuilder, IdentityTransform, MaxCountSubscriptionFilter,
        MessageAuthenticity, MessageId, PeerScoreParams, PeerScoreThresholds, TopicScoreParams,
        ValidationMode, WhitelistSubscriptionFilter, score_parameter_decay,
    },
    identity::Keypair,
};

use crate::{
    config::NetError,
    limits::{
        GOSSIP_CONTROL_MESSAGES, GOSSIP_MESSAGES_PER_RPC, GOSSIP_OVERHEAD_BYTES, GOSSIP_PEER_QUEUE,
        GOSSIP_READ_SLACK_BYTES, NetLimits,
    },
    topic::{Names, Topic},
};

/// Subscriptions to anything but our four topics are not even stored.
pub(crate) type Filter = MaxCountSubscriptionFilter<WhitelistSubscriptionFilter>;
/// Gossipsub with that filter.
pub(crate) type Gossip = Behaviour<IdentityTransform, Filter>;

/// Length of a message id: 160 bits keep collisions out of reach and announcements short.
pub(crate) const GOSSIP_ID_BYTES: usize = 20;
/// Bounds of the score a consumer may give a peer; the floor alone is past the graylist.
pub(crate) const APP_SCORE_MIN: f64 = -1000.0;
/// See [`APP_SCORE_MIN`]. A trusted peer's bonus covers one invalid message, not two.
pub(crate) const APP_SCORE_MAX: f64 = 50.0;

/// Builds gossipsub, subscribed to all four topics.
pub(crate) fn build(
    key: &Keypair,
    names: &Names,
    limits: &NetLimits,
    loopback: bool,
) -> Result<Gossip, NetError> {
    let refuse = |error: &dyn std::fmt::Display| NetError::Gossip(error.to_string());
    let config = settings(names, limits).build().map_err(|error| refuse(&error))?;
    let ours = Topic::ALL.map(|topic| names.gossip(topic).hash());
    let filter = MaxCountSubscriptionFilter {
        filter: WhitelistSubscriptionFilter(ours.into_iter().collect()),
        max_subscribed_topics: Topic::ALL.len(),
        max_subscriptions_per_request: 2 * Topic::ALL.len(),
    };
    let signed = MessageAuthenticity::Signed(key.clone());
    let mut gossip = Gossip::new_with_subscription_filter(signed, config, filter)
        .map_err(|error| refuse(&error))?;
    gossip
        .with_peer_score(scores(names, loopback), thresholds())
        .map_err(|error| refuse(&error))?;
    for topic in Topic::ALL {
        gossip.subscribe(&names.gossip(topic)).map_err(|error| refuse(&format!("{error:?}")))?;
    }
    Ok(gossip)
}

/// Mesh of 5 (4 to 8): with 3 to 6 nodes everybody meshes with everybody; with 50, five neighbours
/// give a diameter of 3 and survive the loss of two of them between heartbeats. Every further one
/// costs each node a frame and a signature check per message.
/// History of 10 heartbeats: a verdict within 7 s still forwards.
fn settings(names: &Names, limits: &NetLimits) -> ConfigBuilder {
    let mut settings = ConfigBuilder::default();
    settings
        .validation_mode(ValidationMode::Strict)
        .validate_messages()
        .message_id_fn(|message| content_id(message.topic.as_str(), &message.data))
        .max_transmit_size(
            limits.largest_gossip_bytes() + GOSSIP_OVERHEAD_BYTES + GOSSIP_READ_SLACK_BYTES,
        )
        .max_publish_messages(GOSSIP_MESSAGES_PER_RPC)
        .max_control_messages_sent(GOSSIP_CONTROL_MESSAGES)
        .connection_handler_queue_len(GOSSIP_PEER_QUEUE)
        .heartbeat_initial_delay(Duration::from_millis(100))
        .heartbeat_interval(Duration::from_millis(700))
        .history_length(10)
        .history_gossip(4)
        .duplicate_cache_time(Duration::from_secs(120))
        .mesh_n(5)
        .mesh_n_low(4)
        .mesh_n_high(8)
        .mesh_outbound_min(2)
        .gossip_lazy(4)
        .flood_publish(true)
        // On a busy machine a forwarded message may wait for its turn longer than the default 1 s.
        .forward_queue_duration(Duration::from_secs(3))
        .iwant_followup_time(Duration::from_secs(5))
        .prune_backoff(Duration::from_secs(20));
    for topic in Topic::ALL {
        let cap = limits.topic(topic).max_bytes + GOSSIP_OVERHEAD_BYTES;
        settings.max_transmit_size_for_topic(cap, names.gossip(topic).hash());
    }
    settings
}

/// The id of a message is its content: the same bytes on the same topic travel once, whoever
/// signs the frame, and a verdict on them holds for every copy.
fn content_id(topic: &str, data: &[u8]) -> MessageId {
    let mut hasher = blake3::Hasher::new();
    hasher.update(topic.as_bytes());
    hasher.update(&[0]);
    hasher.update(data);
    let mut id = [0; GOSSIP_ID_BYTES];
    hasher.finalize_xof().fill(&mut id);
    MessageId::new(&id)
}

/// What scores mean. One invalid message on a topic of weight 1 costs 20, and good conduct earns
/// at most 10.5 in all (see [`topic_scores`]), so it never pays for one: after one a peer is pruned
/// from the mesh and loses lazy gossip, after two it loses our publications, after three it is
/// deaf to us (3^2 x 20 = 180 > 120 + 10.5).
fn thresholds() -> PeerScoreThresholds {
    PeerScoreThresholds {
        gossip_threshold: -8.0,
        publish_threshold: -60.0,
        graylist_threshold: -120.0,
        // Peer exchange is off; nothing reaches this.
        accept_px_threshold: 1000.0,
        // What merely present peers earn in about a minute; below it, better ones are tried.
        opportunistic_graft_threshold: 1.0,
    }
}

fn scores(names: &Names, loopback: bool) -> PeerScoreParams {
    let mut params = PeerScoreParams {
        topics: Topic::ALL.map(|topic| (names.gossip(topic).hash(), topic_scores(topic))).into(),
        topic_score_cap: 11.0,
        app_specific_weight: 1.0,
        // Up to 5 nodes of one household are fine, 8 cost -90, 9 cost -160: deaf.
        ip_colocation_factor_weight: -10.0,
        ip_colocation_factor_threshold: 5.0,
        // Grafting during back-off and broken IWANT promises: six a minute happen to honest peers
        // on a bad line; ten cost -80.
        behaviour_penalty_weight: -5.0,
        behaviour_penalty_threshold: 6.0,
        behaviour_penalty_decay: score_parameter_decay(Duration::from_secs(60)),
        decay_interval: Duration::from_secs(1),
        decay_to_zero: 0.01,
        // Leaving and coming back does not wash anything off within an hour.
        retain_score: Duration::from_secs(3600),
        // A peer that cannot drain its queue is slow, not hostile: never below the graylist.
        slow_peer_weight: -0.1,
        slow_peer_threshold: 20.0,
        slow_peer_decay: 0.5,
        ..PeerScoreParams::default()
    };
    if loopback {
        let this_machine = [IpAddr::from([127, 0, 0, 1]), IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1])];
        params.ip_colocation_factor_whitelist.extend(this_machine);
    }
    params
}

/// Quiet topics: no penalty for not delivering (P3, P3b are 0), little for being there (P1 counts
/// seconds, at most 300: +1.5), little for delivering first (P2: at most +2), much for invalid
/// messages (P4: -20 x n^2, n falling to a tenth in ten minutes). Election and plans count in
/// full, summaries and receipts half: 3.5 x (1 + 1 + 0.5 + 0.5) = 10.5 for a perfect neighbour.
fn topic_scores(topic: Topic) -> TopicScoreParams {
    let topic_weight = match topic {
        Topic::Election | Topic::Plans => 1.0,
        Topic::Summaries | Topic::Receipts => 0.5,
    };
    TopicScoreParams {
        topic_weight,
        time_in_mesh_weight: 0.005,
        time_in_mesh_quantum: Duration::from_secs(1),
        time_in_mesh_cap: 300.0,
        first_message_deliveries_weight: 0.1,
        first_message_deliveries_decay: score_parameter_decay(Duration::from_secs(300)),
        first_message_deliveries_cap: 20.0,
        mesh_message_deliveries_weight: 0.0,
        mesh_failure_penalty_weight: 0.0,
        invalid_message_deliveries_weight: -20.0,
        invalid_message_deliveries_decay: score_parameter_decay(Duration::from_secs(600)),
        ..TopicScoreParams::default()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_settings_and_scores_pass_the_upstream_checks() {
        let key = Keypair::ed25519_from_bytes([1; 32]).unwrap();
        for loopback in [false, true] {
            let built = build(&key, &Names::new(&[3; 32]), &NetLimits::default(), loopback);
            assert!(built.is_ok(), "{:?}", built.err());
        }
        assert!(thresholds().validate().is_ok());
        assert!(scores(&Names::new(&[3; 32]), false).validate().is_ok());
    }

    #[test]
    fn content_alone_names_a_message() {
        assert_eq!(content_id("a", b"x"), content_id("a", b"x"));
        assert_ne!(content_id("a", b"x"), content_id("b", b"x"));
        assert_ne!(content_id("a", b"x"), content_id("a", b"y"));
        assert_ne!(content_id("a", b"bx"), content_id("ab", b"x"));
    }

    #[test]
    fn good_conduct_never_pays_for_an_invalid_message() {
        let earned: f64 = Topic::ALL
            .map(topic_scores)
            .iter()
            .map(|score| {
                let present = score.time_in_mesh_weight * score.time_in_mesh_cap;
                let first = score.first_message_deliveries_weight;
                score.topic_weight * (present + first * score.first_message_deliveries_cap)
            })
            .sum();
        for topic in [Topic::Election, Topic::Plans] {
            let score = topic_scores(topic);
            let invalid = score.topic_weight * score.invalid_message_deliveries_weight;
            assert!(earned + invalid < thresholds().gossip_threshold, "{topic}");
            assert!(earned + 4.0 * invalid < thresholds().publish_threshold, "{topic}");
            assert!(earned + 9.0 * invalid < thresholds().graylist_threshold, "{topic}");
            assert!(APP_SCORE_MAX + earned + 4.0 * invalid < 0.0, "{topic}");
        }
    }
}

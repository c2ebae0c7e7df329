//! What a direct message costs on loopback. The figures are printed, never asserted.

use std::time::{Duration, Instant};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::mpsc,
};

use crate::node::{Node, config};

/// "p50 / p99 / max" of some durations in milliseconds.
pub fn quantiles(delays: &mut [Duration]) -> String {
    delays.sort_unstable();
    let at = |share: f64| {
        let index = ((delays.len().max(1) - 1) as f64 * share) as usize;
        delays.get(index).map_or(f64::NAN, |delay| delay.as_secs_f64() * 1000.0)
    };
    format!("p50 {:.3} ms, p99 {:.3} ms, max {:.3} ms", at(0.5), at(0.99), at(1.0))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_direct_message_crosses_loopback() {
    let mut alice = Node::start(config(120)).await;
    let mut bob = Node::join(121, &[&alice]).await;
    bob.peer_up(alice.key).await;
    alice.peer_up(bob.key).await;
    for length in [256, 4096, 65536] {
        let mut delays = Vec::new();
        for round in 0..600 {
            let (from, to) = if round % 2 == 0 { (&alice, &mut bob) } else { (&bob, &mut alice) };
            let sender = from.key;
            let at = Instant::now();
            from.handle.send(to.key, vec![1; length]).unwrap();
            assert_eq!(to.direct(sender).await.len(), length);
            delays.push(at.elapsed());
        }
        println!("direct one way, {length} B: {}", quantiles(&mut delays[100..]));
    }
}

/// What two tasks and a socket cost here and now without any network stack of ours.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bare_socket_crosses_loopback() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut near = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (mut far, _) = listener.accept().await.unwrap();
    near.set_nodelay(true).unwrap();
    let (report, mut arrivals) = mpsc::channel(1);
    tokio::spawn(async move {
        let mut bytes = [0; 256];
        while far.read_exact(&mut bytes).await.is_ok() {
            report.send(Instant::now()).await.unwrap();
        }
    });
    let mut delays = Vec::new();
    for _ in 0..600 {
        let at = Instant::now();
        near.write_all(&[1; 256]).await.unwrap();
        arrivals.recv().await.unwrap();
        delays.push(at.elapsed());
    }
    println!("bare socket one way, 256 B: {}", quantiles(&mut delays[100..]));
}

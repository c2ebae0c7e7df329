//! Listeners, TLS and the life of connections.
//!
//! A connection ends when its interface's door changes or a fault cuts it; nothing outlives the
//! [`crate::Fake`].

use crate::Inner;
use crate::fault::{Door, Wire};
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio_rustls::TlsAcceptor;

/// Serves one interface on a free port of loopback.
pub(crate) async fn listen(
    inner: Arc<Inner>,
    wire: Wire,
    acceptor: TlsAcceptor,
) -> (SocketAddr, tokio::task::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let accepting = async move {
        loop {
            let Ok((stream, _)) = listener.accept().await else { continue };
            // As Go does for LND: without it every answer waits for a delayed acknowledgement.
            if stream.set_nodelay(true).is_err() {
                continue;
            }
            tokio::spawn(connection(Arc::clone(&inner), wire, acceptor.clone(), stream));
        }
    };
    (address, tokio::spawn(accepting))
}

async fn connection(inner: Arc<Inner>, wire: Wire, acceptor: TlsAcceptor, stream: TcpStream) {
    let mut door = inner.doors[wire as usize].subscribe();
    let greeting = *door.borrow_and_update();
    match greeting {
        Door::Open => {}
        Door::Refuse => return,
        Door::Hang => {
            let _held_open = stream;
            let _ = door.changed().await;
            return;
        }
    }
    let cut = Arc::new(Notify::new());
    tokio::select! {
        () = serve(inner, wire, acceptor, stream, Arc::clone(&cut)) => {}
        () = cut.notified() => {}
        _ = door.changed() => {}
    }
}

async fn serve(
    inner: Arc<Inner>,
    wire: Wire,
    acceptor: TlsAcceptor,
    stream: TcpStream,
    cut: Arc<Notify>,
) {
    // A client that does not like the certificate leaves here.
    let Ok(stream) = acceptor.accept(stream).await else { return };
    let stream = TokioIo::new(stream);
    // How a connection ends is the client's business.
    match wire {
        Wire::Grpc => {
            let service = crate::grpc::service(inner, cut);
            let server = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
            let _ = server.serve_connection(stream, service).await;
        }
        Wire::Rest => {
            let service = crate::rest::service(inner, cut);
            let server = hyper::server::conn::http1::Builder::new();
            let _ = server.serve_connection(stream, service).await;
        }
    }
}

//! What both transports share: the macaroon as a header value, bodies read to a limit, and
//! streams that open in their own time.
//!
//! A header made here must be marked sensitive, so that no HTTP layer prints it.

use crate::failure::Failure;
use crate::macaroon::Macaroon;
use http_body_util::BodyExt as _;
use hyper::Response;
use hyper::body::Incoming;
use hyper::header::HeaderValue;
use std::pin::Pin;

/// The macaroon as a header value that is never logged and never put into a compression table.
pub(crate) fn secret(macaroon: &Macaroon) -> Result<HeaderValue, Failure> {
    let value = HeaderValue::from_str(macaroon.hex());
    let mut value = value.map_err(|_| Failure::NotSent("the macaroon is not text".into()))?;
    value.set_sensitive(true);
    Ok(value)
}

/// A whole body, up to a limit.
pub(crate) async fn collect(mut body: Incoming, limit_bytes: usize) -> Result<Vec<u8>, Failure> {
    let mut buffer = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| Failure::Lost(error.to_string()))?;
        let Ok(data) = frame.into_data() else { continue };
        if buffer.len() + data.len() > limit_bytes {
            return Err(Failure::TooLarge);
        }
        buffer.extend_from_slice(&data);
    }
    Ok(buffer)
}

/// A request under way whose answer is a stream.
type Opening = Pin<Box<dyn Future<Output = Result<Response<Incoming>, Failure>> + Send>>;

/// A stream's body. A node may send its first header with its first event, hours later, so a
/// stream that has not opened yet is a stream all the same.
pub(crate) enum Source {
    /// The request is sent, the head of the answer is awaited.
    Opening(Opening),
    /// The head was fine.
    Open(Incoming),
    /// Nothing more comes.
    Ended,
}

impl Source {
    /// The body, once there is one; `None` when the stream has ended.
    pub(crate) async fn body(&mut self) -> Result<Option<&mut Incoming>, Failure> {
        if let Self::Opening(opening) = self {
            let opened = opening.await;
            *self = Self::Ended;
            *self = Self::Open(opened?.into_body());
        }
        Ok(match self {
            Self::Open(body) => Some(body),
            Self::Opening(_) | Self::Ended => None,
        })
    }
}

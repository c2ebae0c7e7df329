//! What both transports share: the macaroon as a header value, and bodies read to a limit.
//!
//! A header made here must be marked sensitive, so that no HTTP layer prints it.

use crate::failure::Failure;
use crate::macaroon::Macaroon;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::header::HeaderValue;

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

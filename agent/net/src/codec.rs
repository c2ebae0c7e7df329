//! The frame of a direct message: a four-byte length, the bytes, and a one-byte acknowledgement.
//! The length is checked against the cap before anything is reserved, and memory grows only with
//! bytes that really arrived.

use std::io;

use futures::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use libp2p::{StreamProtocol, request_response};

use crate::limits::DIRECT_MAX_BYTES;

/// What is reserved before the first byte arrives; most messages fit.
const FIRST_RESERVATION_BYTES: usize = 1024;

/// The receiver's one-byte answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ack {
    /// The message is in the consumer's queue.
    Taken,
    /// The consumer's queue is full; the message was dropped.
    Busy,
    /// The sender is over its rate cap; the message was dropped.
    OverRate,
}

impl Ack {
    fn to_byte(self) -> u8 {
        match self {
            Self::Taken => 0,
            Self::Busy => 1,
            Self::OverRate => 2,
        }
    }

    fn from_byte(byte: u8) -> io::Result<Self> {
        match byte {
            0 => Ok(Self::Taken),
            1 => Ok(Self::Busy),
            2 => Ok(Self::OverRate),
            _ => Err(io::Error::new(io::ErrorKind::InvalidData, "unknown acknowledgement")),
        }
    }
}

/// Reads and writes direct messages.
#[derive(Clone, Debug, Default)]
pub(crate) struct DirectCodec;

impl request_response::Codec for DirectCodec {
    type Protocol = StreamProtocol;
    type Request = Vec<u8>;
    type Response = Ack;

    async fn read_request<T>(&mut self, _: &StreamProtocol, io: &mut T) -> io::Result<Vec<u8>>
    where
        T: AsyncRead + Unpin + Send,
    {
        let mut length = [0; 4];
        io.read_exact(&mut length).await?;
        let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
        if length > DIRECT_MAX_BYTES {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "direct message over the cap"));
        }
        let mut bytes = Vec::with_capacity(length.min(FIRST_RESERVATION_BYTES));
        let limit = u64::try_from(length).unwrap_or(0);
        io.take(limit).read_to_end(&mut bytes).await?;
        if bytes.len() < length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(bytes)
    }

    async fn read_response<T>(&mut self, _: &StreamProtocol, io: &mut T) -> io::Result<Ack>
    where
        T: AsyncRead + Unpin + Send,
    {
        let mut byte = [0; 1];
        io.read_exact(&mut byte).await?;
        Ack::from_byte(byte[0])
    }

    async fn write_request<T>(
        &mut self,
        _: &StreamProtocol,
        io: &mut T,
        request: Vec<u8>,
    ) -> io::Result<()>
    where
        T: AsyncWrite + Unpin + Send,
    {
        let length = u32::try_from(request.len())
            .map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "direct message too long"))?;
        // One write, so that a small message is one multiplexer frame and one packet.
        let mut frame = Vec::with_capacity(request.len() + 4);
        frame.extend_from_slice(&length.to_be_bytes());
        frame.extend_from_slice(&request);
        io.write_all(&frame).await?;
        io.flush().await
    }

    async fn write_response<T>(
        &mut self,
        _: &StreamProtocol,
        io: &mut T,
        response: Ack,
    ) -> io::Result<()>
    where
        T: AsyncWrite + Unpin + Send,
    {
        io.write_all(&[response.to_byte()]).await?;
        io.flush().await
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use futures::{executor::block_on, io::Cursor};
    use libp2p::request_response::Codec as _;

    use super::*;

    const PROTOCOL: StreamProtocol = StreamProtocol::new("/test");

    fn read(frame: &[u8]) -> io::Result<Vec<u8>> {
        block_on(DirectCodec.read_request(&PROTOCOL, &mut Cursor::new(frame)))
    }

    fn written(message: Vec<u8>) -> Vec<u8> {
        let mut frame = Cursor::new(Vec::new());
        block_on(DirectCodec.write_request(&PROTOCOL, &mut frame, message)).unwrap();
        frame.into_inner()
    }

    #[test]
    fn a_message_of_every_edge_length_survives() {
        for length in [0, 1, 1023, 1024, 1025, DIRECT_MAX_BYTES - 1, DIRECT_MAX_BYTES] {
            let message = vec![0xa5; length];
            assert_eq!(read(&written(message.clone())).unwrap(), message);
        }
    }

    #[test]
    fn one_byte_over_the_cap_is_refused_before_it_is_read() {
        let frame = written(vec![0; DIRECT_MAX_BYTES + 1]);
        assert_eq!(read(&frame[..4]).unwrap_err().kind(), io::ErrorKind::InvalidData);
        assert_eq!(read(&[0xff; 4]).unwrap_err().kind(), io::ErrorKind::InvalidData);
    }

    #[test]
    fn every_truncation_is_an_error() {
        let frame = written(vec![7; 40]);
        for cut in 0..frame.len() {
            let kind = read(&frame[..cut]).unwrap_err().kind();
            assert_eq!(kind, io::ErrorKind::UnexpectedEof, "cut at {cut}");
        }
    }

    #[test]
    fn only_the_three_known_acknowledgements_are_read() {
        for byte in 0..=255_u8 {
            let answer = block_on(DirectCodec.read_response(&PROTOCOL, &mut Cursor::new([byte])));
            assert_eq!(answer.is_ok(), byte < 3, "byte {byte}");
        }
    }
}

//! The frame of a direct message: a four-byte length, the bytes, and a one-byte acknowledgement.
//! The length is checked against the cap before anything is reserved, memory grows only with bytes
//! that really arrived, and a read has a deadline. A refused message is a value, not an error:
//! upstream drops errors of a read silently, and then nobody could be blamed.

use std::{io, time::Duration};

use futures::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use libp2p::{StreamProtocol, request_response};

use crate::limits::{DIRECT_MAX_BYTES, READ_DEADLINE};

/// What is reserved before the first byte arrives; most messages fit.
const FIRST_RESERVATION_BYTES: usize = 1024;

/// What a request stream carried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Frame {
    /// A whole message.
    Message(Vec<u8>),
    /// A message announced longer than the cap; nothing of it was read.
    TooLarge,
    /// A message that was not whole at the deadline.
    TooSlow,
}

/// The receiver's one-byte answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ack {
    /// The message is in the consumer's queue.
    Taken,
    /// The consumer's queue is full; the message was dropped.
    Busy,
    /// The sender is over its rate cap; the message was dropped.
    OverRate,
    /// The message is longer than the receiver's cap.
    TooLarge,
    /// The message was not whole at the receiver's deadline.
    TooSlow,
}

impl Ack {
    fn to_byte(self) -> u8 {
        match self {
            Self::Taken => 0,
            Self::Busy => 1,
            Self::OverRate => 2,
            Self::TooLarge => 3,
            Self::TooSlow => 4,
        }
    }

    fn from_byte(byte: u8) -> io::Result<Self> {
        match byte {
            0 => Ok(Self::Taken),
            1 => Ok(Self::Busy),
            2 => Ok(Self::OverRate),
            3 => Ok(Self::TooLarge),
            4 => Ok(Self::TooSlow),
            _ => Err(io::Error::new(io::ErrorKind::InvalidData, "unknown acknowledgement")),
        }
    }
}

/// Reads and writes direct messages.
#[derive(Clone, Debug)]
pub(crate) struct DirectCodec {
    read_deadline: Duration,
}

impl Default for DirectCodec {
    fn default() -> Self {
        Self { read_deadline: READ_DEADLINE }
    }
}

impl request_response::Codec for DirectCodec {
    type Protocol = StreamProtocol;
    type Request = Frame;
    type Response = Ack;

    async fn read_request<T>(&mut self, _: &StreamProtocol, io: &mut T) -> io::Result<Frame>
    where
        T: AsyncRead + Unpin + Send,
    {
        match tokio::time::timeout(self.read_deadline, read_frame(io)).await {
            Ok(frame) => frame,
            Err(_) => Ok(Frame::TooSlow),
        }
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
        request: Frame,
    ) -> io::Result<()>
    where
        T: AsyncWrite + Unpin + Send,
    {
        let Frame::Message(request) = request else {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a message"));
        };
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

async fn read_frame<T: AsyncRead + Unpin + Send>(io: &mut T) -> io::Result<Frame> {
    let mut length = [0; 4];
    io.read_exact(&mut length).await?;
    let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
    if length > DIRECT_MAX_BYTES {
        return Ok(Frame::TooLarge);
    }
    let mut bytes = Vec::with_capacity(length.min(FIRST_RESERVATION_BYTES));
    let limit = u64::try_from(length).unwrap_or(0);
    io.take(limit).read_to_end(&mut bytes).await?;
    if bytes.len() < length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(Frame::Message(bytes))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use futures::{StreamExt, TryStreamExt, io::Cursor, stream};
    use libp2p::request_response::Codec as _;

    use super::*;

    const PROTOCOL: StreamProtocol = StreamProtocol::new("/test");

    async fn read(frame: &[u8]) -> io::Result<Frame> {
        DirectCodec::default().read_request(&PROTOCOL, &mut Cursor::new(frame)).await
    }

    async fn written(message: Vec<u8>) -> Vec<u8> {
        let mut frame = Cursor::new(Vec::new());
        let request = Frame::Message(message);
        DirectCodec::default().write_request(&PROTOCOL, &mut frame, request).await.unwrap();
        frame.into_inner()
    }

    #[tokio::test]
    async fn a_message_of_every_edge_length_survives() {
        for length in [0, 1, 1023, 1024, 1025, DIRECT_MAX_BYTES - 1, DIRECT_MAX_BYTES] {
            let message = vec![0xa5; length];
            let read = read(&written(message.clone()).await).await.unwrap();
            assert_eq!(read, Frame::Message(message));
        }
    }

    #[tokio::test]
    async fn one_byte_over_the_cap_is_refused_before_it_is_read() {
        let frame = written(vec![0; DIRECT_MAX_BYTES + 1]).await;
        assert_eq!(read(&frame[..4]).await.unwrap(), Frame::TooLarge);
        assert_eq!(read(&[0xff; 4]).await.unwrap(), Frame::TooLarge);
    }

    #[tokio::test]
    async fn every_truncation_is_an_error() {
        let frame = written(vec![7; 40]).await;
        for cut in 0..frame.len() {
            let kind = read(&frame[..cut]).await.unwrap_err().kind();
            assert_eq!(kind, io::ErrorKind::UnexpectedEof, "cut at {cut}");
        }
    }

    #[tokio::test]
    async fn a_message_that_never_becomes_whole_is_given_up() {
        let mut impatient = DirectCodec { read_deadline: Duration::from_millis(1) };
        let first = stream::iter([Ok(vec![0, 0, 0, 9, 1])]);
        let mut silent = first.chain(stream::pending::<io::Result<Vec<u8>>>()).into_async_read();
        let frame = impatient.read_request(&PROTOCOL, &mut silent).await.unwrap();
        assert_eq!(frame, Frame::TooSlow);
    }

    #[tokio::test]
    async fn only_known_acknowledgements_are_read() {
        for byte in 0..=255_u8 {
            let mut answer = Cursor::new([byte]);
            match DirectCodec::default().read_response(&PROTOCOL, &mut answer).await {
                Ok(ack) => assert_eq!(ack.to_byte(), byte),
                Err(_) => assert!(byte > 4, "byte {byte}"),
            }
        }
    }
}

//! One connection of a load generator: writes requests that are ready, reads no more of an answer than
//! its status and length. It does as little as it can, because it shares the machine with what is measured.

use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A connection and what was read of the next answer.
pub(crate) struct Wire {
    stream: TcpStream,
    answers: Answers,
}

/// Bytes that arrived, cut into answers.
#[derive(Default)]
pub(crate) struct Answers {
    buffer: Vec<u8>,
    taken: usize,
}

impl Wire {
    pub(crate) async fn connect(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, answers: Answers::default() })
    }

    /// Sends a request and reads the status of its answer.
    pub(crate) async fn exchange(&mut self, request: &[u8]) -> io::Result<u16> {
        let written = self.stream.write_all(request).await;
        // Whoever refuses may close before it has read everything; its answer is here all the same.
        let answered = self.status().await;
        if answered.is_err() {
            written?;
        }
        answered
    }

    async fn status(&mut self) -> io::Result<u16> {
        loop {
            if let Some(status) = self.answers.next()? {
                return Ok(status);
            }
            if self.stream.read_buf(self.answers.room()).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }
}

impl Answers {
    /// Where to read further bytes into.
    pub(crate) fn room(&mut self) -> &mut Vec<u8> {
        if self.taken == self.buffer.len() {
            self.buffer.clear();
            self.taken = 0;
        }
        self.buffer.reserve(4_096);
        &mut self.buffer
    }

    /// The status of the next answer, if all of it is here.
    pub(crate) fn next(&mut self) -> io::Result<Option<u16>> {
        let here = &self.buffer[self.taken..];
        let Some(head) = here.windows(4).position(|window| window == b"\r\n\r\n") else {
            return Ok(None);
        };
        let (status, length) = parse(&here[..head + 2]).ok_or(io::ErrorKind::InvalidData)?;
        let whole = head + 4 + length;
        if here.len() < whole {
            return Ok(None);
        }
        self.taken += whole;
        Ok(Some(status))
    }
}

/// Status and length of the body, from a head that ends with a line's end.
pub(crate) fn parse(head: &[u8]) -> Option<(u16, usize)> {
    let status = std::str::from_utf8(head.get(9..12)?).ok()?.parse().ok()?;
    Some((status, content_length(head)?))
}

/// Length of the body of a request or an answer, from its head; 0 where it is not said.
pub(crate) fn content_length(head: &[u8]) -> Option<usize> {
    let mut length = 0;
    for line in head.split(|&byte| byte == b'\n') {
        let name = b"content-length:";
        if line.len() > name.len() && line[..name.len()].eq_ignore_ascii_case(name) {
            length = std::str::from_utf8(&line[name.len()..]).ok()?.trim().parse().ok()?;
        }
    }
    Some(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_cut_where_they_end_however_they_arrive() {
        let mut answers = Answers::default();
        let bytes = b"HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\n\r\n{}HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n";
        let mut found = Vec::new();
        for byte in bytes {
            answers.room().push(*byte);
            found.extend(answers.next().expect("it is HTTP"));
        }
        assert_eq!(found, [202, 503]);
        answers.room().extend_from_slice(bytes);
        assert_eq!(answers.next().expect("it is HTTP"), Some(202));
        assert_eq!(answers.next().expect("it is HTTP"), Some(503));
        assert_eq!(answers.next().expect("it is HTTP"), None);
    }
}

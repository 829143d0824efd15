//! As much of an HTTP/1.1 client as a load generator needs: bytes out, one answer in.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use thiserror::Error;

/// No answer within this time is an error, not a latency.
const TIMEOUT: Duration = Duration::from_secs(30);
const MAX_HEADERS: usize = 64;

#[derive(Debug, Error)]
pub(crate) enum HttpError {
    #[error("connection to the server: {0}")]
    Io(#[from] io::Error),
    #[error("the server closed the connection")]
    Closed,
    #[error("the answer is not http: {0}")]
    Parse(#[from] httparse::Error),
    #[error("the answer has no `content-length`, and nothing else is understood here")]
    Length,
}

/// The bytes of a request. `headers` are whole lines without their ends.
pub(crate) fn request(method: &str, path: &str, headers: &[&str], body: &[u8]) -> Vec<u8> {
    let mut text = format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\n");
    for header in headers {
        text.push_str(header);
        text.push_str("\r\n");
    }
    if !body.is_empty() || method != "GET" {
        text.push_str(&format!("content-length: {}\r\n", body.len()));
    }
    text.push_str("\r\n");
    let mut bytes = text.into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

/// The body borrows the connection's buffer.
#[derive(Debug)]
pub(crate) struct Answer<'c> {
    pub(crate) status: u16,
    pub(crate) body: &'c [u8],
}

/// A kept-alive connection, with one request at a time on it.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    pub(crate) fn open(server: SocketAddr) -> Result<Self, HttpError> {
        let stream = TcpStream::connect(server)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        Ok(Self {
            stream,
            buffer: Vec::with_capacity(64 * 1024),
        })
    }

    /// Sends one whole request and reads its whole answer.
    pub(crate) fn exchange(&mut self, request: &[u8]) -> Result<Answer<'_>, HttpError> {
        self.buffer.clear();
        self.stream.write_all(request)?;
        let head = loop {
            self.fill()?;
            if let Some(head) = parse(&self.buffer)? {
                break head;
            }
        };
        let end = head.bytes + head.body_bytes;
        while self.buffer.len() < end {
            self.fill()?;
        }
        let body = self.buffer.get(head.bytes..end).unwrap_or_default();
        Ok(Answer {
            status: head.status,
            body,
        })
    }

    fn fill(&mut self) -> Result<(), HttpError> {
        let mut chunk = [0_u8; 16 * 1024];
        let read = self.stream.read(&mut chunk)?;
        if read == 0 {
            return Err(HttpError::Closed);
        }
        self.buffer
            .extend_from_slice(chunk.get(..read).unwrap_or_default());
        Ok(())
    }
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) status: u16,
    /// How long the head is, and with it where the body starts.
    pub(super) bytes: usize,
    pub(super) body_bytes: usize,
}

/// `None` while the head is not complete.
pub(super) fn parse(bytes: &[u8]) -> Result<Option<Head>, HttpError> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut response = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(head_bytes) = response.parse(bytes)? else {
        return Ok(None);
    };
    let status = response.code.unwrap_or_default();
    let length = response
        .headers
        .iter()
        .find(|header| header.name.eq_ignore_ascii_case("content-length"))
        .and_then(|header| std::str::from_utf8(header.value).ok()?.trim().parse().ok());
    let body_bytes = match length {
        Some(length) => length,
        None if status == 204 => 0,
        None => return Err(HttpError::Length),
    };
    Ok(Some(Head {
        status,
        bytes: head_bytes,
        body_bytes,
    }))
}

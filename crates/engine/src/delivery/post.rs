//! An address that each checkpoint is posted to, as the body of a request of its own.
//!
//! There is no TLS in here: the address is on this machine, where a proxy takes it further.

use std::net::IpAddr;
use std::str::FromStr;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::http1;
use hyper::header::{CONTENT_TYPE, HOST};
use hyper::{Request, Uri};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::Untaken;

/// Longest that an answer is waited for.
const TIMEOUT: Duration = Duration::from_secs(10);
const HTTP_PORT: u16 = 80;

/// An address of this machine that is spoken to in plain HTTP.
#[derive(Clone, PartialEq, Eq)]
pub struct PostUrl {
    host: String,
    port: u16,
    /// Host and port, as the request names them.
    authority: String,
    path: String,
}

/// Shows no path: it may be what opens the address.
impl std::fmt::Debug for PostUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PostUrl")
            .field("authority", &self.authority)
            .finish_non_exhaustive()
    }
}

impl FromStr for PostUrl {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const EXPECTED: &str = "expected an address of this machine, such as `http://127.0.0.1:9000/checkpoints`: \
             for one elsewhere, let a proxy on this machine take it there over TLS";
        let uri: Uri = text.parse().map_err(|_| EXPECTED)?;
        let authority = uri.authority().filter(|_| uri.scheme_str() == Some("http"));
        let authority = authority.ok_or(EXPECTED)?;
        let host = authority.host().trim_matches(['[', ']']);
        let ip = host.parse::<IpAddr>();
        let here = host == "localhost" || ip.is_ok_and(|ip| ip.is_loopback());
        if !here || authority.as_str().contains('@') {
            return Err(EXPECTED);
        }
        Ok(Self {
            host: host.to_owned(),
            port: authority.port_u16().unwrap_or(HTTP_PORT),
            authority: authority.as_str().to_owned(),
            path: uri
                .path_and_query()
                .map_or("/", |path| path.as_str())
                .to_owned(),
        })
    }
}

impl PostUrl {
    pub(super) async fn post(&self, note: String) -> Result<(), Untaken> {
        let sent = tokio::time::timeout(TIMEOUT, self.send(note)).await;
        let status = sent.unwrap_or(Err(Untaken::Post("there was no answer in time")))?;
        if (200..300).contains(&status) {
            Ok(())
        } else {
            Err(Untaken::Status(status))
        }
    }

    async fn send(&self, note: String) -> Result<u16, Untaken> {
        let request = Request::post(self.path.as_str())
            .header(HOST, self.authority.as_str())
            .header(CONTENT_TYPE, "text/plain; charset=utf-8")
            .body(Full::new(Bytes::from(note)))
            .map_err(|_| Untaken::Post("the address makes no request"))?;
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await;
        let stream = stream.map_err(|_| Untaken::Post("nobody listens at the address"))?;
        let broken = |_| Untaken::Post("the connection broke");
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(broken)?;
        let (answer, ()) = tokio::join!(
            async {
                let answer = sender.send_request(request).await;
                // Without it the connection ends.
                drop(sender);
                answer.map(|answer| answer.status().as_u16())
            },
            async {
                // How it ended, the answer tells.
                let _ = connection.await;
            }
        );
        answer.map_err(broken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_on_this_machine_and_in_plain_http() {
        let check =
            |text: &str, ok: bool| assert_eq!(PostUrl::from_str(text).is_ok(), ok, "{text}");
        check("http://127.0.0.1:9000/checkpoints?of=kith", true);
        check("http://localhost", true);
        check("http://[::1]:9000/", true);
        check("https://127.0.0.1:9000/", false);
        check("http://example.com/", false);
        check("http://127.0.0.1.example.com/", false);
        check("http://me:secret@127.0.0.1/", false);
        check("127.0.0.1:9000", false);
        check("", false);
    }
}

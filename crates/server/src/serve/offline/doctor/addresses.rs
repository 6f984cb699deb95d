//! The addresses a server listens on: free, or taken by a stormbell that answers.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use super::{Finding, Patient};

/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(3);
/// Bytes of an answer that are read.
const ANSWER_BYTES: u64 = 16 << 10;

/// Who has the address of HTTP.
pub(super) fn http(patient: &mut Patient<'_>) -> anyhow::Result<Finding> {
    let address = patient.config.http;
    if let Some(finding) = free(address) {
        return Ok(finding);
    }
    if patient.config.tls.is_some() {
        return Ok(taken(patient, address));
    }
    Ok(match ask(address) {
        Ok((200, body)) if is_ready_document(&body) => {
            Finding::ok(format!("{address} is taken by a stormbell that is ready"))
        }
        Ok((503, body)) if is_ready_document(&body) => Finding::warn(format!(
            "{address} is taken by a stormbell that is not ready: {}",
            body.trim()
        )),
        Ok((code, _)) => Finding::fail(format!(
            "{address} is taken by something that is no stormbell: it answers {code} to /readyz"
        )),
        Err(error) => Finding::fail(format!(
            "{address} is taken by something that does not answer as a stormbell: {error}"
        )),
    })
}

/// Who has the address of gRPC.
pub(super) fn grpc(patient: &mut Patient<'_>) -> anyhow::Result<Finding> {
    let address = patient.config.grpc;
    Ok(free(address).unwrap_or_else(|| taken(patient, address)))
}

/// `None` when somebody has it.
fn free(address: SocketAddr) -> Option<Finding> {
    match TcpListener::bind(address) {
        Ok(_) if address.port() == 0 => Some(Finding::ok(format!("{address}: any free port"))),
        Ok(_) => Some(Finding::ok(format!("{address} is free"))),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => None,
        Err(error) => Some(Finding::fail(format!("{address} cannot be listened on: {error}"))),
    }
}

/// What can be said of an address whose owner is not asked.
fn taken(patient: &Patient<'_>, address: SocketAddr) -> Finding {
    match patient.running() {
        Some(process) => Finding::ok(format!(
            "{address} is taken, and a server (process {process}) runs on the data folder; it was not asked"
        )),
        None => Finding::fail(format!("{address} is taken, and no server runs on the data folder")),
    }
}

/// The code and the body of the answer to `GET /readyz`.
fn ask(address: SocketAddr) -> io::Result<(u16, String)> {
    let mut stream = TcpStream::connect_timeout(&reachable(address), PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let request = format!("GET /readyz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    stream.take(ANSWER_BYTES).read_to_end(&mut answer)?;
    let answer = String::from_utf8_lossy(&answer);
    read_answer(&answer).ok_or_else(|| io::Error::other("its answer is no HTTP"))
}

fn read_answer(answer: &str) -> Option<(u16, String)> {
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let code = head.strip_prefix("HTTP/1.")?.split(' ').nth(1)?.parse().ok()?;
    Some((code, body.to_owned()))
}

fn is_ready_document(body: &str) -> bool {
    body.contains("\"ready\":")
}

/// Where a listener on every address can be reached from here.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_taken_apart() {
        let answer =
            "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 2\r\n\r\n{\"ready\":false}";
        assert_eq!(read_answer(answer), Some((503, "{\"ready\":false}".to_owned())));
        assert_eq!(read_answer("220 mail.example ESMTP\r\n\r\n"), None);
        assert_eq!(read_answer(""), None);
    }
}

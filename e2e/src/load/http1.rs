//! The least HTTP/1.1 that a load needs: requests as bytes, and answers with a `Content-Length`.

use anyhow::{Context, bail, ensure};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Longest answer head.
const HEAD_LIMIT: usize = 16 * 1024;
/// How much is read at a time.
const READ: usize = 64 * 1024;

/// The head of an answer with status 200.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Bytes of the head, empty line included.
    pub length: usize,
    /// Bytes of the body.
    pub body: usize,
    /// Whether the server closes the connection after this answer.
    pub closes: bool,
}

impl Head {
    /// Reads the head at the start of `bytes`; none while it is incomplete.
    ///
    /// # Errors
    /// When the status is not 200, or there is no `Content-Length`.
    pub fn parse(bytes: &[u8]) -> anyhow::Result<Option<Self>> {
        let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
            ensure!(bytes.len() < HEAD_LIMIT, "answer head is too long");
            return Ok(None);
        };
        let text = std::str::from_utf8(&bytes[..end]).context("answer head is not text")?;
        let mut lines = text.split("\r\n");
        let status = lines.next().unwrap_or_default();
        if !status.starts_with("HTTP/1.1 200") {
            bail!("answered {status:?}");
        }
        let (mut body, mut closes) = (None, false);
        for line in lines {
            let (name, value) = line.split_once(':').context("header line without colon")?;
            if name.eq_ignore_ascii_case("content-length") {
                body = Some(value.trim().parse().context("content-length")?);
            } else if name.eq_ignore_ascii_case("connection") {
                closes = value.trim().eq_ignore_ascii_case("close");
            }
        }
        Ok(Some(Self {
            length: end + 4,
            body: body.context("answer without content-length")?,
            closes,
        }))
    }
}

/// A GET request as bytes.
pub fn get(host: &str, path: &str, close: bool) -> Vec<u8> {
    let connection = if close { "Connection: close\r\n" } else { "" };
    format!(
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: load\r\nAccept: */*\r\n{connection}\r\n"
    )
    .into_bytes()
}

/// Reads one whole answer; `buffer` is scratch space that may be used again.
///
/// # Errors
/// When the connection breaks, or the answer is not a 200 with a body of the announced length.
pub async fn answer<S: AsyncRead + Unpin>(
    stream: &mut S,
    buffer: &mut Vec<u8>,
) -> anyhow::Result<Head> {
    buffer.resize(READ, 0);
    let mut filled = 0;
    let head = loop {
        let read = stream.read(&mut buffer[filled..]).await?;
        ensure!(read > 0, "closed before the answer");
        filled += read;
        if let Some(head) = Head::parse(&buffer[..filled])? {
            break head;
        }
    };
    let mut rest = (head.length + head.body)
        .checked_sub(filled)
        .context("more bytes than announced")?;
    while rest > 0 {
        let room = rest.min(READ);
        let read = stream.read(&mut buffer[..room]).await?;
        ensure!(read > 0, "closed within the body");
        rest -= read;
    }
    Ok(head)
}

/// One request and its whole answer.
///
/// # Errors
/// Those of [`answer`].
pub async fn exchange<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    request: &[u8],
    buffer: &mut Vec<u8>,
) -> anyhow::Result<Head> {
    stream.write_all(request).await?;
    stream.flush().await?;
    answer(stream, buffer).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<(usize, bool)>) {
        let head = Head::parse(text.as_bytes()).expect("a head");
        assert_eq!(
            head.map(|head| (head.body, head.closes)),
            expected,
            "{text:?}"
        );
    }

    #[test]
    fn a_head_tells_body_length_and_whether_the_connection_stays() {
        check("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n", None);
        check(
            "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabc",
            Some((3, false)),
        );
        check(
            "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
            Some((0, true)),
        );
    }

    #[test]
    fn anything_but_a_measured_200_is_an_error() {
        for text in [
            "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        ] {
            assert!(Head::parse(text.as_bytes()).is_err(), "{text:?}");
        }
    }
}

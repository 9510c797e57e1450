//! A backend's response head, checked: what passes has exactly one reading.

use crate::http::framing::Decoder;
use crate::http::head::{ConnectionTokens, Field, parse_length};

/// A response head, borrowed from where it was received.
#[derive(Debug)]
pub(crate) struct ResponseHead<'a> {
    pub(crate) status: u16,
    pub(crate) reason: &'a str,
    pub(crate) fields: &'a [httparse::Header<'a>],
    pub(crate) connection: ConnectionTokens<'a>,
    /// How the body is framed on the way here. `None`: there is none.
    pub(crate) body: Option<Decoder>,
    /// Whether the connection carries another request afterwards.
    pub(crate) reusable: bool,
}

/// What was asked, as far as it matters for reading the answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    pub(crate) head: bool,
    pub(crate) websocket: bool,
}

/// Not a response, or one with more than one reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid response from the backend")]
pub(crate) struct InvalidResponse;

/// What bytes from a backend begin with.
#[derive(Debug)]
pub(crate) enum Parsed<T> {
    Partial,
    /// An informational response of so many bytes, to be skipped.
    Informational(usize),
    /// The final head of so many bytes.
    Final(usize, Facts, T),
}

/// What stays of a head when its bytes are gone.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Facts {
    pub(crate) status: u16,
    pub(crate) body: Option<Decoder>,
    pub(crate) reusable: bool,
}

/// Parses the head at the start of `buffered` and gives it to `use_head`.
///
/// # Errors
/// [`InvalidResponse`]
pub(crate) fn parse<T>(
    buffered: &[u8],
    asked: Asked,
    use_head: impl FnOnce(&ResponseHead<'_>) -> Result<T, InvalidResponse>,
) -> Result<Parsed<T>, InvalidResponse> {
    let mut storage =
        [const { std::mem::MaybeUninit::<httparse::Header<'_>>::uninit() }; MOST_FIELDS];
    let mut response = httparse::Response::new(&mut []);
    let parsed = httparse::ParserConfig::default().parse_response_with_uninit_headers(
        &mut response,
        buffered,
        &mut storage,
    );
    let len = match parsed {
        Ok(httparse::Status::Complete(len)) => len,
        Ok(httparse::Status::Partial) if buffered.len() < LONGEST_HEAD => {
            return Ok(Parsed::Partial);
        }
        Ok(httparse::Status::Partial) | Err(_) => return Err(InvalidResponse),
    };
    let status = response.code.ok_or(InvalidResponse)?;
    match status {
        101 if asked.websocket => {}
        100 | 102..=199 => return Ok(Parsed::Informational(len)),
        200..=599 => {}
        _ => return Err(InvalidResponse),
    }
    let head = check(&response, status, asked)?;
    let facts = Facts {
        status,
        body: head.body,
        reusable: head.reusable,
    };
    Ok(Parsed::Final(len, facts, use_head(&head)?))
}

/// RFC 9112, 6.3, refusing what another parser could read differently.
fn check<'a>(
    response: &'a httparse::Response<'_, 'a>,
    status: u16,
    asked: Asked,
) -> Result<ResponseHead<'a>, InvalidResponse> {
    let http11 = response.version == Some(1);
    let mut connection = ConnectionTokens::default();
    let mut length = None;
    let mut transfer_encodings = 0;
    let mut chunked = false;
    for field in &*response.headers {
        match Field::of(field.name) {
            Field::Connection => connection.read(field.value).map_err(|_| InvalidResponse)?,
            Field::ContentLength => {
                let value = parse_length(field.value.trim_ascii()).ok_or(InvalidResponse)?;
                if length.replace(value).is_some() {
                    return Err(InvalidResponse);
                }
            }
            Field::TransferEncoding => {
                transfer_encodings += 1;
                chunked = field.value.trim_ascii().eq_ignore_ascii_case(b"chunked");
            }
            Field::Authorization
            | Field::Cookie
            | Field::Date
            | Field::Expect
            | Field::ForwardedFor
            | Field::HopByHop
            | Field::Host
            | Field::Other
            | Field::Ours
            | Field::Upgrade
            | Field::UserAgent => {}
        }
    }
    if transfer_encodings > 0 && (transfer_encodings > 1 || !chunked || !http11 || length.is_some())
    {
        return Err(InvalidResponse);
    }
    let bodiless = asked.head || status == 101 || status == 204 || status == 304;
    // A body where none may be: what it is taken for must not depend on when it arrives.
    let contradictory = status == 204 && (chunked || length.is_some_and(|length| length > 0));
    let body = match length {
        _ if bodiless => None,
        Some(0) => None,
        Some(length) => Some(Decoder::Length(length)),
        None if chunked => Some(Decoder::CHUNKED),
        None => Some(Decoder::UntilClose),
    };
    Ok(ResponseHead {
        status,
        reason: response.reason.unwrap_or_default(),
        fields: response.headers,
        connection,
        body,
        reusable: !connection.close
            && (http11 || connection.keep_alive)
            && status != 101
            && !contradictory
            && body != Some(Decoder::UntilClose),
    })
}

/// Fields of one response.
const MOST_FIELDS: usize = 128;
/// Bytes of one response head.
const LONGEST_HEAD: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    const GET: Asked = Asked {
        head: false,
        websocket: false,
    };

    fn framing(
        wire: &str,
        asked: Asked,
    ) -> Result<Option<(Option<Decoder>, bool)>, InvalidResponse> {
        Ok(match parse(wire.as_bytes(), asked, |_| Ok(()))? {
            Parsed::Final(_, facts, ()) => Some((facts.body, facts.reusable)),
            Parsed::Partial | Parsed::Informational(_) => None,
        })
    }

    #[test]
    fn bodies_are_framed_by_rfc_9112() {
        let check = |wire: &str, body, reusable| {
            assert_eq!(framing(wire, GET), Ok(Some((body, reusable))), "{wire:?}");
        };
        check(
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
            Some(Decoder::Length(5)),
            true,
        );
        check("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", None, true);
        check(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n",
            Some(Decoder::CHUNKED),
            true,
        );
        check("HTTP/1.1 200 OK\r\n\r\n", Some(Decoder::UntilClose), false);
        check("HTTP/1.1 204 No Content\r\n\r\n", None, true);
        check(
            "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n",
            None,
            false,
        );
        check(
            "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
            None,
            true,
        );
        check(
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\n",
            Some(Decoder::Length(5)),
            false,
        );
        check(
            "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\n",
            Some(Decoder::Length(5)),
            false,
        );
        check(
            "HTTP/1.1 200\r\nContent-Length: 5\r\n\r\n",
            Some(Decoder::Length(5)),
            true,
        );
    }

    #[test]
    fn a_head_response_has_no_body() {
        let asked = Asked { head: true, ..GET };
        assert_eq!(
            framing("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", asked),
            Ok(Some((None, true)))
        );
    }

    #[test]
    fn ambiguous_and_broken_responses_are_refused() {
        for wire in [
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
            "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            "HTTP/1.1 200 OK\r\nA: b\r\n folded\r\n\r\n",
            "HTTP/1.1 099 Low\r\n\r\n",
            "HTTP/1.1 600 High\r\n\r\n",
            "HTTP/1.1 101 Switching Protocols\r\n\r\n",
            "HTTP/2 200 OK\r\n\r\n",
            "SSH-2.0-OpenSSH\r\n",
            "<html>",
        ] {
            assert_eq!(framing(wire, GET), Err(InvalidResponse), "{wire:?}");
        }
    }

    #[test]
    fn informational_responses_are_told_apart() {
        let parsed = parse(b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200", GET, |_| {
            Ok(())
        });
        assert!(
            matches!(parsed, Ok(Parsed::Informational(28))),
            "{parsed:?}"
        );
        let asked = Asked {
            websocket: true,
            ..GET
        };
        let upgraded = framing(
            "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\n\r\n",
            asked,
        );
        assert_eq!(upgraded, Ok(Some((None, false))));
    }
}

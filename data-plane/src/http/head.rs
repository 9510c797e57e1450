//! A request head, checked. What passes here has exactly one reading.

use crate::http::host::Host;
use crate::http::refusal::Refusal;
use crate::limits::Limits;

/// The version that the client speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    Http10,
    Http11,
    Http2,
}

impl Version {
    /// As the access log shows it.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Http10 => "HTTP/1.0",
            Self::Http11 => "HTTP/1.1",
            Self::Http2 => "HTTP/2.0",
        }
    }
}

/// How long a request body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyLength {
    None,
    Bytes(u64),
    Unknown,
}

/// A request head that is safe to forward, borrowed from where it was received.
#[derive(Debug)]
pub(crate) struct RequestHead<'a> {
    pub(crate) version: Version,
    pub(crate) method: &'a str,
    /// Path and query; `*` for `OPTIONS *`.
    pub(crate) target: &'a str,
    pub(crate) host: Option<Host<'a>>,
    pub(crate) body: BodyLength,
    /// Whether the client would send another request on this connection.
    pub(crate) keep_alive: bool,
    pub(crate) expects_continue: bool,
    /// Whether the client asks for a WebSocket.
    pub(crate) websocket: bool,
    pub(crate) user_agent: &'a [u8],
    /// What `Connection` says.
    pub(crate) connection: ConnectionTokens<'a>,
}

/// Header fields that mean something to a gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Field {
    Authorization,
    Connection,
    ContentLength,
    Cookie,
    Date,
    Expect,
    ForwardedFor,
    Host,
    /// Meant for the next hop only, and to be left out (RFC 9110, 7.6.1).
    HopByHop,
    Other,
    /// One that the gateway sets itself, or that tells who the client is: never a client's.
    Ours,
    TransferEncoding,
    Upgrade,
    UserAgent,
}

impl Field {
    /// Tells what `name`, in any case, is.
    pub(crate) fn of(name: &str) -> Self {
        let is = |known: &str| name.eq_ignore_ascii_case(known);
        match name.len() {
            2 if is("te") => Self::HopByHop,
            4 if is("host") => Self::Host,
            4 if is("date") => Self::Date,
            6 if is("expect") => Self::Expect,
            6 if is("cookie") => Self::Cookie,
            7 if is("upgrade") => Self::Upgrade,
            7 if is("trailer") => Self::HopByHop,
            10 if is("connection") => Self::Connection,
            10 if is("keep-alive") => Self::HopByHop,
            10 if is("user-agent") => Self::UserAgent,
            11 if is("client-cert") => Self::Ours,
            13 if is("authorization") => Self::Authorization,
            14 if is("content-length") => Self::ContentLength,
            14 if is("x-original-url") => Self::Ours,
            14 if is("http2-settings") => Self::HopByHop,
            15 if is("x-forwarded-for") => Self::ForwardedFor,
            15 if is("x-original-host") => Self::Ours,
            16 if is("proxy-connection") => Self::HopByHop,
            16 if is("x-forwarded-port") => Self::Ours,
            16 if is("x-appgw-trace-id") => Self::Ours,
            17 if is("transfer-encoding") => Self::TransferEncoding,
            17 if is("client-cert-chain") => Self::Ours,
            17 if is("x-forwarded-proto") => Self::Ours,
            23 if is("x-forwarded-client-cert") => Self::Ours,
            _ => Self::Other,
        }
    }
}

/// The options of all `Connection` fields of a message.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ConnectionTokens<'a> {
    pub(crate) close: bool,
    pub(crate) keep_alive: bool,
    pub(crate) upgrade: bool,
    named: [Option<&'a [u8]>; MOST_NAMED],
    count: usize,
}

impl<'a> ConnectionTokens<'a> {
    /// Reads one `Connection` field.
    ///
    /// # Errors
    /// It names more fields than any client would.
    pub(crate) fn read(&mut self, value: &'a [u8]) -> Result<(), TooManyNamed> {
        for token in value.split(|&byte| byte == b',').map(<[u8]>::trim_ascii) {
            if token.eq_ignore_ascii_case(b"close") {
                self.close = true;
            } else if token.eq_ignore_ascii_case(b"keep-alive") {
                self.keep_alive = true;
            } else if token.eq_ignore_ascii_case(b"upgrade") {
                self.upgrade = true;
            } else if !token.is_empty() {
                *self.named.get_mut(self.count).ok_or(TooManyNamed)? = Some(token);
                self.count += 1;
            }
        }
        Ok(())
    }

    /// Whether `name` is one of the fields that the message declares to be hop-by-hop.
    pub(crate) fn names(&self, name: &str) -> bool {
        self.count > 0
            && self
                .named
                .iter()
                .flatten()
                .any(|token| token.eq_ignore_ascii_case(name.as_bytes()))
    }

    fn all(&self) -> impl Iterator<Item = &'a [u8]> {
        self.named.into_iter().flatten()
    }
}

/// `Connection` names more fields than we keep track of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TooManyNamed;

const MOST_NAMED: usize = 8;

/// Whether bytes at the start of a connection hold a request.
#[derive(Debug)]
pub(crate) enum Parsed<T> {
    /// The head is not complete.
    Partial,
    /// The head takes so many bytes.
    Complete(usize, T),
}

/// Parses the HTTP/1 head at the start of `buffered` and gives it to `use_head` together with its fields.
///
/// # Errors
/// The refusal to answer with; the connection is then to be closed.
pub(crate) fn parse_http1<T>(
    buffered: &[u8],
    limits: &Limits,
    use_head: impl FnOnce(&RequestHead<'_>, &[httparse::Header<'_>]) -> Result<T, Refusal>,
) -> Result<Parsed<T>, Refusal> {
    let mut storage =
        [const { std::mem::MaybeUninit::<httparse::Header<'_>>::uninit() }; MOST_FIELDS];
    let fields = storage
        .get_mut(..limits.max_headers.min(MOST_FIELDS))
        .unwrap_or_default();
    let mut request = httparse::Request::new(&mut []);
    match request.parse_with_uninit_headers(buffered, fields) {
        Ok(httparse::Status::Complete(len)) if len > limits.max_header_bytes => {
            Err(Refusal::HeadersTooLarge)
        }
        Ok(httparse::Status::Complete(len))
            if mixes_line_ends(buffered.get(..len).unwrap_or_default()) =>
        {
            Err(Refusal::InvalidHeader)
        }
        Ok(httparse::Status::Complete(len)) => {
            let head = check_http1(&request, limits)?;
            use_head(&head, request.headers).map(|result| Parsed::Complete(len, result))
        }
        Ok(httparse::Status::Partial) => Ok(Parsed::Partial),
        Err(error) => Err(refusal(error, buffered)),
    }
}

/// Whether some lines end with a bare line feed and others do not. Who types a head uses one or the other; a proxy in front
/// of us that takes bare line feeds for part of a value would see other fields than we do.
fn mixes_line_ends(head: &[u8]) -> bool {
    let mut ends = head
        .split_inclusive(|&byte| byte == b'\n')
        .map(|line| line.ends_with(b"\r\n"));
    let first = ends.next();
    ends.any(|end| Some(end) != first)
}

fn refusal(error: httparse::Error, buffered: &[u8]) -> Refusal {
    match error {
        httparse::Error::HeaderName | httparse::Error::HeaderValue => Refusal::InvalidHeader,
        httparse::Error::TooManyHeaders => Refusal::HeadersTooLarge,
        httparse::Error::Version => Refusal::InvalidVersion,
        httparse::Error::NewLine | httparse::Error::Status | httparse::Error::Token => {
            let line = buffered
                .split(|&byte| byte == b'\n')
                .next()
                .unwrap_or_default();
            match line.trim_ascii_end().split(|&byte| byte == b' ').count() {
                2 if line.len() < buffered.len() => Refusal::Http09,
                1 => Refusal::InvalidMethod,
                _ => Refusal::InvalidRequest,
            }
        }
    }
}

fn check_http1<'a>(
    request: &httparse::Request<'_, 'a>,
    limits: &Limits,
) -> Result<RequestHead<'a>, Refusal> {
    let version = match request.version {
        Some(0) => Version::Http10,
        Some(1) => Version::Http11,
        _ => return Err(Refusal::InvalidVersion),
    };
    let method = check_method(request.method.unwrap_or_default())?;
    let path = request.path.unwrap_or_default();
    if path.len() > limits.max_uri_bytes {
        return Err(Refusal::UriTooLong);
    }
    let (authority, target) = split_target(method, path)?;

    let mut fields = Fields::default();
    for header in &*request.headers {
        fields.read(header.name, header.value, limits)?;
    }
    let mut host = fields.host.map(parse_host).transpose()?;
    if version == Version::Http11 && host.is_none() {
        return Err(Refusal::MissingHost);
    }
    if let Some(authority) = authority {
        let authority = parse_host(authority.as_bytes())?;
        if host.is_some_and(|host| !host.agrees_with(&authority)) {
            return Err(Refusal::InvalidHost);
        }
        host = Some(authority);
    }
    let body = fields.body_http1(version)?;
    let connection = fields.connection;
    Ok(RequestHead {
        version,
        method,
        target,
        host,
        body,
        keep_alive: !connection.close && (version == Version::Http11 || connection.keep_alive),
        expects_continue: version == Version::Http11 && fields.expects_continue,
        websocket: version == Version::Http11
            && connection.upgrade
            && fields.websocket
            && method == "GET"
            && body == BodyLength::None,
        user_agent: fields.user_agent,
        connection,
    })
}

/// Checks the head of an HTTP/2 request. The `h2` crate has already refused what RFC 9113, 8.2 and 8.3 forbid.
///
/// # Errors
/// The refusal to answer with.
pub(crate) fn check_http2<'a>(
    parts: &'a http::request::Parts,
    has_body: bool,
    limits: &Limits,
) -> Result<RequestHead<'a>, Refusal> {
    let method = check_method(parts.method.as_str())?;
    let target = parts
        .uri
        .path_and_query()
        .map_or("/", http::uri::PathAndQuery::as_str);
    if target.len() > limits.max_uri_bytes {
        return Err(Refusal::UriTooLong);
    }
    if parts.headers.len() > limits.max_headers {
        return Err(Refusal::HeadersTooLarge);
    }
    let (None, target) = split_target(method, target)? else {
        // RFC 9113, 8.3.1: `:path` is no absolute form.
        return Err(Refusal::InvalidUri);
    };
    let mut fields = Fields::default();
    let mut bytes = target.len();
    for (name, value) in &parts.headers {
        fields.read(name.as_str(), value.as_bytes(), limits)?;
        bytes += name.as_str().len() + value.len();
    }
    if bytes > limits.max_header_bytes {
        return Err(Refusal::HeadersTooLarge);
    }
    let mut host = fields.host.map(parse_host).transpose()?;
    if let Some(authority) = parts.uri.authority() {
        let authority = parse_host(authority.as_str().as_bytes())?;
        if host.is_some_and(|host| !host.agrees_with(&authority)) {
            return Err(Refusal::InvalidHost);
        }
        host = Some(authority);
    }
    if host.is_none() {
        return Err(Refusal::MissingHost);
    }
    if fields.transfer_encodings > 0 || fields.has_connection {
        return Err(Refusal::InvalidHeader);
    }
    let body = match (has_body, fields.length()?) {
        (false, _) => BodyLength::None,
        (true, Some(length)) => BodyLength::Bytes(length),
        (true, None) => BodyLength::Unknown,
    };
    Ok(RequestHead {
        version: Version::Http2,
        method,
        target,
        host,
        body,
        keep_alive: true,
        expects_continue: false,
        websocket: false,
        user_agent: fields.user_agent,
        connection: ConnectionTokens::default(),
    })
}

/// What one pass over the fields has found.
#[derive(Default)]
struct Fields<'a> {
    host: Option<&'a [u8]>,
    content_length: Option<&'a [u8]>,
    transfer_encodings: usize,
    chunked: bool,
    authorizations: usize,
    expects_continue: bool,
    websocket: bool,
    has_connection: bool,
    user_agent: &'a [u8],
    connection: ConnectionTokens<'a>,
}

impl<'a> Fields<'a> {
    fn read(&mut self, name: &str, value: &'a [u8], limits: &Limits) -> Result<(), Refusal> {
        if name.len() + value.len() > limits.max_header_field_bytes {
            return Err(Refusal::HeadersTooLarge);
        }
        // Backends fold `_` and `.` into `-` (CGI), so such a name is a second spelling of another one.
        if name.is_empty()
            || !name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        {
            return Err(Refusal::InvalidHeader);
        }
        match Field::of(name) {
            Field::Host if self.host.replace(value).is_some() => return Err(Refusal::InvalidHost),
            Field::ContentLength if self.content_length.replace(value).is_some() => {
                return Err(Refusal::InvalidContentLength);
            }
            Field::TransferEncoding => {
                self.transfer_encodings += 1;
                self.chunked = value.trim_ascii().eq_ignore_ascii_case(b"chunked");
            }
            Field::Connection => {
                self.has_connection = true;
                self.connection
                    .read(value)
                    .map_err(|TooManyNamed| Refusal::InvalidHeader)?;
                if self.connection.all().any(is_protected) {
                    return Err(Refusal::InvalidHeader);
                }
            }
            Field::Expect if value.eq_ignore_ascii_case(b"100-continue") => {
                self.expects_continue = true;
            }
            Field::Expect => return Err(Refusal::Expectation),
            Field::Upgrade => {
                for protocol in value.split(|&byte| byte == b',').map(<[u8]>::trim_ascii) {
                    if protocol.eq_ignore_ascii_case(b"h2c") {
                        return Err(Refusal::H2cUpgrade);
                    }
                    self.websocket |= protocol.eq_ignore_ascii_case(b"websocket");
                }
            }
            Field::Authorization => {
                self.authorizations += 1;
                if self.authorizations > 1 {
                    return Err(Refusal::InvalidHeader);
                }
            }
            Field::UserAgent => self.user_agent = value,
            Field::Host
            | Field::ContentLength
            | Field::Cookie
            | Field::Date
            | Field::ForwardedFor
            | Field::HopByHop
            | Field::Other
            | Field::Ours => {}
        }
        Ok(())
    }

    fn length(&self) -> Result<Option<u64>, Refusal> {
        self.content_length
            .map(|value| parse_length(value).ok_or(Refusal::InvalidContentLength))
            .transpose()
    }

    /// RFC 9112, 6.3, refusing whatever another parser could read differently.
    fn body_http1(&self, version: Version) -> Result<BodyLength, Refusal> {
        let length = self.length()?;
        match (self.transfer_encodings, length) {
            (0, None | Some(0)) => Ok(BodyLength::None),
            (0, Some(length)) => Ok(BodyLength::Bytes(length)),
            (_, Some(_)) => Err(Refusal::AmbiguousLength),
            (1, None) if self.chunked && version == Version::Http11 => Ok(BodyLength::Unknown),
            (_, None) => Err(Refusal::InvalidTransferEncoding),
        }
    }
}

/// The value of a `Content-Length`: digits only.
pub(crate) fn parse_length(value: &[u8]) -> Option<u64> {
    if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(value).ok()?.parse().ok()
}

/// Fields that `Connection` may not take away: those that frame the message, and those that the gateway vouches for.
fn is_protected(token: &[u8]) -> bool {
    std::str::from_utf8(token).map_or(true, |name| match Field::of(name) {
        Field::Authorization
        | Field::ContentLength
        | Field::Cookie
        | Field::ForwardedFor
        | Field::Host
        | Field::Ours
        | Field::TransferEncoding => true,
        Field::Connection
        | Field::Date
        | Field::Expect
        | Field::HopByHop
        | Field::Other
        | Field::Upgrade
        | Field::UserAgent => false,
    })
}

fn check_method(method: &str) -> Result<&str, Refusal> {
    match method {
        "TRACE" | "TRACK" => Err(Refusal::Trace),
        "CONNECT" => Err(Refusal::Connect),
        _ if method
            .bytes()
            .all(|byte| byte.is_ascii_uppercase() || byte == b'-' || byte == b'_') =>
        {
            Ok(method)
        }
        _ => Err(Refusal::InvalidMethod),
    }
}

fn parse_host(value: &[u8]) -> Result<Host<'_>, Refusal> {
    Host::parse(value).map_err(|_| Refusal::InvalidHost)
}

/// Splits a request target into the authority of its absolute form, if any, and path and query (RFC 9112, 3.2).
fn split_target<'a>(method: &str, target: &'a str) -> Result<(Option<&'a str>, &'a str), Refusal> {
    if !target
        .bytes()
        .all(|byte| (0x21..0x7f).contains(&byte) && byte != b'#')
    {
        return Err(Refusal::InvalidUri);
    }
    if target.starts_with('/') || (target == "*" && method == "OPTIONS") {
        return Ok((None, target));
    }
    let absolute = ["http://", "https://"].into_iter().find_map(|scheme| {
        let (start, rest) = target.split_at_checked(scheme.len())?;
        start.eq_ignore_ascii_case(scheme).then_some(rest)
    });
    let rest = absolute.ok_or(Refusal::InvalidUri)?;
    match rest.find(['/', '?']) {
        None => Ok((Some(rest), "/")),
        Some(end) => match rest.split_at(end) {
            (authority, path) if path.starts_with('/') => Ok((Some(authority), path)),
            // `http://host?query` has no path to forward.
            _ => Err(Refusal::InvalidUri),
        },
    }
}

/// Fields that one head can have at most, whatever the settings say.
pub(crate) const MOST_FIELDS: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::forward::{Forwarded, Outbound, write_head};
    use crate::rewrite::{Changes, ReservedFields};
    use crate::snapshot::{Upstream, UpstreamHost};
    use crate::trace_id::TraceId;
    use proptest::prelude::*;
    use std::time::Duration;

    /// Pieces of requests that have fooled parsers.
    fn piece() -> impl Strategy<Value = Vec<u8>> {
        let known = prop::sample::select(vec![
            "GET / HTTP/1.1\r\n",
            "POST /a HTTP/1.1\r\n",
            "GET / HTTP/1.0\r\n",
            "Host: a\r\n",
            "Host: b\r\n",
            "Content-Length: 5\r\n",
            "Content-Length: 0\r\n",
            "content-length: +1\r\n",
            "Transfer-Encoding: chunked\r\n",
            "Transfer-Encoding: x\r\n",
            "Connection: close\r\n",
            "Connection: x-a, upgrade\r\n",
            "Upgrade: websocket\r\n",
            "X-A: b\r\n",
            "X_A: b\r\n",
            "\r\n",
            "\n",
            " ",
            "\t",
            ":",
            "\r",
            "\0",
            "Expect: 100-continue\r\n",
            "X-Forwarded-For: x\r\n",
            "Cookie: a\r\n",
            "http://a/",
            "hello",
        ]);
        prop_oneof![
            8 => known.prop_map(|known| known.as_bytes().to_vec()),
            1 => prop::collection::vec(any::<u8>(), 0..8),
        ]
    }

    fn request() -> impl Strategy<Value = Vec<u8>> {
        let start = prop::sample::select(vec![
            "GET / HTTP/1.1\r\nHost: a\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\n",
            "",
        ]);
        (start, prop::collection::vec(piece(), 0..8)).prop_map(|(start, pieces)| {
            let mut request = start.as_bytes().to_vec();
            request.extend(pieces.concat());
            request.extend_from_slice(b"\r\n\r\n");
            request
        })
    }

    proptest! {
        /// Whatever is accepted leaves with one host, one framing and the head's end where we think it is.
        #[test]
        fn what_is_forwarded_has_one_reading(request in request()) {
            let upstream = Upstream {
                key: "key".into(),
                pool: "pool".into(),
                settings: "settings".into(),
                endpoints: Vec::new(),
                port: 80,
                request_timeout: Duration::from_secs(20),
                tls: None,
                host: UpstreamHost::Client,
                path_prefix: "".into(),
            };
            let trace = TraceId::random();
            let mut out = Vec::new();
            let parsed = parse_http1(&request, &Limits::default(), |head, fields| {
                let forwarded = Forwarded { client: "192.0.2.7:5000", proto: "http", port: 80, trace: &trace };
                let fields = || fields.iter().map(|field| (field.name, field.value));
                let outbound = Outbound {
                    forwarded: &forwarded,
                    upstream: &upstream,
                    endpoint: "backend",
                    host: None,
                    reserved: &ReservedFields::default(),
                    changes: &Changes::default(),
                };
                write_head(&mut out, head, fields, &outbound);
                Ok(head.body)
            });
            if let Ok(Parsed::Complete(_, body)) = parsed {
                let mut storage = [httparse::EMPTY_HEADER; MOST_FIELDS];
                let mut again = httparse::Request::new(&mut storage);
                prop_assert_eq!(again.parse(&out), Ok(httparse::Status::Complete(out.len())));
                let count = |wanted| again.headers.iter().filter(|field| Field::of(field.name) == wanted).count();
                prop_assert_eq!(count(Field::Host), 1);
                prop_assert_eq!(count(Field::Connection), 1);
                prop_assert_eq!(count(Field::ForwardedFor), 1);
                let framing = (count(Field::ContentLength), count(Field::TransferEncoding));
                match body {
                    BodyLength::None => prop_assert!(framing == (0, 0) || framing == (1, 0)),
                    BodyLength::Bytes(_) => prop_assert_eq!(framing, (1, 0)),
                    BodyLength::Unknown => prop_assert_eq!(framing, (0, 1)),
                }
            }
        }
    }
}

//! The one table of replies that the gateway makes itself.

use client_auth::Reason;

/// What happens to the client's connection after a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Afterwards {
    /// It can carry another request.
    Keep,
    /// It is closed: what follows on it cannot be trusted, or must not be reached over it.
    Close,
}

macro_rules! refusals {
    ($( $(#[doc = $doc:literal])+ $name:ident = $status:literal, $title:literal, $afterwards:ident, $label:literal, $info:literal; )+) => {
        /// Why the gateway answers a request itself.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Refusal {
            $( $(#[doc = $doc])+ $name, )+
        }

        impl Refusal {
            /// Every reason.
            pub(crate) const ALL: [Self; Self::COUNT] = [$( Self::$name, )+];
            /// How many reasons there are.
            pub(crate) const COUNT: usize = [$( $status, )+].len();

            /// The HTTP status.
            pub(crate) const fn status(self) -> u16 {
                match self { $( Self::$name => $status, )+ }
            }

            /// The title of the page; says nothing that the client does not know.
            pub(crate) const fn title(self) -> &'static str {
                match self { $( Self::$name => $title, )+ }
            }

            /// What happens to the connection.
            pub(crate) const fn afterwards(self) -> Afterwards {
                match self { $( Self::$name => Afterwards::$afterwards, )+ }
            }

            /// The metric label.
            pub(crate) const fn label(self) -> &'static str {
                match self { $( Self::$name => $label, )+ }
            }

            /// Azure's `error_info` in the access log.
            pub(crate) const fn error_info(self) -> &'static str {
                match self { $( Self::$name => $info, )+ }
            }
        }
    };
}

refusals! {
    /// Both `Content-Length` and `Transfer-Encoding` (RFC 9112, 6.3: a server may, and we do, refuse).
    AmbiguousLength = 400, "Bad Request", Close, "ambiguous_length", "ERRORINFO_INVALID_REQUEST";
    /// The client took too long over the body.
    BodyTimeout = 408, "Request Time-out", Close, "body_timeout", "ERRORINFO_CLIENT_CLOSED_REQUEST";
    /// The client's certificate expired since the handshake: the client has to prove itself again.
    CertificateExpired = 421, "Misdirected Request", Close, "certificate_expired", "ERRORINFO_INVALID_HOST";
    /// The client's certificate was not good (Azure, and nginx).
    ClientCertificateError = 400, "The SSL certificate error", Close, "client_certificate_error", "ERRORINFO_INVALID_REQUEST";
    /// The client's certificate, or one on its path, is revoked.
    ClientCertificateRevoked = 400, "The SSL certificate error: revoked", Close, "client_certificate_revoked", "ERRORINFO_INVALID_REQUEST";
    /// Who should know says that it does not know whether the client's certificate is revoked.
    ClientRevocationUnknown = 400, "The SSL certificate error: revocation status unknown", Close, "client_revocation_unknown", "ERRORINFO_INVALID_REQUEST";
    /// Nobody could be asked whether the client's certificate is revoked.
    ClientRevocationUnavailable = 400, "The SSL certificate error: revocation status unavailable", Close, "client_revocation_unavailable", "ERRORINFO_INVALID_REQUEST";
    /// The client went away, or broke off its body. Only ever logged.
    ClientClosed = 499, "Client Closed Request", Close, "client_closed", "ERRORINFO_CLIENT_CLOSED_REQUEST";
    /// CONNECT.
    Connect = 405, "Not Allowed", Close, "method_connect", "ERRORINFO_INVALID_METHOD";
    /// No endpoint of the pool took a connection.
    ConnectFailed = 502, "Bad Gateway", Keep, "upstream_connect", "ERRORINFO_UPSTREAM_NO_LIVE";
    /// An expectation other than `100-continue`.
    Expectation = 417, "Expectation Failed", Close, "expectation", "ERRORINFO_INVALID_HEADER";
    /// An upgrade to HTTP/2 without TLS (Azure: 403).
    H2cUpgrade = 403, "Forbidden", Close, "h2c_upgrade", "ERRORINFO_INVALID_REQUEST";
    /// The client took too long over the head.
    HeaderTimeout = 408, "Request Time-out", Close, "header_timeout", "ERRORINFO_CLIENT_CLOSED_REQUEST";
    /// The head, one of its fields, or the number of fields is over the limit.
    HeadersTooLarge = 431, "Request Header Or Cookie Too Large", Close, "headers_too_large", "ERRORINFO_INVALID_HEADER";
    /// HTTP/0.9.
    Http09 = 400, "Bad Request", Close, "http_09", "ERRORINFO_INVALID_09_METHOD";
    /// A body that breaks its framing.
    InvalidBody = 400, "Bad Request", Close, "invalid_body", "ERRORINFO_INVALID_REQUEST";
    /// `Content-Length` more than once, or not a number.
    InvalidContentLength = 400, "Bad Request", Close, "invalid_content_length", "ERRORINFO_INVALID_CONTENT_LENGTH";
    /// A header field that is malformed, badly named or not allowed.
    InvalidHeader = 400, "Bad Request", Close, "invalid_header", "ERRORINFO_INVALID_HEADER";
    /// A host that is no host, more than one host, or two different ones.
    InvalidHost = 400, "Bad Request", Close, "invalid_host", "ERRORINFO_INVALID_HOST";
    /// A method that is no token.
    InvalidMethod = 400, "Bad Request", Close, "invalid_method", "ERRORINFO_INVALID_METHOD";
    /// Not HTTP.
    InvalidRequest = 400, "Bad Request", Close, "invalid_request", "ERRORINFO_INVALID_REQUEST";
    /// A transfer coding other than `chunked`, or in HTTP/1.0.
    InvalidTransferEncoding = 400, "Bad Request", Close, "invalid_transfer_encoding", "ERRORINFO_INVALID_REQUEST";
    /// A request target that is none.
    InvalidUri = 400, "Bad Request", Close, "invalid_uri", "ERRORINFO_REQUEST_URI_INVALID";
    /// Neither HTTP/1.0 nor HTTP/1.1.
    InvalidVersion = 400, "Bad Request", Close, "invalid_version", "ERRORINFO_INVALID_VERSION";
    /// The host belongs to another listener than the one of the handshake (RFC 9110, 15.5.20).
    Misdirected = 421, "Misdirected Request", Keep, "misdirected", "ERRORINFO_INVALID_HOST";
    /// HTTP/1.1 without `Host`.
    MissingHost = 400, "Bad Request", Close, "missing_host", "ERRORINFO_HTTP_NO_HOST_HEADER";
    /// The client showed no certificate and needs one.
    NoClientCertificate = 400, "No required SSL certificate was sent", Close, "no_client_certificate", "ERRORINFO_HTTPS_NO_CERT";
    /// The pool has no endpoint.
    NoEndpoints = 502, "Bad Gateway", Keep, "no_endpoints", "ERRORINFO_UPSTREAM_NO_LIVE";
    /// No rule leads on from the listener.
    NoRoute = 404, "Not Found", Keep, "no_route", "ERRORINFO_INVALID_REQUEST";
    /// No listener serves the host.
    NoSuchHost = 404, "Not Found", Keep, "no_such_host", "ERRORINFO_INVALID_HOST";
    /// HTTP without TLS on a port with TLS.
    PlainHttp = 400, "The plain HTTP request was sent to HTTPS port", Close, "plain_http", "ERRORINFO_HTTP_TO_HTTPS_PORT";
    /// The client-auth policy changed since the handshake: the client has to prove itself again.
    PolicyChanged = 421, "Misdirected Request", Close, "policy_changed", "ERRORINFO_INVALID_HOST";
    /// TRACE.
    Trace = 405, "Not Allowed", Close, "method_trace", "ERRORINFO_INVALID_METHOD_TRACE";
    /// What the connection rested on was withdrawn while the request was under way. Only ever logged.
    TrustWithdrawn = 499, "Client Closed Request", Close, "trust_withdrawn", "ERRORINFO_INVALID_REQUEST";
    /// The backend broke off.
    UpstreamClosed = 502, "Bad Gateway", Keep, "upstream_closed", "ERRORINFO_UPSTREAM_CLOSED_CONNECTION";
    /// What the backend sent is not a response, or ambiguous.
    UpstreamInvalid = 502, "Bad Gateway", Keep, "upstream_invalid", "ERRORINFO_UPSTREAM_CLOSED_CONNECTION";
    /// The backend took longer than the request timeout of its settings.
    UpstreamTimeout = 504, "Gateway Time-out", Keep, "upstream_timeout", "ERRORINFO_UPSTREAM_TIMED_OUT";
    /// The request target is over the limit.
    UriTooLong = 414, "Request-URI Too Large", Close, "uri_too_long", "ERRORINFO_REQUEST_URI_INVALID";
}

impl Refusal {
    /// The place of this reason in [`Self::ALL`].
    pub(crate) const fn index(self) -> usize {
        self as usize
    }

    /// Whether it stands against the client as such, and so against every request on its connection.
    pub(crate) const fn concerns_the_client(self) -> bool {
        matches!(
            self,
            Self::CertificateExpired
                | Self::ClientCertificateError
                | Self::ClientCertificateRevoked
                | Self::ClientRevocationUnavailable
                | Self::ClientRevocationUnknown
                | Self::NoClientCertificate
                | Self::PolicyChanged
        )
    }

    /// The reason phrase of the status.
    pub(crate) fn reason_phrase(self) -> &'static str {
        match self.status() {
            400 => "Bad Request",
            _ => self.title(),
        }
    }

    /// The body: Azure's page.
    ///
    /// Differs from Azure: the product at the bottom is ours.
    pub(crate) fn page(self) -> String {
        let (status, title) = (self.status(), self.title());
        let heading = self.reason_phrase();
        let detail = if title == heading {
            String::new()
        } else {
            format!("<center>{title}</center>\r\n")
        };
        format!(
            "<html>\r\n<head><title>{status} {title}</title></head>\r\n<body>\r\n<center><h1>{status} {heading}</h1></center>\r\n\
             {detail}<hr><center>{SERVER}</center>\r\n</body>\r\n</html>\r\n"
        )
    }
}

/// What a client that is not let in is told, and no more. The log has the reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ClientRefusal {
    /// It showed no certificate.
    NoCertificate,
    /// Its certificate is not good.
    BadCertificate,
    /// Its certificate is revoked.
    Revoked,
    /// Whether its certificate is revoked is not known to those who should know.
    RevocationUnknown,
    /// Whether its certificate is revoked could not be found out.
    RevocationUnavailable,
}

impl From<Reason> for ClientRefusal {
    fn from(reason: Reason) -> Self {
        match reason {
            Reason::NoCertificate => Self::NoCertificate,
            Reason::Revoked => Self::Revoked,
            Reason::RevocationUnknown => Self::RevocationUnknown,
            Reason::RevocationUnavailable => Self::RevocationUnavailable,
            _ => Self::BadCertificate,
        }
    }
}

impl From<ClientRefusal> for Refusal {
    fn from(class: ClientRefusal) -> Self {
        match class {
            ClientRefusal::NoCertificate => Self::NoClientCertificate,
            ClientRefusal::BadCertificate => Self::ClientCertificateError,
            ClientRefusal::Revoked => Self::ClientCertificateRevoked,
            ClientRefusal::RevocationUnknown => Self::ClientRevocationUnknown,
            ClientRefusal::RevocationUnavailable => Self::ClientRevocationUnavailable,
        }
    }
}

/// The `Server` of replies that the gateway makes itself.
///
/// Differs from Azure: `Microsoft-Azure-Application-Gateway/v2` there.
pub(crate) const SERVER: &str = "Portcullis";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_distinct_and_places_agree() {
        let mut labels: Vec<_> = Refusal::ALL.iter().map(|refusal| refusal.label()).collect();
        labels.sort_unstable();
        labels.dedup();
        assert_eq!(labels.len(), Refusal::COUNT);
        for (place, refusal) in Refusal::ALL.into_iter().enumerate() {
            assert_eq!(refusal.index(), place);
        }
    }

    #[test]
    fn the_page_names_the_error_and_nothing_else() {
        assert_eq!(
            Refusal::PlainHttp.page(),
            "<html>\r\n<head><title>400 The plain HTTP request was sent to HTTPS port</title></head>\r\n<body>\r\n\
             <center><h1>400 Bad Request</h1></center>\r\n\
             <center>The plain HTTP request was sent to HTTPS port</center>\r\n\
             <hr><center>Portcullis</center>\r\n</body>\r\n</html>\r\n"
        );
        assert!(
            !Refusal::NoSuchHost
                .page()
                .contains("<center>Not Found</center>")
        );
    }
}

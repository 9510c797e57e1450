//! Server variables.

macro_rules! variables {
    ($($(#[$doc:meta])* $variant:ident = $name:literal),* $(,)?) => {
        /// What rules can ask about a request, its connection and its client. Azure's names, and some of our own.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum ServerVariable {
            $($(#[$doc])* $variant,)*
        }

        impl ServerVariable {
            /// Every variable.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// Its name, without `var_`.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }
        }
    };
}

variables! {
    /// `X-Forwarded-For` of the request, with the client's address, without port, at its end.
    AddXForwardedForProxy = "add_x_forwarded_for_proxy",
    /// The cipher suite of the connection, by OpenSSL's name.
    CiphersUsed = "ciphers_used",
    /// The client's certificate: PEM, percent-encoded.
    ClientCertificate = "client_certificate",
    /// Beyond Azure: the verified path without the anchor, client first, as `client_certificate`.
    ClientCertificateChain = "client_certificate_chain",
    /// The end of its validity, as OpenSSL writes it.
    ClientCertificateEndDate = "client_certificate_end_date",
    /// SHA-1 of the certificate, lower-case hex.
    ClientCertificateFingerprint = "client_certificate_fingerprint",
    /// Beyond Azure: SHA-256 of the certificate, lower-case hex.
    ClientCertificateFingerprintSha256 = "client_certificate_fingerprint_sha256",
    /// Its issuer (RFC 2253).
    ClientCertificateIssuer = "client_certificate_issuer",
    /// Beyond Azure: its DNS names, comma-separated.
    ClientCertificateSanDns = "client_certificate_san_dns",
    /// Beyond Azure: its email addresses.
    ClientCertificateSanEmail = "client_certificate_san_email",
    /// Beyond Azure: its IP addresses.
    ClientCertificateSanIp = "client_certificate_san_ip",
    /// Beyond Azure: its URIs.
    ClientCertificateSanUri = "client_certificate_san_uri",
    /// Its serial number, upper-case hex.
    ClientCertificateSerial = "client_certificate_serial",
    /// Beyond Azure: SHA-256 of its public key, lower-case hex.
    ClientCertificateSpkiSha256 = "client_certificate_spki_sha256",
    /// The start of its validity.
    ClientCertificateStartDate = "client_certificate_start_date",
    /// Its subject (RFC 2253).
    ClientCertificateSubject = "client_certificate_subject",
    /// `SUCCESS`, `PASSTHROUGH`, `NONE` or `FAILED:` and a reason.
    ClientCertificateVerification = "client_certificate_verification",
    /// Beyond Azure: when it was verified (RFC 3339).
    ClientCertificateVerifiedAt = "client_certificate_verified_at",
    /// The client's address.
    ClientIp = "client_ip",
    /// The client's port.
    ClientPort = "client_port",
    /// The user name of `Authorization: Basic`.
    ClientUser = "client_user",
    /// The host of the request, in lower case, without port.
    Host = "host",
    /// The method.
    HttpMethod = "http_method",
    /// The status of the response.
    HttpStatus = "http_status",
    /// `HTTP/1.0`, `HTTP/1.1` or `HTTP/2.0`.
    HttpVersion = "http_version",
    /// What follows the `?` of the request's target.
    QueryString = "query_string",
    /// The same.
    RequestQuery = "request_query",
    /// `http` or `https`.
    RequestScheme = "request_scheme",
    /// Path and query as received.
    RequestUri = "request_uri",
    /// The frontend port.
    ServerPort = "server_port",
    /// `TLSv1.2` or `TLSv1.3`; empty without TLS.
    SslConnectionProtocol = "ssl_connection_protocol",
    /// `On`; empty without TLS.
    SslEnabled = "ssl_enabled",
    /// The path as received.
    UriPath = "uri_path",
}

/// Azure's variables whose values this gateway does not know when it rewrites.
pub(crate) const NOT_AVAILABLE: &[&str] = &[
    "ciphers_supported",
    "client_tcp_rtt",
    "received_bytes",
    "sent_bytes",
];

impl ServerVariable {
    /// Finds a variable by its exact name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|known| known.name() == name)
    }

    /// Whether the value comes from the client's certificate.
    pub fn is_identity(self) -> bool {
        self.name().starts_with("client_certificate")
    }
}

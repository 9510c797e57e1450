//! Server variables.

macro_rules! names {
    ($(#[$outer:meta])* $enum:ident { $($(#[$doc:meta])* $variant:ident = $name:literal),* $(,)? }) => {
        $(#[$outer])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $enum {
            $($(#[$doc])* $variant,)*
        }

        impl $enum {
            /// Every one of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// Its name, without `var_`.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }

            /// Finds one by its exact name.
            pub fn parse(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|known| known.name() == name)
            }
        }
    };
}

names! {
    /// What is known of a request, its connection and its response, in Azure's names.
    Variable {
        /// `X-Forwarded-For` of the client, with its address, without port, at the end.
        AddXForwardedForProxy = "add_x_forwarded_for_proxy",
        /// The cipher suite of the connection, by OpenSSL's name; empty without TLS.
        CiphersUsed = "ciphers_used",
        /// The client's address.
        ClientIp = "client_ip",
        /// The client's port.
        ClientPort = "client_port",
        /// The user name of `Authorization: Basic` (RFC 7617).
        ClientUser = "client_user",
        /// The host of the request in lower case, without port.
        Host = "host",
        /// The method.
        HttpMethod = "http_method",
        /// The status of the response.
        HttpStatus = "http_status",
        /// `HTTP/1.0`, `HTTP/1.1` or `HTTP/2.0`.
        HttpVersion = "http_version",
        /// What follows the `?` of the target.
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
}

names! {
    /// What the client's certificate says. Empty where none was shown, but for the verification.
    IdentityVariable {
        /// The certificate: PEM, percent-encoded.
        Certificate = "client_certificate",
        /// The verified path without the anchor, client first, in the same form.
        Chain = "client_certificate_chain",
        /// The end of its validity, as OpenSSL writes it.
        EndDate = "client_certificate_end_date",
        /// Its SHA-1, lower-case hex.
        Fingerprint = "client_certificate_fingerprint",
        /// Its SHA-256, lower-case hex.
        FingerprintSha256 = "client_certificate_fingerprint_sha256",
        /// Its issuer (RFC 2253).
        Issuer = "client_certificate_issuer",
        /// Its DNS names.
        SanDns = "client_certificate_san_dns",
        /// Its email addresses.
        SanEmail = "client_certificate_san_email",
        /// Its IP addresses.
        SanIp = "client_certificate_san_ip",
        /// Its URIs.
        SanUri = "client_certificate_san_uri",
        /// Its serial number, upper-case hex.
        Serial = "client_certificate_serial",
        /// The SHA-256 of its public key, lower-case hex.
        SpkiSha256 = "client_certificate_spki_sha256",
        /// The start of its validity.
        StartDate = "client_certificate_start_date",
        /// Its subject (RFC 2253).
        Subject = "client_certificate_subject",
        /// `SUCCESS`, `PASSTHROUGH`, `NONE` or `FAILED:` and a reason.
        Verification = "client_certificate_verification",
        /// When its path was verified (RFC 3339).
        VerifiedAt = "client_certificate_verified_at",
    }
}

impl IdentityVariable {
    pub(crate) const COUNT: usize = Self::ALL.len();

    /// Its place in [`Self::ALL`].
    pub(crate) const fn index(self) -> usize {
        self as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_stand_at_their_index() {
        for (index, variable) in IdentityVariable::ALL.iter().enumerate() {
            assert_eq!(variable.index(), index);
            assert_eq!(IdentityVariable::parse(variable.name()), Some(*variable));
        }
        assert_eq!(Variable::parse("client_certificate"), None);
        assert_eq!(Variable::parse("Host"), None);
    }
}

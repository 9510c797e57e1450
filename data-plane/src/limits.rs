//! Limits and time-outs of the request path. Each is a command line option and an environment variable.
//!
//! "Own" marks a number of our choosing; the others name the gateway whose edge profile they come from.

use std::time::Duration;

use crate::settings::value::{Problems, Value};

/// Declares [`Limits`], the options that set them and their defaults in one place.
macro_rules! limits {
    ($( $(#[doc = $doc:literal])+ $name:ident: $type:ty = $default:literal, $variable:literal; )+) => {
        /// The limits and time-outs of connections, handshakes, headers, HTTP/2 and shutdown.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct Limits {
            $( $(#[doc = $doc])+ pub $name: $type, )+
        }

        /// The limits as text, before any check.
        #[derive(Clone, Debug, clap::Args)]
        #[command(next_help_heading = "Limits and time-outs")]
        pub(crate) struct LimitArguments {
            $( $(#[doc = $doc])+ #[arg(long, env = $variable, default_value = $default)] $name: String, )+
        }

        impl Limits {
            /// Reads every limit, noting each that is malformed in `problems`.
            pub(crate) fn check(arguments: &LimitArguments, problems: &mut Problems) -> Self {
                Self { $( $name: problems.value(&option_name(stringify!($name)), &arguments.$name), )+ }
            }
        }

        impl Default for Limits {
            /// The documented defaults.
            fn default() -> Self {
                Self { $( $name: Value::parse_or_zero($default), )+ }
            }
        }
    };
}

limits! {
    /// From accept to the end of the TLS handshake, client certificate included (own)
    handshake_timeout: Duration = "10s", "PORTCULLIS_HANDSHAKE_TIMEOUT";
    /// Concurrent TLS handshakes of the whole worker, each from its `ClientHello` on; above it, connections are closed (own)
    max_handshakes: usize = "2000", "PORTCULLIS_MAX_HANDSHAKES";
    /// Concurrent client connections of the whole worker; above it, new ones are closed (Envoy's edge profile)
    max_connections: usize = "50000", "PORTCULLIS_MAX_CONNECTIONS";
    /// From the first byte of a request head to its last (own)
    header_read_timeout: Duration = "10s", "PORTCULLIS_HEADER_READ_TIMEOUT";
    /// From the first byte of a request to the last byte of its body (Envoy's edge profile)
    request_receive_timeout: Duration = "300s", "PORTCULLIS_REQUEST_RECEIVE_TIMEOUT";
    /// Without a byte in either direction of a request, response or upgraded connection (Envoy's edge profile)
    stream_idle_timeout: Duration = "300s", "PORTCULLIS_STREAM_IDLE_TIMEOUT";
    /// An HTTP/1.1 connection between two requests (Azure)
    http1_idle_timeout: Duration = "75s", "PORTCULLIS_HTTP1_IDLE_TIMEOUT";
    /// An HTTP/2 connection without a request (Azure)
    http2_idle_timeout: Duration = "180s", "PORTCULLIS_HTTP2_IDLE_TIMEOUT";
    /// Requests on one client connection before it is closed gracefully (Azure)
    max_requests_per_connection: u64 = "1000", "PORTCULLIS_MAX_REQUESTS_PER_CONNECTION";
    /// Header fields of one request (Apache; CVE-2026-49975 is about more)
    max_headers: usize = "100", "PORTCULLIS_MAX_HEADERS";
    /// Bytes of one request head: request line and all fields (Azure: 32 KB)
    max_header_bytes: usize = "32KiB", "PORTCULLIS_MAX_HEADER_BYTES";
    /// Bytes of one header field, name and value (AWS: 16 KB)
    max_header_field_bytes: usize = "16KiB", "PORTCULLIS_MAX_HEADER_FIELD_BYTES";
    /// Bytes of a request target (Azure: 32 KB)
    max_uri_bytes: usize = "32KiB", "PORTCULLIS_MAX_URI_BYTES";
    /// Concurrent HTTP/2 streams of one connection (Envoy's edge profile)
    http2_max_streams: u32 = "100", "PORTCULLIS_HTTP2_MAX_STREAMS";
    /// HTTP/2 flow-control window of one stream, in bytes (Envoy's edge profile)
    http2_stream_window_bytes: u32 = "64KiB", "PORTCULLIS_HTTP2_STREAM_WINDOW_BYTES";
    /// HTTP/2 flow-control window of one connection, in bytes (Envoy's edge profile)
    http2_connection_window_bytes: u32 = "1MiB", "PORTCULLIS_HTTP2_CONNECTION_WINDOW_BYTES";
    /// HTTP/2 requests that may break off on one connection while that is most of them (Sōzu, rapid reset: CVE-2023-44487)
    http2_max_pending_resets: usize = "100", "PORTCULLIS_HTTP2_MAX_PENDING_RESETS";
    /// HTTP/2 streams that a client may make us reset, per connection (CVE-2025-8671)
    http2_max_local_resets: usize = "100", "PORTCULLIS_HTTP2_MAX_LOCAL_RESETS";
    /// Bytes of response data buffered for one HTTP/2 stream (Envoy's edge profile: 32 KiB a connection)
    http2_send_buffer_bytes: usize = "64KiB", "PORTCULLIS_HTTP2_SEND_BUFFER_BYTES";
    /// To open a connection to a backend, TLS included (own)
    upstream_connect_timeout: Duration = "5s", "PORTCULLIS_UPSTREAM_CONNECT_TIMEOUT";
    /// How long an unused backend connection is kept (own; below the 75 s after which nginx closes)
    upstream_idle_timeout: Duration = "60s", "PORTCULLIS_UPSTREAM_IDLE_TIMEOUT";
    /// Unused connections kept for one backend endpoint on one core (own)
    upstream_max_idle: usize = "128", "PORTCULLIS_UPSTREAM_MAX_IDLE";
    /// How long a closing listener and a stopping worker wait for requests to end (Sōzu 5 s, own 30 s)
    drain_deadline: Duration = "30s", "PORTCULLIS_DRAIN_DEADLINE";
}

/// `max_headers` as the option `--max-headers`.
fn option_name(field: &str) -> String {
    format!("--{}", field.replace('_', "-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_the_documented_ones() {
        let limits = Limits::default();
        assert_eq!(limits.handshake_timeout, Duration::from_secs(10));
        assert_eq!(limits.max_header_bytes, 32 * 1024);
        assert_eq!(limits.http2_connection_window_bytes, 1024 * 1024);
        assert_eq!(limits.drain_deadline, Duration::from_secs(30));
    }

    #[test]
    fn no_default_is_zero() {
        let printed = format!("{:?}", Limits::default());
        assert!(!printed.contains(": 0"), "{printed}");
    }
}

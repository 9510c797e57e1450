//! The TLS handshake with a client.

//! The connection under the stream.

use std::time::Duration;

use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Error, Identity};

use crate::settings::{ControlPlane, StreamSecurity};

/// A dead control plane is noticed within 30 s, and no middlebox forgets an idle stream.
const PING_INTERVAL: Duration = Duration::from_secs(20);
const PING_TIMEOUT: Duration = Duration::from_secs(10);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Room for several blob chunks under way.
const WINDOW: u32 = 1 << 20;

/// Connects. With mutual TLS only the given CA counts; there are no system roots here.
pub(super) async fn connect(control_plane: &ControlPlane) -> Result<Channel, Error> {
    let endpoint = Endpoint::from(control_plane.url.clone())
        .connect_timeout(CONNECT_TIMEOUT)
        .http2_keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_TIMEOUT)
        .keep_alive_while_idle(true)
        .initial_stream_window_size(WINDOW)
        .initial_connection_window_size(WINDOW)
        .tcp_nodelay(true);
    let endpoint = match &control_plane.security {
        StreamSecurity::Plaintext => endpoint,
        StreamSecurity::MutualTls(tls) => {
            let config = ClientTlsConfig::new()
                .ca_certificate(Certificate::from_pem(&tls.ca))
                .identity(Identity::from_pem(&tls.certificate, tls.key.as_slice()));
            endpoint.tls_config(config)?
        }
    };
    endpoint.connect().await
}

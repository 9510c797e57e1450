//! The ports of the demo.

use std::net::{Ipv4Addr, TcpListener};

use anyhow::bail;

/// Ports on loopback.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Ports {
    /// Port of the REST API (HTTPS)
    #[arg(long = "api-port", default_value_t = 8443, value_name = "PORT")]
    pub(crate) api: u16,
    /// Port of the configuration stream
    #[arg(long = "stream-port", default_value_t = 8444, value_name = "PORT")]
    pub(crate) stream: u16,
    /// Port of the control plane's health and metrics
    #[arg(
        long = "control-plane-admin-port",
        default_value_t = 8445,
        value_name = "PORT"
    )]
    pub(crate) control_plane_admin: u16,
    /// Port of the worker's health and metrics
    #[arg(
        long = "worker-admin-port",
        default_value_t = 8446,
        value_name = "PORT"
    )]
    pub(crate) worker_admin: u16,
    /// Port of the echo backend
    #[arg(long = "backend-port", default_value_t = 8447, value_name = "PORT")]
    pub(crate) backend: u16,
    /// Port of the demo gateway's HTTPS listener
    #[arg(long = "gateway-port", default_value_t = 9443, value_name = "PORT")]
    pub(crate) gateway: u16,
}

impl Ports {
    /// Checks that all are free, before anything starts.
    ///
    /// # Errors
    /// All that are not, each with the option that moves it.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        let options = [
            ("--api-port", self.api),
            ("--stream-port", self.stream),
            ("--control-plane-admin-port", self.control_plane_admin),
            ("--worker-admin-port", self.worker_admin),
            ("--backend-port", self.backend),
            ("--gateway-port", self.gateway),
        ];
        let mut problems = Vec::new();
        // Held until the end, so that one port given to two options is found too.
        let mut held = Vec::new();
        for (option, port) in options {
            match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
                Ok(_) if port == 0 => problems.push(format!("{option} 0: name a port")),
                Ok(listener) => held.push(listener),
                Err(error) => problems.push(format!(
                    "port {port} cannot be used ({error}): choose another with {option}"
                )),
            }
        }
        if !problems.is_empty() {
            bail!("{}", problems.join("\n"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_is_named_with_its_option() {
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = taken.local_addr().unwrap().port();
        let ports = Ports {
            api: port,
            stream: 0,
            control_plane_admin: 0,
            worker_admin: 0,
            backend: 0,
            gateway: 0,
        };
        let error = ports.check().unwrap_err().to_string();
        assert!(
            error.contains(&format!("port {port} cannot be used")),
            "{error}"
        );
        assert!(error.contains("--api-port"), "{error}");
        assert!(error.contains("--gateway-port 0: name a port"), "{error}");
    }
}

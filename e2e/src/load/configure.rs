//! The benchmark's gateway, made through the REST API.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, ensure};
use serde_json::Value;

use crate::arm::{self, Arm};
use crate::document::{self, Listener};

/// Resource group of the benchmark's gateways.
const GROUP: &str = "bench";
/// The listener that demands a client certificate.
pub(super) const LISTENER: &str = "mtls";

/// The gateway to make.
#[derive(Clone, Debug, clap::Args)]
pub struct Gateway {
    /// The REST API
    #[arg(long)]
    pub api_url: String,
    /// PEM file with the CA of the REST API's certificate, in the control plane's state directory
    #[arg(long)]
    pub api_ca_file: PathBuf,
    /// Folder that `load certificates` has written
    #[arg(long)]
    pub certificates: PathBuf,
    /// Name of the gateway
    #[arg(long)]
    pub name: String,
    /// Port of the listener that demands a client certificate
    #[arg(long)]
    pub port: u16,
    /// Port of a further HTTPS listener without client certificates
    #[arg(long)]
    pub open_port: Option<u16>,
}

impl Gateway {
    /// The gateway's resource id.
    pub fn id(&self) -> String {
        arm::gateway_id(GROUP, &self.name)
    }

    /// The document: clients of `{client_ca}.pem` are let in and served by the backend on `backend_port` of loopback.
    ///
    /// # Errors
    /// When a certificate file cannot be read.
    pub fn document(&self, client_ca: &str, backend_port: u16) -> anyhow::Result<Value> {
        let mutual = Listener::mutual(LISTENER, self.port, &self.pem(client_ca)?);
        let open = self.open_port.map(|port| Listener::https("open", port));
        let listeners: Vec<Listener> = [mutual].into_iter().chain(open).collect();
        Ok(document::gateway(
            &self.id(),
            &self.pem("server")?,
            backend_port,
            &listeners,
        ))
    }

    /// Puts the resource group and the gateway, and waits until the gateway is in force.
    ///
    /// # Errors
    /// When the API refuses, or no worker takes the gateway.
    pub fn put(&self, document: &Value) -> anyhow::Result<()> {
        let arm = self.arm();
        arm.put_group(GROUP);
        let end = arm.put(&self.id(), document);
        let succeeded = end.get("status").and_then(Value::as_str) == Some("Succeeded");
        ensure!(succeeded, "the gateway is not in force: {end:#}");
        Ok(())
    }

    /// The REST API.
    pub fn arm(&self) -> Arm {
        Arm::new(self.api_url.clone(), self.api_ca_file.clone())
    }

    fn pem(&self, name: &str) -> anyhow::Result<String> {
        let file = self.certificates.join(format!("{name}.pem"));
        fs::read_to_string(&file).with_context(|| format!("{}", file.display()))
    }
}

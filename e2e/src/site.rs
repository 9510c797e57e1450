//! A deployment with one gateway, as most tests of client authentication need it.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::arm::gateway_id;
use crate::deployment::{Deployment, Setup};
use crate::document::{self, Listener};
use crate::pki::{Authority, Identity, Leaf};
use crate::port;
use crate::tls_client::{Target, Tls};

/// Host name of the site.
pub const HOST: &str = "site.example";
/// A second one, on the same server certificate.
pub const OTHER_HOST: &str = "other.example";
/// Name of the listener that every site has.
pub const LISTENER: &str = "mtls";

/// A deployment, what its gateway is made of, and the CAs of server and clients.
pub struct Site {
    /// The processes.
    pub deployment: Deployment,
    /// Resource id of the gateway.
    pub id: String,
    /// Issues the clients' certificates; the listener `mtls` trusts it.
    pub root: Authority,
    /// The listeners; the first is `mtls`.
    pub listeners: Vec<Listener>,
    /// Port of the backend that the gateway forwards to.
    pub backend_port: u16,
    server_pem: String,
    ca_file: PathBuf,
}

impl Site {
    /// Starts the deployment. The gateway is not put yet.
    ///
    /// # Panics
    ///
    /// When something does not start.
    pub fn start(name: &str, setup: &Setup) -> Self {
        let deployment = setup.start();
        deployment.arm.put_group(name);
        let root = Authority::root("Client Root");
        let server = Authority::root("Server Root");
        Self {
            id: gateway_id(name, "gw"),
            listeners: vec![Listener::mutual(LISTENER, port::free(), root.pem())],
            root,
            backend_port: deployment.backend_port,
            server_pem: server.server(&[HOST, OTHER_HOST]),
            ca_file: server.write(deployment.directory(), "server-root"),
            deployment,
        }
    }

    /// A folder for files of the test.
    pub fn directory(&self) -> &Path {
        self.deployment.directory()
    }

    /// Port of the listener `mtls`.
    pub fn port(&self) -> u16 {
        self.listeners[0].port
    }

    /// The listener `mtls`, by its first name.
    pub fn target(&self) -> Target<'static> {
        self.target_at(HOST, self.port())
    }

    /// Any listener.
    pub fn target_at<'a>(&self, host: &'a str, port: u16) -> Target<'a> {
        Target {
            host,
            port,
            ca_file: self.ca_file.clone(),
        }
    }

    /// Issues a certificate of the trusted root.
    pub fn issue(&self, leaf: &Leaf) -> Identity {
        self.root.issue(self.directory(), leaf, &[])
    }

    /// The document of the gateway as it stands.
    pub fn document(&self) -> Value {
        document::gateway(
            &self.id,
            &self.server_pem,
            self.backend_port,
            &self.listeners,
        )
    }

    /// Puts the gateway in force, after `edit`.
    ///
    /// # Panics
    ///
    /// When that fails.
    #[track_caller]
    pub fn put(&self, edit: impl FnOnce(&mut Value)) {
        let mut document = self.document();
        edit(&mut document);
        self.deployment.arm.put_in_force(&self.id, &document);
    }

    /// Puts the client authentication policy of the listener `mtls` in force.
    ///
    /// # Panics
    ///
    /// When that fails.
    #[track_caller]
    pub fn put_policy(&self, properties: &Value) {
        let profile = document::profile_name(LISTENER);
        let arm = &self.deployment.arm;
        arm.put_client_auth_policy(&self.id, &profile, properties);
    }

    /// Status and body of one GET with curl.
    pub fn get(&self, identity: Option<&Identity>) -> (u16, String) {
        let outcome = self.target().curl(Tls::V13, identity, &[]);
        (outcome.status, outcome.text)
    }

    /// A line in the log of the first worker with all of `parts`.
    ///
    /// # Panics
    ///
    /// When there is none within ten seconds.
    #[track_caller]
    pub fn log_line(&self, parts: &[&str]) -> String {
        self.deployment.workers[0].process().wait_for_log(parts)
    }
}

//! What the terminal says when the demo is ready.

use std::fmt;

use super::arm::API_VERSION;
use super::manifest::Manifest;
use super::pki::Pki;
use super::{Place, Settings};

/// Where everything listens, and the commands to try.
pub(crate) struct Welcome<'a> {
    /// How the demo was started.
    pub(crate) settings: &'a Settings,
    /// Where it is.
    pub(crate) place: &'a Place,
    /// Its certificates.
    pub(crate) pki: &'a Pki,
}

impl fmt::Display for Welcome<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            settings,
            place,
            pki,
        } = self;
        let ports = &settings.ports;
        let curl = format!("curl --cacert {}", pki.server_ca_file.display());
        let client = format!(
            "--cert {} --key {}",
            pki.client.cert_file.display(),
            pki.client.key_file.display()
        );
        let untrusted = format!(
            "--cert {} --key {}",
            pki.untrusted_client.cert_file.display(),
            pki.untrusted_client.key_file.display()
        );
        let (url, api, id) = (&place.gateway_url, &place.api_url, &place.gateway_id);
        let openssl_client = client.replace("--", "-");
        let server_ca = pki.server_ca_file.display();
        let api_ca = place.api_ca_file.display();
        let directory = &settings.directory;
        write!(
            f,
            "
Portcullis is ready.

  REST API        {api}  (its CA: {api_ca})
  demo gateway    {url}
  echo backend    http://127.0.0.1:{backend}
  health, metrics {control_plane} (control plane), {worker} (worker)
  access log      {access_log}
  for scripts     {manifest}

A client with a certificate of the trusted CA gets 200:
  {curl} {client} {url}/hello
  openssl s_client -connect localhost:{port} -servername localhost -CAfile {server_ca} {openssl_client}
      then type: GET / HTTP/1.1, Host: localhost, and an empty line

Every other client fails the TLS handshake:
  {curl} {url}/hello
  {curl} {untrusted} {url}/hello

The gateway as the API shows it:
  curl --cacert {api_ca} --header @{header} '{api}{id}?api-version={API_VERSION}'

Ctrl-C ends it. State stays in {directory}; remove that folder to start anew.

",
            backend = ports.backend,
            control_plane = place.control_plane_admin_url,
            worker = place.worker_admin_url,
            access_log = directory.join("access.log").display(),
            manifest = Manifest::file(directory).display(),
            port = ports.gateway,
            header = Manifest::header_file(directory).display(),
            directory = directory.display(),
        )
    }
}

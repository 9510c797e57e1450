//! The OCSP responder of the benchmark.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, ensure};

use super::load::Load;
use super::ports;
use super::server::{Core, Server};
use crate::program;

/// `openssl ocsp` with one certificate in its index: that of the trusted client, which is good.
pub(crate) struct Responder {
    /// Where it answers.
    pub(crate) url: String,
    _server: Server,
}

impl Responder {
    /// Starts it and waits until it listens.
    ///
    /// # Errors
    /// When openssl is missing, or does not start.
    pub(crate) fn start(load: &Load, folder: &Path) -> anyhow::Result<Self> {
        let openssl = program::find_or_install("openssl", "openssl")?;
        let client = load.certificate("client.crt");
        let serial = program::read(
            Command::new(&openssl).args(["x509", "-noout", "-serial", "-in", &client]),
        )?;
        let serial = serial.trim().strip_prefix("serial=").context("no serial")?;
        let index = folder.join("ocsp-index.txt");
        fs::write(
            &index,
            format!("V\t391231235959Z\t\t{serial}\tunknown\t/CN=client\n"),
        )?;
        let port = ports::free()?;
        let issuer = load.certificate("client-intermediate.crt");
        let arguments = [
            "ocsp".to_owned(),
            "-ignore_err".to_owned(),
            "-port".to_owned(),
            port.to_string(),
            "-index".to_owned(),
            index.to_string_lossy().into_owned(),
            "-CA".to_owned(),
            issuer.clone(),
            "-rsigner".to_owned(),
            issuer,
            "-rkey".to_owned(),
            load.certificate("client-intermediate.key"),
            "-ndays".to_owned(),
            "1".to_owned(),
        ];
        let mut server = Server::start("responder", Core::Load, &openssl, arguments, folder)?;
        // It says so when it listens. A connection to find out would hold it up: it serves one at a time.
        let log = folder.join("responder.log");
        server.wait_until(Duration::from_secs(5), || {
            let said = fs::read_to_string(&log)?;
            ensure!(said.contains("ACCEPT"), "{said}");
            Ok(())
        })?;
        Ok(Self {
            url: format!("http://127.0.0.1:{port}/"),
            _server: server,
        })
    }
}

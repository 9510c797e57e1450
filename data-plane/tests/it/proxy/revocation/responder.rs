//! `openssl ocsp` as a process.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::super::eventually;
use super::super::pki::{Ca, Leaf};

/// A responder that ends with the test.
pub(crate) struct Responder {
    directory: TempDir,
    port: u16,
    process: Option<Child>,
}

/// What a responder says about a certificate.
#[derive(Clone, Copy)]
pub(crate) enum Status {
    Good,
    Revoked,
}

impl Responder {
    /// One whose answers the CA signs itself.
    pub(crate) async fn start(ca: &Ca) -> Self {
        Self::signing_with(ca, &ca.as_signer()).await
    }

    /// One whose answers somebody else signs.
    pub(crate) async fn signing_with(ca: &Ca, signer: &Leaf) -> Self {
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let mut responder = Self {
            directory: tempfile::tempdir().unwrap(),
            port,
            process: None,
        };
        responder.write("ca", &ca.pem());
        responder.write("signer", &signer.certificate_pem());
        responder.write("key", &signer.key_pem());
        responder.say(&[]).await;
        responder
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/", self.port)
    }

    /// Says this from now on; what it was not told of is unknown.
    pub(crate) async fn say(&mut self, statuses: &[(&Leaf, Status)]) {
        let lines = statuses.iter().map(|(leaf, status)| {
            let serial = leaf.serial();
            match status {
                Status::Good => format!("V\t350101000000Z\t\t{serial}\tunknown\t/CN={serial}\n"),
                Status::Revoked => {
                    format!("R\t350101000000Z\t250101000000Z\t{serial}\tunknown\t/CN={serial}\n")
                }
            }
        });
        self.write("index", &lines.collect::<String>());
        self.restart().await;
    }

    /// Ends it: connections are refused from now on.
    pub(crate) fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }

    async fn restart(&mut self) {
        self.kill();
        let port = self.port.to_string();
        let arguments = "ocsp -index index -CA ca -rsigner signer -rkey key -nmin 60 -port";
        let log = self.directory.path().join("log");
        let output = fs::File::create(&log).unwrap();
        let process = Command::new("openssl")
            .args(arguments.split(' '))
            .arg(&port)
            .current_dir(self.directory.path())
            .stdin(Stdio::null())
            .stdout(output.try_clone().unwrap())
            .stderr(output)
            .spawn();
        self.process = Some(process.unwrap());
        // A connection to try it out would hang it: it serves one at a time, and waits for a request.
        eventually(async || {
            let log = fs::read_to_string(&log).unwrap();
            if log.contains("ACCEPT") {
                Ok(())
            } else {
                Err(log)
            }
        })
        .await;
    }

    fn write(&self, name: &str, content: &str) {
        fs::write(self.directory.path().join(name), content).unwrap();
    }
}

impl Drop for Responder {
    fn drop(&mut self) {
        self.kill();
    }
}

//! Clients of a gateway's listener: the real `curl` and the real `openssl s_client`.

use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::pki::Identity;

/// How a request ended.
#[derive(Debug)]
pub struct Outcome {
    /// HTTP status; zero when there was no HTTP answer.
    pub status: u16,
    /// The body and everything that the client said about the connection.
    pub text: String,
}

/// TLS version to speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tls {
    /// 1.2.
    V12,
    /// 1.3.
    V13,
}

impl Tls {
    /// Both.
    pub const ALL: [Self; 2] = [Self::V12, Self::V13];
}

/// Where and how to ask.
pub struct Target<'a> {
    /// Server name for SNI and Host.
    pub host: &'a str,
    /// Port on loopback.
    pub port: u16,
    /// Trusted for the server's certificate.
    pub ca_file: PathBuf,
}

impl Target<'_> {
    /// One GET with curl.
    pub fn curl(&self, tls: Tls, identity: Option<&Identity>, extra: &[&str]) -> Outcome {
        let mut curl = Command::new("curl");
        curl.args([
            "--silent",
            "--show-error",
            "--verbose",
            "--max-time",
            "20",
            "--write-out",
            "\nstatus=%{http_code}",
        ]);
        curl.arg("--cacert").arg(&self.ca_file);
        curl.args(match tls {
            Tls::V12 => ["--tlsv1.2", "--tls-max", "1.2"],
            Tls::V13 => ["--tlsv1.3", "--tls-max", "1.3"],
        });
        if let Some(identity) = identity {
            curl.arg("--cert")
                .arg(&identity.certificate)
                .arg("--key")
                .arg(&identity.key);
        }
        curl.args([
            "--connect-to",
            &format!("{}:{}:127.0.0.1:{}", self.host, self.port, self.port),
        ]);
        curl.args(extra);
        let output = curl
            .arg(format!("https://{}:{}/", self.host, self.port))
            .output()
            .expect("run curl");
        let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
        let status = stdout
            .rsplit_once("status=")
            .and_then(|(_, code)| code.trim().parse().ok())
            .unwrap_or(0);
        Outcome {
            status,
            text: stdout + &String::from_utf8_lossy(&output.stderr),
        }
    }

    /// `openssl s_client` with a typed request, as a person would check the listener.
    pub fn s_client(&self, tls: Tls, identity: Option<&Identity>) -> Outcome {
        self.s_client_with(tls, identity, &["-quiet"])
    }

    /// Like [`Self::s_client`], with more options; without `-quiet` it tells about the session.
    pub fn s_client_with(&self, tls: Tls, identity: Option<&Identity>, extra: &[&str]) -> Outcome {
        let mut openssl = Command::new("openssl");
        openssl.args([
            "s_client",
            "-connect",
            &format!("127.0.0.1:{}", self.port),
            "-servername",
            self.host,
        ]);
        openssl
            .arg("-CAfile")
            .arg(&self.ca_file)
            .arg("-verify_return_error")
            .args(extra);
        openssl.arg(match tls {
            Tls::V12 => "-tls1_2",
            Tls::V13 => "-tls1_3",
        });
        if let Some(identity) = identity {
            openssl
                .arg("-cert")
                .arg(&identity.certificate)
                .arg("-cert_chain")
                .arg(&identity.certificate);
            openssl.arg("-key").arg(&identity.key);
        }
        let mut child = openssl
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("run openssl");
        // Standard input stays open until the server has closed: s_client leaves at its end.
        let mut stdin = child.stdin.take().expect("input of openssl");
        let request = format!(
            "GET / HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n",
            self.host
        );
        let _refused_already = stdin.write_all(request.as_bytes());
        let mut text = String::new();
        child
            .stdout
            .take()
            .expect("output of openssl")
            .read_to_string(&mut text)
            .expect("read openssl");
        drop(stdin);
        let mut said = String::new();
        child
            .stderr
            .take()
            .expect("errors of openssl")
            .read_to_string(&mut said)
            .expect("read openssl");
        child.wait().expect("openssl");
        let status = text
            .split_once("HTTP/1.1 ")
            .and_then(|(_, rest)| rest.get(..3)?.parse().ok())
            .unwrap_or(0);
        Outcome {
            status,
            text: text + &said,
        }
    }
}

//! A CA whose responses `openssl ocsp` makes.

use std::fs;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::SystemTime;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use client_auth::{
    Authenticator, Policy, RevocationMethod, RevocationPlan, RevocationPolicy, RevocationQuestion,
    TrustBundle, TrustedCa,
};
use rcgen::{CrlDistributionPoint, CustomExtension, ExtendedKeyUsagePurpose, SerialNumber};
use rustls_pki_types::{CertificateDer, UnixTime};
use tempfile::TempDir;

use super::{Asked, Play, Server};
use crate::testing::{Ca, Leaf};

/// A CA, what it has issued, and what it says about that.
pub(in crate::revocation) struct World {
    pub(in crate::revocation) ca: Ca,
    directory: TempDir,
}

/// What a responder is told to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::revocation) enum Status {
    Good,
    Revoked,
}

/// A policy that asks responders and refuses without an answer.
pub(in crate::revocation) fn ocsp() -> RevocationPolicy {
    RevocationPolicy {
        method: RevocationMethod::Ocsp,
        ..RevocationPolicy::NONE
    }
}

impl World {
    pub(in crate::revocation) fn new() -> Self {
        let world = Self {
            ca: Ca::new("CA"),
            directory: tempfile::tempdir().expect("a directory"),
        };
        world.write("ca", &pem("CERTIFICATE", &world.ca.certificate));
        world.sign_as(&world.ca.certificate, &world.ca.key_pem());
        world.say(&[]);
        world
    }

    /// Makes the responder sign with this key from now on.
    pub(in crate::revocation) fn sign_as(&self, certificate: &CertificateDer<'_>, key_pem: &str) {
        self.write("signer", &pem("CERTIFICATE", certificate));
        self.write("key", key_pem);
    }

    /// Makes a delegate of the CA sign.
    pub(in crate::revocation) fn delegate(&self) {
        let delegate = self.ca.leaf("responder", |parameters| {
            parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::OcspSigning];
            let no_check = &[1, 3, 6, 1, 5, 5, 7, 48, 1, 5];
            let extension = CustomExtension::from_oid_content(no_check, vec![5, 0]);
            parameters.custom_extensions.push(extension);
        });
        self.sign_as(&delegate.certificate, &delegate.key.serialize_pem());
    }

    /// What the responder says from now on, by serial number; all others are unknown.
    pub(in crate::revocation) fn say(&self, statuses: &[(u8, Status)]) {
        let lines = statuses.iter().map(|(serial, status)| match status {
            Status::Good => format!("V\t350101000000Z\t\t{serial:02X}\tunknown\t/CN=client{serial}\n"),
            Status::Revoked => format!(
                "R\t350101000000Z\t250101000000Z,keyCompromise\t{serial:02X}\tunknown\t/CN=client{serial}\n"
            ),
        });
        self.write("index", &lines.collect::<String>());
    }

    /// A client's certificate that names these responders.
    pub(in crate::revocation) fn client(&self, serial: u8, responders: &[String]) -> Leaf {
        self.client_of(serial, responders, &[])
    }

    /// A client's certificate that names these responders and distribution points.
    pub(in crate::revocation) fn client_of(
        &self,
        serial: u8,
        responders: &[String],
        points: &[String],
    ) -> Leaf {
        self.ca.leaf("client", |parameters| {
            let points = points.iter().map(|url| CrlDistributionPoint {
                uris: vec![url.clone()],
            });
            parameters.crl_distribution_points = points.collect();
            parameters.serial_number = Some(SerialNumber::from_slice(&[serial]));
            parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
            let places: Vec<u8> = responders.iter().flat_map(|url| access(url)).collect();
            let information = &[1, 3, 6, 1, 5, 5, 7, 1, 1];
            let extension = CustomExtension::from_oid_content(information, tlv(0x30, &places));
            parameters.custom_extensions.push(extension);
        })
    }

    /// What has to be found out about a client under this policy.
    pub(in crate::revocation) fn plan(
        &self,
        client: &Leaf,
        policy: &RevocationPolicy,
    ) -> RevocationPlan {
        let bundle = TrustBundle::from_der("ca", std::slice::from_ref(&self.ca.certificate));
        let trusted = TrustedCa {
            bundle: bundle.expect("a CA"),
            revocation: policy.clone(),
        };
        let authenticator = Authenticator::new(Policy {
            trusted: vec![trusted],
            ..Policy::strict("profile", Vec::new(), false)
        });
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let now = UnixTime::since_unix_epoch(now.expect("after 1970"));
        let decision = authenticator.decide(&client.certificate, &[], now);
        assert!(decision.verdict.is_ok(), "{decision:?}");
        decision.revocation
    }

    /// The only question about a client.
    pub(in crate::revocation) fn question(
        &self,
        client: &Leaf,
        policy: &RevocationPolicy,
    ) -> Arc<RevocationQuestion> {
        self.plan(client, policy).questions.remove(0)
    }

    /// The response to a request.
    pub(in crate::revocation) fn respond(&self, request: &[u8]) -> Vec<u8> {
        let scratch = tempfile::tempdir().expect("a directory");
        let (asked, answered) = (
            scratch.path().join("request"),
            scratch.path().join("response"),
        );
        fs::write(&asked, request).expect("written");
        let output = Command::new("openssl")
            .args("ocsp -index index -CA ca -rsigner signer -rkey key -nmin 1440".split(' '))
            .arg("-reqin")
            .arg(&asked)
            .arg("-respout")
            .arg(&answered)
            .current_dir(self.directory.path())
            .stdin(Stdio::null())
            .output()
            .expect("openssl runs");
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        fs::read(&answered).expect("a response")
    }

    /// Answers a request over HTTP as a responder should.
    pub(in crate::revocation) fn play(&self, asked: &Asked) -> Play {
        Play::ok("application/ocsp-response", &self.respond(&request(asked)))
    }

    /// Starts a responder that answers as it should.
    pub(in crate::revocation) async fn serve(self: &Arc<Self>) -> Server {
        let world = Arc::clone(self);
        Server::start(move |asked| world.play(asked)).await
    }

    fn write(&self, name: &str, content: &str) {
        fs::write(self.directory.path().join(name), content).expect("written");
    }
}

/// The OCSP request in an HTTP request: the body of a POST, the last segment of the path of a GET.
pub(in crate::revocation) fn request(asked: &Asked) -> Vec<u8> {
    if asked.method() == "POST" {
        return asked.body.clone();
    }
    let segment = asked.target().rsplit('/').next().expect("a segment");
    let base64 = segment
        .replace("%2B", "+")
        .replace("%2F", "/")
        .replace("%3D", "=");
    STANDARD.decode(base64).expect("base64")
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    format!("-----BEGIN {label}-----\n{text}\n-----END {label}-----\n")
}

/// An `AccessDescription` of an OCSP responder.
fn access(url: &str) -> Vec<u8> {
    let method = tlv(0x06, &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01]);
    tlv(0x30, &[method, tlv(0x86, url.as_bytes())].concat())
}

fn tlv(tag: u8, value: &[u8]) -> Vec<u8> {
    let length = u8::try_from(value.len()).expect("short");
    let mut encoded = vec![tag];
    if length > 0x7f {
        encoded.push(0x81);
    }
    encoded.push(length);
    encoded.extend_from_slice(value);
    encoded
}

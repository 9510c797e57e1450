//! How the worker knows the control plane, and shows itself. There are no system roots here.

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::{
    ClientConfig, ConfigBuilder, DigitallySignedStruct, RootCertStore, SignatureScheme,
    WantsVerifier,
};
use rustls_pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

use crate::blobs::sha256;
use crate::clock::Clock;
use crate::identity::Identity;

/// With an identity: the control plane is of one of its CAs.
pub(super) fn of_identity(
    identity: &Identity,
    clock: &Clock,
) -> Result<Arc<ClientConfig>, rustls::Error> {
    let key = PrivatePkcs8KeyDer::from(identity.key.to_vec());
    let config = builder(clock)?
        .with_root_certificates(roots(&identity.authorities)?)
        .with_client_auth_cert(vec![identity.certificate.clone()], key.into())?;
    Ok(finished(config))
}

/// Without an identity: the control plane is of the CA whose public key has this SHA-256, or hears nothing.
pub(super) fn of_pin(pin: [u8; 32], clock: &Clock) -> Result<Arc<ClientConfig>, rustls::Error> {
    let verifier = Pinned {
        pin,
        provider: Arc::new(aws_lc_rs::default_provider()),
    };
    let config = builder(clock)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    Ok(finished(config))
}

fn builder(clock: &Clock) -> Result<ConfigBuilder<ClientConfig, WantsVerifier>, rustls::Error> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    ClientConfig::builder_with_details(provider, Arc::new(clock.clone()))
        .with_protocol_versions(&[&rustls::version::TLS13])
}

fn finished(mut config: ClientConfig) -> Arc<ClientConfig> {
    config.alpn_protocols = vec![b"h2".to_vec()];
    config.resumption = rustls::client::Resumption::disabled();
    Arc::new(config)
}

fn roots(authorities: &[CertificateDer<'static>]) -> Result<RootCertStore, rustls::Error> {
    let mut roots = RootCertStore::empty();
    for authority in authorities {
        roots.add(authority.clone())?;
    }
    Ok(roots)
}

/// Takes a chain that ends in a CA with this public key, and judges it as usual then.
#[derive(Debug)]
struct Pinned {
    pin: [u8; 32],
    provider: Arc<CryptoProvider>,
}

/// Of a chain without a certificate with the pinned key.
const OTHER_AUTHORITY: &str =
    "the control plane's certificate does not come from the CA that the join token names";

impl Pinned {
    fn is_pinned(&self, certificate: &CertificateDer<'_>) -> bool {
        let parsed = X509Certificate::from_der(certificate);
        parsed.is_ok_and(|(_, parsed)| sha256(parsed.public_key().raw) == self.pin)
    }
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let pinned = intermediates.iter().find(|found| self.is_pinned(found));
        let pinned = pinned.ok_or_else(|| rustls::Error::General(OTHER_AUTHORITY.to_owned()))?;
        let roots = roots(&[pinned.clone().into_owned()])?;
        let provider = Arc::clone(&self.provider);
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
            .build()
            .map_err(|error| rustls::Error::General(error.to_string()))?;
        verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let algorithms = &self.provider.signature_verification_algorithms;
        algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{
        BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, PublicKeyData,
    };

    use super::*;

    struct Ca {
        certificate: CertificateDer<'static>,
        issuer: Issuer<'static, KeyPair>,
        pin: [u8; 32],
    }

    fn ca() -> Ca {
        let key = KeyPair::generate().expect("key");
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "CA");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Ca {
            certificate: params.self_signed(&key).expect("CA").der().clone(),
            pin: sha256(&key.subject_public_key_info()),
            issuer: Issuer::new(params, key),
        }
    }

    fn leaf(ca: &Ca, name: &str) -> CertificateDer<'static> {
        let params = CertificateParams::new(vec![name.to_owned()]).expect("name");
        let key = KeyPair::generate().expect("key");
        params
            .signed_by(&key, &ca.issuer)
            .expect("signed")
            .der()
            .clone()
    }

    #[test]
    fn only_a_chain_to_the_pinned_key_is_taken() {
        let (ours, foreign) = (ca(), ca());
        let name = ServerName::try_from("cp.example").expect("name");
        let check = |leaf: &CertificateDer<'_>, others: &[CertificateDer<'_>], good: bool| {
            let verifier = Pinned {
                pin: ours.pin,
                provider: Arc::new(aws_lc_rs::default_provider()),
            };
            let now = UnixTime::now();
            let outcome = verifier.verify_server_cert(leaf, others, &name, &[], now);
            assert_eq!(outcome.is_ok(), good, "{outcome:?}");
            outcome.map_or_else(|error| error.to_string(), |_| String::new())
        };
        let (our_ca, foreign_ca) = (ours.certificate.clone(), foreign.certificate.clone());
        check(
            &leaf(&ours, "cp.example"),
            std::slice::from_ref(&our_ca),
            true,
        );
        let told = check(&leaf(&foreign, "cp.example"), &[foreign_ca], false);
        assert!(
            told.contains("does not come from the CA that the join token names"),
            "{told}"
        );
        // The pinned CA stands in the chain, but has not signed.
        check(
            &leaf(&foreign, "cp.example"),
            std::slice::from_ref(&our_ca),
            false,
        );
        check(
            &leaf(&ours, "other.example"),
            std::slice::from_ref(&our_ca),
            false,
        );
        check(&leaf(&ours, "cp.example"), &[], false);
        check(&our_ca, std::slice::from_ref(&our_ca), false);
    }
}

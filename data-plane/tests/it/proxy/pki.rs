//! Certificates and TLS settings, made at run time.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use client_auth::crl::Crl;
use client_auth::{Authenticator, Policy, TrustBundle};
use data_plane::clock::Clock;
use data_plane::revocation::{UploadedList, UploadedLists};
use data_plane::snapshot::{ClientAuth, IdentityHeaders, RefusalForm};
use data_plane::tls::server_config::{self, ServerTls, cipher_suite};
use data_plane::tls::tickets::TicketScope;
use data_plane::tls::tickets::keys::TicketKeys;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CustomExtension, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose,
    RevokedCertParams, SanType, SerialNumber,
};
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ClientConfig, RootCertStore, ServerConfig, SupportedProtocolVersion, version};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use time::OffsetDateTime;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// A CA.
pub(crate) struct Ca {
    pub(crate) certificate: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate with its key.
pub(crate) struct Leaf(
    CertificateDer<'static>,
    PrivateKeyDer<'static>,
    /// What is sent besides.
    Vec<CertificateDer<'static>>,
);

impl Clone for Leaf {
    fn clone(&self) -> Self {
        Self(self.0.clone(), self.1.clone_key(), self.2.clone())
    }
}

impl Ca {
    pub(crate) fn new(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut parameters = CertificateParams::default();
        parameters.distinguished_name.push(DnType::CommonName, name);
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let certificate = parameters.self_signed(&key).unwrap().der().clone();
        Self {
            certificate,
            issuer: Issuer::new(parameters, key),
        }
    }

    /// An intermediate CA.
    pub(crate) fn below(&self, name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut parameters = CertificateParams::default();
        parameters.distinguished_name.push(DnType::CommonName, name);
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        parameters.use_authority_key_identifier_extension = true;
        let certificate = parameters.signed_by(&key, &self.issuer).unwrap();
        Self {
            certificate: certificate.der().clone(),
            issuer: Issuer::new(parameters, key),
        }
    }

    /// A client with this common name and these alternative names.
    pub(crate) fn client_named(&self, name: &str, alt_names: Vec<SanType>) -> Leaf {
        let key = KeyPair::generate().unwrap();
        let mut parameters = CertificateParams::default();
        parameters.distinguished_name.push(DnType::CommonName, name);
        parameters.subject_alt_names = alt_names;
        parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        parameters.use_authority_key_identifier_extension = true;
        let certificate = parameters.signed_by(&key, &self.issuer).unwrap();
        Leaf(
            certificate.der().clone(),
            PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
            Vec::new(),
        )
    }

    pub(crate) fn server(&self, name: &str) -> Leaf {
        self.leaf(name, ExtendedKeyUsagePurpose::ServerAuth)
    }

    pub(crate) fn client(&self, name: &str) -> Leaf {
        self.leaf(name, ExtendedKeyUsagePurpose::ClientAuth)
    }

    /// A client whose certificate somebody else has the key of.
    pub(crate) fn client_without_key(&self, name: &str) -> Leaf {
        Leaf(self.client(name).0, self.client(name).1, Vec::new())
    }

    pub(crate) fn client_until(&self, name: &str, end: OffsetDateTime) -> Leaf {
        self.leaf_until(name, ExtendedKeyUsagePurpose::ClientAuth, end)
    }

    /// A client whose certificate names this OCSP responder.
    pub(crate) fn client_naming(&self, responder: &str) -> Leaf {
        let key = KeyPair::generate().unwrap();
        let mut parameters = CertificateParams::new(vec!["device".to_owned()]).unwrap();
        parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let tlv = |tag: u8, value: &[u8]| {
            let length = u8::try_from(value.len()).unwrap();
            assert!(length < 0x80, "a short form");
            [&[tag, length], value].concat()
        };
        let method = tlv(0x06, &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01]);
        let access = tlv(0x30, &[method, tlv(0x86, responder.as_bytes())].concat());
        let authority_info =
            CustomExtension::from_oid_content(&[1, 3, 6, 1, 5, 5, 7, 1, 1], tlv(0x30, &access));
        parameters.custom_extensions.push(authority_info);
        let certificate = parameters.signed_by(&key, &self.issuer).unwrap();
        Leaf(
            certificate.der().clone(),
            PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
            Vec::new(),
        )
    }

    /// A responder's certificate, with or without the purpose that makes it one.
    pub(crate) fn responder(&self, has_purpose: bool) -> Leaf {
        let key = KeyPair::generate().unwrap();
        let mut parameters = CertificateParams::new(vec!["responder".to_owned()]).unwrap();
        parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        parameters.extended_key_usages = if has_purpose {
            vec![ExtendedKeyUsagePurpose::OcspSigning]
        } else {
            vec![ExtendedKeyUsagePurpose::ClientAuth]
        };
        // id-pkix-ocsp-nocheck
        let no_check =
            CustomExtension::from_oid_content(&[1, 3, 6, 1, 5, 5, 7, 48, 1, 5], vec![5, 0]);
        parameters.custom_extensions.push(no_check);
        let certificate = parameters.signed_by(&key, &self.issuer).unwrap();
        Leaf(
            certificate.der().clone(),
            PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
            Vec::new(),
        )
    }

    /// The CA itself, with its key.
    pub(crate) fn as_signer(&self) -> Leaf {
        let key = self.issuer.key().serialize_der();
        Leaf(
            self.certificate.clone(),
            PrivateKeyDer::try_from(key).unwrap(),
            Vec::new(),
        )
    }

    pub(crate) fn pem(&self) -> String {
        pem("CERTIFICATE", &self.certificate)
    }

    /// A list that has these certificates.
    pub(crate) fn crl(&self, revoked: &[&Leaf]) -> Vec<u8> {
        let now = OffsetDateTime::now_utc();
        let revoked = revoked.iter().map(|leaf| RevokedCertParams {
            serial_number: SerialNumber::from_slice(&leaf.serial_octets()),
            revocation_time: now - Duration::from_hours(1),
            reason_code: None,
            invalidity_date: None,
        });
        let parameters = CertificateRevocationListParams {
            this_update: now - Duration::from_hours(1),
            next_update: now + Duration::from_hours(24),
            crl_number: SerialNumber::from_slice(&[1]),
            issuing_distribution_point: None,
            revoked_certs: revoked.collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        parameters.signed_by(&self.issuer).unwrap().der().to_vec()
    }

    fn leaf(&self, name: &str, purpose: ExtendedKeyUsagePurpose) -> Leaf {
        self.leaf_until(name, purpose, rcgen::date_time_ymd(4096, 1, 1))
    }

    fn leaf_until(
        &self,
        name: &str,
        purpose: ExtendedKeyUsagePurpose,
        end: OffsetDateTime,
    ) -> Leaf {
        let key = KeyPair::generate().unwrap();
        let mut parameters = CertificateParams::new(vec![name.to_owned()]).unwrap();
        parameters.distinguished_name.push(DnType::CommonName, name);
        parameters.extended_key_usages = vec![purpose];
        parameters.not_after = end;
        parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        parameters.use_authority_key_identifier_extension = true;
        let certificate = parameters
            .signed_by(&key, &self.issuer)
            .unwrap()
            .der()
            .clone();
        Leaf(
            certificate,
            PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
            Vec::new(),
        )
    }

    /// What an operator uploads when these of the CA's certificates are revoked.
    pub(crate) fn revoking(&self, revoked: &[&Leaf]) -> Arc<UploadedLists> {
        let der = self.crl(revoked);
        let crl = Crl::parse(&der).unwrap();
        Arc::new(UploadedLists::new(vec![UploadedList {
            name: "list".into(),
            ca: "bundle".into(),
            crl: Arc::new(crl.check_signed_by(&self.certificate).unwrap()),
        }]))
    }
}

impl Leaf {
    /// The certificate.
    pub(crate) fn der(&self) -> &[u8] {
        &self.0
    }

    pub(crate) fn certificate_pem(&self) -> String {
        pem("CERTIFICATE", &self.0)
    }

    pub(crate) fn key_pem(&self) -> String {
        pem("PRIVATE KEY", self.1.secret_der())
    }

    /// The serial number in upper-case hex, as in the index files of OpenSSL.
    pub(crate) fn serial(&self) -> String {
        hex::encode_upper(self.serial_octets())
    }

    fn serial_octets(&self) -> Vec<u8> {
        let (_, certificate) = x509_parser::parse_x509_certificate(&self.0).unwrap();
        certificate.tbs_certificate.serial.to_bytes_be()
    }

    /// The key with something else in the place of its certificate.
    pub(crate) fn with_certificate(self, der: &[u8]) -> Self {
        Self(CertificateDer::from(der.to_vec()), self.1, Vec::new())
    }

    /// What a client sends: the certificate, and what is beside it.
    fn chain(&self) -> Vec<CertificateDer<'static>> {
        let mut chain = vec![self.0.clone()];
        chain.extend(self.2.iter().cloned());
        chain
    }

    /// The chain with the key, whether or not they belong together.
    pub(crate) fn certified(&self) -> CertifiedKey {
        CertifiedKey::new(self.chain(), any_supported_type(&self.1).unwrap())
    }

    /// The certificate, and beside it one that has nothing to do with it.
    pub(crate) fn beside(mut self, ca: &Ca) -> Self {
        self.2.push(ca.certificate.clone());
        self
    }
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    format!("-----BEGIN {label}-----\n{text}\n-----END {label}-----\n")
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

/// What a listener of these tests offers.
pub(crate) fn offer(leaf: Leaf, client_auth: Option<Arc<ClientAuth>>) -> ServerTls {
    ServerTls {
        versions: VERSIONS.to_vec(),
        suites: [0x1301, 0xc02b]
            .into_iter()
            .filter_map(cipher_suite)
            .collect(),
        certificate: Arc::new(CertifiedKey::from_der(vec![leaf.0], leaf.1, &provider()).unwrap()),
        client_auth,
        http2: true,
        tickets: tickets("listener", &TicketKeys::default()),
    }
}

/// Whose sessions they are.
pub(crate) fn tickets(listener: &str, keys: &TicketKeys) -> TicketScope {
    TicketScope {
        gateway_id: "/gateway".into(),
        listener: listener.into(),
        keys: keys.of("/gateway"),
    }
}

/// A server with this certificate, demanding a client certificate of `clients` if given.
pub(crate) fn server(leaf: Leaf, clients: Option<&Ca>) -> Arc<ServerConfig> {
    let strict = |ca| Arc::new(client_auth(strict("policy", &[ca])));
    build(offer(leaf, clients.map(strict)))
}

/// The TLS settings of an offer.
pub(crate) fn build(offer: ServerTls) -> Arc<ServerConfig> {
    Arc::new(server_config::build(offer, &Clock::system()).unwrap())
}

/// A policy that lets in the clients of these CAs.
pub(crate) fn strict(name: &str, clients: &[&Ca]) -> Policy {
    let bundle =
        |ca: &&Ca| TrustBundle::from_der("bundle", std::slice::from_ref(&ca.certificate)).unwrap();
    Policy::strict(name, clients.iter().map(bundle).collect(), false)
}

/// An SSL profile with this policy, refusing by alert and resuming nothing.
pub(crate) fn client_auth(policy: Policy) -> ClientAuth {
    ClientAuth {
        ssl_profile: policy.name.as_str().into(),
        authenticator: Arc::new(Authenticator::new(policy)),
        refusal_form: RefusalForm::TlsAlert,
        resumption_lifetime: None,
        send_ca_names: true,
        identity_headers: IdentityHeaders::default(),
        trust_epoch: 1,
        crls: Arc::default(),
    }
}

/// A client that trusts `ca`.
pub(crate) fn client(ca: &Ca, leaf: Option<Leaf>, alpn: &str) -> ClientConfig {
    client_of(&VERSIONS, ca, leaf.as_ref(), alpn)
}

/// Both versions of TLS.
pub(crate) const VERSIONS: [&SupportedProtocolVersion; 2] = [&version::TLS12, &version::TLS13];

/// A client that trusts `ca` and speaks these versions. It shows its certificate whatever the server hints at, and whether
/// or not it has the key.
pub(crate) fn client_of(
    versions: &[&'static SupportedProtocolVersion],
    ca: &Ca,
    leaf: Option<&Leaf>,
    alpn: &str,
) -> ClientConfig {
    let chain = leaf.map(|leaf| (leaf.chain(), &leaf.1));
    client_with_chain(versions, ca, chain, alpn)
}

/// As [`client_of`], with a chain of any certificates and any key.
pub(crate) fn client_with_chain(
    versions: &[&'static SupportedProtocolVersion],
    ca: &Ca,
    chain: Option<(Vec<CertificateDer<'static>>, &PrivateKeyDer<'static>)>,
    alpn: &str,
) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(ca.certificate.clone()).unwrap();
    let builder = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(roots);
    let mut config = match chain {
        None => builder.with_no_client_auth(),
        Some((chain, key)) => {
            let claimed = CertifiedKey::new(chain, any_supported_type(key).unwrap());
            builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(claimed)))
        }
    };
    config.alpn_protocols = vec![alpn.as_bytes().to_vec()];
    config
}

/// Connects with SNI `name`.
pub(crate) async fn connect(
    address: SocketAddr,
    config: ClientConfig,
    name: &str,
) -> std::io::Result<TlsStream<TcpStream>> {
    connect_as(address, Arc::new(config), name).await
}

/// Connects with SNI `name`, with the tickets that the client has.
pub(crate) async fn connect_as(
    address: SocketAddr,
    config: Arc<ClientConfig>,
    name: &str,
) -> std::io::Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect(address).await.unwrap();
    let name = ServerName::try_from(name.to_owned()).unwrap();
    TlsConnector::from(config).connect(name, stream).await
}

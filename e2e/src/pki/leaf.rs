//! What an end-entity certificate says about itself.

use rcgen::{
    CertificateParams, CustomExtension, DnType, ExtendedKeyUsagePurpose, KeyUsagePurpose, SanType,
    SerialNumber,
};
use time::{Duration, OffsetDateTime};

use super::extension;

/// What a leaf says about itself.
#[derive(Clone)]
pub struct Leaf {
    /// Common name; also the name of the files.
    pub name: String,
    /// Attributes of the subject before the common name, outermost first.
    pub subject: Vec<(DnType, String)>,
    /// Subject alternative names.
    pub names: Vec<SanType>,
    /// Extended key usages.
    pub purposes: Vec<ExtendedKeyUsagePurpose>,
    /// Start of validity, relative to now.
    pub from: Duration,
    /// End of validity, relative to now.
    pub until: Duration,
    /// Serial number; none: a random one.
    pub serial: Option<u64>,
    /// URL of the OCSP responder (authority information access).
    pub responder: Option<String>,
    /// `id-pkix-ocsp-nocheck` (RFC 6960, 4.2.2.2.1).
    pub no_check: bool,
}

impl Leaf {
    /// A client certificate as it should be.
    pub fn client(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            subject: Vec::new(),
            names: Vec::new(),
            purposes: vec![ExtendedKeyUsagePurpose::ClientAuth],
            from: -Duration::hours(1),
            until: Duration::days(30),
            serial: None,
            responder: None,
            no_check: false,
        }
    }

    /// A certificate that may sign OCSP answers in the name of its issuer.
    pub fn responder(name: impl Into<String>) -> Self {
        Self {
            purposes: vec![ExtendedKeyUsagePurpose::OcspSigning],
            no_check: true,
            ..Self::client(name)
        }
    }

    /// With this serial number.
    #[must_use]
    pub fn with_serial(mut self, serial: u64) -> Self {
        self.serial = Some(serial);
        self
    }

    /// With this OCSP responder.
    #[must_use]
    pub fn with_responder(mut self, url: &str) -> Self {
        self.responder = Some(url.to_owned());
        self
    }

    /// With these DNS names.
    #[must_use]
    pub fn with_dns_names(mut self, names: &[&str]) -> Self {
        self.names.extend(
            names
                .iter()
                .map(|&name| SanType::DnsName(name.try_into().expect("DNS name in ASCII"))),
        );
        self
    }

    /// With this URI.
    #[must_use]
    pub fn with_uri(mut self, uri: &str) -> Self {
        let uri = uri.try_into().expect("URI in ASCII");
        self.names.push(SanType::URI(uri));
        self
    }

    /// With this attribute in the subject, before the common name.
    #[must_use]
    pub fn with_attribute(mut self, attribute: DnType, value: &str) -> Self {
        self.subject.push((attribute, value.to_owned()));
        self
    }

    pub(super) fn params(&self) -> CertificateParams {
        let mut params = CertificateParams::default();
        // The default is a name of the library's own.
        params.distinguished_name = rcgen::DistinguishedName::new();
        for (attribute, value) in &self.subject {
            params.distinguished_name.push(attribute.clone(), value);
        }
        params
            .distinguished_name
            .push(DnType::CommonName, &self.name);
        params.subject_alt_names.clone_from(&self.names);
        params.serial_number = self.serial.map(SerialNumber::from);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages.clone_from(&self.purposes);
        params.not_before = OffsetDateTime::now_utc() + self.from;
        params.not_after = OffsetDateTime::now_utc() + self.until;
        params.use_authority_key_identifier_extension = true;
        params.custom_extensions = self.extensions();
        params
    }

    fn extensions(&self) -> Vec<CustomExtension> {
        let responder = self.responder.as_deref().map(extension::responder);
        let no_check = self.no_check.then(extension::no_check);
        responder.into_iter().chain(no_check).collect()
    }
}

//! What a client's certificate gives to compare.

use std::cell::OnceCell;

use super::{AttributeType, IdentityRules};
use crate::certificate::Certificate;
use crate::name::{self, Attribute};
use crate::{CertificateFacts, Reason, Refusal};

/// The values of a certificate that rules are asked about.
pub(super) struct Presented<'a> {
    pub(super) certificate: &'a CertificateFacts,
    /// The attributes of the subject, once somebody asked; `None`: the subject is not readable.
    attributes: OnceCell<Option<Vec<Attribute<'a>>>>,
}

impl<'a> Presented<'a> {
    /// # Errors
    /// [`Reason::TooComplex`]: the certificate is too large.
    pub(super) fn by(certificate: &'a CertificateFacts) -> Result<Self, Refusal> {
        let size = certificate.der.len();
        if size > IdentityRules::MAX_CERTIFICATE_BYTES {
            return Err(Refusal::new(
                Reason::TooComplex,
                format!(
                    "the client's certificate has {size} bytes, identity rules take at most {}",
                    IdentityRules::MAX_CERTIFICATE_BYTES
                ),
            ));
        }
        Ok(Self {
            certificate,
            attributes: OnceCell::new(),
        })
    }

    /// The readable values of one type of attribute of the subject.
    pub(super) fn values(&self, kind: &AttributeType) -> impl Iterator<Item = &str> {
        self.attributes()
            .into_iter()
            .flatten()
            .filter(|attribute| attribute.kind == kind.contents())
            .filter_map(|attribute| attribute.value.as_deref())
    }

    /// Whether the subject may have a value of this type that cannot be read as text: no rule can tell what it is.
    pub(super) fn hides(&self, kind: &AttributeType) -> bool {
        self.attributes().is_none_or(|attributes| {
            attributes
                .iter()
                .any(|attribute| attribute.kind == kind.contents() && attribute.value.is_none())
        })
    }

    fn attributes(&self) -> Option<&[Attribute<'a>]> {
        let read = || {
            let certificate = Certificate::parse(&self.certificate.der).ok()?;
            name::attributes(certificate.subject).ok()
        };
        self.attributes.get_or_init(read).as_deref()
    }
}

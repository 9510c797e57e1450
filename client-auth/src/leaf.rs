//! Checks of the client's own certificate, before any signature is verified.

use rustls_pki_types::{CertificateDer, UnixTime};
use webpki::EndEntityCert;

use crate::certificate::Certificate;
use crate::{Reason, Refusal, Strength, key_strength, moment, signature};

/// The certificate that the client claims as its own.
pub(crate) struct Leaf<'a> {
    pub(crate) certificate: Certificate<'a>,
    pub(crate) end_entity: EndEntityCert<'a>,
}

impl<'a> Leaf<'a> {
    /// Reads it twice: for our checks, and for `webpki`'s.
    pub(crate) fn parse(der: &'a CertificateDer<'a>) -> Result<Self, Refusal> {
        let end_entity = EndEntityCert::try_from(der).map_err(|error| unreadable(&error))?;
        let certificate = Certificate::parse(der).map_err(|error| {
            Refusal::new(
                Reason::Malformed,
                format!("the client's certificate is not readable: {error}"),
            )
        })?;
        Ok(Self {
            certificate,
            end_entity,
        })
    }

    /// A CA's key signs certificates. Were it a client, everyone who may issue below a root could be the root itself,
    /// and an uploaded root would let itself in without any path.
    pub(crate) fn check_not_a_ca(&self) -> Result<(), Refusal> {
        if self.certificate.is_ca() {
            return Err(Refusal::new(
                Reason::CaAsClient,
                "the client presented a CA certificate as its own",
            ));
        }
        Ok(())
    }

    pub(crate) fn check_strength(&self, strength: &Strength) -> Result<(), Refusal> {
        check_leaf_strength(&self.certificate, strength)
    }

    pub(crate) fn check_validity(&self, now: UnixTime) -> Result<(), Refusal> {
        check_validity(&self.certificate, now, || {
            "the client's certificate".to_owned()
        })
    }

    /// The extended key usage, if there is one, must name `clientAuth` (RFC 5280 section 4.2.1.12).
    ///
    /// `anyExtendedKeyUsage` alone is not enough: the section lets applications that require a particular purpose
    /// reject it, and OpenSSL, hence Azure, does so.
    pub(crate) fn check_purpose(&self) -> Result<(), Refusal> {
        match self.certificate.extensions.purposes {
            Some(purposes) if !purposes.client_auth => Err(Refusal::new(
                Reason::NotForClientAuth,
                "the extended key usage of the client's certificate does not name clientAuth",
            )),
            Some(_) | None => Ok(()),
        }
    }

    /// The key usage, if there is one, must allow digital signatures (RFC 8446 section 4.4.2.2, RFC 5246 section
    /// 7.4.8): that is how the client proves that it has the key.
    pub(crate) fn check_key_usage(&self) -> Result<(), Refusal> {
        match self.certificate.extensions.key_usage {
            Some(usage) if !usage.digital_signature => Err(Refusal::new(
                Reason::KeyUsage,
                "the key usage of the client's certificate does not allow digital signatures",
            )),
            Some(_) | None => Ok(()),
        }
    }
}

/// The client's key, and the algorithm that its certificate is signed with: both can be told without any arithmetic.
pub(crate) fn check_leaf_strength(
    leaf: &Certificate<'_>,
    strength: &Strength,
) -> Result<(), Refusal> {
    key_strength::check_demanded(&leaf.key, strength)
        .map_err(|detail| Refusal::new(Reason::WeakKey, detail))?;
    if signature::is_allowed(&leaf.signed, strength) {
        return Ok(());
    }
    Err(Refusal::new(
        Reason::UnsupportedAlgorithm,
        "the client's certificate is signed with an algorithm that is not accepted",
    ))
}

/// Checks that `now` lies in the validity of `certificate`, both ends included (RFC 5280 section 4.1.2.5).
pub(crate) fn check_validity(
    certificate: &Certificate<'_>,
    now: UnixTime,
    whose: impl Fn() -> String,
) -> Result<(), Refusal> {
    if now > certificate.not_after {
        return Err(Refusal::new(
            Reason::Expired,
            format!(
                "{} expired at {}",
                whose(),
                moment::text(certificate.not_after)
            ),
        ));
    }
    if now < certificate.not_before {
        return Err(Refusal::new(
            Reason::NotYetValid,
            format!(
                "{} is not valid before {}",
                whose(),
                moment::text(certificate.not_before)
            ),
        ));
    }
    Ok(())
}

fn unreadable(error: &webpki::Error) -> Refusal {
    let reason = match error {
        webpki::Error::UnsupportedCriticalExtension => Reason::UnsupportedExtension,
        _ => Reason::Malformed,
    };
    Refusal::new(
        reason,
        format!("the client's certificate is not readable: {error}"),
    )
}

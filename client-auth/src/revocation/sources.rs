//! Where a certificate says that its revocation can be looked up.

use crate::der_value::{OID, SEQUENCE, Tlv, Values, malformed};

/// How many places of each kind are tried: a certificate must not make the gateway ask without end.
const MAX_PLACES: usize = 4;
/// Longest URL that is taken from a certificate.
const MAX_URL: usize = 2048;

/// `id-ad-ocsp` (RFC 5280 section 4.2.2.1).
const ACCESS_OCSP: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01];
/// `uniformResourceIdentifier` of a `GeneralName`.
const URI: u8 = 0x86;

const DISTRIBUTION_POINT: u8 = 0xa0;
const FULL_NAME: u8 = 0xa0;

/// The OCSP responders of an authority information access extension, at most four. One that cannot be read names none.
pub(crate) fn responders(extension: Option<&[u8]>) -> Vec<String> {
    let mut responders = extension
        .and_then(|value| access_locations(value).ok())
        .unwrap_or_default();
    responders.truncate(MAX_PLACES);
    responders
}

fn access_locations(value: &[u8]) -> Result<Vec<String>, der::Error> {
    let mut found = Vec::new();
    let mut descriptions = Values::only(value, SEQUENCE)?.values()?;
    while let Some(description) = descriptions.optional(SEQUENCE)? {
        let mut fields = description.values()?;
        let method = fields.expect(OID)?.value;
        let location = fields.next()?.ok_or_else(malformed)?;
        fields.finish()?;
        if method == ACCESS_OCSP {
            found.extend(web_url(location));
        }
    }
    descriptions.finish()?;
    Ok(found)
}

/// The distribution points of a certificate that tell of all revocations by its own issuer.
///
/// Points for some reasons only, and those with another CRL issuer, are left out: no complete answer comes from them.
/// So are names relative to the issuer's.
#[derive(Default)]
pub(crate) struct DistributionPoints<'a> {
    /// Contents of the `GeneralNames` of each.
    pub(crate) names: Vec<&'a [u8]>,
}

impl<'a> DistributionPoints<'a> {
    /// Reads a CRL distribution points extension (RFC 5280 section 4.2.1.13). One that cannot be read has no points.
    pub(crate) fn of(extension: Option<&'a [u8]>) -> Self {
        let names = extension.and_then(|value| full_names(value).ok());
        Self {
            names: names.unwrap_or_default(),
        }
    }

    /// Where the lists can be fetched, at most four places.
    pub(crate) fn urls(&self) -> Vec<String> {
        let urls = self.names.iter().flat_map(|names| urls(names));
        urls.take(MAX_PLACES).collect()
    }
}

fn full_names(value: &[u8]) -> Result<Vec<&[u8]>, der::Error> {
    let mut found = Vec::new();
    let mut points = Values::only(value, SEQUENCE)?.values()?;
    while let Some(point) = points.optional(SEQUENCE)? {
        let mut fields = point.values()?;
        let name = fields.optional(DISTRIBUTION_POINT)?;
        let is_complete = fields.next()?.is_none();
        if let (Some(name), true) = (name, is_complete) {
            found.extend(full_name(name)?);
        }
    }
    points.finish()?;
    Ok(found)
}

/// The contents of the full name in a `DistributionPointName`, `None` for a relative one.
pub(crate) fn full_name(explicit: Tlv<'_>) -> Result<Option<&[u8]>, der::Error> {
    let mut choice = explicit.values()?;
    let name = choice.next()?.ok_or_else(malformed)?;
    choice.finish()?;
    Ok((name.tag == FULL_NAME).then_some(name.value))
}

/// The URLs among the contents of a `GeneralNames`, up to the first value that is not readable.
fn urls(names: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    let Ok(mut names) = Values::of(names) else {
        return found;
    };
    while let Ok(Some(name)) = names.next() {
        found.extend(web_url(name));
    }
    found
}

/// A URI over HTTP. Characters that no URI has would reach logs and request lines.
fn web_url(name: Tlv<'_>) -> Option<String> {
    if name.tag != URI || name.value.len() > MAX_URL {
        return None;
    }
    let url = std::str::from_utf8(name.value).ok()?;
    let is_web = ["http://", "https://"].iter().any(|scheme| {
        url.get(..scheme.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    });
    let is_clean = url.bytes().all(|byte| byte.is_ascii_graphic());
    (is_web && is_clean).then(|| url.to_owned())
}

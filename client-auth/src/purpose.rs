//! Extended key usage on a path.

use webpki::{
    ExtendedKeyUsageValidator, KeyPurposeId, KeyPurposeIdIter, RequiredEkuNotFoundContext,
};

use crate::certificate::{ANY_PURPOSE, CLIENT_AUTH};

/// Every extended key usage on the path must allow client authentication (RFC 5280 section 4.2.1.12).
///
/// Applied to all certificates of a path but the anchor, whose usage was checked at upload. A CA may say
/// `anyExtendedKeyUsage`; the client may not, see [`Leaf::check_purpose`](crate::leaf::Leaf::check_purpose).
pub(crate) struct ClientAuth;

impl ExtendedKeyUsageValidator for ClientAuth {
    fn validate(&self, purposes: KeyPurposeIdIter<'_, '_>) -> Result<(), webpki::Error> {
        let mut restricted = false;
        for purpose in purposes {
            let purpose = purpose?;
            if purpose == KeyPurposeId::new(CLIENT_AUTH)
                || purpose == KeyPurposeId::new(ANY_PURPOSE)
            {
                return Ok(());
            }
            restricted = true;
        }
        if !restricted {
            return Ok(());
        }
        Err(webpki::Error::RequiredEkuNotFoundContext(
            RequiredEkuNotFoundContext {
                required: webpki::KeyUsage::client_auth(),
                present: Vec::new(),
            },
        ))
    }
}

//! The certificate that the own CA issues for the API.

use std::{
    fs,
    path::{Path, PathBuf},
};

use time::OffsetDateTime;
use zeroize::Zeroizing;

use super::authority::{Authority, AuthorityError, Usage};
use crate::{
    settings::{Identity, IdentityError},
    tls::file::{write_private, write_public},
};

/// The API's certificate from the own CA in a directory; reused across starts, and issued anew when it is about to
/// expire, lacks a name, or is not of this CA.
pub(super) struct OwnCertificate {
    /// Absolute path of the CA certificate that clients trust.
    pub(super) ca_file: PathBuf,
    /// Certificate and key.
    pub(super) identity: Identity,
}

impl OwnCertificate {
    /// Loads or creates `ca.pem`, `ca.key`, `api.pem` and `api.key` in `directory`.
    ///
    /// `names` are DNS names and IP addresses beside localhost, the loopback addresses and the host name.
    ///
    /// # Errors
    /// [`AuthorityError`] of the CA, or of the leaf's files.
    pub(super) fn load_or_issue(
        now: OffsetDateTime,
        directory: &Path,
        names: &[String],
    ) -> Result<Self, AuthorityError> {
        let ca_file = directory.join("ca.pem");
        let authority = Authority::load_or_create(
            now,
            &ca_file,
            &directory.join("ca.key"),
            "Portcullis control plane CA",
        )?;
        let names = with_names_of_this_machine(names);
        let (chain_file, key_file) = (directory.join("api.pem"), directory.join("api.key"));
        let identity = match authority.reusable(now, &chain_file, &key_file, &names) {
            Some(identity) => identity,
            None => issue(now, &authority, &chain_file, &key_file, &names)?,
        };
        let ca_file = fs::canonicalize(&ca_file).map_err(|source| AuthorityError::File {
            file: ca_file.display().to_string(),
            source,
        })?;
        Ok(Self { ca_file, identity })
    }
}

fn issue(
    now: OffsetDateTime,
    authority: &Authority,
    chain_file: &Path,
    key_file: &Path,
    names: &[String],
) -> Result<Identity, AuthorityError> {
    let unusable = |source| AuthorityError::Certificate {
        file: chain_file.display().to_string(),
        source,
    };
    let issued = authority
        .issue(now, "Portcullis control plane", names, Usage::Server)
        .map_err(unusable)?;
    let file_error = |path: &Path, source| AuthorityError::File {
        file: path.display().to_string(),
        source,
    };
    write_private(key_file, issued.key_pem.as_bytes())
        .map_err(|source| file_error(key_file, source))?;
    write_public(chain_file, issued.chain_pem.as_bytes())
        .map_err(|source| file_error(chain_file, source))?;
    let key_pem = Zeroizing::new(issued.key_pem.as_bytes().to_vec());
    Identity::from_pem(issued.chain_pem.into_bytes(), key_pem).map_err(|error| match error {
        IdentityError::Certificate | IdentityError::Mismatch(_) => {
            unusable(rcgen::Error::CouldNotParseCertificate)
        }
        IdentityError::Key => unusable(rcgen::Error::CouldNotParseKeyPair),
    })
}

/// localhost, the loopback addresses, the host name, and `extra`.
pub fn with_names_of_this_machine(extra: &[String]) -> Vec<String> {
    let mut names: Vec<String> = ["localhost", "127.0.0.1", "::1"]
        .map(str::to_owned)
        .to_vec();
    names.extend(host_name());
    for name in extra {
        if !names.contains(name) {
            names.push(name.clone());
        }
    }
    names
}

/// Name of this machine, when it can stand in a certificate.
fn host_name() -> Option<String> {
    let name = fs::read_to_string("/proc/sys/kernel/hostname")
        .ok()?
        .trim()
        .to_owned();
    rustls_pki_types::DnsName::try_from(name.as_str())
        .is_ok()
        .then_some(name)
}

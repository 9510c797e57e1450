//! `dev.json`: where everything is, for scripts.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::Place;
use super::file;
use super::pki::{Identity, Pki};

/// The written files; dropping this removes them.
pub(crate) struct Manifest {
    directory: PathBuf,
}

impl Manifest {
    /// Where the file is below the directory of the demo.
    pub(crate) fn file(directory: &Path) -> PathBuf {
        directory.join("dev.json")
    }

    /// Where the header line of authorised requests is, for `curl --header @FILE`.
    pub(crate) fn header_file(directory: &Path) -> PathBuf {
        directory.join("authorization")
    }

    /// Writes the files, each whole or not at all.
    pub(crate) fn write(
        directory: &Path,
        place: &Place,
        authorization: &str,
        pki: &Pki,
    ) -> anyhow::Result<Self> {
        let manifest = Self {
            directory: directory.to_owned(),
        };
        manifest.replace(place, authorization, pki)?;
        Ok(manifest)
    }

    /// Writes the files anew.
    pub(crate) fn replace(
        &self,
        place: &Place,
        authorization: &str,
        pki: &Pki,
    ) -> anyhow::Result<()> {
        let header = format!("Authorization: {authorization}\n");
        file::write_atomically(&Self::header_file(&self.directory), &header, 0o600)?;
        let content = format!("{:#}\n", content(place, authorization, pki));
        file::write_atomically(&Self::file(&self.directory), &content, 0o600)
    }
}

impl Drop for Manifest {
    fn drop(&mut self) {
        for file in [
            Self::file(&self.directory),
            Self::header_file(&self.directory),
        ] {
            let _ = fs::remove_file(file);
        }
    }
}

fn content(place: &Place, authorization: &str, pki: &Pki) -> Value {
    json!({
        "controlPlane": {
            "url": place.api_url,
            "caFile": place.api_ca_file,
            "authorization": authorization,
            "adminUrl": place.control_plane_admin_url,
        },
        "worker": { "adminUrl": place.worker_admin_url },
        "gateway": {
            "id": place.gateway_id,
            "httpsUrl": place.gateway_url,
            "serverCaFile": pki.server_ca_file,
        },
        "client": identity(&pki.client),
        "untrustedClient": identity(&pki.untrusted_client),
    })
}

fn identity(identity: &Identity) -> Value {
    json!({ "certFile": identity.cert_file, "keyFile": identity.key_file })
}

//! `dev.json`: where everything is, for scripts.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::Place;
use super::file;
use super::pki::{Identity, Pki};

/// The written file; dropping this removes it.
pub(crate) struct Manifest(PathBuf);

impl Manifest {
    /// Where the file is below the directory of the demo.
    pub(crate) fn file(directory: &Path) -> PathBuf {
        directory.join("dev.json")
    }

    /// Writes it, whole or not at all.
    pub(crate) fn write(directory: &Path, place: &Place, pki: &Pki) -> anyhow::Result<Self> {
        let file = Self::file(directory);
        file::write_atomically(&file, &format!("{:#}\n", content(place, pki)), 0o600)?;
        Ok(Self(file))
    }
}

impl Drop for Manifest {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

fn content(place: &Place, pki: &Pki) -> Value {
    json!({
        "controlPlane": {
            "url": place.api_url,
            "caFile": place.api_ca_file,
            "authorization": null,
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

//! Installing Debian packages for the tasks that need them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};

use crate::program;

/// While this file exists, Debian's packages start no service when they are installed.
const POLICY: &str = "/usr/sbin/policy-rc.d";
/// While this file exists, Debian's Postgres package makes no cluster when it is installed.
const NO_CLUSTER: &str = "/etc/postgresql-common/createcluster.d/portcullis.conf";

/// Installs the packages without their recommendations, and without starting their services.
///
/// # Errors
/// When this is not a Debian-like machine or not root: with the one line that a person has to type.
pub(crate) fn install(packages: &[&str]) -> anyhow::Result<()> {
    let names = packages.join(" ");
    let advice =
        format!("missing: {names}; install with: apt-get install --no-install-recommends {names}");
    if program::find("apt-get").is_none() {
        bail!("{advice} (or this system's own package of it)");
    }
    if !is_root()? {
        bail!("{advice} (as root)");
    }
    eprintln!("installing {names}");
    let _policy = Marker::place(POLICY, "#!/bin/sh\nexit 101\n", 0o755)?;
    let _no_cluster = Marker::place(NO_CLUSTER, "create_main_cluster = false\n", 0o644)?;
    program::read(apt_get().args(["-qq", "update"]))?;
    program::read(
        apt_get()
            .args(["-qq", "install", "--no-install-recommends"])
            .args(packages),
    )?;
    Ok(())
}

/// Whether this process runs as root.
pub(crate) fn is_root() -> anyhow::Result<bool> {
    Ok(program::read(Command::new("id").arg("-u"))?.trim() == "0")
}

fn apt_get() -> Command {
    let mut command = Command::new("apt-get");
    command
        .arg("--yes")
        .env("DEBIAN_FRONTEND", "noninteractive");
    command
}

/// A file that exists as long as this value, unless it was there before.
struct Marker(Option<PathBuf>);

impl Marker {
    fn place(file: &str, text: &str, mode: u32) -> anyhow::Result<Self> {
        use std::os::unix::fs::PermissionsExt as _;
        let file = Path::new(file);
        if file.exists() {
            return Ok(Self(None));
        }
        let write = || {
            fs::create_dir_all(file.parent().unwrap_or(file))?;
            fs::write(file, text)?;
            fs::set_permissions(file, fs::Permissions::from_mode(mode))
        };
        write().with_context(|| format!("cannot write {}", file.display()))?;
        Ok(Self(Some(file.to_path_buf())))
    }
}

impl Drop for Marker {
    fn drop(&mut self) {
        if let Some(file) = &self.0 {
            let _ = fs::remove_file(file);
        }
    }
}

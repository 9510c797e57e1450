//! The programs of the workspace as they are released.

use std::path::{Path, PathBuf};

use anyhow::ensure;

use crate::program;
use crate::workspace;

/// Where the programs are.
#[derive(Clone, Debug)]
pub(crate) struct Binaries {
    folder: PathBuf,
}

impl Binaries {
    /// Builds them with the release profile and, for the data plane, with jemalloc.
    ///
    /// # Errors
    /// When a build fails, or is skipped and was never done.
    pub(crate) fn build(target: &Path, skip: bool) -> anyhow::Result<Self> {
        let binaries = Self {
            folder: target.join("release"),
        };
        if !skip {
            program::find_or_install("make", "make")?;
            let mut cargo = workspace::cargo();
            cargo.args(["build", "--release", "--quiet"]);
            cargo.args(["--package=control-plane", "--package=data-plane"]);
            cargo.args(["--package=e2e", "--bins", "--features=data-plane/jemalloc"]);
            println!("building the release binaries");
            program::run(&mut cargo)?;
        }
        let load = binaries.path("load");
        ensure!(program::is_executable(&load), "no {}", load.display());
        Ok(binaries)
    }

    /// A program's file.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

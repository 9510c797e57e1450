//! Files that are there whole or not at all.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use anyhow::Context as _;

/// Writes `text` beside `file` and renames it into place.
pub(crate) fn write_atomically(file: &Path, text: &str, mode: u32) -> anyhow::Result<()> {
    let write = || {
        let new = file.with_added_extension("new");
        let _ = fs::remove_file(&new);
        let mut options = fs::OpenOptions::new();
        let mut opened = options.write(true).create_new(true).mode(mode).open(&new)?;
        opened.write_all(text.as_bytes())?;
        opened.sync_all()?;
        fs::rename(&new, file)
    };
    write().with_context(|| format!("cannot write {}", file.display()))
}

//! The keys that seal secrets at rest.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use base64::{Engine, prelude::BASE64_STANDARD};
use clap::Args;
use zeroize::Zeroizing;

use super::{
    check::{Problem, refuse},
    secret_source::{SecretSource, only_one},
};
use crate::init::{InitError, ensure_secret};

/// Where the master keys come from, as typed by the user.
#[derive(Debug, Clone, Default, Args)]
pub struct MasterKeyArgs {
    /// File with the 32 bytes, in base64, that seal secrets in the database [default: {state-dir}/master.key, created
    /// at first start]. Without this key the secrets in the database are lost: back it up, away from the database.
    #[arg(long = "master-key-file", env = "PORTCULLIS_MASTER_KEY_FILE", value_name = "FILE", help_heading = STORE)]
    pub file: Option<PathBuf>,

    /// Name of an environment variable that holds the master key, instead of a file.
    #[arg(long = "master-key-env", env = "PORTCULLIS_MASTER_KEY_ENV", value_name = "NAME", help_heading = STORE)]
    pub variable: Option<String>,

    /// Program, with arguments separated by spaces, that prints the master key, instead of a file. It runs once, at
    /// start, without a shell, and has ten seconds.
    #[arg(long = "master-key-command", env = "PORTCULLIS_MASTER_KEY_COMMAND", hide_env_values = true, value_name = "COMMAND", help_heading = STORE)]
    pub command: Option<String>,

    /// File with another master key that opens what it sealed: one before the current key, or the next one (repeat, or
    /// separate by commas).
    #[arg(
        long = "previous-master-key-file", env = "PORTCULLIS_PREVIOUS_MASTER_KEY_FILE", value_name = "FILE",
        value_delimiter = ',', help_heading = STORE
    )]
    pub previous_files: Vec<PathBuf>,

    /// The same, with the name of an environment variable (repeat, or separate by commas).
    #[arg(
        long = "previous-master-key-env", env = "PORTCULLIS_PREVIOUS_MASTER_KEY_ENV", value_name = "NAME",
        value_delimiter = ',', help_heading = STORE
    )]
    pub previous_variables: Vec<String>,

    /// The same, with a command (repeat).
    #[arg(
        long = "previous-master-key-command", env = "PORTCULLIS_PREVIOUS_MASTER_KEY_COMMAND", hide_env_values = true, value_name = "COMMAND",
        help_heading = STORE
    )]
    pub previous_commands: Vec<String>,
}

/// The keys that seal secrets, and that open what was sealed.
#[derive(Debug, Clone)]
pub struct MasterKeySettings {
    /// The key that seals.
    pub current: MasterKeySource,
    /// Keys that only open.
    pub previous: Vec<MasterKey>,
}

/// Where the master key comes from.
#[derive(Debug, Clone)]
pub enum MasterKeySource {
    /// It was read.
    Loaded(MasterKey),
    /// The file in the state directory does not exist yet: create it at start.
    CreateAt(PathBuf),
}

/// 32 bytes that seal secrets at rest. `Debug` shows nothing of them; memory is wiped at the end.
#[derive(Clone)]
pub struct MasterKey(pub Zeroizing<[u8; 32]>);

impl MasterKeySettings {
    pub(super) fn check(
        args: &MasterKeyArgs,
        state_dir: &Path,
        problems: &mut Vec<Problem>,
    ) -> Option<Self> {
        let before = problems.len();
        let current = current(args, &state_dir.join("master.key"), problems);
        let mut previous = Vec::new();
        for (setting, source) in previous_sources(args) {
            let key = match source {
                Some(source) => MasterKey::load(&source),
                None => Err("is empty".to_owned()),
            };
            match key {
                Ok(key) => previous.push(key),
                Err(message) => refuse(setting, message, problems),
            }
        }
        if !previous.is_empty() && matches!(current, Some(MasterKeySource::CreateAt(_))) {
            let message =
                "needed with --previous-master-key-…: where there was a key, none is made";
            refuse("--master-key-file", message, problems);
        }
        let current = current?;
        (problems.len() == before).then_some(Self { current, previous })
    }
}

fn current(
    args: &MasterKeyArgs,
    own_file: &Path,
    problems: &mut Vec<Problem>,
) -> Option<MasterKeySource> {
    let file = args.file.clone().map(SecretSource::File);
    let variable = args.variable.clone().map(SecretSource::Variable);
    let command = args.command.as_deref().and_then(SecretSource::command);
    let before = problems.len();
    let source = only_one(
        [
            (FILE, file),
            ("--master-key-env", variable),
            ("--master-key-command", command),
        ],
        problems,
    );
    if problems.len() > before {
        return None;
    }
    let (setting, source) = match source {
        Some(given) => given,
        None if own_file.exists() => (FILE, SecretSource::File(own_file.to_owned())),
        None => return Some(MasterKeySource::CreateAt(own_file.to_owned())),
    };
    match MasterKey::load(&source) {
        Ok(key) => Some(MasterKeySource::Loaded(key)),
        Err(message) => {
            refuse(setting, message, problems);
            None
        }
    }
}

fn previous_sources(
    args: &MasterKeyArgs,
) -> impl Iterator<Item = (&'static str, Option<SecretSource>)> {
    let files = args.previous_files.iter().map(|path| {
        let source = SecretSource::File(path.clone());
        ("--previous-master-key-file", Some(source))
    });
    let variables = args.previous_variables.iter().map(|name| {
        let source = SecretSource::Variable(name.clone());
        ("--previous-master-key-env", Some(source))
    });
    let commands = args
        .previous_commands
        .iter()
        .map(|line| ("--previous-master-key-command", SecretSource::command(line)));
    files.chain(variables).chain(commands)
}

impl MasterKey {
    /// Reads the file, or makes it (mode 0600) when it does not exist.
    ///
    /// # Errors
    /// [`InitError`] when the file can be neither made nor read.
    pub fn load_or_create(path: &Path) -> Result<Self, InitError> {
        ensure_secret(path)?;
        Self::load(&SecretSource::File(path.to_owned())).map_err(InitError::MasterKey)
    }

    /// Fetches a key.
    ///
    /// # Errors
    /// A sentence for the user, without anything of the key.
    fn load(source: &SecretSource) -> Result<Self, String> {
        let text = source.load().map_err(|error| error.to_string())?;
        // Longer than a key, since the decoder wants room for an estimate.
        let mut decoded = Zeroizing::new([0_u8; 36]);
        let length = BASE64_STANDARD.decode_slice(text.as_slice(), decoded.as_mut_slice());
        match (length, decoded.first_chunk()) {
            (Ok(32), Some(key)) => Ok(Self(Zeroizing::new(*key))),
            _ => Err(format!("{source} does not hold 32 bytes in base64")),
        }
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey(redacted)")
    }
}

const FILE: &str = "--master-key-file";
const STORE: &str = "Store";

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn check(args: &MasterKeyArgs, state_dir: &Path, expected: &[(&str, &str)]) {
        let mut problems = Vec::new();
        let checked = MasterKeySettings::check(args, state_dir, &mut problems);
        assert_eq!(checked.is_some(), expected.is_empty(), "{problems:?}");
        assert_eq!(problems.len(), expected.len(), "{problems:#?}");
        for (problem, (setting, part)) in problems.iter().zip(expected) {
            assert_eq!(problem.setting, *setting);
            assert!(problem.message.contains(part), "{problem:?}");
            assert!(!problem.message.contains("c2VjcmV0"), "{problem:?}");
        }
        assert!(!format!("{checked:?}").contains("c2VjcmV0"));
    }

    fn key(byte: u8) -> String {
        BASE64_STANDARD.encode([byte; 32])
    }

    fn print(byte: u8) -> String {
        format!("echo {}", key(byte))
    }

    #[test]
    fn a_key_comes_from_one_place() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path();
        let file = dir.join("key");
        fs::write(&file, key(1)).unwrap();
        let from_file = MasterKeyArgs {
            file: Some(file.clone()),
            ..MasterKeyArgs::default()
        };
        let from_command = MasterKeyArgs {
            command: Some(print(1)),
            ..MasterKeyArgs::default()
        };
        check(&MasterKeyArgs::default(), dir, &[]);
        check(&from_file, dir, &[]);
        check(&from_command, dir, &[]);
        let both = MasterKeyArgs {
            file: Some(file),
            ..from_command.clone()
        };
        check(&both, dir, &[("--master-key-command", "only one of")]);
        let variable = MasterKeyArgs {
            variable: Some("PORTCULLIS_NOT_SET".to_owned()),
            ..MasterKeyArgs::default()
        };
        check(&variable, dir, &[("--master-key-env", "is not set")]);
        fs::write(dir.join("master.key"), "c2VjcmV0").unwrap();
        check(
            &MasterKeyArgs::default(),
            dir,
            &[("--master-key-file", "master.key does not hold 32 bytes")],
        );
    }

    #[test]
    fn previous_keys_are_all_checked_and_need_a_current_one() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path();
        let previous = MasterKeyArgs {
            previous_commands: vec![print(1), print(2)],
            ..MasterKeyArgs::default()
        };
        check(&previous, dir, &[("--master-key-file", "needed with")]);
        let rotation = MasterKeyArgs {
            command: Some(print(3)),
            ..previous
        };
        check(&rotation, dir, &[]);
        let bad = MasterKeyArgs {
            previous_files: vec![dir.join("absent")],
            previous_variables: vec!["PORTCULLIS_NOT_SET".to_owned()],
            previous_commands: vec!["echo c2VjcmV0".to_owned(), " ".to_owned()],
            ..rotation
        };
        check(
            &bad,
            dir,
            &[
                ("--previous-master-key-file", "cannot read"),
                ("--previous-master-key-env", "is not set"),
                (
                    "--previous-master-key-command",
                    "`echo` prints does not hold",
                ),
                ("--previous-master-key-command", "is empty"),
            ],
        );
    }
}

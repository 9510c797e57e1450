//! Where a secret of the settings comes from: a file, an environment variable, or a command such as the client of a key
//! management service.

use std::{
    env,
    ffi::OsString,
    fmt, fs, io,
    path::PathBuf,
    process::{ExitStatus, Stdio},
    thread,
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt},
    process, runtime, time,
};
use zeroize::Zeroizing;

use super::check::{Problem, refuse};

/// The bytes of a secret without white space around them; wiped when dropped.
pub type SecretBytes = Zeroizing<Vec<u8>>;

/// Where a secret comes from. Neither `Display` nor `Debug` shows arguments of a command: they may hold secrets.
#[derive(Clone, PartialEq, Eq)]
pub enum SecretSource {
    /// What a program prints: its name and arguments.
    Command(Vec<String>),
    /// What a file holds.
    File(PathBuf),
    /// What an environment variable of this name holds.
    Variable(String),
}

/// Why a source gives no secret. Holds nothing of what it gave.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The command did not end well.
    #[error("`{program}` failed with {status}; what it said is on standard error")]
    Failed {
        /// The program.
        program: String,
        /// Its status.
        status: ExitStatus,
    },
    /// There are only spaces and line ends.
    #[error("{source_} is empty")]
    Empty {
        /// The source.
        source_: SecretSource,
    },
    /// The file cannot be read.
    #[error("cannot read {path}: {error}")]
    File {
        /// The file.
        path: String,
        /// What the file system says.
        error: io::Error,
    },
    /// More than a secret of this kind can have.
    #[error("{source_} gives more than {LARGEST} bytes")]
    Large {
        /// The source.
        source_: SecretSource,
    },
    /// The command does not end.
    #[error("`{program}` did not end within {} seconds", .after.as_secs_f32())]
    Slow {
        /// The program.
        program: String,
        /// How long it was waited for.
        after: Duration,
    },
    /// The command cannot be started, or heard.
    #[error("cannot run `{program}`: {error}")]
    Start {
        /// The program.
        program: String,
        /// What the system says.
        error: io::Error,
    },
    /// There is no such variable.
    #[error("the environment variable {0} is not set")]
    Variable(String),
}

impl SecretSource {
    /// A command line, separated by spaces: there is no shell, so no quotes, variables or pipes.
    ///
    /// `None`: there is nothing in it.
    pub fn command(line: &str) -> Option<Self> {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        (!words.is_empty()).then_some(Self::Command(words))
    }

    /// Fetches the secret. Blocks: a command may take ten seconds.
    ///
    /// # Errors
    /// [`SourceError`].
    pub fn load(&self) -> Result<SecretBytes, SourceError> {
        self.load_within(DEADLINE)
    }

    fn load_within(&self, deadline: Duration) -> Result<SecretBytes, SourceError> {
        let bytes = match self {
            Self::Command(words) => run(words, deadline)?,
            Self::File(path) => read_file(path)?,
            Self::Variable(name) => variable(name)?,
        };
        if bytes.len() > LARGEST {
            return Err(SourceError::Large {
                source_: self.clone(),
            });
        }
        let trimmed = Zeroizing::new(bytes.trim_ascii().to_vec());
        if trimmed.is_empty() {
            return Err(SourceError::Empty {
                source_: self.clone(),
            });
        }
        Ok(trimmed)
    }
}

/// The one source that was given; `None` when there is none, or when several were refused.
pub(super) fn only_one(
    given: [(&'static str, Option<SecretSource>); 3],
    problems: &mut Vec<Problem>,
) -> Option<(&'static str, SecretSource)> {
    let settings = given.each_ref().map(|(setting, _)| *setting);
    let mut given = given
        .into_iter()
        .filter_map(|(setting, source)| Some((setting, source?)));
    let first = given.next();
    match given.next() {
        None => first,
        Some((setting, _)) => {
            let message = format!("only one of {}", settings.join(", "));
            refuse(setting, message, problems);
            None
        }
    }
}

impl fmt::Display for SecretSource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Command(words) => {
                let program = words.first().map_or("", String::as_str);
                write!(formatter, "what `{program}` prints")
            }
            Self::File(path) => write!(formatter, "{}", path.display()),
            Self::Variable(name) => write!(formatter, "the environment variable {name}"),
        }
    }
}

impl fmt::Debug for SecretSource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "SecretSource({self})")
    }
}

fn read_file(path: &PathBuf) -> Result<SecretBytes, SourceError> {
    let failed = |error| SourceError::File {
        path: path.display().to_string(),
        error,
    };
    let mut file = fs::File::open(path).map_err(failed)?;
    let mut bytes = buffer();
    io::Read::read_to_end(&mut io::Read::take(&mut file, LIMIT), &mut bytes).map_err(failed)?;
    Ok(bytes)
}

fn variable(name: &str) -> Result<SecretBytes, SourceError> {
    env::var_os(name)
        .map(OsString::into_encoded_bytes)
        .map(Zeroizing::new)
        .ok_or_else(|| SourceError::Variable(name.to_owned()))
}

/// Runs a program on a thread of its own, whose runtime ends with it: the settings are checked before the real one works.
fn run(words: &[String], deadline: Duration) -> Result<SecretBytes, SourceError> {
    let program = words.first().cloned().unwrap_or_default();
    let failed = |error| SourceError::Start {
        program: program.clone(),
        error,
    };
    let heard = thread::scope(|scope| {
        let running = scope.spawn(|| {
            let runtime = runtime::Builder::new_current_thread().enable_all().build();
            runtime?.block_on(async { Ok(time::timeout(deadline, output(words)).await) })
        });
        let panicked = |_panic| Err(io::Error::other("the thread that waits for it ended"));
        running.join().unwrap_or_else(panicked)
    });
    match heard.map_err(failed)? {
        Err(_elapsed) => Err(SourceError::Slow {
            program,
            after: deadline,
        }),
        Ok(Err(error)) => Err(failed(error)),
        Ok(Ok((_, Some(status)))) if !status.success() => {
            Err(SourceError::Failed { program, status })
        }
        Ok(Ok((bytes, _))) => Ok(bytes),
    }
}

/// What the program printed and how it ended; no end when it printed too much. Standard error is that of this process.
async fn output(words: &[String]) -> io::Result<(SecretBytes, Option<ExitStatus>)> {
    let (program, arguments) = words.split_first().ok_or(io::ErrorKind::InvalidInput)?;
    let mut child = process::Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let mut bytes = buffer();
    if let Some(stdout) = child.stdout.take() {
        read_some(stdout, &mut bytes).await?;
    }
    if bytes.len() > LARGEST {
        return Ok((bytes, None));
    }
    Ok((bytes, Some(child.wait().await?)))
}

async fn read_some(from: impl AsyncRead + Unpin, bytes: &mut SecretBytes) -> io::Result<usize> {
    from.take(LIMIT).read_to_end(bytes).await
}

/// Room for everything that is read: a buffer that grows leaves copies behind.
fn buffer() -> SecretBytes {
    Zeroizing::new(Vec::with_capacity(LARGEST + 64))
}

/// Bytes; more than a key in PEM or a wrapped one in base64 has.
const LARGEST: usize = 4096;
/// One more, to notice.
const LIMIT: u64 = LARGEST as u64 + 1;
const DEADLINE: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    fn command(words: &[&str]) -> SecretSource {
        SecretSource::Command(words.iter().map(|word| (*word).to_owned()).collect())
    }

    fn check(source: &SecretSource, expected: Result<&str, &str>) {
        let loaded = source.load();
        match (loaded, expected) {
            (Ok(bytes), Ok(expected)) => assert_eq!(*bytes, expected.as_bytes(), "{source}"),
            (Err(error), Err(part)) => {
                let text = format!("{error} {error:?}");
                assert!(text.contains(part), "{text} / {part}");
                assert!(!text.contains("hush"), "{text}");
            }
            (loaded, expected) => panic!("{source}: {loaded:?}, expected {expected:?}"),
        }
    }

    #[test]
    fn a_command_gives_what_it_prints_without_a_shell() {
        check(&command(&["echo", " hush "]), Ok("hush"));
        let source = SecretSource::command("  echo  $HOME|cat 'x y' ").unwrap();
        check(&source, Ok("$HOME|cat 'x y'"));
        assert_eq!(SecretSource::command(" \t"), None);
        // The environment is passed on.
        let home = env::var("PATH").unwrap();
        check(&command(&["printenv", "PATH"]), Ok(home.trim()));
    }

    #[test]
    fn a_command_that_fails_is_named_and_not_quoted() {
        check(
            &command(&["sh", "-c", "echo hush; exit 3"]),
            Err("`sh` failed with exit status: 3"),
        );
        check(&command(&["/nowhere/kms", "hush"]), Err("`/nowhere/kms`"));
        check(&command(&["true"]), Err("what `true` prints is empty"));
        let endless = command(&["sh", "-c", "while :; do echo hush; done"]);
        check(&endless, Err("more than 4096 bytes"));
    }

    #[test]
    fn a_command_does_not_stop_the_start_for_good() {
        let begun = Instant::now();
        let hanging = command(&["sleep", "600"]);
        let refused = hanging.load_within(Duration::from_millis(50)).unwrap_err();
        assert!(matches!(refused, SourceError::Slow { .. }), "{refused}");
        assert!(begun.elapsed() < Duration::from_mins(1));
    }

    #[test]
    fn files_and_variables_are_trimmed_and_bounded() {
        let folder = tempfile::tempdir().unwrap();
        let file = |text: &str| {
            let path = folder.path().join("key");
            fs::write(&path, text).unwrap();
            SecretSource::File(path)
        };
        check(&file("\n hush\r\n"), Ok("hush"));
        check(&file(" \n"), Err("key is empty"));
        check(&file(&"hush".repeat(1025)), Err("more than 4096 bytes"));
        let absent = SecretSource::File(folder.path().join("absent"));
        check(&absent, Err("cannot read "));
        let path = env::var("PATH").unwrap();
        check(&SecretSource::Variable("PATH".to_owned()), Ok(path.trim()));
        let absent = SecretSource::Variable("PORTCULLIS_NOT_SET".to_owned());
        check(&absent, Err("variable PORTCULLIS_NOT_SET is not set"));
    }
}

//! A real OCSP responder: `openssl ocsp`.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use time::OffsetDateTime;

use crate::pki::{Authority, Identity};
use crate::port;
use crate::process::Process;
use crate::wait;

/// A responder for the certificates of one CA. It ends with the test, and can be ended and started again before that.
pub struct Responder {
    port: u16,
    /// Absent while the responder is dead.
    process: Option<Process>,
    directory: PathBuf,
    name: String,
    ca: PathBuf,
    signer: Identity,
    index: Vec<(u64, Status)>,
    minutes: u32,
}

/// What a responder says about a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Not revoked.
    Good,
    /// Revoked.
    Revoked,
}

impl Responder {
    /// Starts a responder for what `ca` issued, whose answers the CA signs itself.
    ///
    /// # Panics
    ///
    /// When it does not start.
    pub fn start(directory: &Path, name: &str, ca: &Authority) -> Self {
        let signer = ca.write_identity(directory, &format!("{name}-signer"));
        Self::start_signing_with(directory, name, ca, signer)
    }

    /// Starts a responder for what `ca` issued, whose answers are signed by `signer`.
    ///
    /// # Panics
    ///
    /// When it does not start.
    pub fn start_signing_with(
        directory: &Path,
        name: &str,
        ca: &Authority,
        signer: Identity,
    ) -> Self {
        let mut responder = Self {
            port: port::free(),
            process: None,
            directory: directory.to_owned(),
            name: name.to_owned(),
            ca: ca.write(directory, &format!("{name}-ca")),
            signer,
            index: Vec::new(),
            minutes: 60,
        };
        responder.write_index();
        responder.restart();
        responder
    }

    /// From now on, answers have a `nextUpdate` after so many minutes instead of an hour.
    pub fn answers_for(&mut self, minutes: u32) {
        self.minutes = minutes;
        self.restart();
    }

    /// The URL for certificates to name.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/", self.port)
    }

    /// Says from now on that the certificate with this serial number is `status`; what was never told of is unknown.
    pub fn says(&mut self, serial: u64, status: Status) {
        self.index.retain(|(known, _)| *known != serial);
        self.index.push((serial, status));
        self.write_index();
        // It looks at the file before it waits for a request, so the next answer would still come from the old one.
        if self.process.is_some() {
            self.restart();
        }
    }

    /// How many requests have come, over all starts.
    pub fn requests(&self) -> usize {
        let log = std::fs::read_to_string(self.log()).unwrap_or_default();
        log.matches("Received request").count()
    }

    /// Ends the responder at once: connections to it are refused.
    pub fn kill(&mut self) {
        self.process = None;
    }

    /// Stops the responder where it stands: connections are taken, and nothing is answered until [`Self::go_on`].
    pub fn hold(&self) {
        self.signal("-STOP");
    }

    /// Lets a held responder go on.
    pub fn go_on(&self) {
        self.signal("-CONT");
    }

    /// Starts the responder again, on the same port.
    ///
    /// # Panics
    ///
    /// When it does not start.
    pub fn restart(&mut self) {
        self.kill();
        let started = std::fs::read_to_string(self.log())
            .unwrap_or_default()
            .matches("ACCEPT")
            .count();
        let arguments = self.arguments();
        let process = Process::start_program(
            &self.name,
            Path::new("openssl"),
            &arguments,
            &self.directory,
        );
        wait::until("OCSP responder", Duration::from_secs(20), || {
            let log = process.log();
            let accepting = log.matches("ACCEPT").count() > started;
            if accepting { Ok(()) } else { Err(log) }
        });
        self.process = Some(process);
    }

    fn arguments(&self) -> Vec<String> {
        let path = |path: &Path| path.to_str().expect("path is UTF-8").to_owned();
        [
            ("-index", path(&self.index_file())),
            ("-port", self.port.to_string()),
            ("-CA", path(&self.ca)),
            ("-rsigner", path(&self.signer.certificate)),
            ("-rkey", path(&self.signer.key)),
            ("-nmin", self.minutes.to_string()),
        ]
        .into_iter()
        .fold(vec!["ocsp".to_owned()], |mut all, (flag, value)| {
            all.extend([flag.to_owned(), value]);
            all
        })
    }

    /// Writes the database of `openssl ca`.
    fn write_index(&self) {
        let mut text = String::new();
        for (serial, status) in &self.index {
            let (letter, revoked) = match status {
                Status::Good => ('V', String::new()),
                Status::Revoked => ('R', format!("{},keyCompromise", database_time(-60))),
            };
            let until = database_time(30 * 24 * 60 * 60);
            let serial = database_serial(*serial);
            writeln!(
                text,
                "{letter}\t{until}\t{revoked}\t{serial}\tunknown\t/CN={serial}"
            )
            .expect("written");
        }
        let new = self.directory.join(format!("{}-index.new", self.name));
        std::fs::write(&new, text).expect("index of the responder");
        std::fs::rename(new, self.index_file()).expect("index of the responder");
    }

    fn index_file(&self) -> PathBuf {
        self.directory.join(format!("{}-index.txt", self.name))
    }

    fn log(&self) -> PathBuf {
        self.directory.join(format!("{}.log", self.name))
    }

    fn signal(&self, signal: &str) {
        let process = self.process.as_ref().expect("the responder runs");
        process.send_signal(signal);
    }
}

/// `YYMMDDHHMMSSZ`.
fn database_time(from_now: i64) -> String {
    let time = OffsetDateTime::now_utc() + time::Duration::seconds(from_now);
    format!(
        "{:02}{:02}{:02}{:02}{:02}{:02}Z",
        time.year() % 100,
        u8::from(time.month()),
        time.day(),
        time.hour(),
        time.minute(),
        time.second()
    )
}

/// Whole bytes in upper-case hex.
fn database_serial(serial: u64) -> String {
    let hex = format!("{serial:X}");
    if hex.len() % 2 == 0 {
        hex
    } else {
        format!("0{hex}")
    }
}

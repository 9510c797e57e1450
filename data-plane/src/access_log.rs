//! The access log: one JSON object per request, collected by each core and written by a thread of its own.

pub(crate) mod json;
pub(crate) mod record;

use std::cell::RefCell;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;

use crate::cores::StartError;
use crate::metrics::Metrics;
use crate::settings::AccessLog;

/// The writer of the access log.
#[derive(Debug)]
pub(crate) struct Log {
    writer: Option<(SyncSender<Vec<u8>>, JoinHandle<()>)>,
    metrics: Metrics,
}

/// Where one core puts its lines.
#[derive(Debug)]
pub(crate) struct Sink {
    lines: RefCell<Lines>,
    sender: Option<SyncSender<Vec<u8>>>,
    metrics: Metrics,
}

#[derive(Debug, Default)]
struct Lines {
    bytes: Vec<u8>,
    count: u64,
}

impl Log {
    /// Opens the destination and starts the writer.
    pub(crate) fn start(target: &AccessLog, metrics: &Metrics) -> Result<Self, StartError> {
        let mut output: Box<dyn Write + Send> = match target {
            AccessLog::Off => {
                return Ok(Self {
                    writer: None,
                    metrics: metrics.clone(),
                });
            }
            AccessLog::Stdout => Box::new(io::stdout()),
            AccessLog::File(path) => {
                let file = OpenOptions::new().append(true).create(true).open(path);
                Box::new(file.map_err(|source| StartError::AccessLog {
                    path: path.display().to_string(),
                    source,
                })?)
            }
        };
        let (sender, blocks) = sync_channel(BLOCKS);
        let thread = std::thread::Builder::new()
            .name("access-log".to_owned())
            .spawn(move || write(&mut output, &blocks))
            .map_err(StartError::Thread)?;
        Ok(Self {
            writer: Some((sender, thread)),
            metrics: metrics.clone(),
        })
    }

    /// The end of one core.
    pub(crate) fn sink(&self) -> Sink {
        Sink {
            lines: RefCell::default(),
            sender: self.writer.as_ref().map(|(sender, _)| sender.clone()),
            metrics: self.metrics.clone(),
        }
    }

    /// Waits until everything that the sinks flushed is written. The sinks must be gone.
    pub(crate) fn finish(self) {
        if let Some((sender, thread)) = self.writer {
            drop(sender);
            if thread.join().is_err() {
                tracing::error!("the access log writer panicked");
            }
        }
    }
}

impl Sink {
    /// Whether anybody wants lines.
    pub(crate) fn is_on(&self) -> bool {
        self.sender.is_some()
    }

    /// Adds the line that `render` appends; the line break is added here.
    pub(crate) fn line(&self, render: impl FnOnce(&mut Vec<u8>)) {
        if !self.is_on() {
            return;
        }
        let full = {
            let mut lines = self.lines.borrow_mut();
            render(&mut lines.bytes);
            lines.bytes.push(b'\n');
            lines.count += 1;
            lines.bytes.len() >= BLOCK_BYTES
        };
        if full {
            self.flush();
        }
    }

    /// Hands the collected lines to the writer; drops and counts them when it is too far behind.
    pub(crate) fn flush(&self) {
        let Some(sender) = &self.sender else { return };
        let mut lines = self.lines.borrow_mut();
        if lines.bytes.is_empty() {
            return;
        }
        let room = Vec::with_capacity(BLOCK_BYTES + BLOCK_BYTES / 8);
        let block = std::mem::replace(&mut lines.bytes, room);
        let count = std::mem::take(&mut lines.count);
        if let Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) = sender.try_send(block) {
            self.metrics.dropped_lines(count);
        }
    }
}

impl Drop for Sink {
    /// Requests that end with their core still have their lines.
    fn drop(&mut self) {
        self.flush();
    }
}

fn write(output: &mut dyn Write, blocks: &Receiver<Vec<u8>>) {
    let mut failing = false;
    for block in blocks {
        let written = output.write_all(&block).and_then(|()| output.flush());
        match written {
            Ok(()) => failing = false,
            Err(error) if !failing => {
                failing = true;
                tracing::error!(%error, "cannot write the access log");
            }
            Err(_) => {}
        }
    }
}

/// Lines are handed over in blocks of about this size.
const BLOCK_BYTES: usize = 64 * 1024;
/// Blocks that may wait for the writer.
const BLOCKS: usize = 128;

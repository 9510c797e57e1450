//! How the benchmark tells a load when to start and when to let go of its connections.

use std::io::{self, BufRead, Read, Write};

use serde_json::json;

/// The agreement with whoever started the program.
#[derive(Clone, Copy, Debug)]
pub enum Gate {
    /// Start at once and end at once.
    Open,
    /// Say `{"event":"ready"}` when all connections are open, start when a line arrives, and keep the connections until
    /// standard input ends.
    Held,
}

impl Gate {
    /// Announces readiness and waits for the start.
    ///
    /// Blocks the thread on purpose: nothing may happen before the start.
    ///
    /// # Errors
    /// When standard input or output is gone.
    pub fn pass(self) -> io::Result<()> {
        if matches!(self, Self::Held) {
            say(&json!({"event": "ready"}))?;
            io::stdin().lock().read_line(&mut String::new())?;
        }
        Ok(())
    }

    /// Prints the result, then waits until the connections may go.
    ///
    /// # Errors
    /// When standard input or output is gone.
    pub fn finish(self, result: &serde_json::Value) -> io::Result<()> {
        say(result)?;
        if matches!(self, Self::Held) {
            io::stdin().lock().read_to_end(&mut Vec::new())?;
        }
        Ok(())
    }
}

fn say(line: &serde_json::Value) -> io::Result<()> {
    let mut output = io::stdout().lock();
    writeln!(output, "{line}")?;
    output.flush()
}

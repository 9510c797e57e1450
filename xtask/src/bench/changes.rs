//! How long a change of the configuration takes, on each database.

use std::fmt;

use anyhow::Context;
use serde_json::{Value, json};

use super::binaries::Binaries;
use super::goal::CHANGE_P99_MS;
use super::ground::{Backend, Ground};
use super::ports;
use super::server::Core;
use crate::postgres::Postgres;

const WORKER: &str = "changes";

/// The times of one database.
#[derive(Clone, Debug)]
pub(crate) struct Times {
    database: &'static str,
    result: Value,
}

/// Measures on SQLite and on a throw-away Postgres server.
///
/// # Errors
/// When a plane does not start, or a change fails.
pub(crate) fn run(binaries: &Binaries) -> anyhow::Result<Vec<Times>> {
    let sqlite = measure(binaries, "sqlite", None)?;
    let server = Postgres::start()?;
    let postgres = measure(binaries, "postgres", Some(server.url()))?;
    Ok(vec![sqlite, postgres])
}

/// Everything here shares all processors: a change crosses both planes.
fn measure(
    binaries: &Binaries,
    database: &'static str,
    url: Option<&str>,
) -> anyhow::Result<Times> {
    let mut ground = Ground::prepare(binaries)?;
    let second = Backend::start(&ground.load, ground.folder())?;
    ground.start_control_plane(Core::Any, url)?;
    let control_plane = ground.control_plane.as_ref().context("no control plane")?;
    let _worker = control_plane.start_worker(binaries, WORKER, Core::Any, "off")?;
    let mut arguments = vec!["changes".to_owned()];
    arguments.extend(control_plane.aim());
    for (option, value) in [
        ("--certificates", ground.load.certificate("")),
        ("--name", WORKER.to_owned()),
        ("--port", ports::free()?.to_string()),
        ("--open-port", ports::free()?.to_string()),
    ] {
        arguments.extend([option.to_owned(), value]);
    }
    arguments.push("--backend-ports".to_owned());
    arguments.extend([ground.backend.port, second.port].map(|port| port.to_string()));
    Ok(Times {
        database,
        result: ground.load.read(Core::Any, &arguments)?,
    })
}

impl Times {
    /// For the results file.
    pub(crate) fn json(&self) -> Value {
        json!({"database": self.database, "times": self.result})
    }

    fn milliseconds(&self, moment: &str, percentile: &str) -> f64 {
        let time = self.result.get(moment).and_then(|all| all.get(percentile));
        time.and_then(Value::as_f64).unwrap_or(f64::INFINITY)
    }

    /// Whether the goal is reached.
    pub(crate) fn passes(&self) -> bool {
        self.milliseconds("in_force", "p99_ms") < CHANGE_P99_MS
    }
}

impl fmt::Display for Times {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:10}", self.database)?;
        for (moment, title) in [
            ("answered", "answered"),
            ("in_force", "in force"),
            ("succeeded", "Succeeded"),
        ] {
            write!(
                formatter,
                "  {title}: p50 {:.1} p99 {:.1} max {:.1} ms",
                self.milliseconds(moment, "p50_ms"),
                self.milliseconds(moment, "p99_ms"),
                self.milliseconds(moment, "max_ms"),
            )?;
        }
        Ok(())
    }
}

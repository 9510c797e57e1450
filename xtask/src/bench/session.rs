//! All contestants running side by side, and the runs that measure them.

use std::time::Duration;

use anyhow::{Context, ensure};
use serde_json::Value;

use super::Options;
use super::binaries::Binaries;
use super::contestant::{Contestant, Kind};
use super::ground::Ground;
use super::load::{Held, Load, Run};
use super::report::{Results, Sample};
use super::scenario::{Figure, Scenario};
use super::server::Core;
use super::usage;

/// Length of a run that is not counted.
const WARM_UP_SECONDS: f64 = 1.0;
/// Runs of the idle scenario: it starts every contestant anew each time, and varies little.
const IDLE_RUNS: usize = 3;
/// Connections that a contestant has seen before idle ones are counted, so that what it sets up once is not.
const IDLE_WARM_UP: u32 = 100;

/// The contestants and what they stand on. Everything ends when it is dropped, the contestants first.
pub(crate) struct Session<'a> {
    contestants: Vec<Contestant>,
    ground: Ground,
    absent: Vec<String>,
    rate: Option<u64>,
    options: &'a Options,
}

impl<'a> Session<'a> {
    /// Starts the backend, the control plane and the contestants, and tells which are absent.
    ///
    /// # Errors
    /// When there is nothing to measure.
    pub(crate) fn start(binaries: &Binaries, options: &'a Options) -> anyhow::Result<Self> {
        let mut session = Self {
            contestants: Vec::new(),
            ground: Ground::prepare(binaries)?,
            absent: Vec::new(),
            rate: options.rate,
            options,
        };
        let takes_part = |kind: &Kind| !options.without.iter().any(|name| name == kind.name());
        if takes_part(&Kind::Portcullis) {
            session.start_control_plane();
        }
        for kind in Kind::ALL.into_iter().filter(takes_part) {
            match Contestant::start(kind, &session.ground) {
                Ok(contestant) => {
                    println!("{}: 200, or {}", kind.name(), contestant.refusals);
                    session.contestants.push(contestant);
                }
                Err(error) => session.is_absent(kind.name(), &error),
            }
        }
        session
            .contestants
            .first()
            .context("there is no contestant")?;
        Ok(session)
    }

    /// Who is absent, and why.
    pub(crate) fn absent(&self) -> &[String] {
        &self.absent
    }

    /// Measures all contestants in one scenario.
    ///
    /// # Errors
    /// When a request fails, or a contestant does not come back.
    pub(crate) fn run(&mut self, scenario: Scenario) -> anyhow::Result<Results> {
        if scenario == Scenario::Idle {
            return self.run_idle();
        }
        let rate = match scenario {
            Scenario::Latency => Some(self.half_load()?),
            _ => None,
        };
        let mut results = Results::new(scenario);
        for round in 0..=self.options.runs {
            let seconds = if round == 0 {
                WARM_UP_SECONDS
            } else {
                self.options.seconds()
            };
            for contestant in self.order(scenario, round) {
                let sample = self
                    .measure(contestant, scenario, seconds, rate)
                    .with_context(|| format!("{} with {scenario}", contestant.kind.name()))?;
                if round > 0 {
                    results.add(contestant.kind, sample);
                }
            }
        }
        Ok(results)
    }

    fn start_control_plane(&mut self) {
        if let Err(error) = self.ground.start_control_plane(Core::Load, None) {
            self.is_absent("control plane", &error);
        }
    }

    fn is_absent(&mut self, name: &str, error: &anyhow::Error) {
        let line = format!("{name} is absent: {error:#}");
        eprintln!("{line}");
        self.absent.push(line);
    }

    /// The contestants of a scenario; another one starts in each round.
    fn order(&self, scenario: Scenario, round: usize) -> Vec<&Contestant> {
        let mut order: Vec<&Contestant> = self
            .contestants
            .iter()
            .filter(|contestant| contestant.kind.takes_part(scenario))
            .collect();
        let shift = round.checked_rem(order.len()).unwrap_or_default();
        order.rotate_left(shift);
        order
    }

    fn measure(
        &self,
        contestant: &Contestant,
        scenario: Scenario,
        seconds: f64,
        rate: Option<u64>,
    ) -> anyhow::Result<Sample> {
        let own = scenario.load().context("not a timed load")?;
        let mut arguments: Vec<String> = own.iter().map(|&word| word.to_owned()).collect();
        arguments.extend(self.ground.load.aim(contestant.port));
        arguments.push(format!("--seconds={seconds}"));
        arguments.extend(rate.map(|rate| format!("--rate={rate}")));
        let backend = self.ground.backend.server.pid();
        let run = self
            .ground
            .load
            .measure(contestant.pid(), backend, &arguments)?;
        sample(&run)
    }

    /// Half of what nginx manages with small kept-alive requests (the first contestant, where nginx is absent), but no
    /// more than keeps the load's own processor half busy: beyond, the load would measure itself.
    fn half_load(&mut self) -> anyhow::Result<u64> {
        if let Some(rate) = self.rate {
            return Ok(rate);
        }
        let is_nginx = |contestant: &&Contestant| contestant.kind == Kind::Nginx;
        let measured = self
            .contestants
            .iter()
            .find(is_nginx)
            .or(self.contestants.first())
            .context("there is no contestant")?;
        let trial = |scenario, rate| self.measure(measured, scenario, WARM_UP_SECONDS, rate);
        let figure = |sample: &Sample, figure| sample.figure(figure).unwrap_or_default();
        let full = trial(Scenario::KeepAlive100, None)?;
        let half = figure(&full, Figure::Rate) / 2.0;
        let gentle = trial(Scenario::Latency, Some(hundreds(half / 4.0)))?;
        let (rate, busy) = (
            figure(&gentle, Figure::Rate),
            figure(&gentle, Figure::LoadBusy),
        );
        let rate = hundreds(half.min(rate * 50.0 / busy.max(1.0)));
        println!("{rate} requests a second");
        self.rate = Some(rate);
        Ok(rate)
    }

    fn run_idle(&mut self) -> anyhow::Result<Results> {
        let mut results = Results::new(Scenario::Idle);
        let Self {
            contestants,
            ground,
            ..
        } = self;
        let takes_part = |one: &&mut Contestant| one.kind.takes_part(Scenario::Idle);
        for _ in 0..IDLE_RUNS {
            for contestant in contestants.iter_mut().filter(takes_part) {
                contestant.restart(ground)?;
                let memory = idle_memory(contestant, &ground.load)
                    .with_context(|| format!("{} with idle connections", contestant.kind.name()))?;
                let sample = Sample::new(vec![(Figure::Memory, memory)]);
                results.add(contestant.kind, sample);
            }
            contestants.rotate_left(1);
        }
        Ok(results)
    }
}

fn idle_memory(contestant: &Contestant, load: &Load) -> anyhow::Result<f64> {
    let _warm_up = hold(load, contestant.port, IDLE_WARM_UP)?;
    let before = usage::memory_kib(contestant.pid())?;
    let _held = hold(load, contestant.port, Scenario::IDLE_CONNECTIONS)?;
    let after = usage::memory_kib(contestant.pid())?;
    let kib = u32::try_from(after.saturating_sub(before)).context("memory")?;
    Ok(f64::from(kib) / f64::from(Scenario::IDLE_CONNECTIONS))
}

fn hold(load: &Load, port: u16, connections: u32) -> anyhow::Result<Held> {
    let mut arguments = vec!["idle".to_owned(), format!("--connections={connections}")];
    arguments.extend(load.aim(port));
    let mut held = load.open(&arguments)?;
    let result = held.start()?;
    ensure!(
        result.get("errors").and_then(Value::as_u64) == Some(0),
        "the load failed: {result}"
    );
    Ok(held)
}

/// A rate rounded to hundreds, and not zero.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a rate is small and not negative"
)]
fn hundreds(rate: f64) -> u64 {
    (rate / 100.0).round().max(1.0) as u64 * 100
}

fn sample(run: &Run) -> anyhow::Result<Sample> {
    let number = |value: Option<&Value>| value.and_then(Value::as_f64);
    let field = |name| number(run.result.get(name)).with_context(|| format!("no {name}"));
    let operations = field("operations")?;
    let elapsed = field("elapsed_seconds")?;
    ensure!(operations > 0.0, "no operation succeeded");
    let share = |used: Duration| used.as_secs_f64() / elapsed * 100.0;
    let mut figures = vec![
        (
            Figure::ServerCpu,
            run.server.as_secs_f64() * 1e6 / operations,
        ),
        (Figure::Rate, operations / elapsed),
        (Figure::LoadBusy, share(run.load)),
        (Figure::OthersBusy, share(run.others)),
    ];
    if let Some(latency) = run.result.get("latency") {
        for (figure, name) in [
            (Figure::P50, "p50_ms"),
            (Figure::P99, "p99_ms"),
            (Figure::P999, "p999_ms"),
        ] {
            figures.push((figure, number(latency.get(name)).context(name)?));
        }
    }
    Ok(Sample::new(figures))
}

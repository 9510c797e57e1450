//! Tables, goals and the results file.

use std::fmt;

use serde_json::{Map, Value, json};

use super::Options;
use super::changes::Times;
use super::contestant::Kind;
use super::goal::{CHANGE_P99_MS, GOALS};
use super::machine;
use super::scenario::{Figure, Scenario};

/// Above it, the reader is told.
const QUIET_PERCENT: f64 = 20.0;

/// What one run yielded.
#[derive(Clone, Debug)]
pub(crate) struct Sample(Vec<(Figure, f64)>);

/// The samples of one scenario.
#[derive(Clone, Debug)]
pub(crate) struct Results {
    scenario: Scenario,
    samples: Vec<(Kind, Vec<Sample>)>,
}

/// Everything that was measured.
pub(crate) struct Report {
    machine: Value,
    seconds: f64,
    runs: usize,
    absent: Vec<String>,
    results: Vec<Results>,
    changes: Vec<Times>,
}

impl Sample {
    /// The figures of one run.
    pub(crate) fn new(figures: Vec<(Figure, f64)>) -> Self {
        Self(figures)
    }

    /// One of them.
    pub(crate) fn figure(&self, figure: Figure) -> Option<f64> {
        let found = self.0.iter().find(|(known, _)| *known == figure);
        found.map(|(_, value)| *value)
    }
}

impl Results {
    /// Nothing yet.
    pub(crate) fn new(scenario: Scenario) -> Self {
        Self {
            scenario,
            samples: Vec::new(),
        }
    }

    /// Adds a run.
    pub(crate) fn add(&mut self, kind: Kind, sample: Sample) {
        match self.samples.iter_mut().find(|(known, _)| *known == kind) {
            Some((_, samples)) => samples.push(sample),
            None => self.samples.push((kind, vec![sample])),
        }
        self.samples
            .sort_by_key(|(kind, _)| Kind::ALL.iter().position(|known| known == kind));
    }

    fn median(&self, kind: Kind, figure: Figure) -> Option<f64> {
        let (_, samples) = self.samples.iter().find(|(known, _)| *known == kind)?;
        median(samples.iter().filter_map(|sample| sample.figure(figure)))
    }

    /// The figure that is compared.
    fn compared(&self, kind: Kind) -> Option<f64> {
        self.median(kind, *self.scenario.figures().first()?)
    }

    fn ratio(&self, kind: Kind, peer: Kind) -> Option<f64> {
        Some(self.compared(kind)? / self.compared(peer)?)
    }

    fn json(&self) -> Value {
        let contestants: Map<String, Value> = self
            .samples
            .iter()
            .map(|(kind, samples)| {
                let figures = self.scenario.figures().iter();
                let figures: Map<String, Value> = figures
                    .map(|&figure| {
                        let runs: Vec<f64> = samples
                            .iter()
                            .filter_map(|sample| sample.figure(figure))
                            .collect();
                        let both = json!({"median": self.median(*kind, figure), "runs": runs});
                        (figure.title().to_owned(), both)
                    })
                    .collect();
                (kind.name().to_owned(), Value::Object(figures))
            })
            .collect();
        json!({"scenario": self.scenario.to_string(), "contestants": contestants})
    }
}

impl Report {
    /// An empty report.
    pub(crate) fn new(options: &Options) -> anyhow::Result<Self> {
        Ok(Self {
            machine: machine::describe()?,
            seconds: options.seconds(),
            runs: options.runs,
            absent: Vec::new(),
            results: Vec::new(),
            changes: Vec::new(),
        })
    }

    /// Notes who is absent.
    pub(crate) fn absent(&mut self, line: &str) {
        self.absent.push(line.to_owned());
    }

    /// Adds a scenario.
    pub(crate) fn add(&mut self, results: Results) {
        self.results.push(results);
    }

    /// Adds the times of changes.
    pub(crate) fn add_changes(&mut self, times: Times) {
        self.changes.push(times);
    }

    /// Whether our own server is missing where others were measured.
    pub(crate) fn lacks_portcullis(&self) -> bool {
        self.results
            .iter()
            .any(|results| results.compared(Kind::Portcullis).is_none())
    }

    /// The results file.
    pub(crate) fn json(&self) -> Value {
        let peers =
            ["nginx", "haproxy"].map(|name| (name.to_owned(), json!(machine::version(name).ok())));
        json!({
            "machine": self.machine,
            "seconds": self.seconds,
            "runs": self.runs,
            "peers": Value::Object(peers.into_iter().collect()),
            "absent": self.absent,
            "scenarios": self.results.iter().map(Results::json).collect::<Vec<_>>(),
            "changes": self.changes.iter().map(Times::json).collect::<Vec<_>>(),
            "goals": self.goals().iter().map(Line::json).collect::<Vec<_>>(),
        })
    }

    /// The largest median of what other processes took.
    fn others_busy(&self) -> f64 {
        let medians = self.results.iter().flat_map(|results| {
            let kinds = results.samples.iter().map(|(kind, _)| *kind);
            kinds.filter_map(|kind| results.median(kind, Figure::OthersBusy))
        });
        medians.fold(0.0, f64::max)
    }

    fn goals(&self) -> Vec<Line> {
        let against_peers = GOALS.iter().filter_map(|goal| {
            let results = self
                .results
                .iter()
                .find(|one| one.scenario == goal.scenario)?;
            let reached = results.ratio(goal.kind, goal.peer);
            let what = match goal.kind {
                Kind::Portcullis => goal.scenario.to_string(),
                other => format!("{} {}", goal.scenario, other.name()),
            };
            Some(Line {
                what,
                goal: format!("<= {:.2} x {}", goal.ratio, goal.peer.name()),
                reached: reached.map(|ratio| format!("{ratio:.2} x")),
                passed: reached.map(|ratio| ratio <= goal.ratio),
            })
        });
        let changes = self.changes.iter().map(|times| Line {
            what: "changes in force".to_owned(),
            goal: format!("p99 < {CHANGE_P99_MS:.0} ms"),
            reached: Some(times.to_string()),
            passed: Some(times.passes()),
        });
        against_peers.chain(changes).collect()
    }
}

/// A goal and what became of it.
struct Line {
    what: String,
    goal: String,
    reached: Option<String>,
    passed: Option<bool>,
}

impl Line {
    fn verdict(&self) -> &'static str {
        match self.passed {
            Some(true) => "pass",
            Some(false) => "MISS",
            None => "not measured",
        }
    }

    fn json(&self) -> Value {
        json!({"what": self.what, "goal": self.goal, "reached": self.reached, "verdict": self.verdict()})
    }
}

impl fmt::Display for Results {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let figures = self.scenario.figures();
        write!(formatter, "  {:20}", "")?;
        for figure in figures {
            write!(formatter, "{:>16}", figure.title())?;
        }
        writeln!(formatter, "{:>10}{:>10}", "x nginx", "x haproxy")?;
        for (kind, _) in &self.samples {
            write!(formatter, "  {:20}", kind.name())?;
            for &figure in figures {
                let value = self.median(*kind, figure).unwrap_or(f64::NAN);
                write!(formatter, "{value:16.*}", figure.digits())?;
            }
            for peer in [Kind::Nginx, Kind::Haproxy] {
                match self.ratio(*kind, peer) {
                    Some(ratio) => write!(formatter, "{ratio:10.2}")?,
                    None => write!(formatter, "{:>10}", "-")?,
                }
            }
            writeln!(formatter)?;
        }
        Ok(())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.absent {
            writeln!(formatter, "{line}")?;
        }
        if self.others_busy() > QUIET_PERCENT {
            writeln!(
                formatter,
                "the machine was not quiet: other processes took up to {:.0} % of a processor",
                self.others_busy()
            )?;
        }
        writeln!(formatter, "goals")?;
        for line in self.goals() {
            let reached = line.reached.as_deref().unwrap_or("-");
            let (what, goal, verdict) = (&line.what, &line.goal, line.verdict());
            writeln!(formatter, "  {what:28}{goal:24}{verdict:14}{reached}")?;
        }
        Ok(())
    }
}

fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    let upper = *values.get(middle)?;
    if values.len() % 2 == 1 {
        return Some(upper);
    }
    Some(f64::midpoint(*values.get(middle.checked_sub(1)?)?, upper))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_is_the_middle_or_between_the_two_middle_ones() {
        let check = |values: &[f64], expected| {
            assert_eq!(median(values.iter().copied()), expected, "{values:?}");
        };
        check(&[], None);
        check(&[3.0, 1.0, 2.0], Some(2.0));
        check(&[4.0, 1.0, 2.0, 3.0], Some(2.5));
    }

    #[test]
    fn a_ratio_compares_medians_with_the_peer() {
        let mut results = Results::new(Scenario::Handshake);
        for (kind, values) in [
            (Kind::Nginx, [40.0, 44.0, 1000.0]),
            (Kind::Portcullis, [11.0, 1.0, 12.0]),
        ] {
            for value in values {
                results.add(kind, Sample::new(vec![(Figure::ServerCpu, value)]));
            }
        }
        assert_eq!(results.ratio(Kind::Portcullis, Kind::Nginx), Some(0.25));
        assert_eq!(results.ratio(Kind::Portcullis, Kind::Haproxy), None);
    }
}

//! The corpus against this crate.

use std::collections::BTreeSet;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use crate::Refusal;
use crate::corpus::{Case, cases};
use crate::testing::decide;

/// What came of a case.
struct Judged {
    case: Case,
    verdict: Result<(), Refusal>,
    took: Duration,
}

static JUDGED: LazyLock<Vec<Judged>> = LazyLock::new(|| cases().into_iter().map(judge).collect());

/// Decides in two orders, with and without remembered signatures: see [`decide`].
fn judge(case: Case) -> Judged {
    let chain: Vec<_> = case.chain.iter().collect();
    let started = Instant::now();
    let verdict = decide(&case.policy, &chain, case.now).verdict.map(|_| ());
    let took = started.elapsed();
    Judged {
        case,
        verdict,
        took,
    }
}

/// The names of those of which this is true.
fn names(is_one: impl Fn(&Judged) -> bool) -> Vec<&'static str> {
    let some = JUDGED.iter().filter(|judged| is_one(judged));
    some.map(|judged| judged.case.name.as_str()).collect()
}

#[test]
fn the_corpus_has_at_least_200_chains_of_distinct_names() {
    let distinct: BTreeSet<_> = names(|_| true).into_iter().collect();
    assert_eq!(distinct.len(), JUDGED.len());
    assert!(distinct.len() >= 200, "{}", distinct.len());
    let good = names(|judged| judged.case.is_good).len();
    assert!(good >= 100 && JUDGED.len() - good >= 100, "{good} are good");
}

#[test]
fn no_chain_that_must_be_refused_is_let_in() {
    let wrong_accepts = names(|judged| !judged.case.is_good && judged.verdict.is_ok());
    assert_eq!(wrong_accepts, [""; 0]);
}

#[test]
fn a_good_chain_is_refused_only_where_a_documented_limit_says_so() {
    let wrong_refusals = names(|judged| {
        judged.case.is_good && judged.verdict.is_err() && judged.case.limit.is_none()
    });
    assert_eq!(wrong_refusals, [""; 0]);
    let needless_limits = names(|judged| judged.case.limit.is_some() && judged.verdict.is_ok());
    assert_eq!(needless_limits, [""; 0]);
}

#[test]
fn every_chain_is_refused_for_its_reason() {
    let complaints: Vec<_> = JUDGED
        .iter()
        .filter(|Judged { case, verdict, .. }| {
            verdict.as_ref().map_err(|refusal| &refusal.reason).copied()
                != case.answer.as_ref().copied()
        })
        .map(|Judged { case, verdict, .. }| {
            format!(
                "{}: {verdict:?}, not {:?} ({})",
                case.name, case.answer, case.rule
            )
        })
        .collect();
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

// T-28
#[test]
fn every_verdict_comes_soon() {
    const SOON: Duration = Duration::from_secs(10);
    // Five decisions each, in a debug build on a busy machine.
    assert_eq!(names(|judged| judged.took > SOON), [""; 0]);
}

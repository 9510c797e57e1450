//! The corpus against this crate.

use std::collections::BTreeSet;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use crate::corpus::{Case, cases};
use crate::testing::decide;
use crate::{Authenticator, Decision, Mode, Refusal, Verification};

/// What came of a case.
struct Judged {
    case: Case,
    decision: Decision,
    verdict: Result<(), Refusal>,
    took: Duration,
}

static JUDGED: LazyLock<Vec<Judged>> = LazyLock::new(|| cases().into_iter().map(judge).collect());

/// Decides in two orders, with and without remembered signatures: see [`decide`].
fn judge(case: Case) -> Judged {
    let chain: Vec<_> = case.chain.iter().collect();
    let started = Instant::now();
    let decision = decide(&case.policy, &chain, case.now);
    let took = started.elapsed();
    Judged {
        verdict: decision.verdict.clone().map(|_| ()),
        decision,
        case,
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
    // Four decisions each, in a debug build on a busy machine.
    assert_eq!(names(|judged| judged.took > SOON), [""; 0]);
}

// T-27
#[test]
fn the_identity_is_that_of_the_first_certificate_sent() {
    for Judged { case, decision, .. } in JUDGED.iter() {
        let presented = decision.presented.as_ref().map(|facts| &*facts.der);
        assert!(
            presented.is_none_or(|der| *der == *case.chain[0]),
            "{}",
            case.name
        );
        if let Ok(identity) = &decision.verdict {
            assert_eq!(*identity.certificate.der, *case.chain[0], "{}", case.name);
            assert_eq!(*decision.path[0].der, *case.chain[0], "{}", case.name);
        }
    }
}

/// The decision of another mode.
fn in_mode(case: &Case, mode: Mode) -> Decision {
    let mut policy = case.policy.clone();
    policy.mode = mode;
    Authenticator::new(policy).decide(&case.chain[0], &case.chain[1..], case.now)
}

// T-31
#[test]
fn only_a_verified_path_makes_an_identity_verified() {
    for Judged { case, decision, .. } in JUDGED.iter() {
        let reported = in_mode(case, Mode::ReportOnly);
        assert_eq!(
            reported, *decision,
            "{}: it reports what strict mode would say",
            case.name
        );
        if let Ok(identity) = &decision.verdict {
            assert_eq!(
                identity.verification,
                Verification::Verified,
                "{}",
                case.name
            );
        }
        if let Ok(identity) = in_mode(case, Mode::Passthrough).verdict {
            assert_eq!(
                identity.verification,
                Verification::Passthrough,
                "{}",
                case.name
            );
        }
    }
}

#[test]
fn whoever_was_let_in_may_stay_at_that_moment() {
    for Judged { case, decision, .. } in JUDGED.iter() {
        if let Ok(identity) = &decision.verdict {
            let authenticator = Authenticator::new(case.policy.clone());
            let stays = authenticator.recheck(&decision.path, identity, case.now);
            assert_eq!(stays, Ok(()), "{}", case.name);
        }
    }
}

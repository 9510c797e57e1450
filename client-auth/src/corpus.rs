//! Certificate chains, each with the verdict that it must get as a TLS client's and the rule that demands it.
//!
//! The rules are those of RFC 5280 for a client that authenticates itself, and those of a [`Policy`]. Where this
//! implementation is stricter than they demand, the case says which documented limit it runs into. No case is ever laxer:
//! that is what the corpus is for. It is run against this crate and, over TLS, against a worker.
//!
//! Chains about revocation need evidence besides and are not part of it.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "what tests are made of may fail as tests do"
)]

mod anchors;
pub(crate) mod authority;
mod basic_constraints;
mod critical;
mod depth;
mod encoding;
mod graphs;
mod issuers;
mod key_usage;
mod keys;
mod name_constraints;
mod partial_chains;
mod purposes;
pub(crate) mod reencoded;
mod signatures;
mod validity;

use std::sync::LazyLock;

use rcgen::{KeyPair, PublicKeyData};
use rustls_pki_types::{CertificateDer, UnixTime};

use crate::{Policy, Reason, TrustBundle};
use authority::{Authority, Der, Edit, at};

/// One chain and its verdict.
#[derive(Clone, Debug)]
pub struct Case {
    /// What the case is about, and what is special about it. Unique.
    pub name: String,
    /// The rule that demands the verdict.
    pub rule: &'static str,
    /// Whom the listener trusts, and what it demands.
    pub policy: Policy,
    /// What the client sends, its own certificate first.
    pub chain: Vec<CertificateDer<'static>>,
    /// PKCS #8 of the key of the client's certificate; of some other key where that certificate has none.
    pub key: Vec<u8>,
    /// The moment of the decision.
    pub now: UnixTime,
    /// Whether the rule demands to let the client in.
    pub is_good: bool,
    /// What this implementation answers.
    pub answer: Result<(), Reason>,
    /// Why it refuses a chain that is good.
    pub limit: Option<&'static str>,
}

/// All cases. Keys and signatures are new in every process.
pub fn cases() -> Vec<Case> {
    let mut corpus = Corpus::default();
    for (area, add) in AREAS {
        corpus.area = area;
        add(&mut corpus);
    }
    corpus.cases
}

type Area = fn(&mut Corpus);

const AREAS: &[(&str, Area)] = &[
    ("basic constraints", basic_constraints::add),
    ("key usage", key_usage::add),
    ("purposes", purposes::add),
    ("name constraints", name_constraints::add),
    ("issuers", issuers::add),
    ("graphs", graphs::add),
    ("keys", keys::add),
    ("signatures", signatures::add),
    ("encoding", encoding::add),
    ("critical extensions", critical::add),
    ("validity", validity::add),
    ("anchors", anchors::add),
    ("partial chains", partial_chains::add),
    ("depth", depth::add),
];

/// The cases so far.
#[derive(Default)]
struct Corpus {
    area: &'static str,
    cases: Vec<Case>,
}

impl Corpus {
    /// A chain that is let in.
    fn good(
        &mut self,
        name: impl AsRef<str>,
        rule: &'static str,
        policy: &Policy,
        chain: &[&Der],
    ) -> &mut Case {
        self.push(name.as_ref(), rule, policy, chain)
    }

    /// A chain that must be refused.
    fn bad(
        &mut self,
        name: impl AsRef<str>,
        rule: &'static str,
        reason: Reason,
        policy: &Policy,
        chain: &[&Der],
    ) -> &mut Case {
        let case = self.push(name.as_ref(), rule, policy, chain);
        case.is_good = false;
        case.answer = Err(reason);
        case
    }

    /// A chain that is good and refused all the same.
    fn limit(
        &mut self,
        name: impl AsRef<str>,
        rule: &'static str,
        limit: (&'static str, Reason),
        policy: &Policy,
        chain: &[&Der],
    ) -> &mut Case {
        let (limit, reason) = limit;
        let case = self.push(name.as_ref(), rule, policy, chain);
        case.answer = Err(reason);
        case.limit = Some(limit);
        case
    }

    /// A chain whose verdict is computed: refused for `reason` unless it is good.
    fn judged(
        &mut self,
        name: impl AsRef<str>,
        rule: &'static str,
        verdict: Result<(), Reason>,
        policy: &Policy,
        chain: &[&Der],
    ) -> &mut Case {
        match verdict {
            Ok(()) => self.good(name, rule, policy, chain),
            Err(reason) => self.bad(name, rule, reason, policy, chain),
        }
    }

    fn push(
        &mut self,
        name: &str,
        rule: &'static str,
        policy: &Policy,
        chain: &[&Der],
    ) -> &mut Case {
        self.cases.push(Case {
            name: format!("{}: {name}", self.area),
            rule,
            policy: policy.clone(),
            chain: chain.iter().map(|der| (*der).clone()).collect(),
            key: CLIENT_KEY.serialize_der(),
            now: at(0),
            is_good: true,
            answer: Ok(()),
            limit: None,
        });
        self.cases.last_mut().unwrap()
    }
}

/// The key of almost every client.
static CLIENT_KEY: LazyLock<KeyPair> = LazyLock::new(new_key);

fn new_key() -> KeyPair {
    KeyPair::generate().unwrap()
}

/// A client of `issuer`.
fn client(issuer: &Authority) -> Der {
    client_with(issuer, &authority::plain)
}

/// A client of `issuer` with something special.
fn client_with(issuer: &Authority, edit: Edit<'_>) -> Der {
    issuer.client_for("client", &*CLIENT_KEY, edit)
}

/// A client of `issuer` with another key.
fn client_of_key(issuer: &Authority, key: &impl PublicKeyData) -> Der {
    issuer.client_for("client", key, &authority::plain)
}

/// A CA below `issuer` with something special.
fn below(issuer: &Authority, name: &str, edit: Edit<'_>) -> Authority {
    issuer.intermediate_with(name, new_key(), edit)
}

/// A root with something special.
fn root(edit: Edit<'_>) -> Authority {
    Authority::root_with("root", new_key(), edit)
}

/// A policy that trusts these uploads. What is refused as an upload is not there: that is what a worker gets.
fn trusting(uploads: &[&[&Der]]) -> Policy {
    let bundles = uploads.iter().filter_map(|upload| {
        let upload: Vec<_> = upload.iter().map(|der| (*der).clone()).collect();
        TrustBundle::from_der("ca", &upload).ok()
    });
    Policy::strict("corpus", bundles.collect(), false)
}

/// A policy that trusts these uploads of intermediates, and each of their certificates.
fn trusting_partially(uploads: &[&[&Der]]) -> Policy {
    let bundles = uploads.iter().filter_map(|upload| {
        let upload: Vec<_> = upload.iter().map(|der| (*der).clone()).collect();
        TrustBundle::from_der("ca", &upload)
            .or_else(|_| TrustBundle::partial("ca", &upload))
            .ok()
    });
    let mut policy = Policy::strict("corpus", bundles.collect(), false);
    policy.partial_chains = true;
    policy
}

//! Verdicts about revocation from end to end: a path, its plan, evidence as bytes, and the judgement of it all.
//!
//! One client below one intermediate below one root, and the evidence at hand. What cannot be believed is left out, as a
//! worker does.

mod crls;
mod ocsp;
mod soft;

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use rcgen::{KeyPair, SerialNumber};

use crate::crl::{Crl, CrlSet};
use crate::ocsp::verify;
use crate::revocation::judge;
use crate::testing::ocsp::{CertId, LIFE, Response, Single};
use crate::testing::revocation::{add_points, hard, name_responders, point, revoking};
use crate::testing::{Authority, Der, at, decide, trusting};
use crate::{
    Evidence, OcspEvidence, Reason, RevocationFailure, RevocationMethod, RevocationQuestion,
    RevocationScope,
};

/// Serial number of the client.
const CLIENT: &[u8] = &[7];
/// Serial number of the intermediate.
const ONE: &[u8] = &[8];
/// A distribution point of both.
const POINT: &str = "http://crl.example/a";

struct World {
    root: Authority,
    one: Authority,
    /// A CA with the name of the intermediate and another key.
    twin: Authority,
    client: Der,
}

static WORLD: LazyLock<World> = LazyLock::new(|| {
    let root = Authority::root("root");
    let sources = |p: &mut rcgen::CertificateParams, serial: &[u8]| {
        p.serial_number = Some(SerialNumber::from_slice(serial));
        name_responders(p, &["http://ocsp.example/"]);
        add_points(p, &[point(&[POINT])]);
    };
    let key = KeyPair::generate().unwrap();
    let one = root.intermediate_with("one", key, &|p| sources(p, ONE));
    World {
        client: one.client_with("client", &|p| sources(p, CLIENT)),
        twin: root.intermediate("one"),
        one,
        root,
    }
});

/// What is asked, what is at hand, and what comes of it.
struct Case {
    method: RevocationMethod,
    scope: RevocationScope,
    failure: RevocationFailure,
    /// DER of lists.
    lists: Vec<Vec<u8>>,
    /// Responses about the client, and about the intermediate.
    responses: [Option<Vec<u8>>; 2],
    /// How many seconds ago asking began to fail.
    outage: i64,
}

impl Case {
    fn new(method: RevocationMethod, scope: RevocationScope) -> Self {
        Self {
            method,
            scope,
            failure: RevocationFailure::Hard,
            lists: Vec::new(),
            responses: [None, None],
            outage: 0,
        }
    }

    fn lists(mut self, lists: impl IntoIterator<Item = Vec<u8>>) -> Self {
        self.lists.extend(lists);
        self
    }

    /// With this response about the client.
    fn response(mut self, response: Vec<u8>) -> Self {
        self.responses[0] = Some(response);
        self
    }

    /// With this response about the intermediate.
    fn response_about_one(mut self, response: Vec<u8>) -> Self {
        self.responses[1] = Some(response);
        self
    }

    /// Without answers, the client is let in for `grace` seconds of an outage that began `ago`.
    fn soft(mut self, grace: u64, ago: i64) -> Self {
        self.failure = RevocationFailure::Soft {
            grace: Duration::from_secs(grace),
        };
        self.outage = ago;
        self
    }

    #[track_caller]
    fn check(&self, what: &str, expected: Result<(), Reason>) {
        let world = &*WORLD;
        let mut revocation = hard(self.method, self.scope);
        revocation.failure = self.failure;
        let policy = revoking(trusting(&[&world.root.der]), &revocation);
        let decision = decide(&policy, &[&world.client, &world.one.der], at(0));
        assert!(decision.verdict.is_ok(), "{what}: {decision:?}");
        let questions = &decision.revocation.questions;
        let crls = self.crls(questions);
        let verdict = questions
            .iter()
            .zip(&self.responses)
            .try_for_each(|(question, response)| {
                let evidence = Evidence {
                    ocsp: Some(self.ocsp(question, response.as_deref())),
                    crl: crls.answer(question, at(0)),
                };
                judge(question, &evidence, at(0)).result
            });
        let found = verdict.clone().map_err(|refusal| refusal.reason);
        assert_eq!(found, expected, "{what}: {verdict:?}");
    }

    /// The lists that an issuer on the path signed.
    fn crls(&self, questions: &[Arc<RevocationQuestion>]) -> CrlSet {
        let issuers = || questions.iter().map(|question| &*question.issuer);
        let signed = |der: &Vec<u8>| Crl::parse(der).and_then(|crl| crl.find_signer(issuers()));
        CrlSet::new(
            self.lists
                .iter()
                .filter_map(|der| signed(der).ok())
                .map(Arc::new),
        )
    }

    fn ocsp(&self, question: &RevocationQuestion, response: Option<&[u8]>) -> OcspEvidence {
        let unavailable = |why: String| OcspEvidence::Unavailable {
            since: at(-self.outage),
            why,
        };
        let Some(response) = response else {
            return unavailable("connection refused".to_owned());
        };
        match verify(response, question, None, at(0)) {
            Ok(answer) => OcspEvidence::Answer(answer),
            Err(error) => unavailable(error.to_string()),
        }
    }
}

/// An answer about the certificate of `issuer` with this serial number.
fn single(issuer: &Authority, serial: &[u8], status: &[u8]) -> Single {
    Single {
        cert_id: CertId::sha1(&issuer.der, serial).der(),
        status: status.to_vec(),
        this_update: -60,
        next_update: Some(LIFE),
        extensions: Vec::new(),
    }
}

/// A response of the intermediate about the client.
fn about_client(status: &[u8]) -> Response<'static> {
    let one = &WORLD.one;
    Response::new(one.key(), &one.der, vec![single(one, CLIENT, status)])
}

/// A response of the root about the intermediate.
fn about_one(status: &[u8]) -> Response<'static> {
    let root = &WORLD.root;
    Response::new(root.key(), &root.der, vec![single(root, ONE, status)])
}

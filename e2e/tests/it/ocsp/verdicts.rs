//! What each answer of a responder comes to, seen by curl and openssl.

use std::time::Duration;

use e2e::pki::{Authority, Identity, Leaf};
use e2e::port;
use e2e::responder::{Responder, Status};
use e2e::site::Site;
use e2e::tls_client::Tls;
use e2e::wait;
use rcgen::ExtendedKeyUsagePurpose;

use super::{one_worker, put_with_ocsp, responder, site};

/// A client, and what comes of it.
struct Case {
    identity: Identity,
    status: u16,
    /// In the page.
    says: &'static str,
    /// In the log of the worker.
    reason: &'static str,
}

const REVOKED: &str = "The SSL certificate error: revoked";
const UNKNOWN: &str = "The SSL certificate error: revocation status unknown";
const UNAVAILABLE: &str = "The SSL certificate error: revocation status unavailable";

// T-40, T-42, T-44: against a real responder, over both TLS versions and with both clients.
#[test]
fn every_answer_but_good_is_a_400_that_names_the_class_of_the_reason() {
    let setup = one_worker().worker_flag("--log-filter", "info,data_plane=debug");
    let site = site("verdicts", setup);
    let mut own = responder(&site);
    let delegated = delegated_responders(&site);
    own.says(1, Status::Good);
    own.says(2, Status::Revoked);
    let nobody = format!("http://127.0.0.1:{}/", port::free());
    put_with_ocsp(&site);

    let client = |serial: u64, url: Option<&str>| {
        let leaf = Leaf::client(format!("client-{serial}")).with_serial(serial);
        site.issue(&match url {
            Some(url) => leaf.with_responder(url),
            None => leaf,
        })
    };
    let case = |identity, status, says, reason| Case {
        identity,
        status,
        says,
        reason,
    };
    let refused = |identity, says, reason| case(identity, 400, says, reason);
    let [good_signer, foreign_signer, no_purpose] = &delegated;
    let cases = [
        case(client(1, Some(&own.url())), 200, "", ""),
        case(client(11, Some(&good_signer.url())), 200, "", ""),
        refused(client(2, Some(&own.url())), REVOKED, "revoked"),
        refused(client(3, Some(&own.url())), UNKNOWN, "revocation_unknown"),
        refused(
            client(4, Some(&nobody)),
            UNAVAILABLE,
            "revocation_unavailable",
        ),
        refused(client(5, None), UNAVAILABLE, "revocation_unavailable"),
        refused(
            client(12, Some(&foreign_signer.url())),
            UNAVAILABLE,
            "revocation_unavailable",
        ),
        refused(
            client(13, Some(&no_purpose.url())),
            UNAVAILABLE,
            "revocation_unavailable",
        ),
    ];
    for case in &cases {
        check(&site, case);
    }

    // Every certificate was asked about once, however many connections it came over.
    assert_eq!(own.requests(), 3);
    assert_eq!(good_signer.requests(), 1);
    let accepted = site.log_line(&["client accepted", "CN=client-1 "]);
    let revoked = site.log_line(&["client certificate refused", "CN=client-2 "]);
    for line in [accepted, revoked] {
        assert!(line.contains("ocsp, ") && line.contains(" s old"), "{line}");
    }
}

#[test]
fn an_outage_of_the_responder_keeps_out_only_whom_nobody_was_asked_about() {
    let site = site("outage-ocsp", one_worker());
    let mut responder = responder(&site);
    let client = |serial: u64| responder_leaf(&site, serial, &responder.url());
    let (known, stranger) = (client(1), client(2));
    responder.says(1, Status::Good);
    responder.says(2, Status::Good);
    put_with_ocsp(&site);
    assert_eq!(site.get(Some(&known)).0, 200);

    responder.kill();
    assert_eq!(site.get(Some(&known)).0, 200, "the answer is still good");
    let (status, page) = site.get(Some(&stranger));
    assert_eq!(status, 400, "{page}");
    assert!(page.contains(UNAVAILABLE), "{page}");

    responder.restart();
    // The failure is remembered for five seconds.
    wait::until("the end of the outage", Duration::from_secs(20), || {
        let answer = site.get(Some(&stranger));
        if answer.0 == 200 { Ok(()) } else { Err(answer) }
    });
}

fn responder_leaf(site: &Site, serial: u64, url: &str) -> Identity {
    let leaf = Leaf::client(format!("client-{serial}"));
    site.issue(&leaf.with_serial(serial).with_responder(url))
}

/// Responders that sign with certificates of their own: one that may, one of another CA of the same name, and one without
/// the purpose of signing OCSP answers (RFC 6960, 4.2.2.2).
fn delegated_responders(site: &Site) -> [Responder; 3] {
    let directory = site.directory();
    let signer = Leaf::responder("delegated");
    let twin = Authority::root("Client Root");
    let plain = Leaf {
        purposes: vec![ExtendedKeyUsagePurpose::ClientAuth],
        ..Leaf::responder("no-purpose")
    };
    let signers = [
        ("delegated", site.issue(&signer)),
        (
            "foreign",
            twin.issue(directory, &Leaf::responder("foreign"), &[]),
        ),
        ("no-purpose", site.issue(&plain)),
    ];
    signers.map(|(name, signer)| {
        let name = format!("responder-{name}");
        let mut responder = Responder::start_signing_with(directory, &name, &site.root, signer);
        for serial in [11, 12, 13] {
            responder.says(serial, Status::Good);
        }
        responder
    })
}

#[track_caller]
fn check(site: &Site, case: &Case) {
    let target = site.target();
    for tls in Tls::ALL {
        let curl = target.curl(tls, Some(&case.identity), &[]);
        let openssl = target.s_client(tls, Some(&case.identity));
        for outcome in [curl, openssl] {
            let what = format!("{tls:?} {:?}: {}", case.identity, outcome.text);
            assert_eq!(outcome.status, case.status, "{what}");
            assert!(outcome.text.contains(case.says), "{what}");
        }
    }
    if case.status != 200 {
        let reason = format!("\"reason\":\"{}\"", case.reason);
        let serial = case.identity.certificate.file_stem();
        let name = serial
            .and_then(|name| name.to_str())
            .expect("name of a file");
        site.log_line(&["client certificate refused", name, &reason]);
    }
}

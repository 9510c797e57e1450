//! Revocation by OCSP, with the real `openssl ocsp` as the responder.

mod cold;
mod live;
mod verdicts;

use e2e::deployment::{Database, Setup};
use e2e::document;
use e2e::responder::Responder;
use e2e::site::{LISTENER, Site};
use serde_json::json;

/// A site whose clients are checked as Azure's `verifyClientRevocation: OCSP` says, once it is put.
fn site(name: &str, setup: Setup) -> Site {
    Site::start(name, &setup.with_loopback_responders())
}

fn one_worker() -> Setup {
    Setup::new(Database::Sqlite, 1)
}

/// A responder for the site's CA.
fn responder(site: &Site) -> Responder {
    Responder::start(site.directory(), "responder", &site.root)
}

fn put_with_ocsp(site: &Site) {
    site.put(|document| {
        document::profile(document, LISTENER)["clientAuthConfiguration"] =
            json!({"verifyClientRevocation": "OCSP"});
    });
}

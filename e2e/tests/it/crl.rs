//! Revocation by uploaded lists.

mod large;
mod live;
mod uploads;

use std::time::{Duration, Instant};

use e2e::arm::Answer;
use e2e::deployment::{Database, Setup};
use e2e::document;
use e2e::pki::{Identity, Leaf, RevocationList};
use e2e::site::{LISTENER, Site};
use serde_json::json;

const UNAVAILABLE: &str = "The SSL certificate error: revocation status unavailable";
const REVOKED: &str = "The SSL certificate error: revoked";

fn site(name: &str) -> Site {
    Site::start(name, &Setup::new(Database::Sqlite, 1))
}

/// Puts the gateway, and the policy that certificates must be on no list.
fn put_with_lists(site: &Site) {
    site.put(|_| {});
    site.put_policy(&json!({"revocation": {"default": {"method": "Crl"}}}));
}

fn client(site: &Site, serial: u64) -> Identity {
    site.issue(&Leaf::client(format!("client-{serial}")).with_serial(serial))
}

/// Uploads a list of the site's CA; the answer, however it is.
fn upload(site: &Site, name: &str, list: &RevocationList) -> Answer {
    upload_der(site, name, &site.root.revocation_list(list))
}

fn upload_der(site: &Site, name: &str, der: &[u8]) -> Answer {
    let ca = document::ca_name(LISTENER);
    let arm = &site.deployment.arm;
    arm.put_revocation_list(&site.id, &ca, name, der)
}

/// Uploads a list that must come into force; when the operation said so.
#[track_caller]
fn put_in_force(site: &Site, name: &str, list: &RevocationList) -> Instant {
    succeeds(site, &upload(site, name, list))
}

/// Waits until a list that was uploaded is in force; when the operation said so.
#[track_caller]
fn succeeds(site: &Site, answer: &Answer) -> Instant {
    assert!(matches!(answer.status, 200 | 201), "{answer:#?}");
    let end = site.deployment.arm.operation(answer);
    assert_eq!(end["status"], "Succeeded", "{end:#}");
    Instant::now()
}

/// The longest from the worker's knowing to the end of connections.
const LIMIT: Duration = Duration::from_secs(2);

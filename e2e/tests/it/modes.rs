//! Who is let in by the mode of a profile, what a refused client sees, and the way from Passthrough to Strict.

use std::time::Duration;

use e2e::arm::extension::readiness_report_id;
use e2e::deployment::{Database, Setup};
use e2e::document;
use e2e::openssl;
use e2e::pki::{Authority, Identity, Leaf};
use e2e::site::{LISTENER, Site};
use e2e::tls_client::Tls;
use e2e::wait;
use serde_json::{Value, json};

/// A client that strict mode lets in, and those that it does not, each with its reason.
struct Clients {
    good: Identity,
    bad: Vec<(Option<Identity>, &'static str)>,
}

impl Clients {
    fn of(site: &Site) -> Self {
        let stranger = Authority::root("Stranger");
        let expired = Leaf {
            until: -time::Duration::minutes(5),
            ..Leaf::client("expired")
        };
        let stranger = stranger.issue(site.directory(), &Leaf::client("stranger"), &[]);
        Self {
            good: site.issue(&Leaf::client("good")),
            bad: vec![
                (None, "no_certificate"),
                (Some(stranger), "unknown_issuer"),
                (Some(site.issue(&expired)), "expired"),
            ],
        }
    }

    #[track_caller]
    fn all_get(&self, site: &Site, expected: u16) {
        for (identity, reason) in &self.bad {
            let (status, text) = site.get(identity.as_ref());
            assert_eq!(status, expected, "{reason}: {text}");
        }
        let (status, text) = site.get(Some(&self.good));
        assert_eq!(status, 200, "{text}");
    }
}

// T-31
#[test]
fn the_recipe_from_passthrough_over_report_only_to_strict_loses_only_whom_the_report_named() {
    let site = Site::start("recipe", &Setup::new(Database::Sqlite, 1));
    let clients = Clients::of(&site);
    site.put(|document| {
        *document::profile(document, LISTENER) =
            json!({"clientAuthConfiguration": {"verifyClientAuthMode": "Passthrough"}});
    });
    clients.all_get(&site, 200);

    site.put_policy(&json!({"mode": "ReportOnly"}));
    site.put(|document| {
        document::profile(document, LISTENER)["clientAuthConfiguration"] =
            json!({"verifyClientAuthMode": "Strict"});
    });
    let report = readiness_report_id(&site.id, &document::profile_name(LISTENER));
    let arm = &site.deployment.arm;
    let read = || arm.request("GET", &report, &[], None).body["properties"].clone();
    assert_eq!(arm.request("DELETE", &report, &[], None).status, 200);
    clients.all_get(&site, 200);
    let properties = wait::until("a complete report", Duration::from_secs(30), || {
        let properties = read();
        let complete = properties["accepted"] == 1 && properties["wouldRefuse"] == 3;
        if complete {
            Ok(properties)
        } else {
            Err(properties)
        }
    });
    for (identity, reason) in &clients.bad {
        let sha256 = identity
            .as_ref()
            .map(|identity| openssl::fingerprint(&identity.certificate, "-sha256"));
        let entry = entry(&properties, reason);
        assert_eq!(entry["certificateSha256"], json!(sha256), "{properties:#}");
        assert_eq!(entry["count"], 1, "{properties:#}");
    }

    site.put_policy(&json!({"mode": "Enforce"}));
    clients.all_get(&site, 0);
}

#[track_caller]
fn entry<'a>(properties: &'a Value, reason: &str) -> &'a Value {
    let entries = properties["entries"].as_array().expect("entries");
    let entry = entries.iter().find(|entry| entry["reason"] == reason);
    entry.unwrap_or_else(|| panic!("no {reason} in {properties:#}"))
}

#[test]
fn a_refusal_looks_like_the_profile_says_and_has_the_same_reason_in_the_log() {
    let site = Site::start("forms", &Setup::new(Database::Sqlite, 1));
    let clients = Clients::of(&site);
    site.put(|_| {});
    clients.all_get(&site, 0);
    site.put_policy(&json!({"refusalForm": "HttpStatus"}));
    for tls in Tls::ALL {
        for (identity, reason) in &clients.bad {
            let title = match identity {
                None => "400 No required SSL certificate was sent",
                Some(_) => "400 The SSL certificate error",
            };
            let target = site.target();
            for outcome in [
                target.curl(tls, identity.as_ref(), &["--http1.1"]),
                target.curl(tls, identity.as_ref(), &["--http2"]),
                target.s_client(tls, identity.as_ref()),
            ] {
                assert_eq!(outcome.status, 400, "{reason}: {}", outcome.text);
                for part in [
                    format!("<head><title>{title}</title></head>"),
                    "<center><h1>400 Bad Request</h1></center>".to_owned(),
                ] {
                    assert!(outcome.text.contains(&part), "{part}: {}", outcome.text);
                }
            }
            for form in ["tls_alert", "http_status"] {
                site.log_line(&[
                    "client certificate refused",
                    &format!("\"form\":\"{form}\""),
                    &format!("\"reason\":\"{reason}\""),
                ]);
            }
        }
    }
    assert_eq!(site.get(Some(&clients.good)).0, 200);
}

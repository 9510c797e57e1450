//! Sessions are resumed where everything that they rest on still holds, and nowhere else. Whatever is not resumed is a full
//! handshake, never an alert.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use e2e::client::{Client, Sessions};
use e2e::deployment::{Database, Setup};
use e2e::document::Listener;
use e2e::pki::{Identity, Leaf};
use e2e::port;
use e2e::site::{HOST, LISTENER, OTHER_HOST, Site};
use e2e::tls_client::Tls;
use e2e::wait;
use serde_json::json;
use tokio::runtime::Runtime;

/// How a visit went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Visit {
    Resumed,
    Full,
}

use Visit::{Full, Resumed};

/// One handshake and one request, which must be answered with 200.
async fn visit(client: &Client) -> io::Result<Visit> {
    let mut connection = client.connect().await?;
    let reply = connection.get("/").await?;
    assert_eq!(reply.status, 200, "{reply:?}");
    Ok(if connection.resumed() { Resumed } else { Full })
}

#[track_caller]
fn expect(runtime: &Runtime, client: &Client, expected: Visit, what: &str) {
    let visit = runtime.block_on(visit(client));
    assert_eq!(visit.expect(what), expected, "{what}");
}

fn session(site: &Site, identity: Option<&Identity>, tls: Tls) -> (Client, Arc<Sessions>) {
    let sessions = Arc::new(Sessions::default());
    let client = Client::new(&site.target(), identity, tls).with_sessions(&sessions);
    (client, sessions)
}

fn runtime() -> Runtime {
    Runtime::new().expect("runtime")
}

#[test]
fn openssl_resumes_over_both_versions_and_is_offered_no_early_data() {
    let site = Site::start("openssl-sessions", &Setup::new(Database::Sqlite, 1));
    let client = site.issue(&Leaf::client("device"));
    site.put(|_| {});
    for tls in Tls::ALL {
        let file = site.directory().join(format!("session-{tls:?}"));
        let file = file.to_str().expect("path is UTF-8");
        let first = site
            .target()
            .s_client_with(tls, Some(&client), &["-sess_out", file]);
        assert_eq!(first.status, 200, "{}", first.text);
        assert!(first.text.contains("\nNew, TLSv1."), "{}", first.text);
        let second = site
            .target()
            .s_client_with(tls, Some(&client), &["-sess_in", file]);
        assert_eq!(second.status, 200, "{}", second.text);
        assert!(second.text.contains("\nReused, TLSv1."), "{}", second.text);
        // T-08
        if tls == Tls::V13 {
            assert!(first.text.contains("Max Early Data: 0"), "{}", first.text);
        }
    }
}

#[test]
fn a_session_is_resumed_on_both_cores_and_both_workers_and_over_http2() {
    let site = Site::start("workers", &Setup::new(Database::Sqlite, 2));
    let identity = site.issue(&Leaf::client("device"));
    site.put(|_| {});
    let runtime = runtime();
    for tls in Tls::ALL {
        let (client, sessions) = session(&site, Some(&identity), tls);
        expect(&runtime, &client, Full, "nothing to resume");
        // The kernel spreads connections over the cores: that all of these reach the same one is as good as impossible.
        for number in 0..16 {
            expect(&runtime, &client, Resumed, &format!("{tls:?} {number}"));
        }
        let other = client.clone().at(&site.deployment.workers[1].address);
        for number in 0..4 {
            expect(
                &runtime,
                &other,
                Resumed,
                &format!("{tls:?} other worker {number}"),
            );
        }
        let over_http2 = runtime.block_on(async {
            let mut connection = client.connect_http2().await.expect("HTTP/2");
            assert_eq!(connection.get("/").await.expect("HTTP/2").status, 200);
            connection.resumed()
        });
        assert!(over_http2, "{tls:?}");
        // T-08
        assert!(sessions.count() > 0 && !client.may_send_early_data());
    }
}

// T-01
#[test]
fn a_session_opens_no_other_listener_name_or_profile() {
    let mut site = Site::start("elsewhere", &Setup::new(Database::Sqlite, 1));
    let identity = site.issue(&Leaf::client("device"));
    let ca = site.root.pem().to_owned();
    let (shared, alone) = (site.port(), port::free());
    let named = |listener: Listener, host: &str| Listener {
        hosts: vec![host.to_owned()],
        ..listener
    };
    site.listeners = vec![
        named(Listener::mutual(LISTENER, shared, &ca), HOST),
        named(Listener::https("open", shared), OTHER_HOST),
        Listener::mutual("alone", alone, &ca),
    ];
    site.put(|_| {});
    let runtime = runtime();
    for tls in Tls::ALL {
        // From a name that asks for nothing to one that asks for a certificate.
        let (client, _) = session(&site, None, tls);
        let open = client.clone().named(OTHER_HOST);
        expect(&runtime, &open, Full, "open");
        expect(&runtime, &open, Resumed, "open");
        let intruder = runtime.block_on(visit(&client));
        assert!(intruder.is_err(), "{tls:?}: {intruder:?}");

        // T-05: with a certificate the same is a full handshake, not an alert.
        let (client, _) = session(&site, Some(&identity), tls);
        let (open, alone) = (
            client.clone().named(OTHER_HOST),
            client.clone().on_port(alone),
        );
        for (client, what) in [
            (&open, "open"),
            (&client, "from open to mTLS"),
            (&open, "from mTLS to open"),
            (&client, "from open to mTLS again"),
            (&alone, "to another listener with a profile of its own"),
            (&client, "and back"),
        ] {
            expect(&runtime, client, Full, &format!("{tls:?} {what}"));
        }
        expect(&runtime, &client, Resumed, "where it belongs");
    }
}

// T-03, T-05
#[test]
fn a_session_does_not_outlive_the_policy_that_it_was_made_under() {
    let site = Site::start("changed", &Setup::new(Database::Sqlite, 1));
    let identity = site.issue(&Leaf::client("device").with_uri("spiffe://site/device"));
    site.put(|_| {});
    let runtime = runtime();
    let clients = Tls::ALL.map(|tls| session(&site, Some(&identity), tls).0);
    for client in &clients {
        expect(&runtime, client, Full, "first");
        expect(&runtime, client, Resumed, "second");
    }
    site.put_policy(&json!({"maxIntermediateCertificates": 2}));
    for client in &clients {
        expect(&runtime, client, Full, "after a change of the policy");
        expect(&runtime, client, Resumed, "under the new policy");
    }
    // Taken back, the policy is the same as at first, and what was issued in between is dead all the same.
    site.put_policy(&json!({}));
    for client in &clients {
        expect(&runtime, client, Full, "after the change was taken back");
    }
    site.put_policy(
        &json!({"identityRules": {"deny": [{"name": "stolen", "allOf": [
        {"field": "SanUri", "match": "Exact", "value": "spiffe://site/device"}]}]}}),
    );
    for client in &clients {
        let denied = runtime.block_on(visit(client));
        assert!(denied.is_err(), "{denied:?}");
    }
    site.put_policy(&json!({"sessionResumption": {"enabled": false}}));
    for client in &clients {
        expect(&runtime, client, Full, "resumption is off");
        expect(&runtime, client, Full, "resumption is off");
    }
}

// T-04
#[test]
fn renewal_does_not_prolong_a_session() {
    const LIFETIME: Duration = Duration::from_secs(3);
    let site = Site::start("renewal", &Setup::new(Database::Sqlite, 1));
    let identity = site.issue(&Leaf::client("device"));
    site.put(|_| {});
    site.put_policy(&json!({"sessionResumption": {"enabled": true, "lifetimeSeconds": 3}}));
    let runtime = runtime();
    for tls in Tls::ALL {
        let (client, _) = session(&site, Some(&identity), tls);
        let start = Instant::now();
        expect(&runtime, &client, Full, "first");
        let mut resumed = 0;
        let end = loop {
            let begun = start.elapsed();
            match runtime.block_on(visit(&client)).expect("a visit") {
                Resumed => resumed += 1,
                Full => break start.elapsed(),
            }
            // The clocks of tickets count whole seconds.
            let limit = LIFETIME + Duration::from_secs(2);
            assert!(
                begun < limit,
                "{tls:?}: resumed {begun:?} after the authentication"
            );
        };
        assert!(resumed > 0, "{tls:?}: never resumed, full after {end:?}");
    }
}

#[test]
fn a_restarted_worker_resumes_with_the_keys_of_the_control_plane_and_without_it_nothing() {
    let mut site = Site::start("restart", &Setup::new(Database::Sqlite, 1));
    let identity = site.issue(&Leaf::client("device"));
    site.put(|_| {});
    let runtime = runtime();
    let (before, sessions) = session(&site, Some(&identity), Tls::V12);
    let restart = |site: &mut Site| {
        site.deployment.kill_worker(0);
        site.deployment.start_worker(0);
        site.deployment.workers[0].wait_until_ready();
    };
    expect(&runtime, &before, Full, "first");
    sessions.freeze();
    expect(&runtime, &before, Resumed, "second");

    restart(&mut site);
    // The stream may come up after the worker is ready with what it has on disk.
    wait::until(
        "the keys of the control plane",
        Duration::from_secs(20),
        || match runtime.block_on(visit(&before)).expect("a visit") {
            Resumed => Ok(()),
            Full => Err(Full),
        },
    );

    site.deployment.kill_control_plane();
    restart(&mut site);
    expect(&runtime, &before, Full, "the keys were never on disk");
    let (after, _) = session(&site, Some(&identity), Tls::V12);
    expect(&runtime, &after, Full, "nothing to resume");
    expect(&runtime, &after, Resumed, "with keys of the worker's own");
}

//! What is counted.

use super::*;

/// The page of the metrics.
fn page(fixture: &Fixture) -> String {
    let mut registry = Registry::with_prefix("portcullis_worker");
    fixture.revocation.register(&mut registry);
    let mut page = String::new();
    prometheus_client::encoding::text::encode(&mut page, &registry).expect("written");
    page
}

// T-44, T-52
#[tokio::test]
async fn verdicts_soft_failures_and_lists_are_counted() {
    let world = Arc::new(World::new());
    world.say(&[(1, Status::Good), (2, Status::Revoked)]);
    let server = world.serve().await;
    let silent = Server::start(|_| Play::Silence).await;
    let fixture = Fixture::start(RevocationSettings {
        responder_timeout: Duration::from_millis(300),
        ..settings()
    });
    let none = UploadedLists::default();
    let vet = async |serial, url: String, policy| {
        let plan = world.plan(&world.client(serial, &[url]), &policy);
        let vetting = fixture.revocation.vet(&plan, &none, fixture.now());
        timeout(PATIENCE, vetting).await.expect("in time")
    };
    for _ in 0..2 {
        vet(1, server.url("/"), ocsp()).await;
    }
    vet(2, server.url("/"), ocsp()).await;
    vet(3, server.url("/"), ocsp()).await;
    vet(4, silent.url("/"), ocsp()).await;
    vet(5, silent.url("/"), soft(Duration::from_hours(1))).await;
    let lists = Arc::new(uploaded(vec![world.ca.signed_crl(1, &[7, 8])]));
    fixture
        .revocation
        .put_in_force("/gateway", vec![Arc::clone(&lists), lists]);
    let page = page(&fixture);
    for line in [
        "revocation_verdicts_total{verdict=\"good\",source=\"ocsp\"} 2",
        "revocation_verdicts_total{verdict=\"revoked\",source=\"ocsp\"} 1",
        "revocation_verdicts_total{verdict=\"unknown\",source=\"ocsp\"} 1",
        "revocation_verdicts_total{verdict=\"unavailable\",source=\"none\"} 1",
        "revocation_verdicts_total{verdict=\"soft_failed\",source=\"none\"} 1",
        "revocation_soft_failures_total 1",
        "revocation_lookups_total{result=\"hit\"} 1",
        "revocation_lookups_total{result=\"miss\"} 5",
        "revocation_ocsp_fetches_total{result=\"good\"} 1",
        "revocation_ocsp_fetches_total{result=\"timeout\"} 2",
        "revocation_ocsp_fetch_seconds_count 5",
        "revocation_cache_entries 5",
        "revocation_crls 1",
        "revocation_crl_entries 2",
    ] {
        assert!(
            page.contains(&format!("portcullis_worker_{line}\n")),
            "{line} in {page}"
        );
    }
    let expiry = page.lines().find_map(|line| {
        line.strip_prefix("portcullis_worker_revocation_crl_next_expiry_seconds ")
    });
    let expiry: i64 = expiry.expect("a gauge").parse().expect("a number");
    assert!((28 * 86_400..=29 * 86_400).contains(&expiry), "{expiry}");
    fixture.revocation.put_in_force("/GATEWAY", Vec::new());
    assert!(
        !self::page(&fixture).contains("next_expiry"),
        "nothing to tell"
    );
}

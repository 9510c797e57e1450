//! What report-only profiles would have refused reaches the control plane.

use std::collections::BTreeMap;

use proto::config::v1 as wire;
use proto::config::v1::worker_message::Message as Worker;

use super::control_plane::ControlPlane;
use super::door::{Ca, ask, client, gateway};
use super::{free_port, stop, worker};

#[tokio::test]
async fn report_only_profiles_are_reported() {
    let (server, clients, strangers) = (Ca::new("server"), Ca::new("clients"), Ca::new("others"));
    let mut control_plane = ControlPlane::start().await;
    let running = worker(control_plane.address, &[]).await;
    let (mut session, _) = control_plane.session().await;
    let port = free_port();
    let report_only = gateway(port, &server, &clients, |policy| {
        policy.mode = wire::ClientAuthMode::ReportOnly.into();
    });
    session.deliver(&report_only).await;
    let (good, stranger) = (client(&server, &clients), client(&server, &strangers));
    for connector in [&good, &stranger, &stranger, &good, &stranger] {
        let answer = ask(connector, port).await.expect("let in");
        assert!(answer.starts_with(b"HTTP/1.1 404 "));
    }

    let (mut accepted, mut refused) = (0, BTreeMap::new());
    while accepted < 2 || refused.values().sum::<u64>() < 3 {
        let Worker::ReadinessReport(report) = session.receive().await else {
            panic!("expected a report");
        };
        assert_eq!(report.gateway_id, report_only.id);
        assert_eq!(report.ssl_profile, "strict");
        assert_eq!(report.unlisted, 0);
        accepted += report.accepted;
        for entry in report.would_refuse {
            assert_eq!(entry.certificate_sha256.len(), 32);
            assert!(entry.last_seen > 0 && !entry.detail.is_empty());
            assert_eq!(entry.issuer, "CN=others");
            *refused.entry(entry.reason).or_default() += entry.count;
        }
    }
    assert_eq!(accepted, 2);
    assert_eq!(refused, BTreeMap::from([("unknown_issuer".to_owned(), 3)]));
    stop(running).await;
}

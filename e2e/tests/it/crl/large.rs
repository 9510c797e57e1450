//! Half a million entries, while a load runs.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use e2e::deployment::{Database, Setup};
use e2e::document::Listener;
use e2e::keep_alive::KeepAlive;
use e2e::pki::RevocationList;
use e2e::port;
use e2e::site::{HOST, Site};

use super::{client, put_in_force, put_with_lists, succeeds, upload_der};
use crate::over::Over;

const ENTRIES: u64 = 500_000;
/// Requests of the load before the upload.
const BEFORE: usize = 500;

// T-54
#[test]
fn half_a_million_entries_come_into_force_and_a_load_beside_loses_no_request() {
    let setup = Setup::new(Database::Sqlite, 1).control_plane_flag("--operation-deadline", "110s");
    let mut site = Site::start("large", &setup);
    let untouched = port::free();
    site.listeners.push(Listener::https("untouched", untouched));
    let serials = 1_000_000..1_000_000 + ENTRIES;
    let (good, revoked) = (client(&site, 1), client(&site, serials.end - 1));
    put_with_lists(&site);
    put_in_force(&site, "main", &RevocationList::new(1, []));
    assert_eq!(site.get(Some(&revoked)).0, 200);
    let der = site.root.revocation_list(&RevocationList::new(2, serials));

    let ca_file = site.target().ca_file;
    let (stop, made) = (AtomicBool::new(false), AtomicUsize::new(0));
    let (swap, mut samples) = thread::scope(|scope| {
        let over = Over(&stop);
        let load = scope.spawn(|| {
            let mut connection = KeepAlive::open(HOST, untouched, &ca_file);
            let mut samples = Vec::new();
            while !stop.load(Ordering::Relaxed) {
                let start = Instant::now();
                assert_eq!(connection.get("/").expect("a request of the load"), 200);
                samples.push((start, start.elapsed()));
                made.fetch_add(1, Ordering::Relaxed);
            }
            samples
        });
        // Before anything happens: what a quiet machine gives.
        e2e::wait::until(
            "requests before the upload",
            Duration::from_secs(20),
            || {
                let made = made.load(Ordering::Relaxed);
                if made < BEFORE { Err(made) } else { Ok(()) }
            },
        );
        let begin = Instant::now();
        let answer = upload_der(&site, "main", &der);
        println!("CRL: the upload was answered after {:?}", begin.elapsed());
        let end = succeeds(&site, &answer);
        drop(over);
        ((begin, end), load.join().expect("the load lost a request"))
    });
    assert_eq!(site.get(Some(&good)).0, 200);
    assert_eq!(site.get(Some(&revoked)).0, 400);

    let during: Vec<_> = samples
        .extract_if(.., |(start, _)| *start >= swap.0)
        .collect();
    println!(
        "CRL of {ENTRIES} entries ({} bytes): in force after {:?}; p99 {:?} before ({} requests), {:?} during ({} requests)",
        der.len(),
        swap.1 - swap.0,
        p99(&samples),
        samples.len(),
        p99(&during),
        during.len()
    );
    assert!(!samples.is_empty() && !during.is_empty());
}

/// The latency that one of a hundred requests exceeds.
fn p99(samples: &[(Instant, Duration)]) -> Duration {
    let mut latencies: Vec<Duration> = samples.iter().map(|(_, latency)| *latency).collect();
    latencies.sort_unstable();
    latencies
        .get(latencies.len() * 99 / 100)
        .copied()
        .unwrap_or_default()
}

//! From "revoked in the list" to "connection cut".

use e2e::backend::Backend;
use e2e::client::Client;
use e2e::pki::{Identity, RevocationList};
use e2e::tls_client::Tls;
use tokio::runtime::Runtime;

use super::{LIMIT, client, put_in_force, put_with_lists, site};
use crate::open::Open;

// T-06
#[test]
fn connections_of_a_client_on_a_new_list_are_cut_and_no_others() {
    let mut site = site("crl-live");
    let backend = Backend::start();
    site.backend_port = backend.port();
    let (revoked, good) = (client(&site, 1), client(&site, 2));
    put_with_lists(&site);
    put_in_force(&site, "main", &RevocationList::new(1, []));
    let runtime = Runtime::new().expect("runtime");
    for (number, tls) in [(2, Tls::V12), (20, Tls::V13)] {
        let client = |identity: &Identity| Client::new(&site.target(), Some(identity), tls);
        let (mut cut, mut kept) = runtime.block_on(async {
            (
                Open::by(&client(&revoked)).await,
                Open::by(&client(&good)).await,
            )
        });
        let succeeded = put_in_force(&site, "main", &RevocationList::new(number, [1]));
        runtime.block_on(cut.ends_within(LIMIT));
        println!(
            "CRL: all connections seen cut {:?} after \"Succeeded\"",
            succeeded.elapsed()
        );
        runtime.block_on(kept.go_on());
        // For the next round.
        put_in_force(&site, "main", &RevocationList::new(10 + number, []));
    }
}

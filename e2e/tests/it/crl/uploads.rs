//! What a list does from its upload on, and which uploads are refused.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use e2e::arm::Answer;
use e2e::arm::extension::revocation_list_id;
use e2e::document;
use e2e::pki::{Authority, Identity, RevocationList};
use e2e::site::{LISTENER, Site};
use serde_json::json;

use super::{REVOKED, UNAVAILABLE, client, put_in_force, put_with_lists, site, upload};

#[track_caller]
fn served(site: &Site, identity: &Identity) {
    let (status, page) = site.get(Some(identity));
    assert_eq!(status, 200, "{page}");
}

#[track_caller]
fn refused(site: &Site, identity: &Identity, says: &str) {
    let (status, page) = site.get(Some(identity));
    assert_eq!(status, 400, "{page}");
    assert!(page.contains(says), "{page}");
}

#[track_caller]
fn is_error(answer: &Answer, status: u16, code: &str) {
    assert_eq!(answer.status, status, "{answer:#?}");
    assert_eq!(answer.body["error"]["code"], code, "{answer:#?}");
}

/// Where the list `name` of the site's CA is.
fn list_id(site: &Site, name: &str) -> String {
    revocation_list_id(&site.id, &document::ca_name(LISTENER), name)
}

// T-52, T-53
#[test]
fn a_list_keeps_out_whom_it_names_and_the_newest_counts() {
    let site = site("uploads");
    let [one, two, three] = [1, 2, 3].map(|serial| client(&site, serial));
    put_with_lists(&site);
    refused(&site, &one, UNAVAILABLE);

    put_in_force(&site, "main", &RevocationList::new(5, [2]));
    served(&site, &one);
    refused(&site, &two, REVOKED);
    served(&site, &three);

    // The same as JSON.
    let arm = &site.deployment.arm;
    let newer = site.root.revocation_list(&RevocationList::new(6, [2, 3]));
    let body = json!({"properties": {"data": STANDARD.encode(newer)}});
    arm.put_in_force(&list_id(&site, "main"), &body);
    refused(&site, &three, REVOKED);
    let shown = arm.request("GET", &list_id(&site, "main"), &[], None).body;
    assert_eq!(shown["properties"]["number"], "6", "{shown:#}");
    assert_eq!(shown["properties"]["entryCount"], 2, "{shown:#}");

    let older = RevocationList::new(5, [2]);
    is_error(
        &upload(&site, "main", &older),
        409,
        "CertificateRevocationListRollback",
    );
    refused(&site, &three, REVOKED);
    let data = STANDARD.encode(site.root.revocation_list(&older));
    let body = json!({"properties": {"data": data, "allowRollback": true}});
    arm.put_in_force(&list_id(&site, "main"), &body);
    served(&site, &three);

    // Lists add up, and a client of Azure's API erases none.
    put_in_force(&site, "more", &RevocationList::new(7, [3]));
    site.put(|document| document["tags"] = json!({"changed": "yes"}));
    refused(&site, &two, REVOKED);
    refused(&site, &three, REVOKED);
    let deleted = arm.request("DELETE", &list_id(&site, "more"), &[], None);
    assert_eq!(arm.operation(&deleted)["status"], "Succeeded");
    served(&site, &three);
}

// T-52, T-53
#[test]
fn lists_of_no_use_are_refused_at_the_upload() {
    let site = site("useless");
    let one = client(&site, 1);
    put_with_lists(&site);
    let expired = RevocationList {
        from: -time::Duration::days(2),
        until: -time::Duration::days(1),
        ..RevocationList::new(1, [])
    };
    is_error(
        &upload(&site, "main", &expired),
        400,
        "CertificateRevocationListExpired",
    );
    let twin = Authority::root("Client Root").revocation_list(&RevocationList::new(1, []));
    let ca = document::ca_name(LISTENER);
    let arm = &site.deployment.arm;
    let foreign = arm.put_revocation_list(&site.id, &ca, "main", &twin);
    is_error(&foreign, 400, "CertificateRevocationListUntrusted");
    refused(&site, &one, UNAVAILABLE);
}

// T-52
#[test]
fn a_list_that_expires_keeps_everybody_out() {
    let site = site("expiring");
    let one = client(&site, 1);
    put_with_lists(&site);
    let short = RevocationList {
        until: time::Duration::seconds(12),
        ..RevocationList::new(1, [])
    };
    put_in_force(&site, "main", &short);
    served(&site, &one);
    e2e::wait::until(
        "the end of the list",
        std::time::Duration::from_secs(30),
        || {
            let (status, page) = site.get(Some(&one));
            // A client that came in the last moment is let in and then cut: no answer.
            if matches!(status, 0 | 200) {
                return Err(page);
            }
            assert!(page.contains(UNAVAILABLE), "{status}: {page}");
            Ok(())
        },
    );
}

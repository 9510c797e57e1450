//! What is shown of uploaded revocation lists: everything but the list.

use model::{ChildId, Collection, ResourceName};
use rustls_pki_types::UnixTime;
use serde_json::{Value, json};
use time::{Duration, OffsetDateTime, format_description::well_known::Rfc3339};

use super::{GatewayFacts, child};
use crate::{
    certificate,
    extension::{Extensions, RevocationList},
};

const TYPE: &str = "Portcullis.Security/certificateRevocationLists";

/// One list of a trusted client certificate; `None` when there is none of this name.
pub fn revocation_list(
    now: OffsetDateTime,
    facts: &GatewayFacts<'_>,
    extensions: &Extensions,
    trusted: &ChildId,
    name: &ResourceName,
) -> Option<Value> {
    let list = extensions.revocation_lists().find(trusted.name(), name)?;
    Some(Listing::of(facts, trusted).render(now, list))
}

/// All lists of a trusted client certificate, whether that exists or not.
pub fn revocation_lists(
    now: OffsetDateTime,
    facts: &GatewayFacts<'_>,
    extensions: &Extensions,
    trusted: &ChildId,
) -> Vec<Value> {
    let listing = Listing::of(facts, trusted);
    let lists = extensions.revocation_lists().of(trusted.name());
    lists.map(|list| listing.render(now, list)).collect()
}

/// What the lists of one trusted client certificate have in common.
struct Listing<'a> {
    facts: &'a GatewayFacts<'a>,
    /// Name of the trusted client certificate in the document; `None`: it does not exist.
    trusted: Option<ResourceName>,
    bundle: Option<client_auth::TrustBundle>,
}

impl<'a> Listing<'a> {
    fn of(facts: &'a GatewayFacts<'a>, trusted: &ChildId) -> Self {
        let own = child(
            facts,
            Collection::TRUSTED_CLIENT_CERTIFICATES,
            trusted.name(),
        );
        let name = own.as_ref().and_then(|own| own.get("name")?.as_str());
        Self {
            facts,
            trusted: name.and_then(|name| ResourceName::parse(name).ok()),
            bundle: certificate::bundle_in(facts.document, trusted.name()),
        }
    }

    fn render(&self, now: OffsetDateTime, list: &RevocationList) -> Value {
        let trusted = self.trusted.clone().unwrap_or_else(|| list.trusted.clone());
        let parent = self
            .facts
            .id
            .child(Collection::TRUSTED_CLIENT_CERTIFICATES, trusted);
        let is_active = self
            .bundle
            .as_ref()
            .is_some_and(|bundle| list.is_active(bundle));
        let (head, name) = (&list.head, &list.name);
        json!({
            "id": format!("{parent}/providers/{TYPE}/{name}"),
            "name": name.as_str(),
            "type": TYPE,
            "etag": self.facts.etag,
            "properties": {
                "provisioningState": self.facts.provisioning_state.as_str(),
                "state": if is_active { "Active" } else { "Dormant" },
                "issuer": list.issuer,
                "number": head.number.as_ref().map(ToString::to_string),
                "thisUpdate": instant(head.this_update).format(&Rfc3339).ok(),
                "nextUpdate": instant(head.next_update).format(&Rfc3339).ok(),
                "expiresInDays": whole_days(instant(head.next_update) - now),
                "entryCount": list.entry_count,
                "sizeBytes": list.size,
                "sha256": hex::encode(head.sha256),
            },
        })
    }
}

/// Rounded down: 0 on the last day, negative afterwards.
fn whole_days(left: Duration) -> i64 {
    left.whole_seconds().div_euclid(24 * 60 * 60)
}

fn instant(at: UnixTime) -> OffsetDateTime {
    let seconds = i64::try_from(at.as_secs()).unwrap_or(i64::MAX);
    OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_day_is_day_0() {
        for (seconds, days) in [
            (86_400 * 7, 7),
            (86_399, 0),
            (0, 0),
            (-1, -1),
            (-86_400, -1),
        ] {
            assert_eq!(whole_days(Duration::seconds(seconds)), days, "{seconds}");
        }
    }
}

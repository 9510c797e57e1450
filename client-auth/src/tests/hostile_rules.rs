//! Whatever a client sends and an operator writes: nothing panics, and nobody gets in by being unreadable.

use std::sync::LazyLock;

use proptest::prelude::*;
use rcgen::{DnType, SanType};

use super::rules::{attribute, matcher, rule};
use crate::corpus::reencoded::{parts, signed};
use crate::testing::{Authority, Der, at, owned, trusting};
use crate::{
    AttributeType, Authenticator, CertificateFacts, ClientIdentity, IdentityField, IdentityMatcher,
    IdentityRules, MatchKind, Mode, PathCertificate, Policy, TrustBundle,
};

/// Good certificates with one of everything, to be broken.
struct World {
    root: Der,
    issuer: Authority,
    one: Der,
    client: Der,
    strict: Authenticator,
    partial: Authenticator,
    passthrough: Authenticator,
    path: Vec<PathCertificate>,
    identity: ClientIdentity,
}

fn every_field() -> Vec<IdentityMatcher> {
    vec![
        matcher(IdentityField::SanDns, MatchKind::Regex, r"[a-z.]+"),
        matcher(IdentityField::SanUri, MatchKind::Prefix, "spiffe://"),
        matcher(IdentityField::SanEmail, MatchKind::Suffix, "@example.com"),
        matcher(IdentityField::SanIp, MatchKind::Prefix, "10.0.0.0/8"),
        matcher(IdentityField::Subject, MatchKind::Suffix, "CN=client"),
        matcher(attribute("CN"), MatchKind::Regex, ".*"),
        matcher(IdentityField::Issuer, MatchKind::Prefix, "CN="),
        matcher(IdentityField::Serial, MatchKind::Regex, "[0-9A-F]+"),
    ]
}

static WORLD: LazyLock<World> = LazyLock::new(|| {
    let root = Authority::root("root");
    let one = root.intermediate("one");
    let client = one.client_with("client", &|p| {
        p.distinguished_name
            .push(DnType::OrganizationName, "Contoso");
        p.subject_alt_names = vec![
            SanType::DnsName("a.example.com".try_into().unwrap()),
            SanType::URI("spiffe://td/a".try_into().unwrap()),
            SanType::Rfc822Name("a@example.com".try_into().unwrap()),
            SanType::IpAddress([10, 0, 0, 1].into()),
        ];
    });
    let mut policy = trusting(&[&root.der, &one.der]);
    policy.identity.allow = vec![rule("every field", every_field())];
    let mode = |mode| {
        Authenticator::new(Policy {
            mode,
            ..policy.clone()
        })
    };
    let mut partial = policy.clone();
    partial.partial_chains = true;
    let strict = mode(Mode::Strict);
    let decision = strict.decide(&client, &[], at(0));
    World {
        strict,
        partial: Authenticator::new(partial),
        passthrough: mode(Mode::Passthrough),
        path: decision.path,
        identity: decision.verdict.unwrap(),
        root: root.der,
        one: one.der.clone(),
        issuer: one,
        client,
    }
});

/// One change of the bytes of a certificate.
#[derive(Clone, Debug)]
enum Change {
    Set(prop::sample::Index, u8),
    Insert(prop::sample::Index, u8),
    Remove(prop::sample::Index),
    Truncate(prop::sample::Index),
    /// Some bytes once more, elsewhere.
    Copy(prop::sample::Index, prop::sample::Index, usize),
}

fn changes() -> impl Strategy<Value = Vec<Change>> {
    let index = any::<prop::sample::Index>;
    // Tags and lengths that mean something are likelier than others.
    let byte = || {
        prop_oneof![
            any::<u8>(),
            prop::sample::select(vec![
                0, 1, 2, 3, 4, 5, 6, 0x0c, 0x30, 0x31, 0x80, 0x81, 0x82, 0x84, 0xa0, 0xa3, 0xff
            ]),
        ]
    };
    let change = prop_oneof![
        4 => (index(), byte()).prop_map(|(place, value)| Change::Set(place, value)),
        2 => (index(), byte()).prop_map(|(place, value)| Change::Insert(place, value)),
        2 => index().prop_map(Change::Remove),
        1 => index().prop_map(Change::Truncate),
        1 => (index(), index(), 1..40_usize).prop_map(|(from, to, length)| Change::Copy(from, to, length)),
    ];
    prop::collection::vec(change, 1..6)
}

fn changed(der: &Der, changes: &[Change]) -> Der {
    let mut bytes = der.to_vec();
    for change in changes {
        let length = bytes.len();
        if length == 0 {
            break;
        }
        match change {
            Change::Set(place, value) => bytes[place.index(length)] = *value,
            Change::Insert(place, value) => bytes.insert(place.index(length), *value),
            Change::Remove(place) => drop(bytes.drain(place.index(length)..=place.index(length))),
            Change::Truncate(place) => bytes.truncate(place.index(length)),
            Change::Copy(from, to, some) => {
                let from = from.index(length);
                let copied = bytes[from..length.min(from + some)].to_vec();
                let to = to.index(length);
                bytes.splice(to..to, copied);
            }
        }
    }
    bytes.into()
}

fn field() -> impl Strategy<Value = IdentityField> {
    prop::sample::select(vec![
        IdentityField::SanDns,
        IdentityField::SanUri,
        IdentityField::SanEmail,
        IdentityField::SanIp,
        IdentityField::Subject,
        attribute("CN"),
        IdentityField::Issuer,
        IdentityField::Serial,
        IdentityField::Fingerprint,
        IdentityField::Spki,
    ])
}

fn kind() -> impl Strategy<Value = MatchKind> {
    prop::sample::select(vec![
        MatchKind::Exact,
        MatchKind::Prefix,
        MatchKind::Suffix,
        MatchKind::Regex,
    ])
}

/// Text of an operator: anything, and what looks like an expression, an address or a number.
fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        r"[a-z0-9.*+?()\[\]{}|^$\\/:@=,-]{0,24}",
        "[0-9a-fA-F:./-]{0,70}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    /// A changed certificate gets nobody in, wherever it stands and whatever the policy is.
    #[test]
    fn changed_certificates_never_panic_and_never_get_in(changes in changes()) {
        let world = &*WORLD;
        let client = changed(&world.client, &changes);
        let one = changed(&world.one, &changes);
        for authenticator in [&world.strict, &world.partial] {
            let decision = authenticator.decide(&client, &owned(&[&one, &client]), at(0));
            prop_assert_eq!(decision.verdict.is_ok(), client == world.client);
            // The good issuer is uploaded.
            let decision = authenticator.decide(&world.client, std::slice::from_ref(&one), at(0));
            prop_assert!(decision.verdict.is_ok());
            prop_assert!(authenticator.decide(&one, &[], at(0)).verdict.is_err());
        }
        let _unverified = world.passthrough.decide(&client, &[], at(0));
        let _facts = CertificateFacts::of(&client);
        let _member = PathCertificate::of(&one);
    }

    /// A CA that signs anything at all: what is in it is read after its signature was found good.
    #[test]
    fn nonsense_that_a_trusted_ca_signed_never_panics(changes in changes(), is_ca in any::<bool>()) {
        let world = &*WORLD;
        let template = if is_ca { &world.one } else { &world.client };
        let [tbs, algorithm, _] = parts(template);
        let tbs = changed(&tbs.raw.to_vec().into(), &changes);
        let nonsense = signed(&tbs, algorithm.raw, &world.issuer);
        for authenticator in [&world.strict, &world.partial, &world.passthrough] {
            for (leaf, other) in [(&nonsense, &world.one), (&world.client, &nonsense)] {
                let decision = authenticator.decide(leaf, std::slice::from_ref(other), at(0));
                if let Ok(identity) = &decision.verdict {
                    let _stays = authenticator.recheck(&decision.path, identity, at(0));
                }
            }
        }
        let _bundle = TrustBundle::partial("ca", &[nonsense]);
    }

    #[test]
    fn changed_uploads_never_panic(changes in changes()) {
        let world = &*WORLD;
        let (root, one) = (changed(&world.root, &changes), changed(&world.one, &changes));
        for upload in [vec![root.clone()], vec![one.clone()], vec![one, root, world.root.clone()]] {
            let _bundle = TrustBundle::from_der("ca", &upload);
            let _partial = TrustBundle::partial("ca", &upload);
        }
    }

    /// A path that comes from elsewhere is not believed when it was changed.
    #[test]
    fn changed_paths_never_panic_and_never_stay(changes in changes(), place in 0..2_usize) {
        let world = &*WORLD;
        let mut path = world.path.clone();
        // The client, or the anchor.
        let place = if place == 0 { 0 } else { path.len() - 1 };
        let der = changed(&Der::from(path[place].der.to_vec()), &changes);
        let is_same = *der == *path[place].der;
        path[place].der = der.as_ref().into();
        let stays = world.strict.recheck(&path, &world.identity, at(0)).is_ok();
        prop_assert_eq!(stays, is_same);
        let _plan = world.strict.revocation_plan(&path);
    }

    /// A rule with a changed certificate has an answer, and so has the lint.
    #[test]
    fn rules_of_any_text_never_panic(
        field in field(),
        kind in kind(),
        value in value(),
        other in value(),
        ignore_case in any::<bool>(),
        changes in changes(),
    ) {
        let _attribute = value.parse::<AttributeType>();
        let one = IdentityMatcher::new(field.clone(), kind, &value, ignore_case);
        let two = IdentityMatcher::new(field, kind, &other, !ignore_case);
        let all: Vec<_> = [one, two].into_iter().filter_map(Result::ok).collect();
        let rules = IdentityRules {
            deny: all.iter().map(|matcher| rule("r", vec![matcher.clone()])).collect(),
            allow: vec![rule("all", all)],
        };
        let _findings = rules.lint();
        if let Some(facts) = CertificateFacts::of(&changed(&WORLD.client, &changes)) {
            let _verdict = rules.judge(&facts);
        }
    }
}

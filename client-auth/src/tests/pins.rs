use crate::testing::{Authority, at, bundle, check, decide, pinning, trusting};
use crate::{Policy, Reason};

#[test]
fn the_immediate_issuer_is_pinned_by_name_and_key() {
    let root = Authority::root("root");
    let one = root.intermediate("one");
    let twin = root.intermediate("one");
    let two = root.intermediate("two");
    let refused = Err(Reason::IssuerNotPinned);
    let by_one = pinning(&[&root.der, &one.der]);
    check("pinned", &by_one, &[&one.client("client")], Ok(()));
    check(
        "sibling",
        &by_one,
        &[&two.client("client"), &two.der],
        refused,
    );
    check("root itself", &by_one, &[&root.client("client")], refused);
    check(
        "twin name",
        &by_one,
        &[&twin.client("client"), &twin.der],
        refused,
    );
    check(
        "below the pinned one",
        &by_one,
        &[&one.intermediate("x").client("client")],
        Err(Reason::UnknownIssuer),
    );
    let by_root = pinning(&[&root.der]);
    check("root pinned", &by_root, &[&root.client("client")], Ok(()));
    check(
        "below the pinned root",
        &by_root,
        &[&one.client("client"), &one.der],
        refused,
    );
    check(
        "not asked for",
        &trusting(&[&root.der, &one.der]),
        &[&two.client("client"), &two.der],
        Ok(()),
    );
    let other = Authority::root("other");
    let any = Policy::strict(
        "profile",
        vec![bundle(&[&root.der, &one.der]), bundle(&[&other.der])],
        true,
    );
    check(
        "pin of another bundle",
        &any,
        &[&other.client("client")],
        Ok(()),
    );
}

#[test]
fn a_refusal_by_the_pin_shows_the_path() {
    let root = Authority::root("root");
    let one = root.intermediate("one");
    let client = root.client("client");
    let decision = decide(&pinning(&[&root.der, &one.der]), &[&client], at(0));
    assert_eq!(decision.path.len(), 2);
    assert_eq!(
        decision.verdict.unwrap_err().to_string(),
        "issuer_not_pinned: the issuer CN=root is not pinned"
    );
}

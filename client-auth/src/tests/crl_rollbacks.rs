use crate::crl::{CrlHead, Succession};
use crate::testing::Authority;
use crate::testing::crl::List;

fn head(list: &List<'_>, issuer: &Authority) -> CrlHead {
    list.signed_by(issuer).unwrap().head().clone()
}

// T-53
#[test]
fn a_list_with_a_lower_number_is_a_rollback() {
    let root = Authority::root("root");
    let numbered = |octets: &[u8], this| {
        let list = List::of(&root, &[]).numbered(octets).during(this, 3600);
        head(&list, &root)
    };
    let stored = numbered(&[0x01, 0x00], -60);
    for (what, list, expected) in [
        ("itself", stored.clone(), Succession::Same),
        ("next", numbered(&[0x01, 0x01], 0), Succession::Newer),
        (
            "longer",
            numbered(&[0x01, 0x00, 0x00], 0),
            Succession::Newer,
        ),
        ("lower", numbered(&[0x00, 0xff], 0), Succession::Older),
        ("zero", numbered(&[0x00], 600), Succession::Older),
        (
            "next, made before",
            numbered(&[0x02, 0x00], -90),
            Succession::Newer,
        ),
        (
            "same number, later",
            numbered(&[0x01, 0x00], -59),
            Succession::Newer,
        ),
        (
            "same number, earlier",
            numbered(&[0x01, 0x00], -61),
            Succession::Older,
        ),
        (
            "another one of the same number and time",
            numbered(&[0x00, 0x01, 0x00], -60),
            Succession::Older,
        ),
    ] {
        assert_eq!(list.succession(&stored), expected, "{what}");
    }
}

// T-53
#[test]
fn without_numbers_the_time_of_issue_decides() {
    let root = Authority::root("root");
    let unnumbered = |this| {
        let mut list = List::of(&root, &[]).during(this, 3600);
        list.extensions.clear();
        head(&list, &root)
    };
    let numbered = head(&List::of(&root, &[]), &root);
    assert_eq!(
        unnumbered(-59).succession(&unnumbered(-60)),
        Succession::Newer
    );
    assert_eq!(
        unnumbered(-61).succession(&unnumbered(-60)),
        Succession::Older
    );
    assert_eq!(unnumbered(-61).succession(&numbered), Succession::Older);
    assert_eq!(unnumbered(-59).succession(&numbered), Succession::Newer);
    assert_eq!(numbered.succession(&unnumbered(-59)), Succession::Older);
}

// T-53
#[test]
fn a_list_of_a_namesake_with_another_key_neither_replaces_nor_blocks() {
    let root = Authority::root("root");
    let twin = Authority::root("root");
    let stored = head(&List::of(&root, &[]).numbered(&[5]), &root);
    for octets in [&[4], &[5], &[6]] {
        let list = head(&List::of(&twin, &[]).numbered(octets), &twin);
        assert_eq!(list.issuer_name, stored.issuer_name);
        assert_eq!(list.succession(&stored), Succession::Unrelated);
    }
}

// T-53
#[test]
fn lists_of_different_scopes_stand_beside_each_other() {
    let root = Authority::root("root");
    let scopes = [
        &[][..],
        &[0x81, 1, 0xff],
        &[0x82, 1, 0xff],
        &[0x85, 1, 0xff],
        &[0x83, 2, 1, 0x40],
        &[0xa0, 5, 0xa0, 3, 0x86, 1, b'a'],
        &[0xa0, 5, 0xa0, 3, 0x86, 1, b'b'],
        &[0xa0, 2, 0xa1, 0],
    ];
    for (place, scope) in scopes.iter().enumerate() {
        let stored = head(&List::of(&root, &[]).scoped(scope).numbered(&[5]), &root);
        for (other_place, other) in scopes.iter().enumerate() {
            let list = head(&List::of(&root, &[]).scoped(other).numbered(&[6]), &root);
            let expected = if place == other_place {
                Succession::Newer
            } else {
                Succession::Unrelated
            };
            assert_eq!(list.succession(&stored), expected, "{scope:?} {other:?}");
        }
    }
}

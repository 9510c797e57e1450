//! Constraints on IP addresses.

use super::Outcome::{Bad, Good, Unreadable};
use super::{Corpus, DNS, IP, Name, add_pair};

pub(super) fn add(corpus: &mut Corpus) {
    let ten: Name<'_> = (IP, &[10, 0, 0, 0, 255, 0, 0, 0]);
    let mut documentation = [0; 32];
    documentation[..4].copy_from_slice(&[0x20, 0x01, 0x0d, 0xb8]);
    documentation[16..20].fill(0xff);
    let documentation: Name<'_> = (IP, &documentation);
    let mut inside = [0; 16];
    inside[..4].copy_from_slice(&[0x20, 0x01, 0x0d, 0xb8]);
    let mut mapped = [0; 16];
    mapped[10..].copy_from_slice(&[0xff, 0xff, 10, 1, 2, 3]);
    let (inside, outside, mapped): (Name<'_>, Name<'_>, Name<'_>) =
        ((IP, &inside), (IP, &[0xff; 16]), (IP, &mapped));
    let (in_ten, not_in_ten): (Name<'_>, Name<'_>) = ((IP, &[10, 1, 2, 3]), (IP, &[11, 1, 2, 3]));
    let zero_to_two: Name<'_> = (IP, &[10, 0, 0, 0, 255, 0, 255, 0]);
    for (what, permitted, excluded, presented, outcome) in [
        ("permitted IPv4", Some(ten), None, in_ten, Good),
        ("IPv4 outside", Some(ten), None, not_in_ten, Bad),
        ("excluded IPv4", None, Some(ten), in_ten, Bad),
        (
            "IPv4 that is not excluded",
            None,
            Some(ten),
            not_in_ten,
            Good,
        ),
        ("permitted IPv6", Some(documentation), None, inside, Good),
        ("IPv6 outside", Some(documentation), None, outside, Bad),
        ("excluded IPv6", None, Some(documentation), inside, Bad),
        (
            "IPv6 that is not excluded",
            None,
            Some(documentation),
            outside,
            Good,
        ),
        ("IPv6 where IPv4 is permitted", Some(ten), None, inside, Bad),
        (
            "IPv4 where IPv6 is permitted",
            Some(documentation),
            None,
            in_ten,
            Bad,
        ),
        (
            "mapped IPv4 where IPv4 is permitted",
            Some(ten),
            None,
            mapped,
            Bad,
        ),
        (
            "a mask with a hole",
            Some(zero_to_two),
            None,
            in_ten,
            Unreadable,
        ),
        (
            "an excluded mask with a hole",
            None,
            Some(zero_to_two),
            not_in_ten,
            Unreadable,
        ),
        (
            "a mask of three octets",
            Some((IP, &[10, 0, 0, 255, 0, 0][..])),
            None,
            in_ten,
            Unreadable,
        ),
        (
            "no address, one permitted",
            Some(ten),
            None,
            (DNS, &b"10.1.2.3"[..]),
            Good,
        ),
    ] {
        let (permitted, excluded): (Vec<_>, Vec<_>) = (
            permitted.into_iter().collect(),
            excluded.into_iter().collect(),
        );
        add_pair(corpus, what, (&permitted, &excluded), &[presented], outcome);
    }
}

//! The `ClientHello`, and what the server chose.

use aws_lc_rs::rand;

use super::Version;
use super::bytes::{Fields, sized};

/// X25519, by its IANA number.
pub(super) const X25519: u16 = 0x001d;
/// Of certificates' keys only; TLS 1.2 wants their curve named.
const SECP256R1: u16 = 0x0017;
/// ECDSA with P-256 and SHA-256, by its IANA number.
pub(crate) const ECDSA_SHA256: u16 = 0x0403;
const KEY_SHARE: u16 = 51;

/// The body of a `ClientHello` with one suite and one group.
pub(super) fn client_hello(
    version: Version,
    name: &str,
    random: &[u8; 32],
    public_key: &[u8],
) -> Vec<u8> {
    let suite: u16 = match version {
        Version::V12 => 0xc02b, // TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256
        Version::V13 => 0x1301, // TLS_AES_128_GCM_SHA256
    };
    let groups = [X25519.to_be_bytes(), SECP256R1.to_be_bytes()].concat();
    let share = [&X25519.to_be_bytes()[..], &sized(2, public_key)].concat();
    let mut extensions = vec![
        (
            0,
            sized(2, &[&[0], &sized(2, name.as_bytes())[..]].concat()),
        ),
        (10, sized(2, &groups)),
        (13, sized(2, &ECDSA_SHA256.to_be_bytes())),
    ];
    match version {
        // Points are uncompressed.
        Version::V12 => extensions.push((11, sized(1, &[0]))),
        Version::V13 => {
            extensions.push((43, sized(1, &[3, 4])));
            extensions.push((KEY_SHARE, sized(2, &share)));
        }
    }
    let extension =
        |(number, body): (u16, Vec<u8>)| [&number.to_be_bytes()[..], &sized(2, &body)].concat();
    let extensions: Vec<u8> = extensions.into_iter().flat_map(extension).collect();
    [
        &[3, 3][..],
        random,
        // No session, and nothing is compressed.
        &sized(1, &[]),
        &sized(2, &suite.to_be_bytes()),
        &sized(1, &[0]),
        &sized(2, &extensions),
    ]
    .concat()
}

/// Thirty-two bytes that nobody knew before.
pub(super) fn random() -> [u8; 32] {
    let mut random = [0; 32];
    rand::fill(&mut random).unwrap();
    random
}

/// The server's random, and its key share in TLS 1.3, by the body of the `ServerHello`.
pub(super) fn server_hello(body: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let mut fields = Fields(body);
    fields.bytes(2);
    let random = fields.bytes(32).to_vec();
    fields.sized(1);
    // Suite and compression.
    fields.bytes(3);
    let mut extensions = Fields(fields.sized(2));
    let mut share = Vec::new();
    while !extensions.0.is_empty() {
        let (number, extension) = (extensions.number(2), extensions.sized(2));
        if number == usize::from(KEY_SHARE) {
            let mut fields = Fields(extension);
            assert_eq!(fields.number(2), usize::from(X25519));
            share = fields.sized(2).to_vec();
        }
    }
    (random, share)
}

/// The server's key share in TLS 1.2, by the body of the `ServerKeyExchange`.
pub(super) fn server_key_exchange(body: &[u8]) -> Vec<u8> {
    let mut fields = Fields(body);
    assert_eq!(fields.number(1), 3, "a named curve");
    assert_eq!(fields.number(2), usize::from(X25519));
    fields.sized(1).to_vec()
}

/// The signature algorithms that a `CertificateRequest` takes, by its body.
pub(super) fn signature_algorithms(version: Version, body: &[u8]) -> Vec<u16> {
    let mut fields = Fields(body);
    // Types of certificates, or a context.
    fields.sized(1);
    let list = match version {
        Version::V12 => fields.sized(2),
        Version::V13 => {
            let mut extensions = Fields(fields.sized(2));
            loop {
                let (number, mut extension) = (extensions.number(2), Fields(extensions.sized(2)));
                if number == 13 {
                    break extension.sized(2);
                }
            }
        }
    };
    let pair = |pair: &[u8]| u16::from_be_bytes(pair.try_into().unwrap());
    list.chunks(2).map(pair).collect()
}

//! What a client sends as its certificates: the decision never panics, and no forged certificate gets in.
#![no_main]

use fuzz::{AUTHENTICATOR, CHAIN, NOW, damaged};
use libfuzzer_sys::fuzz_target;
use rustls_pki_types::CertificateDer;

fuzz_target!(|input: &[u8]| {
    let (first, rest) = input.split_at(input.len() / 2);
    let client = damaged(&CHAIN.client, first);
    let intermediate = damaged(&CHAIN.intermediate, rest);
    let decision = AUTHENTICATOR.decide(
        &CertificateDer::from(client.as_slice()),
        &[CertificateDer::from(intermediate.as_slice())],
        *NOW,
    );
    if decision.verdict.is_ok() {
        assert_eq!(client, CHAIN.client, "a forged certificate got in");
    }
});

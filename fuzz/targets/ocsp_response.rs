//! What a responder answers: nothing that it did not sign is believed.
#![no_main]

use std::sync::LazyLock;

use client_auth::ocsp::{self, OcspAnswer};
use fuzz::{CHAIN, NOW, QUESTION, damaged};
use libfuzzer_sys::fuzz_target;

static SIGNED: LazyLock<OcspAnswer> = LazyLock::new(|| {
    ocsp::verify(&CHAIN.ocsp_response, &QUESTION, None, *NOW).expect("a valid answer")
});

fuzz_target!(|input: &[u8]| {
    let response = damaged(&CHAIN.ocsp_response, input);
    // The certificates beside the answer are not signed, and not needed where the issuer itself signs.
    if let Ok(answer) = ocsp::verify(&response, &QUESTION, None, *NOW) {
        assert_eq!(answer, *SIGNED, "a forged answer is believed");
    }
});

//! What an uploader sends as client CAs.
#![no_main]

use client_auth::TrustBundle;
use fuzz::{CHAIN, damaged};
use libfuzzer_sys::fuzz_target;
use rustls_pki_types::CertificateDer;

fuzz_target!(|input: &[u8]| {
    let (first, rest) = input.split_at(input.len() / 2);
    let certificates = [
        CertificateDer::from(damaged(&CHAIN.root, first)),
        CertificateDer::from(damaged(&CHAIN.intermediate, rest)),
    ];
    if let Ok(bundle) = TrustBundle::from_der("ca", &certificates) {
        assert!(bundle.issuer_display().chars().all(|c| !c.is_control()));
    }
});

//! What an uploader or a distribution point sends as a CRL.
#![no_main]

use client_auth::crl::Crl;
use fuzz::{CHAIN, damaged};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let list = damaged(&CHAIN.crl, input);
    let Ok(crl) = Crl::parse(&list) else { return };
    if crl.check_signed_by(&CHAIN.intermediate).is_ok() {
        assert_eq!(list, CHAIN.crl, "a forged list is believed");
    }
});

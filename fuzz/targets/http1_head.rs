//! What a client sends as the head of an HTTP/1 request.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| data_plane::fuzzing::http1_head(input));

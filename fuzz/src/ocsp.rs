//! A valid answer, by the responder that everybody has.

use std::path::Path;
use std::process::Command;

use client_auth::{RevocationQuestion, ocsp};

/// What `openssl ocsp` answers to the question; the issuer signs with `issuer_key` (PEM).
///
/// Files are written to a folder of this process below the system's folder for such.
pub fn answer(
    question: &RevocationQuestion,
    issuer: &str,
    issuer_key: &str,
    serial: &[u8],
) -> Vec<u8> {
    let folder = std::env::temp_dir().join(format!("portcullis-fuzz-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("folder");
    let serial: String = serial.iter().map(|byte| format!("{byte:02X}")).collect();
    let request = ocsp::Request::new(question, None).expect("request");
    write(
        &folder,
        "index",
        format!("V\t391231235959Z\t\t{serial}\tunknown\t/CN=client\n").as_bytes(),
    );
    write(&folder, "issuer.pem", issuer.as_bytes());
    write(&folder, "issuer.key", issuer_key.as_bytes());
    write(&folder, "request", request.der());
    let arguments = "ocsp -index index -CA issuer.pem -rsigner issuer.pem -rkey issuer.key -ndays 300 -reqin request -respout response";
    let output = Command::new("openssl")
        .args(arguments.split(' '))
        .current_dir(&folder)
        .output()
        .expect("openssl");
    assert!(output.status.success(), "{output:?}");
    let response = std::fs::read(folder.join("response")).expect("response");
    std::fs::remove_dir_all(&folder).expect("folder");
    response
}

fn write(folder: &Path, name: &str, bytes: &[u8]) {
    std::fs::write(folder.join(name), bytes).expect("file");
}

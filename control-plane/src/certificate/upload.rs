//! Undoes what clients wrap around a file.

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use zeroize::Zeroizing;

/// Padding may be missing.
pub(super) const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The content of a file. May hold a private key, so it is wiped.
pub(super) enum Upload {
    /// Text with `-----BEGIN` in it.
    Pem(Zeroizing<Vec<u8>>),
    /// Anything else.
    Binary(Zeroizing<Vec<u8>>),
}

/// Why there is no content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum UploadError {
    Empty,
    TooLarge,
    NotBase64,
}

/// Reads `data`: PEM as it is (Bicep's `loadTextContent` sends it so), or a file in base64 (all other clients), of at
/// most `limit` bytes.
pub(super) fn read(data: &str, limit: usize) -> Result<Upload, UploadError> {
    let data = data.trim();
    if data.is_empty() {
        return Err(UploadError::Empty);
    }
    if data.len() > limit.saturating_mul(2) {
        return Err(UploadError::TooLarge);
    }
    let bytes = if is_pem(data.as_bytes()) {
        Zeroizing::new(data.as_bytes().to_vec())
    } else {
        from_base64(data)?
    };
    match bytes.len() {
        0 => Err(UploadError::Empty),
        length if length > limit => Err(UploadError::TooLarge),
        _ if is_pem(&bytes) => Ok(Upload::Pem(bytes)),
        _ => Ok(Upload::Binary(bytes)),
    }
}

fn from_base64(data: &str) -> Result<Zeroizing<Vec<u8>>, UploadError> {
    let digits: Zeroizing<Vec<u8>> = data
        .bytes()
        .filter(|byte| !byte.is_ascii_whitespace())
        .collect::<Vec<_>>()
        .into();
    LENIENT
        .decode(&*digits)
        .map(Zeroizing::new)
        .map_err(|_| UploadError::NotBase64)
}

fn is_pem(bytes: &[u8]) -> bool {
    contains(bytes, b"-----BEGIN")
}

/// Whether `needle` stands in `bytes`.
pub(super) fn contains(bytes: &[u8], needle: &[u8]) -> bool {
    bytes.windows(needle.len()).any(|window| window == needle)
}

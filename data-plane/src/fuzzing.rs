//! Doors for the fuzz targets into parsers that are private otherwise.

use crate::http::head::{Parsed, parse_http1};
use crate::limits::Limits;

/// Reads the head of an HTTP/1 request as a connection does.
pub fn http1_head(bytes: &[u8]) {
    let parsed = parse_http1(bytes, &Limits::default(), |head, fields| {
        assert!(!head.method.is_empty() && fields.len() <= Limits::default().max_headers);
        Ok(())
    });
    if let Ok(Parsed::Complete(length, ())) = parsed {
        assert!(length <= bytes.len());
    }
}

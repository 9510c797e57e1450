//! Attribute types of distinguished names.

use std::fmt;
use std::str::FromStr;

use der::asn1::ObjectIdentifier;

use super::MatcherError;
use crate::name;

/// The type of an attribute of a distinguished name, by its object identifier (RFC 5280 section 4.1.2.4).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AttributeType {
    dotted: String,
    /// Contents of the DER OBJECT IDENTIFIER.
    contents: Vec<u8>,
}

impl AttributeType {
    /// The identifier in dotted form.
    pub fn dotted(&self) -> &str {
        &self.dotted
    }

    pub(super) fn contents(&self) -> &[u8] {
        &self.contents
    }
}

impl FromStr for AttributeType {
    type Err = MatcherError;

    /// Reads a dotted identifier (`2.5.4.3`) or a keyword (`CN`, without regard to case).
    fn from_str(text: &str) -> Result<Self, MatcherError> {
        let oid = match name::attribute_type(text) {
            Some(contents) => ObjectIdentifier::from_bytes(contents),
            None => <ObjectIdentifier>::new(text),
        };
        let oid = oid.map_err(|_| MatcherError::NotAnAttributeType)?;
        Ok(Self {
            dotted: oid.to_string(),
            contents: oid.as_bytes().to_vec(),
        })
    }
}

impl fmt::Display for AttributeType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.dotted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keywords_and_identifiers_name_the_same_types() {
        for (keyword, dotted) in [
            ("CN", "2.5.4.3"),
            ("cn", "2.5.4.3"),
            ("OU", "2.5.4.11"),
            ("ST", "2.5.4.8"),
            ("S", "2.5.4.8"),
            ("emailAddress", "1.2.840.113549.1.9.1"),
            ("E", "1.2.840.113549.1.9.1"),
            ("serialNumber", "2.5.4.5"),
            ("UID", "0.9.2342.19200300.100.1.1"),
        ] {
            let named: AttributeType = keyword.parse().unwrap();
            assert_eq!(named.dotted(), dotted);
            assert_eq!(dotted.parse(), Ok(named));
        }
    }

    #[test]
    fn other_texts_are_no_attribute_types() {
        for text in [
            "",
            "X",
            "CN ",
            "2.5.4.",
            "3.1",
            "2",
            "OID.2.5.4.3",
            "2.5.4.-3",
        ] {
            let parsed = text.parse::<AttributeType>();
            assert_eq!(parsed, Err(MatcherError::NotAnAttributeType), "{text:?}");
        }
    }
}

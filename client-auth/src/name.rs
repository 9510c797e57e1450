//! Distinguished names as text.
//!
//! Both forms list the parts from the most specific to the least (RFC 2253 section 2.1), which is the reverse of the
//! encoding. Control characters never come through.

use std::fmt::Write;

use der::Decode;
use der::asn1::ObjectIdentifier;

use crate::der_value::{OID, SEQUENCE, SET, Tlv, Values};

/// The form of RFC 2253 as OpenSSL's `XN_FLAG_RFC2253` writes it, which is what Azure's server variables hold:
/// `CN=device,O=Contoso,C=US`.
///
/// Plain ASCII: other characters and control characters become `\XX` per octet of UTF-8. A name that is no
/// `Name` becomes `#` and its hex.
pub(crate) fn rfc2253(name: &[u8]) -> String {
    text(name, &RFC2253)
}

/// The form in which Azure shows `clientCertIssuerDN`: `CN=User1, OU=Eng, S=Arizona, C=US`.
///
/// Values with separators are quoted, as Windows does; control characters become `\XX`.
pub(crate) fn azure(name: &[u8]) -> String {
    text(name, &AZURE)
}

/// One attribute of a distinguished name.
pub(crate) struct Attribute<'a> {
    /// Contents of the OBJECT IDENTIFIER of its type.
    pub(crate) kind: &'a [u8],
    /// Its text; `None` if it has none.
    pub(crate) value: Option<String>,
}

/// All attributes of a name in the order of the encoding, those of multi-valued relative names one by one.
pub(crate) fn attributes(name: &[u8]) -> Result<Vec<Attribute<'_>>, der::Error> {
    let mut attributes = Vec::new();
    let mut sequence = Values::only(name, SEQUENCE)?.values()?;
    while let Some(set) = sequence.next()? {
        let mut members = Values::only(set.raw, SET)?.values()?;
        while let Some(member) = members.next()? {
            let (kind, value) = kind_and_value(member)?;
            attributes.push(Attribute {
                kind: kind.value,
                value: string(value),
            });
        }
    }
    Ok(attributes)
}

/// Contents of the OBJECT IDENTIFIER that a keyword stands for, in any case, by the words of OpenSSL or Windows.
pub(crate) fn attribute_type(keyword: &str) -> Option<&'static [u8]> {
    let named = |row: &&(&[u8], &str, &str)| {
        row.1.eq_ignore_ascii_case(keyword) || row.2.eq_ignore_ascii_case(keyword)
    };
    KEYWORDS.iter().find(named).map(|row| row.0)
}

struct Style {
    separator: &'static str,
    multi_value: &'static str,
    /// Which keyword of a row of [`KEYWORDS`].
    keyword: fn(&'static (&'static [u8], &'static str, &'static str)) -> &'static str,
    unknown: &'static str,
    escape: fn(&str) -> String,
}

const RFC2253: Style = Style {
    separator: ",",
    multi_value: "+",
    keyword: |row| row.1,
    unknown: "",
    escape: escape_rfc2253,
};

const AZURE: Style = Style {
    separator: ", ",
    multi_value: " + ",
    keyword: |row| row.2,
    unknown: "OID.",
    escape: quote,
};

/// Attribute type (contents of its OID), keyword of OpenSSL, keyword of Windows.
const KEYWORDS: &[(&[u8], &str, &str)] = &[
    (&[0x55, 0x04, 0x03], "CN", "CN"),
    (&[0x55, 0x04, 0x04], "SN", "SN"),
    (&[0x55, 0x04, 0x05], "serialNumber", "SERIALNUMBER"),
    (&[0x55, 0x04, 0x06], "C", "C"),
    (&[0x55, 0x04, 0x07], "L", "L"),
    (&[0x55, 0x04, 0x08], "ST", "S"),
    (&[0x55, 0x04, 0x09], "street", "STREET"),
    (&[0x55, 0x04, 0x0a], "O", "O"),
    (&[0x55, 0x04, 0x0b], "OU", "OU"),
    (&[0x55, 0x04, 0x0c], "title", "T"),
    (&[0x55, 0x04, 0x0d], "description", "Description"),
    (&[0x55, 0x04, 0x11], "postalCode", "PostalCode"),
    (&[0x55, 0x04, 0x29], "name", "Name"),
    (&[0x55, 0x04, 0x2a], "GN", "G"),
    (&[0x55, 0x04, 0x2b], "initials", "I"),
    (
        &[0x55, 0x04, 0x2c],
        "generationQualifier",
        "GenerationQualifier",
    ),
    (&[0x55, 0x04, 0x2e], "dnQualifier", "dnQualifier"),
    (&[0x55, 0x04, 0x41], "pseudonym", "Pseudonym"),
    (
        &[0x55, 0x04, 0x61],
        "organizationIdentifier",
        "OrganizationIdentifier",
    ),
    (
        &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x01],
        "emailAddress",
        "E",
    ),
    (
        &[0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 0x01, 0x01],
        "UID",
        "UID",
    ),
    (
        &[0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 0x01, 0x19],
        "DC",
        "DC",
    ),
];

fn text(name: &[u8], style: &Style) -> String {
    match relative_names(name, style) {
        Ok(mut names) => {
            names.reverse();
            names.join(style.separator)
        }
        Err(_) => hex(name),
    }
}

fn relative_names(name: &[u8], style: &Style) -> Result<Vec<String>, der::Error> {
    let mut names = Vec::new();
    let mut sequence = Values::only(name, SEQUENCE)?.values()?;
    while let Some(set) = sequence.next()? {
        let mut attributes = Vec::new();
        let mut members = Values::only(set.raw, SET)?.values()?;
        while let Some(member) = members.next()? {
            attributes.push(attribute(member, style)?);
        }
        // OpenSSL prints the parts of a multi-valued name in reverse, too.
        attributes.reverse();
        names.push(attributes.join(style.multi_value));
    }
    Ok(names)
}

fn attribute(member: Tlv<'_>, style: &Style) -> Result<String, der::Error> {
    let (kind, value) = kind_and_value(member)?;
    let known = KEYWORDS.iter().find(|(id, _, _)| *id == kind.value);
    Ok(match (known, string(value)) {
        (Some(row), Some(string)) => {
            format!("{}={}", (style.keyword)(row), (style.escape)(&string))
        }
        (Some(row), None) => format!("{}={}", (style.keyword)(row), hex(value.raw)),
        (None, _) => format!("{}{}={}", style.unknown, dotted(kind.raw), hex(value.raw)),
    })
}

/// An `AttributeTypeAndValue` (RFC 5280 section 4.1.2.4).
fn kind_and_value(member: Tlv<'_>) -> Result<(Tlv<'_>, Tlv<'_>), der::Error> {
    let mut fields = Values::only(member.raw, SEQUENCE)?.values()?;
    let kind = fields.expect(OID)?;
    let value = fields.next()?.ok_or_else(crate::der_value::malformed)?;
    fields.finish()?;
    Ok((kind, value))
}

/// A `DirectoryString` (RFC 5280 section 4.1.2.4) or `IA5String`; `None` for other types and broken encodings.
fn string(value: Tlv<'_>) -> Option<String> {
    let bytes = value.value;
    match value.tag {
        // UTF8String, NumericString, PrintableString, IA5String
        0x0c | 0x12 | 0x13 | 0x16 => std::str::from_utf8(bytes).ok().map(str::to_owned),
        // TeletexString, in practice Latin-1
        0x14 => Some(bytes.iter().map(|byte| char::from(*byte)).collect()),
        // BMPString
        0x1e => utf16(bytes),
        _ => None,
    }
}

/// Big-endian UTF-16; `None` if it is none.
fn utf16(bytes: &[u8]) -> Option<String> {
    let (units, rest) = bytes.as_chunks();
    let units: Vec<_> = units.iter().copied().map(u16::from_be_bytes).collect();
    rest.is_empty()
        .then(|| String::from_utf16(&units).ok())
        .flatten()
}

fn escape_rfc2253(value: &str) -> String {
    let mut escaped = String::with_capacity(value.len());
    let last = value.chars().count().saturating_sub(1);
    for (position, character) in value.chars().enumerate() {
        let at_edge = (character == ' ' && (position == 0 || position == last))
            || (character == '#' && position == 0);
        if at_edge || matches!(character, ',' | '+' | '"' | '\\' | '<' | '>' | ';') {
            escaped.push('\\');
            escaped.push(character);
        } else if character.is_ascii() && !character.is_ascii_control() {
            escaped.push(character);
        } else {
            push_octets(&mut escaped, character);
        }
    }
    escaped
}

fn quote(value: &str) -> String {
    let needed = value.is_empty()
        || value.starts_with(' ')
        || value.ends_with(' ')
        || value.contains([',', '+', '=', '"', '\n', '<', '>', '#', ';']);
    let mut visible = String::with_capacity(value.len());
    for character in value.chars() {
        match character {
            '"' => visible.push_str("\"\""),
            _ if is_invisible(character) => push_octets(&mut visible, character),
            _ => visible.push(character),
        }
    }
    if needed {
        format!("\"{visible}\"")
    } else {
        visible
    }
}

/// Text of a certificate that is not a name: control characters and backslashes become `\XX` per octet.
pub(crate) fn visible(bytes: &[u8]) -> String {
    let mut visible = String::with_capacity(bytes.len());
    for byte in bytes {
        let character = char::from(*byte);
        if character.is_ascii() && !character.is_ascii_control() && character != '\\' {
            visible.push(character);
        } else {
            push_octet(&mut visible, *byte);
        }
    }
    visible
}

/// Control characters, and those that change how their neighbours are shown.
fn is_invisible(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

fn push_octets(text: &mut String, character: char) {
    let mut buffer = [0; 4];
    for byte in character.encode_utf8(&mut buffer).bytes() {
        push_octet(text, byte);
    }
}

fn push_octet(text: &mut String, byte: u8) {
    // Writing to a String cannot fail.
    let _infallible = write!(text, "\\{byte:02X}");
}

/// `#` and uppercase hex (RFC 2253 section 2.4).
fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(1 + bytes.len() * 2);
    text.push('#');
    for byte in bytes {
        let _infallible = write!(text, "{byte:02X}");
    }
    text
}

/// An OBJECT IDENTIFIER in dotted form; hex if it is too long for that.
fn dotted(oid: &[u8]) -> String {
    <ObjectIdentifier>::from_der(oid).map_or_else(|_| hex(oid), |oid| oid.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::tlv;

    fn common_name(tag: u8, value: &[u8]) -> Vec<u8> {
        let kind = tlv(OID, &[0x55, 0x04, 0x03]);
        tlv(SEQUENCE, &[kind, tlv(tag, value)].concat())
    }

    fn name(sets: &[Vec<u8>]) -> Vec<u8> {
        let sets: Vec<_> = sets.iter().map(|members| tlv(SET, members)).collect();
        tlv(SEQUENCE, &sets.concat())
    }

    #[test]
    fn parts_are_listed_from_the_most_specific_one() {
        let pair = [common_name(0x0c, b"a"), common_name(0x0c, b"b")].concat();
        let name = name(&[pair, common_name(0x0c, b"c")]);
        assert_eq!(rfc2253(&name), "CN=c,CN=b+CN=a");
        assert_eq!(azure(&name), "CN=c, CN=b + CN=a");
    }

    #[test]
    fn strings_are_read_by_their_type() {
        for (tag, value, expected) in [
            (0x13, &b"a"[..], "CN=a"),
            (0x14, b"\xe9", "CN=\\C3\\A9"),
            (0x1e, b"\0a\0b", "CN=ab"),
            (0x1e, b"\0a\0", "CN=#1E03006100"),
            (0x1e, b"\xd8\0", "CN=#1E02D800"),
            (0x0c, b"\xff", "CN=#0C01FF"),
            (0x04, b"a", "CN=#040161"),
        ] {
            assert_eq!(rfc2253(&name(&[common_name(tag, value)])), expected);
        }
    }

    #[test]
    fn what_is_no_name_is_shown_as_hex() {
        assert_eq!(rfc2253(&[]), "#");
        assert_eq!(rfc2253(&[0x30, 0x00]), "");
        assert_eq!(rfc2253(&[0x30, 0x01, 0x05]), "#300105");
        assert_eq!(azure(&[0x31, 0x00]), "#3100");
    }
}

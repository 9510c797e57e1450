//! Reading an upload: the list as it is (DER or PEM), or in JSON.

use std::{borrow::Cow, fmt};

use bytes::Bytes;
use client_auth::crl::MAX_CRL;
use serde::{
    Deserialize, Deserializer,
    de::{Error, IgnoredAny, MapAccess, Visitor},
};

use crate::{
    api::{
        call::{Call, RequestBody},
        error::ApiError,
    },
    certificate::revocation_list::{self, RevocationListError},
};

/// A list of the largest size in base64 of PEM in base64, with some JSON around it.
const MAX_BODY_BYTES: usize = MAX_CRL / 3 * 4 / 3 * 4 + 4 * 1024 * 1024;

/// The DER of the list, and whether it may replace a newer one.
///
/// # Errors
/// 400 when there is no list, 408, 413.
pub(super) async fn read(call: &Call, body: RequestBody) -> Result<(Bytes, bool), ApiError> {
    let is_file = call.content_type().is_some_and(|kind| {
        let kinds = ["application/pkix-crl", "application/x-pem-file"];
        kinds.iter().any(|own| kind.eq_ignore_ascii_case(own))
    });
    let by_query = call.parameter("allowRollback").map(flag).transpose()?;
    let limit = if is_file {
        MAX_FILE_BYTES
    } else {
        MAX_BODY_BYTES
    };
    let bytes = body.upload(call, limit).await?;
    let opened = tokio::task::spawn_blocking(move || {
        if is_file {
            let der = revocation_list::from_file(bytes).map_err(unreadable)?;
            return Ok((der, false));
        }
        let upload: Upload<'_> =
            serde_json::from_slice(&bytes).map_err(|error| malformed(&error))?;
        let der = revocation_list::from_text(&upload.data).map_err(unreadable)?;
        Ok::<_, ApiError>((der, upload.allow_rollback))
    });
    let (der, in_body) = opened.await.map_err(ApiError::internal)??;
    Ok((der, in_body || by_query.unwrap_or_default()))
}

fn flag(text: &str) -> Result<bool, ApiError> {
    match text {
        _ if text.eq_ignore_ascii_case("true") => Ok(true),
        _ if text.eq_ignore_ascii_case("false") => Ok(false),
        _ => Err(ApiError::bad_request(
            "InvalidRequestUri",
            "allowRollback must be true or false.",
        )
        .target("allowRollback")),
    }
}

fn malformed(error: &serde_json::Error) -> ApiError {
    let message =
        format!("The request content was invalid and could not be deserialized: {error}.");
    ApiError::bad_request("InvalidRequestContent", message)
}

fn unreadable(error: RevocationListError) -> ApiError {
    let code = match error {
        RevocationListError::TooLarge => "LimitExceeded",
        RevocationListError::Empty
        | RevocationListError::NotBase64
        | RevocationListError::NotOneList => "CertificateRevocationListInvalid",
    };
    let message = format!("The revocation list cannot be read: {error}.");
    ApiError::bad_request(code, message).target("properties.data")
}

/// `{"properties": {"data": ..., "allowRollback": ...}}`; what a GET shows besides is ignored. The data are not copied
/// where JSON has no escapes in them.
struct Upload<'a> {
    data: Cow<'a, str>,
    allow_rollback: bool,
}

/// What is in `properties`.
#[derive(Default)]
struct Properties<'a> {
    data: Option<Cow<'a, str>>,
    allow_rollback: Option<bool>,
}

/// A text, borrowed if possible.
#[derive(Deserialize)]
#[serde(transparent)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// A boolean, also as text.
#[derive(Deserialize)]
#[serde(untagged)]
enum Flag<'a> {
    Boolean(bool),
    Text(#[serde(borrow)] Cow<'a, str>),
}

impl<'de> Deserialize<'de> for Upload<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let properties = deserializer.deserialize_map(OuterVisitor)?;
        let data = properties
            .data
            .ok_or_else(|| D::Error::custom("properties.data is missing"))?;
        Ok(Self {
            data,
            allow_rollback: properties.allow_rollback.unwrap_or_default(),
        })
    }
}

impl<'de> Deserialize<'de> for Properties<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(PropertiesVisitor)
    }
}

struct OuterVisitor;

impl<'de> Visitor<'de> for OuterVisitor {
    type Value = Properties<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut properties = None;
        while let Some(Text(name)) = members.next_key()? {
            if name.eq_ignore_ascii_case("properties") {
                once(&mut properties, members.next_value::<Option<_>>()?, &name)?;
            } else if is_one_of(&name, &["id", "name", "type", "etag"]) {
                members.next_value::<IgnoredAny>()?;
            } else {
                return Err(unknown(&name));
            }
        }
        Ok(properties.unwrap_or_default())
    }
}

struct PropertiesVisitor;

impl<'de> Visitor<'de> for PropertiesVisitor {
    type Value = Properties<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut properties = Properties::default();
        while let Some(Text(name)) = members.next_key()? {
            if name.eq_ignore_ascii_case("data") {
                let data = members.next_value::<Option<Text<'de>>>()?;
                once(&mut properties.data, data.map(|Text(data)| data), &name)?;
            } else if name.eq_ignore_ascii_case("allowRollback") {
                let flag = members.next_value::<Option<Flag<'de>>>()?;
                let flag = flag.map(Flag::read).transpose()?;
                once(&mut properties.allow_rollback, flag, &name)?;
            } else if is_one_of(&name, READ_ONLY) {
                members.next_value::<IgnoredAny>()?;
            } else {
                return Err(unknown(&name));
            }
        }
        Ok(properties)
    }
}

impl Flag<'_> {
    fn read<E: Error>(self) -> Result<bool, E> {
        match self {
            Self::Boolean(flag) => Ok(flag),
            Self::Text(text) if text.eq_ignore_ascii_case("true") => Ok(true),
            Self::Text(text) if text.eq_ignore_ascii_case("false") => Ok(false),
            Self::Text(_) => Err(E::custom("allowRollback must be true or false")),
        }
    }
}

/// `null` means "not set".
fn once<T, E: Error>(slot: &mut Option<T>, value: Option<T>, name: &str) -> Result<(), E> {
    match (&slot, value) {
        (_, None) => Ok(()),
        (None, value) => {
            *slot = value;
            Ok(())
        }
        (Some(_), Some(_)) => Err(E::custom(format_args!("{name} is there twice"))),
    }
}

fn is_one_of(name: &str, names: &[&str]) -> bool {
    names.iter().any(|own| name.eq_ignore_ascii_case(own))
}

fn unknown<E: Error>(name: &str) -> E {
    let shown: String = name.chars().take(100).collect();
    E::custom(format_args!("unknown property {shown:?}"))
}

/// Raw: the list itself, or PEM of it.
const MAX_FILE_BYTES: usize = MAX_CRL / 3 * 4 + 4 * 1024 * 1024;

/// What a GET shows.
pub(in crate::api) const READ_ONLY: &[&str] = &[
    "provisioningState",
    "state",
    "number",
    "thisUpdate",
    "nextUpdate",
    "expiresInDays",
    "issuer",
    "entryCount",
    "sizeBytes",
    "sha256",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn check(body: &str, expected: Option<(&str, bool)>) {
        let read = serde_json::from_str::<Upload<'_>>(body).ok();
        let read = read
            .as_ref()
            .map(|upload| (upload.data.as_ref(), upload.allow_rollback));
        assert_eq!(read, expected, "{body}");
    }

    #[test]
    fn names_match_in_any_case_and_unknown_ones_are_refused() {
        check(r#"{"properties": {"data": "AA=="}}"#, Some(("AA==", false)));
        check(
            r#"{"Properties": {"DATA": "a\nb", "allowrollback": "True"}}"#,
            Some(("a\nb", true)),
        );
        check(
            r#"{"id": 1, "name": "x", "properties": {"sha256": "", "number": "5", "data": "x", "allowRollback": true}}"#,
            Some(("x", true)),
        );
        check(
            r#"{"properties": {"data": "x", "allowRollback": null}}"#,
            Some(("x", false)),
        );
        for body in [
            "",
            "[]",
            "{}",
            r#"{"properties": null}"#,
            r#"{"properties": {}}"#,
            r#"{"properties": {"data": null}}"#,
            r#"{"properties": {"data": 5}}"#,
            r#"{"properties": {"data": "x", "Data": "y"}}"#,
            r#"{"properties": {"data": "x", "allowRollback": "maybe"}}"#,
            r#"{"properties": {"data": "x", "other": 1}}"#,
            r#"{"other": 1, "properties": {"data": "x"}}"#,
            r#"{"properties": {"data": "x"}} x"#,
        ] {
            check(body, None);
        }
    }

    #[test]
    fn data_without_escapes_are_not_copied() {
        let upload: Upload<'_> =
            serde_json::from_str(r#"{"properties": {"data": "AA=="}}"#).unwrap();
        assert!(matches!(upload.data, Cow::Borrowed(_)));
    }
}

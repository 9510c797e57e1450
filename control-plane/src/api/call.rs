//! What a handler needs from a request besides its path.

use std::time::Duration;

use axum::{
    body::{Body, Bytes, HttpBody},
    extract::{Query, Request},
};
use http::{
    HeaderMap, Method, StatusCode, Uri, header,
    request::Parts,
    uri::{Authority, PathAndQuery},
};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde_json::Value;
use tokio::{sync::OwnedSemaphorePermit, time};
use zeroize::Zeroizing;

use super::{
    Api, authorize::Permits, context::RequestContext, error::ApiError, json_body::JsonBody,
    path::ArmPath, precondition,
};
use crate::{
    api_version::{ApiVersion, InvalidApiVersion},
    permit::{Permit, Read, Write},
    store::Precondition,
};

/// A request that passed what all requests must pass, without its body.
pub(super) struct Call {
    /// Ids of the request.
    pub(super) context: RequestContext,
    /// As sent; well-formed.
    pub(super) api_version: String,
    permits: Permits,
    method: Method,
    headers: HeaderMap,
    uri: Uri,
    query: Vec<(String, String)>,
    base_url: String,
}

/// The body of a request, not read yet.
pub(super) struct RequestBody(Body);

/// How fast an upload has to come.
#[derive(Clone, Copy)]
struct Pace {
    /// Between two parts of it.
    idle: Duration,
    /// For all of it.
    whole: Duration,
}

impl Call {
    /// Checks origin, `api-version` and `Host`.
    pub(super) fn of(
        api: &Api,
        path: &ArmPath,
        permits: Permits,
        request: Request,
    ) -> Result<(Self, RequestBody), ApiError> {
        let (parts, body) = request.into_parts();
        refuse_browsers(&parts.headers)?;
        let query = query(&parts.uri)?;
        let api_version = api_version(path, find(&query, "api-version"))?;
        let base_url = base_url(api, &parts)?;
        let Parts {
            method,
            uri,
            headers,
            mut extensions,
            ..
        } = parts;
        let context = extensions
            .remove::<RequestContext>()
            .ok_or_else(|| ApiError::internal("the request has no context"))?;
        let call = Self {
            context,
            api_version,
            permits,
            method,
            headers,
            uri,
            query,
            base_url,
        };
        Ok((call, RequestBody(body)))
    }

    pub(super) fn method(&self) -> &Method {
        &self.method
    }

    /// The caller may read what the request names.
    pub(super) fn read(&self) -> &Permit<Read> {
        self.permits.read()
    }

    /// The caller may change what the request names.
    ///
    /// # Errors
    /// 500: the route table calls the operation a reading one.
    pub(super) fn write(&self) -> Result<&Permit<Write>, ApiError> {
        self.permits.write()
    }

    /// `If-Match` and `If-None-Match`.
    pub(super) fn precondition(&self) -> Result<Precondition, ApiError> {
        precondition::of(&self.headers)
    }

    /// The version as `Microsoft.Network` knows it.
    pub(super) fn api_version(&self) -> Result<ApiVersion, ApiError> {
        ApiVersion::parse(&self.api_version).map_err(ApiError::internal)
    }

    /// A query parameter; names match in any case.
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        find(&self.query, name)
    }

    /// An absolute URL below the address that the client used; `path` begins with a slash.
    pub(super) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base_url)
    }

    /// The request's own absolute URL.
    pub(super) fn own_url(&self) -> String {
        self.url(self.uri.path_and_query().map_or("/", PathAndQuery::as_str))
    }

    /// The media type of the body, without parameters.
    pub(super) fn content_type(&self) -> Option<&str> {
        let sent = self.headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
        sent.split(';').next().map(str::trim)
    }

    /// The length of the body, if the request tells it.
    fn content_length(&self) -> Option<usize> {
        let sent = self.headers.get(header::CONTENT_LENGTH)?;
        sent.to_str().ok()?.parse().ok()
    }

    /// The request's path as sent.
    pub(super) fn path(&self) -> &str {
        self.uri.path()
    }
}

impl RequestBody {
    /// Reads the body as JSON. It takes part of what the API can hold until the permit is dropped.
    ///
    /// # Errors
    /// 400 when it is none (or nested too deeply), 408 when it comes too slowly, 413 when it is too large, 503 when too
    /// many others are worked on.
    pub(super) async fn json(
        self,
        api: &Api,
    ) -> Result<(JsonBody, OwnedSemaphorePermit), ApiError> {
        let collected = time::timeout(BODY_DEADLINE, self.collect(MAX_BODY_BYTES)).await;
        let bytes = collected.map_err(|_elapsed| too_slow())??;
        let room = api.load.body(bytes.len()).await?;
        Ok((JsonBody::new(parse_json(&bytes)?), room))
    }

    /// Wiped when dropped. A buffer that grows leaves copies behind, so there is room for what most bodies need.
    async fn collect(self, limit: usize) -> Result<Zeroizing<Vec<u8>>, ApiError> {
        let announced = self.0.size_hint().upper().unwrap_or_default();
        let announced = usize::try_from(announced).unwrap_or(limit);
        let mut bytes = Zeroizing::new(Vec::with_capacity(announced.min(FIRST_ROOM)));
        let mut body = Limited::new(self.0, limit);
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| {
                if error.is::<LengthLimitError>() {
                    too_large(limit)
                } else {
                    unreadable()
                }
            })?;
            bytes.extend_from_slice(&frame.into_data().unwrap_or_default());
        }
        Ok(bytes)
    }
}

impl RequestBody {
    /// Reads a body of up to `limit` bytes that may take minutes to arrive, but not be silent for long.
    ///
    /// # Errors
    /// 400 when it breaks off, 408 when it comes too slowly, 413 when it is too large.
    pub(super) async fn upload(self, call: &Call, limit: usize) -> Result<Bytes, ApiError> {
        let announced = call.content_length().unwrap_or_default();
        self.paced(UPLOAD_PACE, announced, limit).await
    }

    async fn paced(self, pace: Pace, announced: usize, limit: usize) -> Result<Bytes, ApiError> {
        if announced > limit {
            return Err(too_large(limit));
        }
        let mut bytes = Vec::with_capacity(announced);
        let mut body = self.0;
        let reading = async {
            while let Some(frame) = next_frame(&mut body, pace.idle).await? {
                if bytes.len().saturating_add(frame.len()) > limit {
                    return Err(too_large(limit));
                }
                bytes.extend_from_slice(&frame);
            }
            Ok(())
        };
        let in_time = time::timeout(pace.whole, reading).await;
        in_time.map_err(|_elapsed| too_slow())??;
        Ok(Bytes::from(bytes))
    }
}

/// Data of a body; empty for frames without any. `None`: its end.
async fn next_frame(body: &mut Body, idle: Duration) -> Result<Option<Bytes>, ApiError> {
    match time::timeout(idle, body.frame()).await {
        Err(_elapsed) => Err(too_slow()),
        Ok(None) => Ok(None),
        Ok(Some(Ok(frame))) => Ok(Some(frame.into_data().unwrap_or_default())),
        Ok(Some(Err(_broken))) => Err(unreadable()),
    }
}

fn parse_json(bytes: &[u8]) -> Result<Value, ApiError> {
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if text.trim_ascii().is_empty() {
        return Err(ApiError::bad_request(
            "InvalidRequestContent",
            "The request needs a JSON body and has none.",
        ));
    }
    serde_json::from_slice(text).map_err(|error| {
        let message =
            format!("The request content was invalid and could not be deserialized: {error}.");
        ApiError::bad_request("InvalidRequestContent", message)
    })
}

fn unreadable() -> ApiError {
    ApiError::bad_request(
        "InvalidRequestContent",
        "The request body could not be read.",
    )
}

fn too_slow() -> ApiError {
    let message = "The request body did not arrive in time.";
    ApiError::new(StatusCode::REQUEST_TIMEOUT, "RequestTimeout", message)
}

fn too_large(limit: usize) -> ApiError {
    let message = format!("The request body is larger than {limit} bytes.");
    ApiError::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        "RequestContentTooLarge",
        message,
    )
}

/// No browser is a client of this API: a page in the operator's browser must not reach it, whatever token it got hold of.
/// Browsers name the page's origin in whatever could change something.
fn refuse_browsers(headers: &HeaderMap) -> Result<(), ApiError> {
    if headers.contains_key(header::ORIGIN) {
        let message = "Requests from web pages (with an Origin header) are refused.";
        return Err(ApiError::new(
            StatusCode::FORBIDDEN,
            "CrossOriginRequestForbidden",
            message,
        ));
    }
    Ok(())
}

/// The parameters of a URL.
///
/// # Errors
/// 400 when they are malformed.
pub(super) fn query(uri: &Uri) -> Result<Vec<(String, String)>, ApiError> {
    Query::try_from_uri(uri)
        .map(|Query(pairs)| pairs)
        .map_err(|_malformed| {
            ApiError::bad_request("InvalidRequestUri", "The query of the URL is malformed.")
        })
}

/// A parameter; names match in any case.
pub(super) fn find<'a>(query: &'a [(String, String)], name: &str) -> Option<&'a str> {
    query
        .iter()
        .find(|(own, _)| own.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.as_str())
}

/// `Microsoft.Network` knows versions from 2015-06-15 on; resource groups have others, some older.
fn api_version(path: &ArmPath, sent: Option<&str>) -> Result<String, ApiError> {
    let Some(text) = sent.filter(|text| !text.is_empty()) else {
        let message =
            "The api-version query parameter (?api-version=) is required for all requests.";
        return Err(ApiError::bad_request("MissingApiVersionParameter", message));
    };
    match ApiVersion::parse(text) {
        Ok(version) => Ok(version.as_str().to_owned()),
        Err(InvalidApiVersion::TooOld(text)) if !path.is_network() => Ok(text),
        Err(InvalidApiVersion::TooOld(text)) => {
            let message = format!(
                "No registered resource provider found for API version '{text}'; Microsoft.Network is served from \
                 {} on.",
                ApiVersion::OLDEST
            );
            Err(ApiError::bad_request("NoRegisteredProviderFound", message))
        }
        Err(InvalidApiVersion::Malformed(text)) => {
            let message = format!(
                "The api-version '{text}' is invalid. It must be a date of the form YYYY-MM-DD, perhaps followed by \
                 -preview."
            );
            Err(ApiError::bad_request("InvalidApiVersionParameter", message))
        }
    }
}

/// Scheme and authority that the client used, without a slash at the end.
///
/// # Errors
/// 400 without a usable `Host`.
pub(super) fn base_url(api: &Api, parts: &Parts) -> Result<String, ApiError> {
    if let Some(url) = &api.parts.public_url {
        return Ok(url.clone());
    }
    let host = parts
        .headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    let authority = match (parts.uri.authority(), host) {
        (Some(authority), _) => Some(authority.clone()),
        (None, Some(host)) => host.parse::<Authority>().ok(),
        (None, None) => None,
    };
    authority
        .filter(|authority| !authority.as_str().contains('@'))
        .map(|authority| format!("{}://{authority}", api.parts.scheme))
        .ok_or_else(|| {
            ApiError::bad_request(
                "InvalidHostHeader",
                "The request has no usable Host header.",
            )
        })
}

const BODY_DEADLINE: Duration = Duration::from_secs(30);
/// As in Azure Resource Manager.
const MAX_BODY_BYTES: usize = 4 * 1024 * 1024;
/// Room for a body before its bytes arrive; only addresses, no memory.
const FIRST_ROOM: usize = 512 * 1024;
/// Fifty megabytes within two minutes are less than four megabits a second.
const UPLOAD_PACE: Pace = Pace {
    idle: Duration::from_secs(10),
    whole: Duration::from_mins(2),
};

#[cfg(test)]
mod tests {
    use std::io;

    use futures_util::{StreamExt, stream};

    use super::*;

    const PACE: Pace = Pace {
        idle: Duration::from_millis(50),
        whole: Duration::from_millis(200),
    };

    fn frames(sizes: &[usize]) -> impl StreamExt<Item = Result<Bytes, io::Error>> + use<> {
        let frames: Vec<_> = sizes.iter().map(|size| Ok(vec![0; *size].into())).collect();
        stream::iter(frames)
    }

    async fn status(body: Body) -> Result<usize, u16> {
        let read = RequestBody(body).paced(PACE, 0, 100).await;
        read.map(|bytes| bytes.len())
            .map_err(|error| error.status().as_u16())
    }

    #[tokio::test]
    async fn an_upload_may_be_large_but_neither_silent_nor_endless() {
        let whole = Body::from_stream(frames(&[60, 40]));
        assert_eq!(status(whole).await, Ok(100));
        let large = Body::from_stream(frames(&[60, 41]));
        assert_eq!(status(large).await, Err(413));
        let silent = frames(&[1]).chain(stream::pending());
        assert_eq!(status(Body::from_stream(silent)).await, Err(408));
        let trickle = stream::repeat(()).then(|()| async {
            time::sleep(Duration::from_millis(5)).await;
            Ok::<_, io::Error>(Bytes::from_static(b"x"))
        });
        assert_eq!(status(Body::from_stream(trickle)).await, Err(408));
        let broken = frames(&[1]).chain(stream::iter([Err(io::ErrorKind::BrokenPipe.into())]));
        assert_eq!(status(Body::from_stream(broken)).await, Err(400));
    }
}

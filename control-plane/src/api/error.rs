//! Errors as ARM shows them: `{"error": {"code", "message", "target", "details"}}`.

use std::{borrow::Cow, error::Error};

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header};
use model::Violation;
use serde_json::{Map, Value, json};

use crate::{operation::OperationError, parse::Violations, store::StoreError, telemetry::Chain};

/// A refusal or failure: a public half (status, code, message, target, details) and a private source that has no path
/// into a response.
#[derive(Debug)]
pub struct ApiError(Box<Parts>);

#[derive(Debug)]
struct Parts {
    status: StatusCode,
    code: Cow<'static, str>,
    message: String,
    target: Option<String>,
    details: Vec<Value>,
    headers: Vec<(header::HeaderName, HeaderValue)>,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl ApiError {
    /// An error with the public half only.
    pub fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self(Box::new(Parts {
            status,
            code: Cow::Borrowed(code),
            message: message.into(),
            target: None,
            details: Vec::new(),
            headers: Vec::new(),
            source: None,
        }))
    }

    /// A 400 of the caller's making.
    pub fn bad_request(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    /// A 401: who calls is not known. `challenge` is the `WWW-Authenticate` header.
    pub fn unauthorized(
        code: &'static str,
        message: impl Into<String>,
        challenge: HeaderValue,
    ) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, code, message)
            .header(header::WWW_AUTHENTICATE, challenge)
    }

    /// A 403: the caller is known and may not.
    pub fn forbidden(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "AuthorizationFailed", message)
    }

    /// A 404.
    pub fn not_found(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, code, message)
    }

    /// A 405 which names what the resource takes.
    pub fn method_not_allowed(allow: &str) -> Self {
        let message = format!("The resource takes only these methods: {allow}.");
        let error = Self::new(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", message);
        match HeaderValue::from_str(allow) {
            Ok(allow) => error.header(header::ALLOW, allow),
            Err(_unprintable) => error,
        }
    }

    /// A 412.
    pub fn precondition_failed(message: impl Into<String>) -> Self {
        Self::new(
            StatusCode::PRECONDITION_FAILED,
            "PreconditionFailed",
            message,
        )
    }

    /// A 500: a bug or corrupt data; `source` goes to the log.
    pub fn internal(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        let mut error = Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "InternalServerError",
            "The server failed to answer; its log tells why, under the request's x-ms-request-id.",
        );
        error.0.source = Some(source.into());
        error
    }

    /// A 503 with `Retry-After`; `source` goes to the log.
    pub fn unavailable(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        let mut error = Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "ServiceUnavailable",
            "The database cannot be reached at the moment. Try again.",
        )
        .header(header::RETRY_AFTER, HeaderValue::from_static("2"));
        error.0.source = Some(source.into());
        error
    }

    /// The end of an operation that failed.
    pub fn of_operation(status: StatusCode, error: OperationError) -> Self {
        let mut api_error = Self::new(status, "", error.message);
        api_error.0.code = Cow::Owned(error.code);
        api_error.0.target = error.target;
        api_error.0.details = error.details.iter().map(|detail| json!(detail)).collect();
        api_error
    }

    /// Adds the property or parameter at fault.
    #[must_use]
    pub fn target(mut self, target: impl Into<String>) -> Self {
        self.0.target = Some(target.into());
        self
    }

    /// Adds a response header.
    #[must_use]
    pub fn header(mut self, name: header::HeaderName, value: HeaderValue) -> Self {
        self.0.headers.push((name, value));
        self
    }

    /// Whether it says that the caller may not, rather than that it did not work.
    pub fn is_denial(&self) -> bool {
        matches!(
            self.status(),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::TOO_MANY_REQUESTS
        )
    }

    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        self.0.status
    }

    /// The ARM error code.
    pub fn code(&self) -> &str {
        &self.0.code
    }

    fn body(&self) -> Value {
        let Parts {
            code,
            message,
            target,
            details,
            ..
        } = self.0.as_ref();
        let mut error = Map::new();
        error.insert("code".to_owned(), json!(code));
        error.insert("message".to_owned(), json!(message));
        if let Some(target) = target {
            error.insert("target".to_owned(), json!(target));
        }
        if !details.is_empty() {
            error.insert("details".to_owned(), json!(details));
        }
        json!({ "error": error })
    }

    /// Logs what only the operator may know. Called once, where the error becomes a reply.
    fn log(&self) {
        let Parts {
            status,
            code,
            message,
            source,
            ..
        } = self.0.as_ref();
        let status = status.as_u16();
        if let Some(source) = source {
            tracing::error!(status, %code, error = %Chain(source.as_ref()), "request failed");
        } else {
            tracing::debug!(status, %code, message, "request refused");
        }
    }
}

impl From<Violations> for ApiError {
    fn from(violations: Violations) -> Self {
        let mut error = Self::bad_request(violations.code(), violations.message());
        error.0.target = violations.target().map(str::to_owned);
        error.0.details = violations.details().iter().map(detail).collect();
        error
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match &error {
            StoreError::Busy { id } => {
                let message =
                    format!("The resource '{id}' is being deleted. Try again when it is gone.");
                Self::new(StatusCode::CONFLICT, "AnotherOperationInProgress", message)
            }
            StoreError::Conflict { id } => {
                let message = format!(
                    "The resource '{id}' is being changed by others all the time. Try again."
                );
                Self::new(StatusCode::CONFLICT, "Conflict", message)
            }
            StoreError::Corrupt { .. } | StoreError::OutOfReach { .. } => Self::internal(error),
            StoreError::NotFound { id } => Self::not_found(
                "ResourceNotFound",
                format!("The resource '{id}' was not found."),
            ),
            StoreError::Precondition { id, current } => Self::precondition_failed(match current {
                Some(etag) => format!(
                    "The resource '{id}' has the ETag {etag}, which the request's condition excludes."
                ),
                None => format!(
                    "The resource '{id}' does not exist, and the request's condition demands that it does."
                ),
            }),
            StoreError::Unavailable(_) => Self::unavailable(error),
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        self.log();
        let mut response = (self.0.status, Json(self.body())).into_response();
        for (name, value) in self.0.headers {
            response.headers_mut().insert(name, value);
        }
        response
    }
}

fn detail(violation: &Violation) -> Value {
    json!({
        "code": violation.code.as_str(),
        "message": violation.message,
        "target": violation.target,
    })
}

//! The admin port: `/healthz` (the process runs), `/readyz` (it can do its work), `/metrics` (Prometheus).

use std::{convert::Infallible, sync::Arc};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use prometheus_client::{encoding::text::encode, registry::Registry};

/// Answers the admin port's requests.
///
/// `ready` says what keeps the control plane from working, in words for the operator.
#[derive(Debug, Clone)]
pub struct Admin<R> {
    registry: Arc<Registry>,
    ready: R,
}

impl<R, F> Admin<R>
where
    R: Fn() -> F,
    F: Future<Output = Result<(), String>>,
{
    /// Serves the metrics of `registry`.
    pub fn new(registry: Registry, ready: R) -> Self {
        Self {
            registry: Arc::new(registry),
            ready,
        }
    }

    /// Answers one request; its body is not read.
    ///
    /// # Errors
    /// None.
    pub async fn answer<B>(
        &self,
        request: Request<B>,
    ) -> Result<Response<Full<Bytes>>, Infallible> {
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return Ok(text(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD\n"));
        }
        Ok(match request.uri().path() {
            "/healthz" => text(StatusCode::OK, "ok\n"),
            "/readyz" => match (self.ready)().await {
                Ok(()) => text(StatusCode::OK, "ready\n"),
                Err(reason) => text(
                    StatusCode::SERVICE_UNAVAILABLE,
                    format!("not ready: {reason}\n"),
                ),
            },
            "/metrics" => self.metrics(),
            _ => text(StatusCode::NOT_FOUND, "try /healthz, /readyz or /metrics\n"),
        })
    }

    fn metrics(&self) -> Response<Full<Bytes>> {
        let mut lines = String::new();
        if encode(&mut lines, &self.registry).is_err() {
            return text(
                StatusCode::INTERNAL_SERVER_ERROR,
                "cannot encode the metrics\n",
            );
        }
        with_type(
            StatusCode::OK,
            "application/openmetrics-text; version=1.0.0; charset=utf-8",
            lines,
        )
    }
}

fn text(status: StatusCode, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    with_type(status, "text/plain; charset=utf-8", body)
}

fn with_type(
    status: StatusCode,
    content_type: &'static str,
    body: impl Into<Bytes>,
) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn readiness_gives_the_reason() {
        let admin = Admin::new(Registry::default(), || async {
            Err("the database is away".to_owned())
        });
        assert_eq!(status(&admin, "/healthz").await, StatusCode::OK);
        assert_eq!(
            status(&admin, "/readyz").await,
            StatusCode::SERVICE_UNAVAILABLE
        );
        assert_eq!(status(&admin, "/metrics").await, StatusCode::OK);
        assert_eq!(status(&admin, "/").await, StatusCode::NOT_FOUND);
    }

    async fn status<R, F>(admin: &Admin<R>, path: &str) -> StatusCode
    where
        R: Fn() -> F,
        F: Future<Output = Result<(), String>>,
    {
        admin
            .answer(Request::get(path).body(()).unwrap())
            .await
            .unwrap()
            .status()
    }
}

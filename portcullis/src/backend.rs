//! A small HTTP/1.1 server that answers with what it was asked, to see what a gateway passes on.

use std::convert::Infallible;
use std::net::SocketAddr;

use anyhow::Context as _;
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// A bound echo backend.
pub(crate) struct Backend {
    listener: TcpListener,
    name: String,
}

impl Backend {
    /// Opens the socket; port 0 picks a free one.
    pub(crate) async fn bind(address: SocketAddr, name: Option<String>) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(address).await;
        let listener =
            listener.with_context(|| format!("the backend cannot listen on {address}"))?;
        let address = listener.local_addr()?;
        let name = name.unwrap_or_else(|| address.to_string());
        Ok(Self { listener, name })
    }

    /// Answers until `shutdown`, then drops what is open.
    pub(crate) async fn serve(self, shutdown: CancellationToken) {
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return,
                Some(_ended) = connections.join_next() => {}
                accepted = self.listener.accept() => match accepted {
                    Ok((stream, client)) => {
                        connections.spawn(connection(stream, client, self.name.clone()));
                    }
                    Err(error) => tracing::warn!(%error, "the backend cannot accept"),
                },
            }
        }
    }
}

async fn connection(stream: TcpStream, client: SocketAddr, name: String) {
    let service = service_fn(|request| echo(request, client, &name));
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(stream), service)
        .await;
    if let Err(error) = served {
        tracing::debug!(%error, "a connection to the backend ended badly");
    }
}

async fn echo(
    request: Request<Incoming>,
    client: SocketAddr,
    name: &str,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let body_bytes = count(body).await;
    let answer = json!({
        "backend": name,
        "client": client.to_string(),
        "method": head.method.as_str(),
        "path": head.uri.to_string(),
        "headers": headers(&head.headers),
        "bodyBytes": body_bytes,
    });
    let mut response = Response::new(Full::from(format!("{answer:#}\n")));
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, json);
    Ok(response)
}

/// The length of the body; null when it ended before its time.
async fn count(mut body: Incoming) -> Option<u64> {
    let mut bytes = 0;
    while let Some(frame) = body.frame().await {
        let frame = frame.ok()?;
        bytes += frame.data_ref().map_or(0, |data| data.len() as u64);
    }
    Some(bytes)
}

/// One entry per name; the values of a repeated one are joined by a comma.
fn headers(headers: &HeaderMap) -> Value {
    let joined = headers.keys().map(|name| {
        let values = headers.get_all(name).iter();
        let values = values.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        (
            name.to_string(),
            Value::from(values.collect::<Vec<_>>().join(", ")),
        )
    });
    Value::Object(joined.collect())
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    #[tokio::test]
    async fn the_answer_tells_what_was_asked() {
        let loopback = "127.0.0.1:0".parse().unwrap();
        let backend = Backend::bind(loopback, Some("one".to_owned()))
            .await
            .unwrap();
        let address = backend.listener.local_addr().unwrap();
        let mut client = TcpStream::connect(address).await.unwrap();
        let shutdown = CancellationToken::new();
        let served = tokio::spawn(backend.serve(shutdown.clone()));
        client
            .write_all(b"POST /a?b HTTP/1.1\r\nHost: h\r\nX-A: 1\r\nX-A: 2\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc")
            .await
            .unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 200 OK"), "{head}");
        let body: Value = serde_json::from_str(body).unwrap();
        assert_eq!(body["backend"], "one");
        assert_eq!(body["method"], "POST");
        assert_eq!(body["path"], "/a?b");
        assert_eq!(body["headers"]["x-a"], "1, 2");
        assert_eq!(body["bodyBytes"], 3);
        shutdown.cancel();
        served.await.unwrap();
    }
}

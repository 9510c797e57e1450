//! How long a change takes: from sending a PUT to the first answer that shows it, and to `Succeeded`.
//!
//! Each change swaps the trusted client CA of one listener and the backend of both. The backend's answer, asked for over
//! and over on one kept-alive connection to the other listener, shows when the worker has swapped; then a handshake with
//! the newly trusted certificate must succeed and one with the other must fail.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use bytes::Bytes;
use http::{HeaderMap, Request};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::{task, time};

use super::certificates::HOST;
use super::check::{self, Outsider};
use super::configure::Gateway;
use super::tally::distribution;
use super::target::Target;
use crate::arm::API_VERSION;

/// Pause between two questions. The timer rounds up to whole milliseconds.
const PAUSE: Duration = Duration::from_millis(1);
/// A change that takes longer fails the run.
const LIMIT: Duration = Duration::from_secs(30);
/// Most bytes of an answer.
const ANSWER_LIMIT: usize = 16 << 20;

/// Makes `count` changes, one after the other, between two backends.
///
/// # Errors
/// When a change is refused, does not come into force, or lets the wrong client in.
pub async fn run(gateway: &Gateway, backends: [u16; 2], count: u32) -> anyhow::Result<Value> {
    let open_port = gateway.open_port.context("--open-port is needed")?;
    let sides = ["client", "other"];
    let documents = [
        Side::new(gateway, sides, backends[0])?,
        Side::new(gateway, [sides[1], sides[0]], backends[1])?,
    ];
    gateway.put(&documents[0].document)?;
    let mut api = Asker::api(gateway).await?;
    let mut status = Asker::api(gateway).await?;
    let mut worker = Asker::worker(gateway, open_port).await?;
    ensure!(
        worker.get("/port").await?.body == documents[0].backend,
        "the gateway is not as it was put"
    );
    let (mut answered, mut in_force, mut succeeded) = (Vec::new(), Vec::new(), Vec::new());
    for side in documents
        .iter()
        .cycle()
        .skip(1)
        .zip(0..count)
        .map(|(side, _)| side)
    {
        let start = Instant::now();
        let put = async {
            let answer = api.put(&gateway.id(), &side.document).await?;
            let since = start.elapsed();
            let operation = answer
                .headers
                .get("azure-asyncoperation")
                .context("no Azure-AsyncOperation")?;
            status.follow(operation.to_str()?).await?;
            anyhow::Ok((since, start.elapsed()))
        };
        let seen = async {
            worker.wait_for(&side.backend).await?;
            anyhow::Ok(start.elapsed())
        };
        let ((put, end), seen) = time::timeout(LIMIT, async { tokio::try_join!(put, seen) })
            .await
            .context("a change takes too long")??;
        check::run(&side.inside, &side.outside).await?;
        answered.push(put);
        in_force.push(seen);
        succeeded.push(end);
    }
    Ok(json!({
        "operations": count,
        "errors": 0,
        "answered": distribution(answered),
        "in_force": distribution(in_force),
        "succeeded": distribution(succeeded),
    }))
}

/// One of the two configurations.
struct Side {
    document: Value,
    backend: Bytes,
    inside: Target,
    outside: Outsider,
}

impl Side {
    fn new(gateway: &Gateway, [inside, outside]: [&str; 2], backend: u16) -> anyhow::Result<Self> {
        let document = gateway.document(&format!("{inside}-root"), backend)?;
        Ok(Self {
            document,
            backend: backend.to_string().into(),
            inside: Target {
                cert_file: Some(gateway.certificates.join(format!("{inside}.crt"))),
                key_file: Some(gateway.certificates.join(format!("{inside}.key"))),
                ..target(gateway, gateway.port)
            },
            outside: Outsider {
                outsider_cert_file: gateway.certificates.join(format!("{outside}.crt")),
                outsider_key_file: gateway.certificates.join(format!("{outside}.key")),
            },
        })
    }
}

fn target(gateway: &Gateway, port: u16) -> Target {
    Target {
        address: SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
        host: HOST.to_owned(),
        ca_file: gateway.certificates.join("server-root.pem"),
        cert_file: None,
        key_file: None,
        tls12: false,
        path: "/port".to_owned(),
    }
}

/// A client with one kept-alive connection.
struct Asker {
    target: Target,
    /// The `Authorization` header; absent for workers.
    authorization: Option<String>,
    sender: SendRequest<Full<Bytes>>,
}

struct Answer {
    headers: HeaderMap,
    body: Bytes,
}

impl Asker {
    async fn api(gateway: &Gateway) -> anyhow::Result<Self> {
        let authority = gateway
            .api_url
            .strip_prefix("https://")
            .context("the API's URL is not https")?;
        let address: SocketAddr = authority.parse().context("the API's address")?;
        let authorization = gateway.arm().authorization().map_err(anyhow::Error::msg)?;
        let target = Target {
            address,
            host: address.ip().to_string(),
            ca_file: PathBuf::from(&gateway.api_ca_file),
            ..target(gateway, 0)
        };
        Self::open(target, Some(authorization)).await
    }

    async fn worker(gateway: &Gateway, port: u16) -> anyhow::Result<Self> {
        Self::open(target(gateway, port), None).await
    }

    async fn open(target: Target, authorization: Option<String>) -> anyhow::Result<Self> {
        let sender = connect(&target).await?;
        Ok(Self {
            target,
            authorization,
            sender,
        })
    }

    async fn get(&mut self, path: &str) -> anyhow::Result<Answer> {
        self.ask(Request::get(path), Bytes::new()).await
    }

    async fn put(&mut self, id: &str, document: &Value) -> anyhow::Result<Answer> {
        let path = format!("{id}?api-version={API_VERSION}");
        let request = Request::put(path).header("content-type", "application/json");
        let body = serde_json::to_vec(document)?.into();
        self.ask(request, body).await
    }

    async fn ask(
        &mut self,
        request: http::request::Builder,
        body: Bytes,
    ) -> anyhow::Result<Answer> {
        if self.sender.ready().await.is_err() {
            self.sender = connect(&self.target).await?;
        }
        let host = format!("{}:{}", self.target.host, self.target.address.port());
        let mut request = request.header("host", host);
        if let Some(authorization) = &self.authorization {
            request = request.header("authorization", authorization);
        }
        let request = request.body(Full::new(body))?;
        let answer = self.sender.send_request(request).await?;
        let (head, body) = answer.into_parts();
        let body = http_body_util::Limited::new(body, ANSWER_LIMIT)
            .collect()
            .await
            .map_err(|error| anyhow::anyhow!(error))?
            .to_bytes();
        if !head.status.is_success() {
            bail!(
                "answered {}: {}",
                head.status,
                String::from_utf8_lossy(&body)
            );
        }
        Ok(Answer {
            headers: head.headers,
            body,
        })
    }

    /// Asks until the answer is `expected`.
    async fn wait_for(&mut self, expected: &Bytes) -> anyhow::Result<()> {
        while self.get("/port").await?.body != expected {
            time::sleep(PAUSE).await;
        }
        Ok(())
    }

    /// Asks for the operation at `url` until it has succeeded.
    async fn follow(&mut self, url: &str) -> anyhow::Result<()> {
        let uri: http::Uri = url.parse()?;
        let path = uri.path_and_query().context("operation without a path")?;
        loop {
            let answer: Value = serde_json::from_slice(&self.get(path.as_str()).await?.body)?;
            match answer.get("status").and_then(Value::as_str) {
                Some("Succeeded") => return Ok(()),
                Some("InProgress") => time::sleep(PAUSE).await,
                _ => bail!("the operation ended otherwise: {answer}"),
            }
        }
    }
}

async fn connect(target: &Target) -> anyhow::Result<SendRequest<Full<Bytes>>> {
    let stream = target.connector(Some("http/1.1"))?.connect().await?;
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    // When it ends with an error, so does the request on it.
    task::spawn(async move { connection.await.ok() });
    Ok(sender)
}

//! A client of the REST API, as any other would be: HTTPS, JSON, and nothing that only this process could know.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderMap};
use hyper::{Method, Request, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};
use tokio_rustls::TlsConnector;
use zeroize::Zeroizing;

/// The api-version that the demo speaks.
pub(crate) const API_VERSION: &str = "2025-07-01";

const REQUEST_DEADLINE: Duration = Duration::from_secs(30);
/// The control plane gives up earlier, and then says why.
const OPERATION_DEADLINE: Duration = Duration::from_mins(1);
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// What the control plane writes at its first start.
#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct Owner {
    tenant_id: String,
    client_id: String,
    client_secret: Zeroizing<String>,
}

/// A client of one control plane.
pub(crate) struct Arm {
    authority: String,
    connector: TlsConnector,
    server_name: ServerName<'static>,
    /// The `Authorization` header of requests; absent before signing in.
    authorization: Option<String>,
}

/// An answer with its JSON body, null where there is none.
pub(crate) struct Answer {
    /// The status code.
    pub(crate) status: StatusCode,
    /// The header fields.
    pub(crate) headers: HeaderMap,
    /// The body.
    pub(crate) body: Value,
}

impl Arm {
    /// A client of the control plane at `url` (`https://host:port`) whose certificate comes from the CA in `ca_file`.
    pub(crate) fn new(url: &str, ca_file: &Path) -> anyhow::Result<Self> {
        let uri: Uri = url.parse().context("the control plane's URL")?;
        let host = uri.host().context("the control plane's URL has no host")?;
        let mut roots = RootCertStore::empty();
        let certificates = CertificateDer::pem_file_iter(ca_file)
            .with_context(|| format!("cannot read {}", ca_file.display()))?;
        for certificate in certificates {
            roots.add(certificate?)?;
        }
        let config = ClientConfig::builder()
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self {
            authority: format!("{host}:{}", uri.port_u16().unwrap_or(443)),
            connector: TlsConnector::from(Arc::new(config)),
            server_name: ServerName::try_from(host.to_owned())?,
            authorization: None,
        })
    }

    /// Signs in as the first owner, whose secret the control plane has written to `file`; the `Authorization` header of
    /// this and of other clients.
    pub(crate) async fn sign_in(&mut self, file: &Path) -> anyhow::Result<String> {
        let owner =
            std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
        let owner: Owner = serde_json::from_slice(&owner)
            .with_context(|| format!("{} is not what the control plane wrote", file.display()))?;
        let path = format!("/{}/oauth2/v2.0/token", owner.tenant_id);
        let form = format!(
            "grant_type=client_credentials&client_id={}&client_secret={}",
            owner.client_id,
            owner.client_secret.as_str()
        );
        let request = self.exchange(
            Method::POST,
            &path,
            "application/x-www-form-urlencoded",
            form.into(),
        );
        let answer = timeout(REQUEST_DEADLINE, request).await??;
        let token = answer.body.get("access_token").and_then(Value::as_str);
        let token =
            token.with_context(|| format!("no token: {} {}", answer.status, answer.body))?;
        let authorization = format!("Bearer {token}");
        self.authorization = Some(authorization.clone());
        Ok(authorization)
    }

    /// Reads a resource; none when there is no such.
    pub(crate) async fn find(&self, id: &str) -> anyhow::Result<Option<Value>> {
        let answer = self
            .request(Method::GET, &with_version(id), &Value::Null)
            .await?;
        match answer.status {
            StatusCode::NOT_FOUND => Ok(None),
            status if status.is_success() => Ok(Some(answer.body)),
            status => bail!("GET {id}: {status} {}", answer.body),
        }
    }

    /// Puts a resource and waits until the operation is over.
    ///
    /// # Errors
    /// When it is refused, or its operation does not succeed.
    pub(crate) async fn put(&self, id: &str, document: &Value) -> anyhow::Result<()> {
        let answer = self
            .request(Method::PUT, &with_version(id), document)
            .await?;
        if !answer.status.is_success() {
            bail!("PUT {id}: {} {:#}", answer.status, answer.body);
        }
        let Some(operation) = answer.headers.get("azure-asyncoperation") else {
            return Ok(());
        };
        let operation: Uri = operation.to_str()?.parse()?;
        let path = operation
            .path_and_query()
            .context("Azure-AsyncOperation without a path")?;
        self.wait_for(path.as_str()).await
    }

    async fn wait_for(&self, operation: &str) -> anyhow::Result<()> {
        let start = Instant::now();
        loop {
            let answer = self.request(Method::GET, operation, &Value::Null).await?;
            let status = answer.body.get("status").and_then(Value::as_str);
            match status {
                Some("Succeeded") => return Ok(()),
                Some("Failed" | "Canceled") => bail!("the operation ended: {:#}", answer.body),
                _ if start.elapsed() > OPERATION_DEADLINE => {
                    bail!("the operation does not end: {:#}", answer.body)
                }
                _ => sleep(POLL_INTERVAL).await,
            }
        }
    }

    async fn request(&self, method: Method, path: &str, body: &Value) -> anyhow::Result<Answer> {
        let bytes = if body.is_null() {
            Bytes::new()
        } else {
            Bytes::from(serde_json::to_vec(body)?)
        };
        let exchange = self.exchange(method.clone(), path, "application/json", bytes);
        timeout(REQUEST_DEADLINE, exchange)
            .await
            .unwrap_or_else(|elapsed| Err(elapsed.into()))
            .with_context(|| format!("{method} https://{}{path}", self.authority))
    }

    async fn exchange(
        &self,
        method: Method,
        path: &str,
        media_type: &str,
        body: Bytes,
    ) -> anyhow::Result<Answer> {
        let stream = TcpStream::connect(&self.authority).await?;
        let stream = self
            .connector
            .connect(self.server_name.clone(), stream)
            .await?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, &self.authority)
            .header(CONTENT_TYPE, media_type);
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        let request = request.body(Full::new(body))?;
        let answer = async {
            let response = sender.send_request(request).await?;
            let (head, body) = response.into_parts();
            let bytes = body.collect().await?.to_bytes();
            let body = if bytes.is_empty() {
                Value::Null
            } else {
                serde_json::from_slice(&bytes)?
            };
            anyhow::Ok(Answer {
                status: head.status,
                headers: head.headers,
                body,
            })
        };
        let connection = async {
            connection.await?;
            std::future::pending::<anyhow::Result<Answer>>().await
        };
        tokio::select! {
            answer = answer => answer,
            ended = connection => ended,
        }
    }
}

fn with_version(id: &str) -> String {
    format!("{id}?api-version={API_VERSION}")
}

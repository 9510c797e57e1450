//! The REST API, driven with the real `curl`.

pub mod extension;

use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::wait;

/// The api-version that the tests speak unless they say otherwise.
pub const API_VERSION: &str = "2025-07-01";
/// Tokens are good for an hour.
const TOKEN_AGE: Duration = Duration::from_mins(30);
/// The subscription of the tests.
pub const SUBSCRIPTION: &str = "11111111-1111-1111-1111-111111111111";

/// A control plane as a client sees it.
#[derive(Clone)]
pub struct Arm {
    /// `https://host:port`.
    pub url: String,
    /// Trusted for the API's certificate.
    pub ca_file: PathBuf,
    sign_in: SignIn,
    record: Option<PathBuf>,
}

/// Where the `Authorization` header comes from.
#[derive(Clone)]
enum SignIn {
    /// It is this.
    Fixed(String),
    /// From the token endpoint, with the secret in `file` as the control plane writes it at its first start.
    Owner {
        file: PathBuf,
        token: Arc<Mutex<Option<(Instant, String)>>>,
    },
}

/// An HTTP answer.
#[derive(Debug)]
pub struct Answer {
    /// Status code.
    pub status: u16,
    /// Header lines in lower case, `name: value`.
    pub headers: Vec<String>,
    /// JSON body; null when empty.
    pub body: Value,
}

impl Answer {
    /// The value of a header, by its lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }
}

/// The resource id of a resource group.
pub fn group_id(group: &str) -> String {
    format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/{group}")
}

/// The resource id of a gateway.
pub fn gateway_id(group: &str, name: &str) -> String {
    format!(
        "{}/providers/Microsoft.Network/applicationGateways/{name}",
        group_id(group)
    )
}

impl Arm {
    /// For the first owner, whose secret lies beside the API's CA.
    pub fn new(url: String, ca_file: PathBuf) -> Self {
        let file = ca_file.with_file_name("bootstrap.json");
        Self {
            url,
            ca_file,
            sign_in: SignIn::Owner {
                file,
                token: Arc::default(),
            },
            record: None,
        }
    }

    /// With every answer, as it comes, appended to `file`. Tokens are not asked for in this way.
    #[must_use]
    pub fn recorded_in(&self, file: PathBuf) -> Self {
        Self {
            record: Some(file),
            ..self.clone()
        }
    }

    /// Without that.
    #[must_use]
    pub fn unrecorded(&self) -> Self {
        Self {
            record: None,
            ..self.clone()
        }
    }

    /// For whoever this `Authorization` header speaks for; empty: for a stranger.
    #[must_use]
    pub fn with_authorization(&self, authorization: &str) -> Self {
        Self {
            sign_in: SignIn::Fixed(authorization.to_owned()),
            ..self.clone()
        }
    }

    /// The `Authorization` header of its requests.
    ///
    /// # Errors
    ///
    /// What curl or the token endpoint says.
    pub fn authorization(&self) -> Result<String, String> {
        match &self.sign_in {
            SignIn::Fixed(authorization) => Ok(authorization.clone()),
            SignIn::Owner { file, token } => {
                let mut token = token.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some((since, header)) = token.as_ref()
                    && since.elapsed() < TOKEN_AGE
                {
                    return Ok(header.clone());
                }
                let owner = std::fs::read(file).map_err(|error| error.to_string())?;
                let owner = serde_json::from_slice(&owner).map_err(|error| error.to_string())?;
                let header = format!("Bearer {}", self.token(&owner)?);
                *token = Some((Instant::now(), header.clone()));
                Ok(header)
            }
        }
    }

    /// A token for the client of `{"tenantId", "clientId", "clientSecret"}`.
    ///
    /// # Errors
    ///
    /// What curl or the token endpoint says.
    pub fn token(&self, client: &Value) -> Result<String, String> {
        let text = |name: &str| client[name].as_str().unwrap_or_default();
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--show-error", "--max-time", "60", "--cacert"]);
        curl.arg(&self.ca_file)
            .args(["--data", "grant_type=client_credentials"]);
        for (field, name) in [("client_id", "clientId"), ("client_secret", "clientSecret")] {
            curl.args(["--data-urlencode", &format!("{field}={}", text(name))]);
        }
        curl.arg(format!(
            "{}/{}/oauth2/v2.0/token",
            self.url,
            text("tenantId")
        ));
        let output = curl.output().map_err(|error| format!("curl: {error}"))?;
        let answer: Value = serde_json::from_slice(&output.stdout)
            .map_err(|_| String::from_utf8_lossy(&output.stderr).into_owned())?;
        let token = answer["access_token"].as_str();
        token.map(str::to_owned).ok_or_else(|| answer.to_string())
    }

    /// Sends one request; `path` starts with `/` and gets the api-version.
    ///
    /// # Panics
    ///
    /// When curl fails, that is when there is no HTTP answer.
    pub fn request(
        &self,
        method: &str,
        path: &str,
        headers: &[&str],
        body: Option<&Value>,
    ) -> Answer {
        self.try_request(method, path, headers, body)
            .unwrap_or_else(|error| panic!("{method} {path}: {error}"))
    }

    /// Sends `body` as it is, under its own media type.
    ///
    /// # Panics
    ///
    /// When curl fails, that is when there is no HTTP answer.
    pub fn request_raw(&self, method: &str, path: &str, media_type: &str, body: &[u8]) -> Answer {
        self.send(method, path, &[], Some((media_type, body)))
            .unwrap_or_else(|error| panic!("{method} {path}: {error}"))
    }

    /// Like [`Arm::request`].
    ///
    /// # Errors
    ///
    /// What curl says when there is no HTTP answer.
    pub fn try_request(
        &self,
        method: &str,
        path: &str,
        headers: &[&str],
        body: Option<&Value>,
    ) -> Result<Answer, String> {
        let body = body.map(Value::to_string);
        let body = body
            .as_ref()
            .map(|body| ("application/json", body.as_bytes()));
        self.send(method, path, headers, body)
    }

    fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[&str],
        body: Option<(&str, &[u8])>,
    ) -> Result<Answer, String> {
        let url = if path.starts_with("http") {
            path.to_owned()
        } else {
            format!("{}{path}", self.url)
        };
        let separator = if url.contains('?') { '&' } else { '?' };
        let url = if url.contains("api-version=") {
            url
        } else {
            format!("{url}{separator}api-version={API_VERSION}")
        };
        let mut curl = Command::new("curl");
        curl.args([
            "--silent",
            "--show-error",
            "--include",
            "--http1.1",
            // A list of half a million entries takes a while without optimisation.
            "--max-time",
            "180",
            "--request",
            method,
        ]);
        curl.arg("--cacert").arg(&self.ca_file);
        let authorization = self.authorization()?;
        if !authorization.is_empty() {
            curl.args(["--header", &format!("Authorization: {authorization}")]);
        }
        for header in headers {
            curl.args(["--header", header]);
        }
        if let Some((media_type, _)) = body {
            curl.args([
                "--header",
                &format!("Content-Type: {media_type}"),
                "--header",
                "Expect:",
                "--data-binary",
                "@-",
            ]);
        }
        let mut child = curl
            .arg(url)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| format!("curl: {error}"))?;
        let mut stdin = child.stdin.take().ok_or("curl has no input")?;
        if let Some((_, body)) = body {
            stdin
                .write_all(body)
                .map_err(|error| format!("curl: {error}"))?;
        }
        drop(stdin);
        let output = child
            .wait_with_output()
            .map_err(|error| format!("curl: {error}"))?;
        if let Some(file) = &self.record {
            let opened = File::options().create(true).append(true).open(file);
            let written = opened.and_then(|mut file| file.write_all(&output.stdout));
            written.map_err(|error| format!("{}: {error}", file.display()))?;
        }
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into_owned());
        }
        parse(&String::from_utf8_lossy(&output.stdout))
    }

    /// Creates or replaces a resource group.
    pub fn put_group(&self, group: &str) {
        let answer = self.request(
            "PUT",
            &group_id(group),
            &[],
            Some(&json!({"location": "local"})),
        );
        assert!(matches!(answer.status, 200 | 201), "{answer:?}");
    }

    /// Puts a document and returns how its operation ended.
    ///
    /// # Panics
    ///
    /// When the PUT is not accepted.
    #[track_caller]
    pub fn put(&self, path: &str, document: &Value) -> Value {
        let answer = self.request("PUT", path, &[], Some(document));
        assert!(matches!(answer.status, 200 | 201), "{answer:#?}");
        self.operation(&answer)
    }

    /// Puts a document that must come into force.
    ///
    /// # Panics
    ///
    /// When it does not.
    #[track_caller]
    pub fn put_in_force(&self, path: &str, document: &Value) {
        let end = self.put(path, document);
        assert_eq!(end["status"], "Succeeded", "{end:#}");
    }

    /// Follows `Azure-AsyncOperation` of an answer to its end.
    ///
    /// # Panics
    ///
    /// When there is none, or it does not end within two minutes.
    #[track_caller]
    pub fn operation(&self, answer: &Answer) -> Value {
        let url = answer
            .headers
            .iter()
            .find_map(|line| line.strip_prefix("azure-asyncoperation: "));
        let url = url
            .unwrap_or_else(|| panic!("no Azure-AsyncOperation in {answer:#?}"))
            .to_owned();
        wait::until("end of the operation", Duration::from_mins(2), || {
            let status = self.request("GET", &url, &[], None).body;
            if status["status"] == "InProgress" {
                Err(status)
            } else {
                Ok(status)
            }
        })
    }
}

fn parse(text: &str) -> Result<Answer, String> {
    let mut rest = text;
    loop {
        let (head, body) = rest
            .split_once("\r\n\r\n")
            .ok_or_else(|| format!("no HTTP head in {text:?}"))?;
        let mut lines = head.lines();
        let status_line = lines.next().unwrap_or_default();
        let status = status_line
            .split(' ')
            .nth(1)
            .and_then(|code| code.parse().ok());
        let status: u16 = status.ok_or_else(|| format!("bad status line {status_line:?}"))?;
        if status == 100 {
            rest = body;
            continue;
        }
        let headers = lines.map(lower_name).collect();
        let body = if body.is_empty() {
            Value::Null
        } else {
            json_or_text(body)
        };
        return Ok(Answer {
            status,
            headers,
            body,
        });
    }
}

fn lower_name(line: &str) -> String {
    match line.split_once(':') {
        Some((name, value)) => format!("{}:{value}", name.to_ascii_lowercase()),
        None => line.to_owned(),
    }
}

fn json_or_text(body: &str) -> Value {
    serde_json::from_str(body).unwrap_or_else(|_| Value::String(body.to_owned()))
}

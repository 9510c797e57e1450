//! One line of the access log, under Azure's field names and some of our own.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use client_auth::CertificateFacts;

use crate::access_log::json;
use crate::connection::client::{ClientFacts, Outcome};
use crate::connection::{Connection, ConnectionId};
use crate::http::head::RequestHead;
use crate::http::refusal::Refusal;
use crate::rewrite::TlsNames;
use crate::route::Admitted;
use crate::trace_id::TraceId;

/// What is told about one request.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) started: Instant,
    pub(crate) trace: TraceId,
    /// The part that is known from the head, rendered; empty while no head has been read.
    request: Vec<u8>,
    pub(crate) admitted: Option<Admitted>,
    pub(crate) received: u64,
    pub(crate) sent: u64,
    pub(crate) status: u16,
    pub(crate) refusal: Option<Refusal>,
    pub(crate) server: Option<SocketAddr>,
    pub(crate) server_status: Option<u16>,
    pub(crate) server_latency: Option<Duration>,
}

/// The TLS facts of a connection, as the log shows them.
#[derive(Debug)]
pub(crate) struct TlsFacts<'a> {
    pub(crate) names: TlsNames,
    /// Absent: no certificate was asked for.
    pub(crate) client: Option<&'a ClientFacts>,
}

impl Record {
    pub(crate) fn new(started: Instant) -> Self {
        Self {
            started,
            trace: TraceId::random(),
            request: Vec::new(),
            admitted: None,
            received: 0,
            sent: 0,
            status: 0,
            refusal: None,
            server: None,
            server_status: None,
            server_latency: None,
        }
    }

    /// Takes down the head of the request.
    pub(crate) fn read_head(&mut self, connection: &Connection, head: &RequestHead<'_>) {
        if !connection.core.log.is_on() {
            return;
        }
        let mut out = connection.core.scraps.take();
        let (path, query) = head.target.split_once('?').unwrap_or((head.target, ""));
        out.extend_from_slice(b"\"httpMethod\":\"");
        json::escape(head.method.as_bytes(), &mut out);
        out.extend_from_slice(b"\",\"requestUri\":\"");
        json::escape(path.as_bytes(), &mut out);
        out.extend_from_slice(b"\",\"requestQuery\":\"");
        json::escape(query.as_bytes(), &mut out);
        out.extend_from_slice(b"\",\"originalRequestUriWithArgs\":\"");
        json::escape(head.target.as_bytes(), &mut out);
        out.extend_from_slice(b"\",\"userAgent\":\"");
        json::escape(head.user_agent, &mut out);
        out.extend_from_slice(b"\",\"httpVersion\":\"");
        out.extend_from_slice(head.version.as_str().as_bytes());
        out.extend_from_slice(b"\",\"originalHost\":\"");
        json::escape(
            head.host
                .as_ref()
                .map_or(&[][..], |host| host.raw.as_bytes()),
            &mut out,
        );
        out.push(b'"');
        self.request = out;
    }

    /// Takes down the Host that the backend gets.
    pub(crate) fn sends_host(&mut self, host: &[u8]) {
        if !self.request.is_empty() {
            text(&mut self.request, b",\"host\":\"", host);
        }
    }

    /// Takes down that the gateway answers the request itself.
    pub(crate) fn refuse(&mut self, refusal: Refusal) {
        self.status = refusal.status();
        self.refusal = Some(refusal);
    }

    /// Writes the line and counts the response.
    pub(crate) fn finish(self, connection: &Connection) {
        let core = &connection.core;
        core.metrics.responded(self.status);
        if let Some(refusal) = self.refusal {
            core.metrics.refused(refusal);
        }
        core.log.line(|out| self.render(connection, out));
        core.scraps.give(self.request);
    }

    fn render(&self, connection: &Connection, out: &mut Vec<u8>) {
        let core = &connection.core;
        out.extend_from_slice(b"{\"timeStamp\":\"");
        core.time.write_stamp(self.started, out);
        out.push(b'"');
        let virtual_host = self.admitted.as_ref().map(Admitted::virtual_host);
        if let Some(virtual_host) = virtual_host {
            text(
                out,
                b",\"listenerName\":\"",
                virtual_host.listener.as_bytes(),
            );
            if let Some(route) = &virtual_host.route {
                text(out, b",\"ruleName\":\"", route.rule.as_bytes());
                text(
                    out,
                    b",\"backendPoolName\":\"",
                    route.upstream.pool.as_bytes(),
                );
                text(
                    out,
                    b",\"backendSettingName\":\"",
                    route.upstream.settings.as_bytes(),
                );
            }
        }
        out.extend_from_slice(&connection.log);
        if !self.request.is_empty() {
            out.push(b',');
            out.extend_from_slice(&self.request);
        }
        number(out, b",\"httpStatus\":", u64::from(self.status));
        number(out, b",\"receivedBytes\":", self.received);
        number(out, b",\"sentBytes\":", self.sent);
        seconds(
            out,
            b",\"timeTaken\":",
            core.time.now().duration_since(self.started),
        );
        out.extend_from_slice(b",\"transactionId\":\"");
        out.extend_from_slice(self.trace.as_bytes());
        out.push(b'"');
        if let Some(server) = self.server {
            // An address renders without anything to escape.
            use std::io::Write;
            drop(write!(out, ",\"serverRouted\":\"{server}\""));
        }
        if let Some(status) = self.server_status {
            number(out, b",\"serverStatus\":\"", u64::from(status));
            out.push(b'"');
        }
        if let Some(latency) = self.server_latency {
            seconds(out, b",\"serverResponseLatency\":\"", latency);
            out.push(b'"');
        }
        let info = self
            .refusal
            .map_or("ERRORINFO_NO_ERROR", Refusal::error_info);
        text(out, b",\"error_info\":\"", info.as_bytes());
        if let Some(refusal) = self.refusal {
            text(out, b",\"reason\":\"", refusal.label().as_bytes());
        }
        out.extend_from_slice(b"}}");
    }
}

/// The part of a line that is the same for all requests of a connection.
pub(crate) fn connection_part(
    instance: &str,
    gateway: &str,
    id: ConnectionId,
    client: SocketAddr,
    tls: Option<&TlsFacts<'_>>,
) -> Box<[u8]> {
    let mut out = Vec::with_capacity(512);
    text(&mut out, b",\"resourceId\":\"", gateway.as_bytes());
    out.extend_from_slice(
        b",\"operationName\":\"ApplicationGatewayAccess\",\"category\":\"ApplicationGatewayAccessLog\",\"properties\":{",
    );
    text(&mut out, b"\"instanceId\":\"", instance.as_bytes());
    text(&mut out, b",\"connectionId\":\"", id.to_string().as_bytes());
    text(
        &mut out,
        b",\"clientIP\":\"",
        client.ip().to_string().as_bytes(),
    );
    number(&mut out, b",\"clientPort\":", u64::from(client.port()));
    match tls {
        None => out.extend_from_slice(b",\"sslEnabled\":\"off\""),
        Some(facts) => tls_part(&mut out, facts),
    }
    out.into_boxed_slice()
}

fn tls_part(out: &mut Vec<u8>, facts: &TlsFacts<'_>) {
    out.extend_from_slice(b",\"sslEnabled\":\"on\"");
    text(out, b",\"sslProtocol\":\"", facts.names.protocol.as_bytes());
    text(out, b",\"sslCipher\":\"", facts.names.cipher.as_bytes());
    let outcome = facts
        .client
        .map_or(Outcome::Absent, |client| client.outcome);
    text(out, b",\"sslClientVerify\":\"", outcome.text().as_bytes());
    if let Some(certificate) = facts.client.and_then(|client| client.presented.as_ref()) {
        certificate_part(out, certificate);
    }
    let reason = match outcome {
        Outcome::Absent => return,
        Outcome::Success | Outcome::Passthrough => "ok",
        Outcome::Failed(reason) => reason.label(),
    };
    text(out, b",\"verifyReason\":\"", reason.as_bytes());
}

fn certificate_part(out: &mut Vec<u8>, certificate: &CertificateFacts) {
    text(
        out,
        b",\"sslClientCertificateFingerprint\":\"",
        certificate.sha1.to_string().as_bytes(),
    );
    text(
        out,
        b",\"sslClientCertificateIssuerName\":\"",
        certificate.issuer.as_bytes(),
    );
    text(
        out,
        b",\"clientCertificateSubject\":\"",
        certificate.subject.as_bytes(),
    );
    text(
        out,
        b",\"clientCertificateSerial\":\"",
        certificate.serial.as_bytes(),
    );
    text(
        out,
        b",\"clientCertificateSha256\":\"",
        certificate.sha256.to_string().as_bytes(),
    );
}

/// Appends a field: `start` is its name, the colon and the opening quote.
fn text(out: &mut Vec<u8>, start: &[u8], value: &[u8]) {
    out.extend_from_slice(start);
    json::escape(value, out);
    out.push(b'"');
}

fn number(out: &mut Vec<u8>, start: &[u8], value: u64) {
    out.extend_from_slice(start);
    json::number(value, out);
}

/// Appends seconds with three decimals.
fn seconds(out: &mut Vec<u8>, start: &[u8], value: Duration) {
    number(out, start, value.as_secs());
    let millis = value.subsec_millis();
    let digit = |unit: u32| b'0' + u8::try_from(millis / unit % 10).unwrap_or(0);
    out.extend_from_slice(&[b'.', digit(100), digit(10), digit(1)]);
}

//! Counters of the API.

use std::{fmt, time::Duration};

use http::{Method, StatusCode};
use prometheus_client::{
    encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder},
    metrics::{counter::Counter, family::Family, histogram::Histogram},
    registry::{Registry, Unit},
};

/// Counters of the API. Clones count together.
#[derive(Debug, Clone)]
pub struct Metrics {
    requests: Family<RequestLabels, Counter>,
    duration: Histogram,
    panics: Counter,
    sign_ins: Family<SignInLabels, Counter>,
}

impl Metrics {
    /// Makes the counters visible under the current prefix of `registry`.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        registry.register("requests", "Requests answered", metrics.requests.clone());
        registry.register_with_unit(
            "request_duration",
            "Time from the end of the header to the reply",
            Unit::Seconds,
            metrics.duration.clone(),
        );
        registry.register(
            "panics",
            "Requests that ended in a panic",
            metrics.panics.clone(),
        );
        registry.register(
            "bearer_tokens",
            "Tokens of requests, by what came of them",
            metrics.sign_ins.clone(),
        );
        metrics
    }

    pub(super) fn count(&self, method: &Method, status: StatusCode, duration: Duration) {
        let labels = RequestLabels {
            method: method.into(),
            status: status.into(),
        };
        self.requests.get_or_create(&labels).inc();
        self.duration.observe(duration.as_secs_f64());
    }

    /// `outcome` is one of a closed set of words.
    pub(super) fn count_sign_in(&self, outcome: &'static str) {
        self.sign_ins.get_or_create(&SignInLabels { outcome }).inc();
    }

    pub(super) fn count_panic(&self) {
        self.panics.inc();
    }
}

impl Default for Metrics {
    fn default() -> Self {
        let buckets = [
            0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0,
        ];
        Self {
            requests: Family::default(),
            duration: Histogram::new(buckets),
            panics: Counter::default(),
            sign_ins: Family::default(),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SignInLabels {
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    method: MethodLabel,
    status: StatusLabel,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum MethodLabel {
    Delete,
    Get,
    Head,
    Other,
    Patch,
    Post,
    Put,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum StatusLabel {
    Success,
    ClientError,
    ServerError,
}

impl EncodeLabelValue for MethodLabel {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> fmt::Result {
        let text = match self {
            Self::Delete => "delete",
            Self::Get => "get",
            Self::Head => "head",
            Self::Other => "other",
            Self::Patch => "patch",
            Self::Post => "post",
            Self::Put => "put",
        };
        EncodeLabelValue::encode(&text, encoder)
    }
}

impl EncodeLabelValue for StatusLabel {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> fmt::Result {
        let text = match self {
            Self::Success => "success",
            Self::ClientError => "client_error",
            Self::ServerError => "server_error",
        };
        EncodeLabelValue::encode(&text, encoder)
    }
}

impl From<&Method> for MethodLabel {
    fn from(method: &Method) -> Self {
        match *method {
            Method::DELETE => Self::Delete,
            Method::GET => Self::Get,
            Method::HEAD => Self::Head,
            Method::PATCH => Self::Patch,
            Method::POST => Self::Post,
            Method::PUT => Self::Put,
            _ => Self::Other,
        }
    }
}

impl From<StatusCode> for StatusLabel {
    fn from(status: StatusCode) -> Self {
        match status.as_u16() {
            500.. => Self::ServerError,
            400..500 => Self::ClientError,
            _ => Self::Success,
        }
    }
}

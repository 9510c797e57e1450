//! `{sslProfile}/explainClientCertificate`: whether a client may in, and why, without a connection.

use std::time::Duration;

use axum::response::Response;
use client_auth::Mode;
use http::{Method, StatusCode};
use model::{ApplicationGateway, ChildId, SslProfile};
use rustls_pki_types::UnixTime;
use serde_json::{Value, json};

use super::{
    Api,
    call::{Call, RequestBody},
    child,
    error::ApiError,
    gateway, reply,
};
use crate::{
    explain::{self, ExplainedCheck, Explanation, Presented},
    parse::{self, Question},
    permit::{Permit, Read},
    store::StoredGateway,
};

/// Answers at `{sslProfile}/explainClientCertificate`. Changes nothing.
pub(super) async fn answer(
    api: &Api,
    call: &Call,
    body: RequestBody,
    profile: &ChildId,
) -> Result<Response, ApiError> {
    if *call.method() != Method::POST {
        return Err(ApiError::method_not_allowed("POST"));
    }
    let (body, _room) = body.json(api).await?;
    let question = parse::explain_client_certificate(&body)?;
    let permit = Permit::<Read>::for_caller();
    let found = api.store().find_gateway(&permit, profile.gateway()).await?;
    let stored = found.ok_or_else(|| gateway::parent_not_found(profile.gateway()))?;
    if child::name(&stored, profile).is_none() {
        return Err(child::parent_not_found(profile));
    }
    let now = u64::try_from(api.parts.clock.now().unix_timestamp()).unwrap_or_default();
    let now = UnixTime::since_unix_epoch(Duration::from_secs(now));
    let permit = api.load.parse().await?;
    let profile = profile.clone();
    let explaining = tokio::task::spawn_blocking(move || {
        let _permit = permit;
        explanation(&stored, &profile, &question, now)
    });
    let explanation = match explaining.await {
        Ok(explanation) => explanation?,
        // The panic guard of the request counts and answers it.
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        Err(error) => return Err(ApiError::internal(error)),
    };
    Ok(reply::resource(StatusCode::OK, render(&explanation)))
}

fn explanation(
    stored: &StoredGateway,
    profile: &ChildId,
    question: &Question,
    now: UnixTime,
) -> Result<Explanation, ApiError> {
    let policies = stored.extensions.policies();
    let gateway = parse::stored_gateway(&stored.id, &stored.document, policies)?;
    let found = find(&gateway, profile).ok_or_else(|| child::parent_not_found(profile))?;
    let Some((leaf, intermediates)) = question.chain.split_first() else {
        return Err(ApiError::internal("the question has no certificate"));
    };
    let presented = Presented {
        leaf,
        intermediates,
        at: question.at.unwrap_or(now),
        lists: None,
    };
    explain::explain(found, &presented).ok_or_else(|| {
        let message = format!("The SSL profile '{profile}' asks clients for no certificate.");
        ApiError::bad_request("ClientCertificateNotRequested", message)
    })
}

fn find<'a>(gateway: &'a ApplicationGateway, profile: &ChildId) -> Option<&'a SslProfile> {
    let mut all = gateway.ssl_profiles().iter();
    all.find(|found| found.name() == profile.name())
}

fn render(explanation: &Explanation) -> Value {
    let (verdict, reason) = match &explanation.verdict {
        Ok(()) => ("Accept", None),
        Err(refusal) => ("Refuse", Some(refusal.reason.label())),
    };
    let mode = match explanation.mode {
        Mode::Strict => "Strict",
        Mode::Passthrough => "Passthrough",
        Mode::ReportOnly => "ReportOnly",
    };
    let path = explanation.path.iter().map(|certificate| {
        json!({
            "subject": certificate.subject,
            "keyId": certificate.key_id.to_string(),
            "sha256": certificate.sha256.to_string(),
        })
    });
    json!({
        "verdict": verdict,
        "reason": reason,
        "mode": mode,
        "path": path.collect::<Vec<_>>(),
        "checks": explanation.checks.iter().map(check).collect::<Vec<_>>(),
    })
}

fn check(check: &ExplainedCheck) -> Value {
    json!({ "name": check.name, "result": check.result.as_str(), "detail": check.detail })
}

//! `{sslProfile}/explainClientCertificate`: whether a client may in, and why, without a connection.

use std::{sync::Arc, time::Duration};

use axum::response::Response;
use client_auth::{Mode, crl::CrlSet};
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
    store::{LIST_PART, StoreError, StoredGateway},
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
    let found = api
        .store()
        .find_gateway(call.read(), profile.gateway())
        .await?;
    let stored = found.ok_or_else(|| gateway::parent_not_found(profile.gateway()))?;
    if child::name(&stored, profile).is_none() {
        return Err(child::parent_not_found(profile));
    }
    let now = u64::try_from(api.parts.clock.now().unix_timestamp()).unwrap_or_default();
    let now = UnixTime::since_unix_epoch(Duration::from_secs(now));
    let case = Case {
        at: question.at.unwrap_or(now),
        question,
        profile: profile.clone(),
    };
    let explanation = explanation(api, call, stored, case).await?;
    Ok(reply::resource(StatusCode::OK, render(&explanation)))
}

/// A client and a profile.
struct Case {
    profile: ChildId,
    question: Question,
    at: UnixTime,
}

/// Opens the gateway, finds out which lists count, loads these, and explains. Off the runtime's threads, since the chain
/// and the lists choose how long it takes.
async fn explanation(
    api: &Api,
    call: &Call,
    stored: StoredGateway,
    case: Case,
) -> Result<Explanation, ApiError> {
    let permit = api.load.parse().await?;
    let key = stored.id.key();
    let (case, gateway, needed) = blocking(move || {
        let _permit = permit;
        let policies = stored.extensions.policies();
        let gateway = parse::stored_gateway(&stored.id, &stored.document, policies)?;
        let profile = case.profile_in(&gateway)?;
        let lists = stored.extensions.revocation_lists();
        let needed = explain::lists_needed(profile, &case.presented(None)?, lists);
        Ok((case, gateway, needed))
    })
    .await?;
    // Held until the lists are read: it bounds how many lists are in memory.
    let room = match needed.as_slice() {
        [] => None,
        _ => Some(api.load.upload().await?),
    };
    let mut lists = Vec::with_capacity(needed.len());
    for list in needed {
        let der = load_list(api, call, &key, &list.sha256).await?;
        lists.push((list, der));
    }
    blocking(move || {
        let _room = room;
        let signed = lists
            .into_iter()
            .map(|(list, der)| list.read(&der).map(Arc::new))
            .collect::<Result<Vec<_>, _>>()
            .map_err(ApiError::internal)?;
        let lists = CrlSet::new(signed);
        let explained =
            explain::explain(case.profile_in(&gateway)?, &case.presented(Some(&lists))?);
        explained.ok_or_else(|| asks_for_nothing(&case.profile))
    })
    .await
}

impl Case {
    fn presented<'a>(&'a self, lists: Option<&'a CrlSet>) -> Result<Presented<'a>, ApiError> {
        let chain = self.question.chain.split_first();
        let (leaf, intermediates) =
            chain.ok_or_else(|| ApiError::internal("the question has no certificate"))?;
        Ok(Presented {
            leaf,
            intermediates,
            at: self.at,
            lists,
        })
    }

    fn profile_in<'a>(&self, gateway: &'a ApplicationGateway) -> Result<&'a SslProfile, ApiError> {
        let mut all = gateway.ssl_profiles().iter();
        all.find(|found| found.name() == self.profile.name())
            .ok_or_else(|| child::parent_not_found(&self.profile))
    }
}

/// The DER of an uploaded list.
async fn load_list(
    api: &Api,
    call: &Call,
    gateway: &str,
    sha256: &[u8; 32],
) -> Result<Vec<u8>, ApiError> {
    let store = api.store();
    let mut der = Vec::new();
    let mut position = 0;
    // The last part is shorter than the others, or there is none.
    while let Some(part) = store
        .find_list_part(call.read(), gateway, sha256, position)
        .await?
    {
        der.extend_from_slice(&part);
        position += 1;
        if part.len() < LIST_PART {
            break;
        }
    }
    if der.is_empty() {
        // It was replaced meanwhile.
        let id = gateway.to_owned();
        return Err(StoreError::Conflict { id }.into());
    }
    Ok(der)
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        // The panic guard of the request counts and answers it.
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        Err(error) => Err(ApiError::internal(error)),
    }
}

fn asks_for_nothing(profile: &ChildId) -> ApiError {
    let message = format!("The SSL profile '{profile}' asks clients for no certificate.");
    ApiError::bad_request("ClientCertificateNotRequested", message)
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

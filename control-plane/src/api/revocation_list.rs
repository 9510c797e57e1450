//! `Portcullis.Security/certificateRevocationLists`: uploaded revocation lists of a trusted client certificate.
//!
//! A list may be far larger than any document, so these requests have a limit of their own, few are worked on at a time,
//! and no reply ever holds the list itself.

mod body;

pub(super) use self::body::READ_ONLY;

use std::time::Duration;

use axum::response::Response;
use bytes::Bytes;
use client_auth::crl::CrlError;
use http::{Method, StatusCode};
use model::{ChildId, Collection, GatewayId, ResourceName};
use rustls_pki_types::UnixTime;
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::{
    Api,
    call::{Call, RequestBody},
    child,
    error::ApiError,
    gateway, reply,
    write::{self, Edit},
};
use crate::{
    certificate,
    extension::{
        RevocationLists,
        revocation_list::admission::{self, Admitted, NotAdmitted, Upload},
    },
    render,
    store::StoredGateway,
};

/// A list to put.
pub(super) struct NewList {
    /// The trusted client certificate.
    pub(super) trusted: ResourceName,
    /// Of the list.
    pub(super) name: ResourceName,
    /// The list.
    pub(super) der: Bytes,
    /// Whether it may replace a newer list.
    pub(super) allow_rollback: bool,
}

impl NewList {
    /// Checks the list against the CAs in a gateway's document and against the gateway's other lists. Blocks.
    ///
    /// # Errors
    /// 404 when there is no such trusted client certificate; 400 and 409 when the list must not be stored.
    pub(super) fn admit(
        &self,
        now: OffsetDateTime,
        gateway: &GatewayId,
        document: &Value,
        stored: &RevocationLists,
    ) -> Result<Admitted, ApiError> {
        let bundle = certificate::bundle_in(document, &self.trusted).ok_or_else(|| {
            let collection = Collection::TRUSTED_CLIENT_CERTIFICATES;
            child::parent_not_found(&gateway.child(collection, self.trusted.clone()))
        })?;
        let upload = Upload {
            trusted: &self.trusted,
            bundle: &bundle,
            name: &self.name,
            der: &self.der,
            allow_rollback: self.allow_rollback,
        };
        let seconds = u64::try_from(now.unix_timestamp()).unwrap_or_default();
        let now = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        Ok(admission::admit(now, stored, &upload)?)
    }
}

/// Answers at `{trustedClientCertificate}/providers/Portcullis.Security/certificateRevocationLists/{name}`.
pub(super) async fn answer(
    api: &Api,
    call: &Call,
    body: RequestBody,
    trusted: &ChildId,
    name: &ResourceName,
) -> Result<Response, ApiError> {
    match *call.method() {
        Method::GET | Method::HEAD => {
            let stored = child::load_parent(api, call, trusted.gateway()).await?;
            let list = rendered(api, &stored, trusted, name)?;
            Ok(reply::resource(StatusCode::OK, list))
        }
        Method::PUT => put(api, call, body, trusted, name).await,
        Method::DELETE => delete(api, call, trusted, name).await,
        _ => Err(ApiError::method_not_allowed("GET, HEAD, PUT, DELETE")),
    }
}

/// Answers at `{trustedClientCertificate}/…/certificateRevocationLists`. Never in parts: a gateway's lists are few. Lists
/// of a trusted client certificate that is gone are listed, too, so that they can be found and deleted.
pub(super) async fn list(api: &Api, call: &Call, trusted: &ChildId) -> Result<Response, ApiError> {
    let stored = child::load_parent(api, call, trusted.gateway()).await?;
    let now = api.parts.clock.now();
    let lists =
        render::revocation_lists(now, &gateway::facts(&stored), &stored.extensions, trusted);
    if lists.is_empty() {
        child::load(api, call, trusted).await?;
    }
    Ok(reply::resource(StatusCode::OK, json!({ "value": lists })))
}

async fn put(
    api: &Api,
    call: &Call,
    body: RequestBody,
    trusted: &ChildId,
    name: &ResourceName,
) -> Result<Response, ApiError> {
    // Held until the list is stored: it bounds how many lists are in memory.
    let _room = api.load.upload().await?;
    let (der, allow_rollback) = body::read(call, body).await?;
    let new = NewList {
        trusted: trusted.name().clone(),
        name: name.clone(),
        der,
        allow_rollback,
    };
    let edit = Edit::PutRevocationList(new);
    let written = write::apply(api, call, trusted.gateway(), edit)
        .await?
        .ok_or_else(|| not_found(trusted, name))?;
    let status = if written.child_existed {
        StatusCode::OK
    } else {
        StatusCode::CREATED
    };
    let committed = &written.committed;
    let list = rendered(api, &committed.gateway, trusted, name)?;
    let response = reply::resource(status, list);
    Ok(gateway::follow(call, &committed.gateway).put(response, committed.operation.as_ref()))
}

async fn delete(
    api: &Api,
    call: &Call,
    trusted: &ChildId,
    name: &ResourceName,
) -> Result<Response, ApiError> {
    let edit = Edit::DeleteRevocationList(trusted.name().clone(), name.clone());
    let Some(written) = write::apply(api, call, trusted.gateway(), edit).await? else {
        return Ok(reply::empty(StatusCode::NO_CONTENT));
    };
    let committed = &written.committed;
    Ok(match &committed.operation {
        Some(operation) => gateway::follow(call, &committed.gateway).accepted(operation),
        None => reply::empty(StatusCode::OK),
    })
}

fn rendered(
    api: &Api,
    stored: &StoredGateway,
    trusted: &ChildId,
    name: &ResourceName,
) -> Result<Value, ApiError> {
    let now = api.parts.clock.now();
    let facts = gateway::facts(stored);
    render::revocation_list(now, &facts, &stored.extensions, trusted, name)
        .ok_or_else(|| not_found(trusted, name))
}

fn not_found(trusted: &ChildId, name: &ResourceName) -> ApiError {
    let message = format!(
        "The Resource '{trusted}/providers/Portcullis.Security/certificateRevocationLists/{name}' was not found."
    );
    ApiError::not_found("ResourceNotFound", message)
}

impl From<NotAdmitted> for ApiError {
    fn from(refused: NotAdmitted) -> Self {
        let message = format!("The revocation list cannot be used: {refused}.");
        let (status, code) = match &refused {
            NotAdmitted::Rollback(_) => {
                let message = format!(
                    "The revocation list is not newer than what is stored: {refused}. Set allowRollback to store it all \
                     the same."
                );
                return Self::new(
                    StatusCode::CONFLICT,
                    "CertificateRevocationListRollback",
                    message,
                );
            }
            NotAdmitted::TooMany(_) => (StatusCode::BAD_REQUEST, "LimitExceeded"),
            NotAdmitted::Crl(CrlError::TooLarge { .. } | CrlError::TooManyEntries { .. }) => {
                (StatusCode::BAD_REQUEST, "LimitExceeded")
            }
            NotAdmitted::Expired(_) => {
                (StatusCode::BAD_REQUEST, "CertificateRevocationListExpired")
            }
            NotAdmitted::NotYetValid(_) => (
                StatusCode::BAD_REQUEST,
                "CertificateRevocationListNotYetValid",
            ),
            NotAdmitted::Crl(
                CrlError::OtherIssuer
                | CrlError::BadSignature
                | CrlError::NoCrlSign
                | CrlError::Issuer
                | CrlError::WeakKey,
            ) => (
                StatusCode::BAD_REQUEST,
                "CertificateRevocationListUntrusted",
            ),
            NotAdmitted::NoNumber
            | NotAdmitted::Crl(
                CrlError::Malformed
                | CrlError::NoNextUpdate
                | CrlError::Delta
                | CrlError::Indirect
                | CrlError::UnknownCriticalExtension
                | CrlError::UnsupportedAlgorithm,
            ) => (StatusCode::BAD_REQUEST, "CertificateRevocationListInvalid"),
        };
        Self::new(status, code, message).target("properties.data")
    }
}

//! The one way in which a gateway changes: read, edit, parse, compile, store.
//!
//! Whole documents, tags, start, stop and children differ only in the edit. A write that meets another one is repeated on
//! the newer document; with `If-Match` the store then refuses it.

use std::{
    borrow::Cow,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use model::{Collection, GatewayId, ResourceName};
use serde_json::json;
use time::OffsetDateTime;

use super::{
    Api, call::Call, child, error::ApiError, gateway, json_body::JsonBody, resource_group,
    revocation_list::NewList,
};
use crate::{
    api_version::ApiVersion,
    certificate,
    compile::{self, Compiled},
    extension::{Extensions, RevocationList},
    parse::{self, ParseContext, Parsed, PolicyContext},
    render,
    store::{Committed, NewRevocationList, Precondition, PutGateway, StoreError, StoredGateway},
    wire,
};

/// What a request makes of the stored gateway.
///
/// No `Debug`: documents carry private keys and passwords.
pub(super) enum Edit {
    /// Take one child out.
    DeleteChild(Collection, ResourceName),
    /// Take the client auth policy of an SSL profile away; the profile need not exist.
    DeletePolicy(ResourceName),
    /// Take one revocation list out: that of this trusted client certificate and name.
    DeleteRevocationList(ResourceName, ResourceName),
    /// Put one child in.
    PutChild(Collection, ResourceName, JsonBody),
    /// Replace the client auth policy of an SSL profile.
    PutPolicy(ResourceName, JsonBody),
    /// Put one revocation list in.
    PutRevocationList(NewList),
    /// Put in the whole document.
    Replace(JsonBody),
    /// Cease to serve (true), or serve again.
    Stop(bool),
    /// Replace the tags.
    Tags(JsonBody),
}

/// What a write did.
pub(super) struct Written {
    /// As the store says.
    pub(super) committed: Committed,
    /// Whether the child or extension that the request names was there before.
    pub(super) child_existed: bool,
}

impl Edit {
    /// Whether the child or extension that the edit is about is there; `None`: it is about the gateway itself.
    fn finds(&self, stored: Option<&StoredGateway>) -> Option<bool> {
        match self {
            Self::DeleteChild(collection, name) | Self::PutChild(collection, name, _) => {
                let child =
                    |stored| render::child(&gateway::facts(stored), *collection, name).is_some();
                Some(stored.is_some_and(child))
            }
            Self::DeletePolicy(profile) | Self::PutPolicy(profile, _) => {
                let policies = stored.map(|stored| stored.extensions.policies());
                Some(policies.is_some_and(|policies| policies.find(profile).is_some()))
            }
            Self::DeleteRevocationList(trusted, name)
            | Self::PutRevocationList(NewList { trusted, name, .. }) => {
                let lists = stored.map(|stored| stored.extensions.revocation_lists());
                Some(lists.is_some_and(|lists| lists.find(trusted, name).is_some()))
            }
            Self::Replace(_) | Self::Stop(_) | Self::Tags(_) => None,
        }
    }

    fn deletes(&self) -> bool {
        matches!(
            self,
            Self::DeleteChild(..) | Self::DeletePolicy(_) | Self::DeleteRevocationList(..)
        )
    }
}

/// Applies `edit`; `None`: the child or extension that is to be deleted does not exist.
///
/// # Errors
/// 400 with all violations; 404 without group or, for all but [`Edit::Replace`], without gateway; 412; 409 while the
/// gateway is being deleted or when other writers always come first.
pub(super) async fn apply(
    api: &Api,
    call: &Call,
    id: &GatewayId,
    edit: Edit,
) -> Result<Option<Written>, ApiError> {
    let permit = call.write()?;
    let wanted = call.precondition()?;
    let edit = Arc::new(edit);
    let _turn = api.store().turn(&id.key()).await;
    for attempt in 0..MAX_ATTEMPTS {
        let Some(draft) = Draft::read(api, call, id, &edit).await? else {
            return Ok(None);
        };
        let precondition = draft.precondition(&wanted)?;
        let child_existed = draft.finds.unwrap_or_default();
        let put = draft.prepare(api, call, precondition).await?;
        match api.store().put_gateway(permit, put).await {
            Ok(committed) => {
                return Ok(Some(Written {
                    committed,
                    child_existed,
                }));
            }
            Err(StoreError::Conflict { .. }) => tokio::time::sleep(pause(attempt)).await,
            Err(StoreError::NotFound { .. }) => return Err(resource_group::not_found(id.group())),
            Err(error) => return Err(error.into()),
        }
    }
    Err(StoreError::Conflict { id: id.to_string() }.into())
}

/// One attempt: what was read, and what shall become of it.
struct Draft {
    /// With the casing of its creation.
    id: GatewayId,
    stored: Option<StoredGateway>,
    edit: Arc<Edit>,
    /// Whether the child or extension that the edit is about is there; `None`: it is about the gateway itself.
    finds: Option<bool>,
}

/// What came of a draft.
struct Prepared {
    draft: Draft,
    parsed: Parsed,
    extensions: Extensions,
    new_list: Option<NewRevocationList>,
    /// The newer list that a new one replaces because the caller says so.
    rolled_back: Option<RevocationList>,
    compiled: Compiled,
    stopped: bool,
}

impl Draft {
    /// `None`: the child or policy that is to be deleted does not exist.
    async fn read(
        api: &Api,
        call: &Call,
        id: &GatewayId,
        edit: &Arc<Edit>,
    ) -> Result<Option<Self>, ApiError> {
        let stored = api.store().find_gateway(call.read(), id).await?;
        let id = if let Some(stored) = &stored {
            stored.id.clone()
        } else {
            let group = resource_group::load(api, call, id.group()).await?;
            GatewayId::new(group.id, id.name().clone())
        };
        let finds = edit.finds(stored.as_ref());
        match (edit.as_ref(), &stored, finds) {
            (_, None, Some(_)) => return Err(gateway::parent_not_found(&id)),
            (Edit::Stop(_) | Edit::Tags(_), None, None) => return Err(gateway::not_found(&id)),
            (Edit::PutPolicy(profile, _), Some(stored), _) if !has_profile(stored, profile) => {
                let profile = id.child(Collection::SSL_PROFILES, profile.clone());
                return Err(child::parent_not_found(&profile));
            }
            (edit, Some(_), Some(false)) if edit.deletes() => return Ok(None),
            _ => {}
        }
        tracing::debug!(gateway = %id, correlation_id = call.context.correlation_id, "writing");
        Ok(Some(Self {
            id,
            stored,
            edit: Arc::clone(edit),
            finds,
        }))
    }

    /// What the store shall demand of the gateway. A child or policy is there or not on its own account; its ETag is the
    /// gateway's.
    fn precondition(&self, wanted: &Precondition) -> Result<Precondition, ApiError> {
        let Some(exists) = self.finds else {
            return Ok(wanted.clone());
        };
        match wanted {
            Precondition::Absent if !exists => Ok(Precondition::None),
            Precondition::ETag(_) | Precondition::Exists if exists => Ok(wanted.clone()),
            Precondition::None => Ok(Precondition::None),
            Precondition::Absent => Err(ApiError::precondition_failed(
                "The resource exists, and If-None-Match demands that it does not.",
            )),
            Precondition::ETag(_) | Precondition::Exists => Err(ApiError::precondition_failed(
                "The resource does not exist, and If-Match demands that it does.",
            )),
        }
    }

    /// Parses and compiles, off the runtime's threads: opening a PFX file may take long. Nobody can stop that, so the
    /// thread keeps its permit until it is done, whatever becomes of the request.
    async fn prepare(
        self,
        api: &Api,
        call: &Call,
        precondition: Precondition,
    ) -> Result<PutGateway, ApiError> {
        let api_version = call.api_version()?;
        let permit = api.load.parse().await?;
        let abandoned = Abandoned::default();
        let flag = Arc::clone(&abandoned.0);
        let now = api.parts.clock.now();
        let parsed = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            self.carry_out(now, &api_version, &flag)
        });
        let prepared = match tokio::time::timeout(PARSE_DEADLINE, parsed).await {
            Ok(Ok(prepared)) => prepared?,
            // The panic guard of the request counts and answers it.
            Ok(Err(error)) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            Ok(Err(error)) => return Err(ApiError::internal(error)),
            Err(_elapsed) => return Err(too_expensive()),
        };
        prepared.log_rollback();
        let now = api.parts.clock.now();
        let new_list = prepared.new_list;
        let travel = travel_time(new_list.as_ref());
        let stored = prepared.draft.stored;
        Ok(PutGateway {
            id: prepared.draft.id,
            document: prepared.parsed.document,
            extensions: prepared.extensions,
            new_list,
            secrets: prepared.parsed.secrets,
            keys: prepared.parsed.keys,
            compiled: prepared.compiled,
            stopped: prepared.stopped,
            expected_generation: stored.map(|stored| stored.generation),
            precondition,
            correlation_id: call.context.correlation_id.clone(),
            now,
            deadline: now + api.parts.operation_deadline + travel,
        })
    }

    /// Blocks.
    fn carry_out(
        self,
        now: OffsetDateTime,
        api_version: &ApiVersion,
        abandoned: &AtomicBool,
    ) -> Result<Prepared, ApiError> {
        let extensions = self.extensions()?;
        let parsed = self.parse(api_version, &extensions, abandoned)?;
        let (extensions, rolled_back) = self.advanced(now, extensions, &parsed)?;
        let (stopped, compiled) = self.compile(&parsed, &extensions);
        let new_list = match self.edit.as_ref() {
            Edit::PutRevocationList(new) => Some(NewRevocationList {
                sha256: certificate::sha256(&new.der),
                der: new.der.clone(),
            }),
            Edit::DeleteChild(..)
            | Edit::DeletePolicy(_)
            | Edit::DeleteRevocationList(..)
            | Edit::PutChild(..)
            | Edit::PutPolicy(..)
            | Edit::Replace(_)
            | Edit::Stop(_)
            | Edit::Tags(_) => None,
        };
        Ok(Prepared {
            draft: self,
            parsed,
            extensions,
            new_list,
            rolled_back,
            compiled,
            stopped,
        })
    }

    fn parse(
        &self,
        api_version: &ApiVersion,
        extensions: &Extensions,
        abandoned: &AtomicBool,
    ) -> Result<Parsed, ApiError> {
        let stored = self.stored.as_ref().map(|stored| &stored.document);
        let context = ParseContext {
            id: &self.id,
            api_version,
            stored,
            policies: extensions.policies(),
            abandoned,
        };
        let body = match (self.edit.as_ref(), stored) {
            (Edit::Replace(body), _) => Cow::Borrowed(&**body),
            (_, None) => return Err(gateway::not_found(&self.id)),
            (Edit::DeleteChild(collection, name), Some(stored)) => {
                let without = parse::without_child(stored, *collection, name);
                Cow::Owned(without.ok_or_else(|| gateway::not_found(&self.id))?)
            }
            (Edit::PutChild(collection, name, body), Some(stored)) => {
                Cow::Owned(parse::with_child(stored, *collection, name, body)?)
            }
            // The document stays; its tags put in place of its tags make it a request body.
            (
                Edit::DeletePolicy(_)
                | Edit::DeleteRevocationList(..)
                | Edit::PutPolicy(..)
                | Edit::PutRevocationList(_)
                | Edit::Stop(_),
                Some(stored),
            ) => {
                let tags = json!({ "tags": stored.get("tags") });
                Cow::Owned(parse::with_tags(stored, &tags)?)
            }
            (Edit::Tags(body), Some(stored)) => Cow::Owned(parse::with_tags(stored, body)?),
        };
        let parsed = parse::application_gateway(&context, &body);
        if let Cow::Owned(mut merged) = body {
            wire::wipe(&mut merged);
        }
        Ok(parsed?)
    }

    /// What is stored beside the document and decides how it is read, after the edit.
    fn extensions(&self) -> Result<Extensions, ApiError> {
        let Some(stored) = &self.stored else {
            return Ok(Extensions::default());
        };
        let extensions = stored.extensions.clone();
        Ok(match self.edit.as_ref() {
            Edit::DeletePolicy(profile) => extensions.without_policy(profile),
            Edit::PutPolicy(profile, body) => {
                let context = PolicyContext {
                    gateway: &self.id,
                    profile,
                    document: &stored.document,
                    policies: stored.extensions.policies(),
                };
                extensions.with_policy(profile, parse::client_auth_policy(&context, body)?)
            }
            Edit::DeleteChild(..)
            | Edit::DeleteRevocationList(..)
            | Edit::PutChild(..)
            | Edit::PutRevocationList(_)
            | Edit::Replace(_)
            | Edit::Stop(_)
            | Edit::Tags(_) => extensions,
        })
    }

    /// With the revocation lists after the edit and the trust epochs of the generation that the write makes; and the
    /// newer list that a new one replaces because the caller says so.
    fn advanced(
        &self,
        now: OffsetDateTime,
        extensions: Extensions,
        parsed: &Parsed,
    ) -> Result<(Extensions, Option<RevocationList>), ApiError> {
        let stored = self.stored.as_ref();
        let generation = stored.map_or(0, |stored| stored.generation) + 1;
        let extensions = extensions.at(
            u64::try_from(generation).unwrap_or_default(),
            &compile::demands(&parsed.gateway),
        );
        let lists = extensions.revocation_lists().clone();
        match self.edit.as_ref() {
            Edit::DeleteRevocationList(trusted, name) => {
                let lists = lists.without(trusted, name);
                Ok((extensions.with_revocation_lists(lists), None))
            }
            Edit::PutRevocationList(new) => {
                let admitted = new.admit(now, &self.id, &parsed.document, &lists)?;
                let lists = lists.with(admitted.list);
                let extensions = extensions.with_revocation_lists(lists);
                Ok((extensions, admitted.rolled_back))
            }
            Edit::DeleteChild(..)
            | Edit::DeletePolicy(_)
            | Edit::PutChild(..)
            | Edit::PutPolicy(..)
            | Edit::Replace(_)
            | Edit::Stop(_)
            | Edit::Tags(_) => Ok((extensions, None)),
        }
    }

    /// A stopped gateway stays stopped through all other changes.
    fn compile(&self, parsed: &Parsed, extensions: &Extensions) -> (bool, Compiled) {
        let stopped = match (self.edit.as_ref(), &self.stored) {
            (Edit::Stop(stop), _) => *stop,
            (_, stored) => stored.as_ref().is_some_and(|stored| stored.stopped),
        };
        (
            stopped,
            if stopped {
                compile::stopped(&self.id)
            } else {
                compile::snapshot(&parsed.gateway, extensions)
            },
        )
    }
}

fn has_profile(stored: &StoredGateway, profile: &ResourceName) -> bool {
    let facts = gateway::facts(stored);
    render::child(&facts, Collection::SSL_PROFILES, profile).is_some()
}

impl Prepared {
    /// For the audit: who reads the log can tell that older evidence is in force again, and by whose request.
    fn log_rollback(&self) {
        if let Some(newer) = &self.rolled_back {
            tracing::warn!(
                gateway_id = %self.draft.id,
                trusted_client_certificate = %newer.trusted,
                revocation_list = %newer.name,
                newer_number = newer.head.number.as_ref().map(tracing::field::display),
                newer_sha256 = hex::encode(newer.head.sha256),
                "a revocation list is rolled back as the caller demands"
            );
        }
    }
}

/// What workers have for a large list beyond the usual deadline: a second for each megabyte.
fn travel_time(list: Option<&NewRevocationList>) -> Duration {
    let bytes = list.map_or(0, |list| list.der.len());
    Duration::from_secs(bytes as u64 / 1_000_000)
}

/// Tells a parse that its request has ended.
#[derive(Default)]
struct Abandoned(Arc<AtomicBool>);

impl Drop for Abandoned {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// 400: clients repeat 5xx answers, and repeating would cost the same again.
fn too_expensive() -> ApiError {
    let message = "Opening the certificates of the request takes too long. Export PFX files with fewer iterations.";
    ApiError::bad_request("RequestTooExpensive", message)
}

/// Writers of other replicas are waited out at random, longer each time, up to a quarter of a second.
fn pause(attempt: u32) -> Duration {
    let ceiling = 5_u64.saturating_mul(1 << attempt.min(6)).min(250);
    Duration::from_millis(fastrand::u64(1..=ceiling))
}

const MAX_ATTEMPTS: u32 = 20;
/// A hundred ordinary PFX files take a second.
const PARSE_DEADLINE: Duration = Duration::from_secs(20);

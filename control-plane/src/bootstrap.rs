//! The first owner: without one nobody could ever say who may what.
//!
//! When no principal is `Owner` of everything, the start makes one: the service principal `bootstrap`, with a secret from
//! settings or a random one. A random secret is written to `bootstrap.json` in the state directory (mode 0600), and nowhere
//! else. An installation that has an owner is left alone, so the file can be deleted and the principal, too, once there is
//! another owner.

use std::{
    io,
    path::{Path, PathBuf},
};

use serde_json::json;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::{
    access::Scope,
    credential::{Password, PasswordError},
    permit::{Permit, Write},
    principal::Principal,
    role::Role,
    settings::BootstrapSettings,
    store::{Credential, Proof, RoleAssignment, ServicePrincipal, Store, StoreError},
    tls::write_private,
};

/// Name of the file in the state directory: `{"tenantId", "clientId", "clientSecret"}`.
pub const FILE: &str = "bootstrap.json";

/// Why there is no first owner.
#[derive(Debug, thiserror::Error)]
pub enum BootstrapError {
    /// The file with the secret cannot be written.
    #[error("cannot write {file}")]
    File {
        /// Which.
        file: PathBuf,
        /// What the file system says.
        #[source]
        source: io::Error,
    },
    /// A password cannot be made or hashed.
    #[error("cannot make the first owner's secret")]
    Password(#[from] PasswordError),
    /// The database.
    #[error("cannot store the first owner")]
    Store(#[from] StoreError),
}

/// Makes the first owner where there is none.
///
/// # Errors
/// [`BootstrapError`]; running it again is right.
pub async fn ensure_owner(
    store: &Store,
    settings: &BootstrapSettings,
    state_dir: &Path,
    tenant: &str,
    now: OffsetDateTime,
) -> Result<(), BootstrapError> {
    if store.has_owner().await? {
        return Ok(());
    }
    let permit = Permit::for_installation("Portcullis.Security/bootstrap/action");
    if let Some(principal) = &settings.principal {
        assign_owner(store, &permit, &principal.issuer, &principal.id, now).await?;
        tracing::info!(
            issuer = principal.issuer,
            principal = principal.id,
            "the first owner is the principal of the settings"
        );
        return Ok(());
    }
    let principal = put_principal(store, &permit, settings, now).await?;
    let (password, generated) = match &settings.secret {
        Some(secret) => (secret.clone(), false),
        None => (Password::generate()?, true),
    };
    add_password(store, &permit, &principal, &password, now).await?;
    if generated {
        write_secret(&state_dir.join(FILE), tenant, &principal, &password)?;
    }
    assign_owner(store, &permit, Principal::BUILT_IN, &principal.id, now).await?;
    let client_id = principal.application_id;
    if generated {
        let file = state_dir.join(FILE);
        tracing::info!(tenant, client_id, file = %file.display(), "the first owner was made; its secret is in the file");
    } else {
        tracing::info!(
            tenant,
            client_id,
            "the first owner was made, with the secret of the settings"
        );
    }
    Ok(())
}

async fn put_principal(
    store: &Store,
    permit: &Permit<Write>,
    settings: &BootstrapSettings,
    now: OffsetDateTime,
) -> Result<ServicePrincipal, StoreError> {
    let client_id = settings.client_id.unwrap_or_else(Uuid::new_v4);
    let wanted = ServicePrincipal {
        id: Uuid::new_v4().to_string(),
        name: NAME.to_owned(),
        display_name: NAME.to_owned(),
        application_id: client_id.to_string(),
        created_at: now,
        updated_at: now,
    };
    let (stored, _new) = store.put_service_principal(permit, &wanted).await?;
    Ok(stored)
}

async fn add_password(
    store: &Store,
    permit: &Permit<Write>,
    principal: &ServicePrincipal,
    password: &Password,
    now: OffsetDateTime,
) -> Result<(), BootstrapError> {
    let hashing = password.clone();
    let hash = tokio::task::spawn_blocking(move || hashing.hash()).await;
    let credential = Credential {
        id: Uuid::new_v4().to_string(),
        display_name: NAME.to_owned(),
        proof: Proof::Password {
            hash: hash.unwrap_or(Err(PasswordError::Hash))?,
            hint: password.hint(),
        },
        starts_at: now,
        ends_at: now + LIFETIME,
    };
    let added = store
        .add_credential(permit, principal, &credential, now)
        .await?;
    if added {
        return Ok(());
    }
    let id = format!("service principal {NAME}, which has too many credentials");
    Err(StoreError::Conflict { id }.into())
}

fn write_secret(
    file: &Path,
    tenant: &str,
    principal: &ServicePrincipal,
    password: &Password,
) -> Result<(), BootstrapError> {
    let content = zeroize::Zeroizing::new(format!(
        "{:#}\n",
        json!({
            "tenantId": tenant,
            "clientId": principal.application_id,
            "clientSecret": password.reveal(),
        })
    ));
    write_private(file, content.as_bytes()).map_err(|source| BootstrapError::File {
        file: file.to_owned(),
        source,
    })
}

async fn assign_owner(
    store: &Store,
    permit: &Permit<Write>,
    issuer: &str,
    principal: &str,
    now: OffsetDateTime,
) -> Result<(), StoreError> {
    let assignment = RoleAssignment {
        name: Uuid::new_v4().to_string(),
        scope: Scope::root(),
        issuer: issuer.to_owned(),
        principal_id: principal.to_owned(),
        principal_type: "ServicePrincipal".to_owned(),
        role: Role::Owner,
        description: "made at the first start".to_owned(),
        created_by: Principal::control_plane().id,
        created_at: now,
    };
    // Another replica may have been faster; then it is there all the same.
    store.add_role_assignment(permit, &assignment).await?;
    Ok(())
}

const NAME: &str = "bootstrap";
const LIFETIME: Duration = Duration::days(365);

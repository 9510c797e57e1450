//! The audit: events are added, read, and never changed.

use model::SubscriptionId;
use sqlx::{AnyConnection, FromRow};
use time::OffsetDateTime;

use super::{Listing, Store, StoreError, Writing, instant, micros};
use crate::{
    audit::{AuditEvent, AuditOutcome, AuditedChange},
    permit::{Permit, Read, Write},
};

/// An event as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEvent {
    /// Place in the chain, from 1 on without gaps.
    pub sequence: i64,
    /// [`AuditEvent::hash`] with the hash of the event before.
    pub hash: [u8; 32],
    /// What happened.
    pub event: AuditEvent,
}

/// Which events are asked for; all of what is given must hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditQuery {
    /// Those about resources of this subscription; `None`: of everything.
    pub subscription: Option<SubscriptionId>,
    /// From then on.
    pub from: OffsetDateTime,
    /// Until then.
    pub until: OffsetDateTime,
    /// ARM id, in any case: the resource and what lies below it.
    pub below: Option<String>,
    /// To the letter.
    pub correlation_id: Option<String>,
    /// Name or id of the principal, to the letter.
    pub caller: Option<String>,
    /// Those that did ([`AuditOutcome::Succeeded`]) or did not succeed.
    pub succeeded: Option<bool>,
    /// Older than the event with this sequence.
    pub before: Option<i64>,
    /// At most so many.
    pub limit: u32,
}

/// What is wrong with the chain of events.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BrokenChain {
    /// An event was changed, or one before it.
    #[error("the hash of audit event {0} does not fit its content and the event before it")]
    Hash(i64),
    /// An event is missing.
    #[error("audit event {0} is missing")]
    Missing(i64),
    /// The last event is not the one that the head names.
    #[error(
        "the audit's head does not name the last event: events were removed at the end, or the head was changed"
    )]
    Head,
}

impl Store {
    /// Adds an event that belongs to no other write.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn record_audit(&self, event: &AuditEvent) -> Result<(), StoreError> {
        let mut writing = self.begin().await?;
        let (sequence, hash) = append(writing.connection(), event).await?;
        writing.commit().await?;
        event.log(sequence, &hash);
        Ok(())
    }

    /// Lists events that the caller may see, newest first.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    pub async fn list_audit(
        &self,
        permit: &Permit<Read>,
        query: &AuditQuery,
    ) -> Result<Listing<StoredEvent>, StoreError> {
        let mut connection = self.reader.acquire().await?;
        let mut found = Vec::new();
        let mut before = query.before.unwrap_or(i64::MAX);
        let wanted = usize::try_from(query.limit).unwrap_or(usize::MAX);
        while found.len() <= wanted {
            let rows = list(&mut connection, query, before).await?;
            let Some(last) = rows.last() else { break };
            before = last.sequence;
            for row in rows {
                if permit.covers(&row.resource_key) {
                    found.push(row.into_event()?);
                }
            }
        }
        Ok(Listing::cut(found, query.limit, |event| {
            event.sequence.to_string()
        }))
    }

    /// Checks the whole chain; the number of events.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`]; the inner error names the first event that does not fit.
    pub async fn verify_audit(&self) -> Result<Result<i64, BrokenChain>, StoreError> {
        let mut connection = self.reader.acquire().await?;
        let (mut sequence, mut hash) = (0, [0; 32]);
        loop {
            let rows = list_after(&mut connection, sequence).await?;
            if rows.is_empty() {
                break;
            }
            for row in rows {
                // The key is not hashed, and who may see the event goes by it.
                let is_placed = row.resource_key == key(&row.resource_id);
                let stored = row.into_event()?;
                if stored.sequence != sequence + 1 {
                    return Ok(Err(BrokenChain::Missing(sequence + 1)));
                }
                sequence += 1;
                hash = stored.event.hash(sequence, &hash);
                if hash != stored.hash || !is_placed {
                    return Ok(Err(BrokenChain::Hash(sequence)));
                }
            }
        }
        let head = find_head(&mut connection).await?;
        let fits = head.sequence == sequence && head.hash()? == hash;
        Ok(if fits {
            Ok(sequence)
        } else {
            Err(BrokenChain::Head)
        })
    }
}

impl Writing<'_> {
    /// Commits a caller's write together with its audit event.
    pub(super) async fn commit_change(
        mut self,
        permit: &Permit<Write>,
        change: AuditedChange,
    ) -> Result<(), StoreError> {
        let actor = permit.actor();
        let event = AuditEvent::of_change(actor, change);
        let (sequence, hash) = append(self.connection(), &event).await?;
        self.commit().await?;
        actor.mark_recorded();
        event.log(sequence, &hash);
        Ok(())
    }
}

/// Adds an event at the end of the chain; other writers wait until the transaction ends.
async fn append(
    connection: &mut AnyConnection,
    event: &AuditEvent,
) -> Result<(i64, [u8; 32]), StoreError> {
    let head = advance_head(connection).await?;
    let hash = event.hash(head.sequence, &head.hash()?);
    set_head(connection, &hash).await?;
    insert(connection, head.sequence, &hash, event).await?;
    Ok((head.sequence, hash))
}

#[derive(FromRow)]
struct HeadRow {
    sequence: i64,
    hash: String,
}

impl HeadRow {
    fn hash(&self) -> Result<[u8; 32], StoreError> {
        bytes(&self.hash)
    }
}

#[derive(FromRow)]
struct EventRow {
    sequence: i64,
    hash: String,
    at: i64,
    issuer: String,
    principal_id: String,
    principal_name: String,
    client: String,
    operation: String,
    resource_id: String,
    resource_key: String,
    correlation_id: String,
    outcome: String,
    status: i64,
    code: String,
    generation_before: Option<i64>,
    generation_after: Option<i64>,
}

impl EventRow {
    fn into_event(self) -> Result<StoredEvent, StoreError> {
        let corrupt = || StoreError::corrupt(format!("audit event {}", self.sequence));
        let event = AuditEvent {
            at: instant(self.at),
            outcome: AuditOutcome::parse(&self.outcome).ok_or_else(corrupt)?,
            status: u16::try_from(self.status).map_err(|_| corrupt())?,
            issuer: self.issuer,
            principal: self.principal_id,
            name: self.principal_name,
            client: self.client,
            operation: self.operation,
            resource: self.resource_id,
            correlation_id: self.correlation_id,
            code: self.code,
            before: self.generation_before,
            after: self.generation_after,
        };
        Ok(StoredEvent {
            sequence: self.sequence,
            hash: bytes(&self.hash)?,
            event,
        })
    }
}

fn bytes(hash: &str) -> Result<[u8; 32], StoreError> {
    let mut bytes = [0; 32];
    hex::decode_to_slice(hash, &mut bytes)
        .map_err(|_malformed| StoreError::corrupt("a hash of the audit"))?;
    Ok(bytes)
}

async fn find_head(connection: &mut AnyConnection) -> Result<HeadRow, sqlx::Error> {
    sqlx::query_as("select sequence, hash from audit_head where id = 1")
        .fetch_one(connection)
        .await
}

/// The sequence of the next event with the hash of the last one; locks the row.
async fn advance_head(connection: &mut AnyConnection) -> Result<HeadRow, sqlx::Error> {
    sqlx::query_as(
        "update audit_head set sequence = sequence + 1 where id = 1 returning sequence, hash",
    )
    .fetch_one(connection)
    .await
}

/// Waits for the end of every other write of the audit, and keeps others waiting until the transaction ends.
pub(super) async fn lock_head(connection: &mut AnyConnection) -> Result<(), sqlx::Error> {
    sqlx::query("update audit_head set sequence = sequence where id = 1")
        .execute(connection)
        .await?;
    Ok(())
}

async fn set_head(connection: &mut AnyConnection, hash: &[u8; 32]) -> Result<(), sqlx::Error> {
    sqlx::query("update audit_head set hash = $1 where id = 1")
        .bind(hex::encode(hash))
        .execute(connection)
        .await?;
    Ok(())
}

async fn insert(
    connection: &mut AnyConnection,
    sequence: i64,
    hash: &[u8; 32],
    event: &AuditEvent,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into audit_events (sequence, hash, at, issuer, principal_id, principal_name, client, operation, \
         resource_id, resource_key, correlation_id, outcome, status, code, generation_before, generation_after) \
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)",
    )
    .bind(sequence)
    .bind(hex::encode(hash))
    .bind(micros(event.at))
    .bind(&event.issuer)
    .bind(&event.principal)
    .bind(&event.name)
    .bind(&event.client)
    .bind(&event.operation)
    .bind(&event.resource)
    .bind(key(&event.resource))
    .bind(&event.correlation_id)
    .bind(event.outcome.as_str())
    .bind(i64::from(event.status))
    .bind(&event.code)
    .bind(event.before)
    .bind(event.after)
    .execute(connection)
    .await?;
    Ok(())
}

/// A part of what is asked for, newest first.
async fn list(
    connection: &mut AnyConnection,
    query: &AuditQuery,
    before: i64,
) -> Result<Vec<EventRow>, sqlx::Error> {
    let subscription = query.subscription.as_ref();
    let subscription =
        subscription.map_or_else(String::new, |id| key(&format!("/subscriptions/{id}")));
    let below = query.below.as_deref().map(key).unwrap_or_default();
    let succeeded = match query.succeeded {
        None => "",
        Some(true) => "yes",
        Some(false) => "no",
    };
    sqlx::query_as(
        "select * from audit_events where sequence < $1 and at >= $2 and at <= $3 \
         and ($4 = '' or resource_key = $4 or substr(resource_key, 1, length($4) + 1) = $4 || '/') \
         and ($5 = '' or resource_key = $5 or substr(resource_key, 1, length($5) + 1) = $5 || '/') \
         and ($6 = '' or correlation_id = $6) \
         and ($8 = '' or principal_id = $8 or principal_name = $8) \
         and ($9 = '' or ($9 = 'yes') = (outcome = 'Succeeded')) \
         order by sequence desc limit $7",
    )
    .bind(before)
    .bind(micros(query.from))
    .bind(micros(query.until))
    .bind(subscription)
    .bind(below)
    .bind(query.correlation_id.clone().unwrap_or_default())
    .bind(PART)
    .bind(query.caller.clone().unwrap_or_default())
    .bind(succeeded)
    .fetch_all(connection)
    .await
}

async fn list_after(
    connection: &mut AnyConnection,
    sequence: i64,
) -> Result<Vec<EventRow>, sqlx::Error> {
    sqlx::query_as("select * from audit_events where sequence > $1 order by sequence limit $2")
        .bind(sequence)
        .bind(PART)
        .fetch_all(connection)
        .await
}

/// As scopes are compared.
fn key(resource: &str) -> String {
    resource.trim_end_matches('/').to_ascii_lowercase()
}

/// Rows that are read at a time.
const PART: i64 = 500;

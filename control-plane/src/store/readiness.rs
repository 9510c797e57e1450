//! Readiness reports, added up.

use model::ResourceName;
use sqlx::{AnyConnection, FromRow};
use time::OffsetDateTime;

use super::{Listing, Store, StoreError, check_reach, instant, micros, worker::unless_gone};
use crate::{
    audit::AuditedChange,
    permit::{Permit, Read, Write},
    readiness::{Readiness, ReadinessEntry, ReadinessReport, WouldRefuse},
};

/// Entries of a profile; the oldest go when there are more.
const MAX_ENTRIES: i64 = 10_000;

/// Profiles of a gateway with a report, whether they still exist or not; as many as it may have.
const MAX_PROFILES: i64 = 100;

impl Store {
    /// Adds what a worker reports about a gateway (lower-case ARM id) to what is known. Ignored when the gateway is gone.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn add_readiness(
        &self,
        gateway: &str,
        report: &ReadinessReport,
        now: OffsetDateTime,
    ) -> Result<(), StoreError> {
        let mut writing = self.begin().await?;
        let subject = Subject::of(gateway, &report.profile);
        let connection = writing.connection();
        if !unless_gone(add_counts(connection, &subject, report, micros(now)).await)? {
            return Ok(());
        }
        for refusal in &report.refusals {
            add_entry(connection, &subject, refusal).await?;
        }
        let evicted: i64 = delete_oldest(connection, &subject).await?.iter().sum();
        if evicted > 0 {
            add_unlisted(connection, &subject, evicted).await?;
        }
        delete_other_profiles(connection, &subject).await?;
        writing.commit().await
    }

    /// What workers reported about an SSL profile; `None`: nothing ever.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn find_readiness(
        &self,
        permit: &Permit<Read>,
        gateway: &str,
        profile: &ResourceName,
    ) -> Result<Option<Readiness>, StoreError> {
        check_reach(permit, gateway)?;
        let mut connection = self.reader.acquire().await?;
        let row = find_counts(&mut connection, &Subject::of(gateway, profile)).await?;
        Ok(row.map(CountsRow::into_readiness))
    }

    /// The entries of a report, newest first.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    pub async fn list_readiness(
        &self,
        permit: &Permit<Read>,
        gateway: &str,
        profile: &ResourceName,
        after: &ReadinessPosition,
        limit: u32,
    ) -> Result<Listing<ReadinessEntry>, StoreError> {
        check_reach(permit, gateway)?;
        let mut connection = self.reader.acquire().await?;
        let subject = Subject::of(gateway, profile);
        let rows = list_entries(&mut connection, &subject, after, limit.saturating_add(1)).await?;
        let entries = rows.into_iter().map(EntryRow::into_entry);
        let entries = entries.collect::<Result<Vec<_>, _>>()?;
        Ok(Listing::cut(entries, limit, ReadinessPosition::token))
    }

    /// Forgets what was reported about an SSL profile and counts anew.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn reset_readiness(
        &self,
        permit: &Permit<Write>,
        gateway: &str,
        profile: &ResourceName,
        now: OffsetDateTime,
    ) -> Result<(), StoreError> {
        check_reach(permit, gateway)?;
        let subject = Subject::of(gateway, profile);
        let nothing = ReadinessReport {
            profile: profile.clone(),
            accepted: 0,
            refusals: Vec::new(),
            unlisted: 0,
        };
        let mut writing = self.begin().await?;
        let connection = writing.connection();
        delete_counts(connection, &subject).await?;
        if unless_gone(add_counts(connection, &subject, &nothing, micros(now)).await)? {
            writing
                .commit_change(permit, AuditedChange::at(now))
                .await?;
        }
        Ok(())
    }
}

/// What a report is about, as stored.
struct Subject {
    gateway: String,
    profile: String,
}

impl Subject {
    fn of(gateway: &str, profile: &ResourceName) -> Self {
        Self {
            gateway: gateway.to_owned(),
            profile: profile.as_str().to_ascii_lowercase(),
        }
    }
}

/// A place in the list of entries: those after it are older, or as old and of a greater certificate or reason. The
/// default is before all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadinessPosition {
    last_seen: i64,
    certificate: Vec<u8>,
    reason: String,
}

impl Default for ReadinessPosition {
    fn default() -> Self {
        Self {
            last_seen: i64::MAX,
            certificate: Vec::new(),
            reason: String::new(),
        }
    }
}

impl ReadinessPosition {
    fn token(entry: &ReadinessEntry) -> String {
        let certificate = entry.certificate.map(hex::encode).unwrap_or_default();
        format!("{}:{certificate}:{}", micros(entry.last_seen), entry.reason)
    }

    /// Reads [`Listing::next`]; `None`: it is none.
    pub fn parse(token: &str) -> Option<Self> {
        let (last_seen, rest) = token.split_once(':')?;
        let (certificate, reason) = rest.split_once(':')?;
        Some(Self {
            last_seen: last_seen.parse().ok()?,
            certificate: hex::decode(certificate).ok()?,
            reason: reason.to_owned(),
        })
    }
}

#[derive(FromRow)]
struct CountsRow {
    accepted: i64,
    refused: i64,
    unlisted: i64,
    since: i64,
}

impl CountsRow {
    fn into_readiness(self) -> Readiness {
        Readiness {
            accepted: self.accepted,
            refused: self.refused,
            unlisted: self.unlisted,
            since: instant(self.since),
        }
    }
}

#[derive(FromRow)]
struct EntryRow {
    certificate: Vec<u8>,
    reason: String,
    subject: String,
    issuer: String,
    serial: String,
    detail: String,
    count: i64,
    first_seen: i64,
    last_seen: i64,
}

impl EntryRow {
    fn into_entry(self) -> Result<ReadinessEntry, StoreError> {
        let certificate = match self.certificate.as_slice() {
            [] => None,
            bytes => {
                let sha256 = bytes.try_into();
                Some(sha256.map_err(|_| StoreError::corrupt("a readiness entry"))?)
            }
        };
        Ok(ReadinessEntry {
            certificate,
            subject: self.subject,
            issuer: self.issuer,
            serial: self.serial,
            reason: self.reason,
            detail: self.detail,
            count: self.count,
            first_seen: instant(self.first_seen),
            last_seen: instant(self.last_seen),
        })
    }
}

async fn add_counts(
    connection: &mut AnyConnection,
    subject: &Subject,
    report: &ReadinessReport,
    now: i64,
) -> Result<(), sqlx::Error> {
    let listed: i64 = report
        .refusals
        .iter()
        .map(|refusal| i64::from(refusal.count))
        .sum();
    sqlx::query(
        "insert into readiness (gateway_id, profile, accepted, refused, unlisted, since, updated_at) \
         values ($1, $2, $3, $4, $5, $6, $7) on conflict (gateway_id, profile) do update set \
         accepted = readiness.accepted + excluded.accepted, refused = readiness.refused + excluded.refused, \
         unlisted = readiness.unlisted + excluded.unlisted, updated_at = excluded.updated_at",
    )
    .bind(&subject.gateway)
    .bind(&subject.profile)
    .bind(i64::from(report.accepted))
    .bind(listed + i64::from(report.unlisted))
    .bind(i64::from(report.unlisted))
    .bind(now)
    .bind(now)
    .execute(connection)
    .await?;
    Ok(())
}

async fn add_unlisted(
    connection: &mut AnyConnection,
    subject: &Subject,
    evicted: i64,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "update readiness set unlisted = unlisted + $1 where gateway_id = $2 and profile = $3",
    )
    .bind(evicted)
    .bind(&subject.gateway)
    .bind(&subject.profile)
    .execute(connection)
    .await?;
    Ok(())
}

async fn add_entry(
    connection: &mut AnyConnection,
    subject: &Subject,
    refusal: &WouldRefuse,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into readiness_entries (gateway_id, profile, certificate, reason, subject, issuer, serial, detail, \
         count, first_seen, last_seen) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) \
         on conflict (gateway_id, profile, certificate, reason) do update set \
         subject = excluded.subject, issuer = excluded.issuer, serial = excluded.serial, detail = excluded.detail, \
         count = readiness_entries.count + excluded.count, \
         first_seen = case when excluded.first_seen < readiness_entries.first_seen \
           then excluded.first_seen else readiness_entries.first_seen end, \
         last_seen = case when excluded.last_seen > readiness_entries.last_seen \
           then excluded.last_seen else readiness_entries.last_seen end",
    )
    .bind(&subject.gateway)
    .bind(&subject.profile)
    .bind(refusal.certificate.map(|sha256| sha256.to_vec()).unwrap_or_default())
    .bind(&refusal.reason)
    .bind(&refusal.subject)
    .bind(&refusal.issuer)
    .bind(&refusal.serial)
    .bind(&refusal.detail)
    .bind(i64::from(refusal.count))
    .bind(micros(refusal.last_seen))
    .bind(micros(refusal.last_seen))
    .execute(connection)
    .await?;
    Ok(())
}

/// Deletes the oldest entries of a profile that has too many, and tells their counts.
async fn delete_oldest(
    connection: &mut AnyConnection,
    subject: &Subject,
) -> Result<Vec<i64>, sqlx::Error> {
    sqlx::query_scalar(
        "delete from readiness_entries where gateway_id = $1 and profile = $2 and (certificate, reason) in \
         (select certificate, reason from readiness_entries where gateway_id = $3 and profile = $4 \
          order by last_seen desc, certificate, reason limit 1000000 offset $5) returning count",
    )
    .bind(&subject.gateway)
    .bind(&subject.profile)
    .bind(&subject.gateway)
    .bind(&subject.profile)
    .bind(MAX_ENTRIES)
    .fetch_all(connection)
    .await
}

/// Deletes what was reported about the profiles that nobody reported about for longest, where there are too many.
async fn delete_other_profiles(
    connection: &mut AnyConnection,
    subject: &Subject,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "delete from readiness where gateway_id = $1 and profile in \
         (select profile from readiness where gateway_id = $2 and profile <> $3 \
          order by updated_at desc, profile limit 1000000 offset $4)",
    )
    .bind(&subject.gateway)
    .bind(&subject.gateway)
    .bind(&subject.profile)
    .bind(MAX_PROFILES - 1)
    .execute(connection)
    .await?;
    Ok(())
}

async fn delete_counts(
    connection: &mut AnyConnection,
    subject: &Subject,
) -> Result<(), sqlx::Error> {
    sqlx::query("delete from readiness where gateway_id = $1 and profile = $2")
        .bind(&subject.gateway)
        .bind(&subject.profile)
        .execute(connection)
        .await?;
    Ok(())
}

async fn find_counts(
    connection: &mut AnyConnection,
    subject: &Subject,
) -> Result<Option<CountsRow>, sqlx::Error> {
    sqlx::query_as(
        "select accepted, refused, unlisted, since from readiness where gateway_id = $1 and profile = $2",
    )
    .bind(&subject.gateway)
    .bind(&subject.profile)
    .fetch_optional(connection)
    .await
}

async fn list_entries(
    connection: &mut AnyConnection,
    subject: &Subject,
    after: &ReadinessPosition,
    limit: u32,
) -> Result<Vec<EntryRow>, sqlx::Error> {
    sqlx::query_as(
        "select certificate, reason, subject, issuer, serial, detail, count, first_seen, last_seen \
         from readiness_entries where gateway_id = $1 and profile = $2 and (last_seen < $3 \
         or (last_seen = $4 and (certificate, reason) > ($5, $6))) \
         order by last_seen desc, certificate, reason limit $7",
    )
    .bind(&subject.gateway)
    .bind(&subject.profile)
    .bind(after.last_seen)
    .bind(after.last_seen)
    .bind(&after.certificate)
    .bind(&after.reason)
    .bind(i64::from(limit))
    .fetch_all(connection)
    .await
}

-- What workers report of SSL profiles in report-only mode: what Strict would accept and refuse.

create table readiness (
    gateway_id text not null,
    -- Lower-case name of the SSL profile, which may be gone.
    profile text not null,
    -- Handshakes that Strict would have accepted, and refused.
    accepted bigint not null,
    refused bigint not null,
    -- Of the refused ones, those in no entry.
    unlisted bigint not null,
    -- When the counting began.
    since bigint not null,
    updated_at bigint not null,
    constraint readiness_pk primary key (gateway_id, profile),
    constraint readiness_gateway_fk foreign key (gateway_id) references gateways (id) on delete cascade
);

-- Refusals by certificate and reason; the oldest go when there are too many.
create table readiness_entries (
    gateway_id text not null,
    profile text not null,
    -- SHA-256; no bytes: no certificate was shown, or none that could be read.
    certificate bytea not null,
    reason text not null,
    -- Of the certificate, and about the newest refusal; as the worker told them.
    subject text not null,
    issuer text not null,
    serial text not null,
    detail text not null,
    count bigint not null,
    first_seen bigint not null,
    last_seen bigint not null,
    constraint readiness_entries_pk primary key (gateway_id, profile, certificate, reason),
    constraint readiness_entries_fk foreign key (gateway_id, profile)
        references readiness (gateway_id, profile) on delete cascade
);

create index readiness_entries_by_age on readiness_entries (gateway_id, profile, last_seen);

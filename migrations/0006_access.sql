-- Who may do what, and what was done.

-- Principals that the control plane keeps itself.
create table service_principals (
    -- Object id, a GUID in lower case.
    id text not null,
    -- Lower case; the name in paths.
    name text not null,
    display_name text not null,
    -- Client id, a GUID in lower case.
    application_id text not null,
    created_at bigint not null,
    updated_at bigint not null,
    constraint service_principals_pk primary key (id),
    constraint service_principals_name_unique unique (name),
    constraint service_principals_application_unique unique (application_id)
);

-- How a service principal proves who it is.
create table credentials (
    -- A GUID in lower case.
    id text not null,
    principal_id text not null,
    display_name text not null,
    -- Passwords: argon2id in PHC form. Nothing of the secret is kept but the hint.
    password_hash text,
    -- Passwords: their first three characters, for people.
    hint text,
    -- Certificates: DER.
    certificate bytea,
    -- From then on it is good.
    starts_at bigint not null,
    -- From then on it is not.
    ends_at bigint not null,
    created_at bigint not null,
    constraint credentials_pk primary key (id),
    constraint credentials_principal_fk foreign key (principal_id) references service_principals (id) on delete cascade,
    constraint credentials_one_kind check ((password_hash is null) <> (certificate is null)),
    constraint credentials_hint check ((password_hash is null) = (hint is null))
);

create index credentials_by_principal on credentials (principal_id);

-- Signed assertions that were used, so that each is good once.
create table used_assertions (
    -- SHA-256 of the assertion.
    id bytea not null,
    ends_at bigint not null,
    constraint used_assertions_pk primary key (id)
);

create table role_assignments (
    -- Lower case ARM id of the scope without a slash at the end; everything is the empty text.
    scope text not null,
    -- Name of the assignment, a GUID in lower case.
    name text not null,
    -- Name of the issuer of the principal's tokens.
    issuer text not null,
    principal_id text not null,
    -- ServicePrincipal, User or Group, as the caller says.
    principal_type text not null,
    -- GUID of the role's definition in lower case.
    role text not null,
    description text not null,
    -- The principal that made it.
    created_by text not null,
    created_at bigint not null,
    constraint role_assignments_pk primary key (scope, name),
    constraint role_assignments_unique unique (scope, issuer, principal_id, role)
);

create index role_assignments_by_principal on role_assignments (issuer, principal_id);

-- The end of the chain of audit events. Its one row is what writers queue for.
create table audit_head (
    id bigint not null,
    -- Of the last event; 0 before the first.
    sequence bigint not null,
    -- Of the last event, in hexadecimal; 64 zeros before the first.
    hash text not null,
    constraint audit_head_pk primary key (id),
    constraint audit_head_one_row check (id = 1)
);

insert into audit_head (id, sequence, hash)
values (1, 0, '0000000000000000000000000000000000000000000000000000000000000000');

-- Writes and denied requests; never changed, each with the hash of the one before in its own hash.
create table audit_events (
    sequence bigint not null,
    -- In hexadecimal.
    hash text not null,
    at bigint not null,
    -- Empty where there was no good token.
    issuer text not null,
    principal_id text not null,
    principal_name text not null,
    client text not null,
    operation text not null,
    resource_id text not null,
    -- The same in lower case, for queries.
    resource_key text not null,
    correlation_id text not null,
    outcome text not null,
    status bigint not null,
    code text not null,
    generation_before bigint,
    generation_after bigint,
    constraint audit_events_pk primary key (sequence),
    constraint audit_events_outcome check (outcome in ('Denied', 'Failed', 'Succeeded'))
);

create index audit_events_by_time on audit_events (at);

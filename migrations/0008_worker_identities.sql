-- Who may be a worker, and what each may see.

create table worker_identities (
    -- UUID, in certificates of the worker: an identity that is made anew under the same name is another one.
    id text not null,
    -- Lower-case name.
    name_key text not null,
    -- As in the worker's Hello.
    name text not null,
    -- JSON array of lower-case ARM ids without a slash at the end; everything is the empty text.
    scopes text not null,
    -- Of the newest certificate: upper-case hex, and its end.
    serial text,
    not_after bigint,
    -- Of the certificate that asked for the newest one: good until it ends, since the answer may have been lost.
    previous_serial text,
    -- When the worker joined first.
    joined_at bigint,
    -- When a session or a renewal of it began last.
    last_seen_at bigint,
    -- Set for good.
    revoked_at bigint,
    created_at bigint not null,
    updated_at bigint not null,
    constraint worker_identities_pk primary key (id),
    constraint worker_identities_name_unique unique (name_key),
    constraint worker_identities_certificate_complete check ((serial is null) = (not_after is null)),
    constraint worker_identities_joined_with_certificate check (serial is null or joined_at is not null)
);

-- The newest join token of each identity; it stays when it was used, so that a second use can be told apart.
create table join_tokens (
    identity_id text not null,
    -- SHA-256 of the secret.
    sha256 bytea not null,
    expires_at bigint not null,
    used_at bigint,
    -- SHA-256 of the public key (SubjectPublicKeyInfo) that it was used with.
    used_key bytea,
    created_at bigint not null,
    constraint join_tokens_pk primary key (identity_id),
    constraint join_tokens_identity_fk foreign key (identity_id) references worker_identities (id) on delete cascade,
    constraint join_tokens_use_complete check ((used_at is null) = (used_key is null))
);

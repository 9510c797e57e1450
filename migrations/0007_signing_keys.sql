-- Who this installation is, and the keys that sign the tokens of its built-in issuer.

create table installation (
    -- One row: 1.
    id bigint not null,
    -- A GUID, made once: the tenant that tokens and replies name.
    tenant_id text not null,
    created_at bigint not null,
    constraint installation_pk primary key (id),
    constraint installation_one_row check (id = 1)
);

-- One sequence of ES256 keys, sealed with the master key. The replicas agree on them by this table: who finds the next key
-- missing makes it, and the primary key lets one of them. The public key is computed from the sealed one, so that nobody
-- who can only write to the database can have a key of his own accepted. Deleting a row ends all tokens that its key
-- signed, within a minute.
create table signing_keys (
    -- Grows by one with each key.
    sequence bigint not null,
    -- 16 random bytes; in base64url the `kid` of tokens.
    id bytea not null,
    -- The private key (PKCS #8), sealed for tenant, sequence and id.
    sealed bytea not null,
    -- From then on the key signs; before, and while tokens of it can live, it only verifies.
    signs_from bigint not null,
    created_at bigint not null,
    constraint signing_keys_pk primary key (sequence),
    constraint signing_keys_id unique (id),
    constraint signing_keys_sequence_positive check (sequence > 0)
);

-- The ground: what customers configured, what is under way, and what the workers have applied.
--
-- The same text runs on Postgres and on SQLite. Ids are lower-case ARM resource ids; `display_id` and `name` keep the
-- casing of their creation. Times are microseconds since 1970-01-01 UTC; SHA-256 values are 32 raw bytes.

create table resource_groups (
    id text not null,
    display_id text not null,
    subscription text not null,
    name text not null,
    location text not null,
    -- JSON object of strings.
    tags text not null,
    created_at bigint not null,
    updated_at bigint not null,
    -- Set when its deletion began; the row goes when its last gateway is gone.
    deleted_at bigint,
    constraint resource_groups_pk primary key (id)
);

create index resource_groups_by_subscription on resource_groups (subscription, id);

create table gateways (
    id text not null,
    display_id text not null,
    subscription text not null,
    resource_group text not null,
    name text not null,
    -- Canonical JSON document. Never holds a secret.
    document text not null,
    -- Grows by one with each accepted change of the document, and with the deletion.
    generation bigint not null,
    -- As in the ETag header. Changes with each accepted write.
    etag text not null,
    -- Told apart from an earlier gateway of the same name by this.
    resource_guid text not null,
    provisioning_state text not null,
    -- 1 after the stop action.
    stopped bigint not null,
    created_at bigint not null,
    updated_at bigint not null,
    -- Set when its deletion began; the row goes when no worker serves it any more.
    deleted_at bigint,
    constraint gateways_pk primary key (id),
    constraint gateways_resource_group_fk foreign key (resource_group) references resource_groups (id),
    constraint gateways_generation_positive check (generation > 0),
    constraint gateways_stopped_flag check (stopped in (0, 1)),
    constraint gateways_provisioning_state_known
        check (provisioning_state in ('Updating', 'Deleting', 'Succeeded', 'Failed'))
);

create index gateways_by_resource_group on gateways (resource_group, id);
create index gateways_by_subscription on gateways (subscription, id);

-- Private keys, sealed with the master key. The envelope names the key that sealed it.
create table secrets (
    gateway_id text not null,
    -- Of the plain value.
    sha256 bytea not null,
    sealed bytea not null,
    -- 1: the current snapshot refers to it, so workers get it. 0: only the document does.
    in_snapshot bigint not null,
    created_at bigint not null,
    constraint secrets_pk primary key (gateway_id, sha256),
    constraint secrets_in_snapshot_flag check (in_snapshot in (0, 1)),
    constraint secrets_gateway_fk foreign key (gateway_id) references gateways (id) on delete cascade
);

-- What the current generation compiles to.
create table snapshots (
    gateway_id text not null,
    generation bigint not null,
    sha256 bytea not null,
    bytes bytea not null,
    created_at bigint not null,
    constraint snapshots_pk primary key (gateway_id, generation),
    constraint snapshots_gateway_fk foreign key (gateway_id) references gateways (id) on delete cascade
);

-- Certificate lists that the current snapshot refers to, by content.
create table blobs (
    gateway_id text not null,
    sha256 bytea not null,
    -- Number of portcullis.config.v1.BlobKind.
    kind bigint not null,
    bytes bytea not null,
    created_at bigint not null,
    constraint blobs_pk primary key (gateway_id, sha256),
    constraint blobs_gateway_fk foreign key (gateway_id) references gateways (id) on delete cascade
);

-- Long-running operations. They outlive the resource, so nothing refers to it.
create table operations (
    id text not null,
    resource_id text not null,
    display_id text not null,
    kind text not null,
    -- Of the gateway; 0 for a resource group.
    generation bigint not null,
    state text not null,
    -- JSON: code, message, target, details. Set exactly when the state is Failed or Canceled.
    error text,
    correlation_id text not null,
    created_at bigint not null,
    deadline bigint not null,
    ended_at bigint,
    constraint operations_pk primary key (id),
    constraint operations_kind_known check (kind in ('PutGateway', 'DeleteGateway', 'DeleteResourceGroup')),
    constraint operations_state_known check (state in ('InProgress', 'Succeeded', 'Failed', 'Canceled')),
    constraint operations_end_complete check ((state = 'InProgress') = (ended_at is null)),
    constraint operations_error_complete check ((state in ('Failed', 'Canceled')) = (error is not null))
);

create index operations_by_resource on operations (resource_id, state);
create index operations_by_state on operations (state, ended_at);

create table workers (
    id text not null,
    -- The connection that owns the row; a newer one takes it over.
    session text not null,
    version text not null,
    -- JSON: gateway_ids, scopes; lower-case ARM ids.
    subscription text not null,
    connected_at bigint not null,
    -- The worker counts until then.
    lease_until bigint not null,
    constraint workers_pk primary key (id)
);

-- What each worker said last about each gateway.
create table outcomes (
    worker_id text not null,
    gateway_id text not null,
    -- The newest generation in force on the worker; absent sha256: the gateway is not on the worker.
    applied_generation bigint,
    applied_sha256 bytea,
    applied_at bigint,
    -- The newest generation that the worker refused.
    refused_generation bigint,
    refused_resource text,
    refused_property text,
    refused_reason text,
    refused_at bigint,
    constraint outcomes_pk primary key (worker_id, gateway_id),
    constraint outcomes_worker_fk foreign key (worker_id) references workers (id) on delete cascade,
    constraint outcomes_gateway_fk foreign key (gateway_id) references gateways (id) on delete cascade,
    constraint outcomes_refusal_complete check ((refused_generation is null) = (refused_reason is null))
);

create index outcomes_by_gateway on outcomes (gateway_id);

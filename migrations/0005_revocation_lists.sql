-- Uploaded certificate revocation lists, by content. What is known about each, its name among it, stands in the gateway's
-- extensions; here are the bytes, which only workers get to see.

create table revocation_lists (
    gateway_id text not null,
    sha256 bytea not null,
    -- Of the DER, in bytes.
    size bigint not null,
    -- 1: the current snapshot refers to it, so workers get it.
    in_snapshot bigint not null,
    created_at bigint not null,
    constraint revocation_lists_pk primary key (gateway_id, sha256),
    constraint revocation_lists_in_snapshot_flag check (in_snapshot in (0, 1)),
    constraint revocation_lists_gateway_fk foreign key (gateway_id) references gateways (id) on delete cascade
);

-- The DER in parts of 256 KiB, the last one shorter: no reader needs more than one of them at a time.
create table revocation_list_parts (
    gateway_id text not null,
    sha256 bytea not null,
    -- From 0.
    position bigint not null,
    bytes bytea not null,
    constraint revocation_list_parts_pk primary key (gateway_id, sha256, position),
    constraint revocation_list_parts_fk foreign key (gateway_id, sha256)
        references revocation_lists (gateway_id, sha256) on delete cascade
);

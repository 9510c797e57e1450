-- Keys of TLS session tickets: one sequence for each gateway, sealed with the master key. The replicas agree on them by
-- this table: who finds the next key missing makes it, and the primary key lets one of them.

create table ticket_keys (
    gateway_id text not null,
    -- Grows by one with each key of the gateway.
    sequence bigint not null,
    -- 16 random bytes; names the key in tickets.
    id bytea not null,
    -- The secret, 32 bytes, sealed for gateway and id.
    sealed bytea not null,
    -- From then on the key seals new tickets; before, and while tickets under it can live, it only opens them.
    seals_from bigint not null,
    created_at bigint not null,
    constraint ticket_keys_pk primary key (gateway_id, sequence),
    constraint ticket_keys_sequence_positive check (sequence > 0),
    constraint ticket_keys_gateway_fk foreign key (gateway_id) references gateways (id) on delete cascade
);

-- Who decided what. Rows are chained by their hashes and never change; no words are in them.

create table audit (
    seq bigint primary key,
    event uuid not null unique,
    at timestamptz not null,
    kind text not null,
    -- The tool call that it is about; its row may be deleted.
    call uuid,
    tool text,
    decision text,
    outcome text,
    -- SHA-256 of the call's salt and of its arguments or result.
    digest bytea check (length(digest) = 32),
    previous bytea not null check (length(previous) = 32),
    hash bytea not null check (length(hash) = 32)
);
create index on audit (call) where call is not null;

create function refuse_audit_change() returns trigger
language plpgsql as $$
begin
    raise exception 'the audit is append-only' using errcode = 'insufficient_privilege';
end
$$;

create trigger append_only before update or delete on audit
    for each row execute function refuse_audit_change();
create trigger append_only_truncate before truncate on audit
    for each statement execute function refuse_audit_change();

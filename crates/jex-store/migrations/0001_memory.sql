-- What JEX remembers. Forward only: a later change is a file of its own.

create table conversations (
    id uuid primary key,
    began timestamptz not null,
    ended timestamptz,
    -- Empty where only a turn is known of it.
    room text not null,
    language text not null
);
create index on conversations (began);

-- One thing that one side said.
create table turns (
    id uuid primary key,
    conversation uuid not null references conversations,
    at timestamptz not null,
    speaker text not null check (speaker in ('caller', 'assistant')),
    participant text not null,
    said text not null,
    -- How much of it was heard; null: all of it.
    heard text,
    typed boolean not null,
    interrupted boolean not null,
    stt text,
    llm text,
    tts text,
    -- The host that the words were sent to; null: they stayed on this machine.
    left_for text
);
create index on turns (conversation, at);
create index on turns (at);
create index turns_words on turns using gin (to_tsvector('simple', said));

-- A call's id is its idempotency key. JSON is text here: its digest is of these very bytes.
create table tool_calls (
    id uuid primary key,
    conversation uuid not null references conversations,
    turn uuid,
    at timestamptz not null,
    tool text not null,
    -- 'n8n', 'jex', or 'mcp:' and the server's name.
    source text not null,
    decision text not null,
    arguments text not null,
    -- Null while it is not known.
    outcome text check (outcome in ('done', 'failed', 'unknown', 'cancelled')),
    outcome_at timestamptz,
    result text,
    salt uuid not null
);
create index on tool_calls (conversation, at);
create index on tool_calls (at);
create index on tool_calls (at) where outcome is null or outcome = 'unknown';

-- Of what was said from one moment until another.
create table summaries (
    id uuid primary key,
    conversation uuid not null references conversations,
    at timestamptz not null,
    from_at timestamptz not null,
    until_at timestamptz not null,
    text text not null
);
create index on summaries (conversation, until_at);

-- What the owner asked to remember. They outlive the conversation, by a retention of their own.
create table facts (
    id uuid primary key,
    conversation uuid,
    at timestamptz not null,
    text text not null
);

-- What a workflow wants said, kept until somebody is there to hear it.
create table announcements (
    id uuid primary key,
    at timestamptz not null,
    text text not null,
    spoken_at timestamptz,
    conversation uuid
);

-- The planner's statistics hold samples of a column's text. None are taken of words, so that what is deleted is
-- in no system table either.
alter table conversations alter column room set statistics 0;
alter table turns
    alter column participant set statistics 0,
    alter column said set statistics 0,
    alter column heard set statistics 0;
alter index turns_words alter column 1 set statistics 0;
alter table tool_calls
    alter column arguments set statistics 0,
    alter column result set statistics 0;
alter table summaries alter column text set statistics 0;
alter table facts alter column text set statistics 0;
alter table announcements alter column text set statistics 0;

-- What the owner had deleted: rows that are still on their way here are dropped when they arrive.
create table deletions (
    id uuid primary key,
    at timestamptz not null,
    -- Null: of any.
    conversation uuid,
    from_at timestamptz not null,
    to_at timestamptz not null
);

create function is_deleted(of_conversation uuid, of_moment timestamptz) returns boolean
language sql stable as $$
    select exists (
        select from deletions
        where (conversation is null or conversation = of_conversation)
            and of_moment between from_at and to_at
    )
$$;

-- n8n's runs of deleted calls, until they are deleted as well.
create table executions_due (
    call uuid primary key,
    tool text not null,
    at timestamptz not null
);

-- Set from a deletion until no table file holds its words any more.
create table erasure (
    only_row boolean primary key default true check (only_row),
    due_since timestamptz
);
insert into erasure default values;

-- How far each journal file has been written here.
create table journals (
    id uuid primary key,
    position bigint not null
);

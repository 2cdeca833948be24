//! An entry becomes rows. It counts once, however often it is written, and not at all when it was deleted on its way.

use sqlx::PgConnection;
use uuid::Uuid;

use crate::audit::append::{Event, append};
use crate::audit::chain::digest;
use crate::record::{Began, Call, Decision, Entry, Fact, Outcome, Record, Summary, Turn};
use crate::{Moment, StoreError};

/// What the audit calls things.
const INTENT: &str = "intent";
const REFUSAL: &str = "refusal";
const OUTCOME: &str = "outcome";
const GAP: &str = "gap";
/// A tool's name in the audit is no place for text.
const LONGEST_NAME: usize = 64;

/// Within a transaction.
pub async fn apply(on: &mut PgConnection, entry: &Entry) -> Result<(), StoreError> {
    let (id, at) = (entry.id, entry.at);
    match &entry.record {
        Record::Began(began) => begin(on, at, began).await,
        Record::Ended { conversation } => end(on, at, *conversation).await,
        Record::Turn(turn) => insert_turn(on, id, at, turn).await,
        Record::Intent(call) => {
            insert_call(on, id, at, call).await?;
            append(on, of_call(INTENT, id, at, call)).await
        }
        Record::Refusal(call) => {
            insert_call(on, id, at, call).await?;
            append(on, of_call(REFUSAL, id, at, call)).await
        }
        Record::Outcome(outcome) => set_outcome(on, id, at, outcome).await,
        Record::Summary(summary) => insert_summary(on, id, at, summary).await,
        Record::Fact(fact) => insert_fact(on, id, at, fact).await,
        Record::Announcement { text } => insert_announcement(on, id, at, text).await,
        Record::Spoken {
            announcement,
            conversation,
        } => set_spoken(on, at, *announcement, *conversation).await,
        Record::Gap { lost } => {
            let mut event = Event::new(id, at, GAP);
            event.outcome = Some(format!("{lost} lost"));
            append(on, event).await
        }
    }
}

async fn begin(on: &mut PgConnection, at: Moment, began: &Began) -> Result<(), StoreError> {
    sqlx::query(
        "insert into conversations (id, began, room, language) select $1, $2, $3, $4 where not is_deleted($1, $2) \
         on conflict (id) do update set \
             began = least(conversations.began, excluded.began), room = excluded.room, language = excluded.language",
    )
    .bind(began.conversation)
    .bind(at)
    .bind(storable(&began.room))
    .bind(storable(&began.language))
    .execute(on)
    .await?;
    Ok(())
}

async fn end(on: &mut PgConnection, at: Moment, conversation: Uuid) -> Result<(), StoreError> {
    sqlx::query("update conversations set ended = $2 where id = $1 and ended is null")
        .bind(conversation)
        .bind(at)
        .execute(on)
        .await?;
    Ok(())
}

/// The conversation of a row, when its beginning was deleted or lost.
async fn ensure_conversation(
    on: &mut PgConnection,
    at: Moment,
    conversation: Uuid,
) -> Result<(), StoreError> {
    sqlx::query(
        "insert into conversations (id, began, room, language) \
         select $1, $2, '', '' where not is_deleted($1, $2) on conflict (id) do nothing",
    )
    .bind(conversation)
    .bind(at)
    .execute(on)
    .await?;
    Ok(())
}

async fn insert_turn(
    on: &mut PgConnection,
    id: Uuid,
    at: Moment,
    turn: &Turn,
) -> Result<(), StoreError> {
    ensure_conversation(on, at, turn.conversation).await?;
    sqlx::query(
        "insert into turns (id, conversation, at, speaker, participant, said, heard, typed, interrupted, stt, llm, tts, \
             left_for) \
         select $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13 where not is_deleted($2, $3) \
         on conflict (id) do nothing",
    )
    .bind(id)
    .bind(turn.conversation)
    .bind(at)
    .bind(turn.speaker.word())
    .bind(storable(&turn.participant))
    .bind(storable(&turn.said))
    .bind(turn.heard.as_deref().map(storable))
    .bind(turn.typed)
    .bind(turn.interrupted)
    .bind(turn.providers.stt.as_deref().map(storable))
    .bind(turn.providers.llm.as_deref().map(storable))
    .bind(turn.providers.tts.as_deref().map(storable))
    .bind(turn.left_for.as_deref().map(storable))
    .execute(on)
    .await?;
    Ok(())
}

async fn insert_call(
    on: &mut PgConnection,
    id: Uuid,
    at: Moment,
    call: &Call,
) -> Result<(), StoreError> {
    ensure_conversation(on, at, call.conversation).await?;
    sqlx::query(
        "insert into tool_calls (id, conversation, turn, at, tool, source, decision, arguments, salt) \
         select $1, $2, $3, $4, $5, $6, $7, $8, $9 where not is_deleted($2, $4) on conflict (id) do nothing",
    )
    .bind(id)
    .bind(call.conversation)
    .bind(call.turn)
    .bind(at)
    .bind(storable(&call.tool))
    .bind(storable(&call.source))
    .bind(call.decision.word())
    .bind(storable(&call.arguments))
    .bind(call.salt)
    .execute(&mut *on)
    .await?;
    // Deleted on its way: what it did in n8n is to be deleted as well.
    sqlx::query(
        "insert into executions_due (call, tool, at) select $1, $5, $3 where $4 and is_deleted($2, $3) \
         on conflict do nothing",
    )
    .bind(id)
    .bind(call.conversation)
    .bind(at)
    .bind(call.source == crate::delete::N8N && call.decision.is_sent())
    .bind(storable(&call.tool))
    .execute(on)
    .await?;
    Ok(())
}

fn of_call(kind: &'static str, id: Uuid, at: Moment, call: &Call) -> Event {
    let mut event = Event::new(id, at, kind);
    event.call = Some(id);
    // The name of a tool that does not exist is the model's own words.
    let exists = call.decision != Decision::UnknownTool;
    event.tool = Some(name(if exists { &call.tool } else { "" }));
    event.decision = Some(call.decision.word());
    event.digest = Some(digest(call.salt, &storable(&call.arguments)));
    event
}

async fn set_outcome(
    on: &mut PgConnection,
    id: Uuid,
    at: Moment,
    outcome: &Outcome,
) -> Result<(), StoreError> {
    let result = storable(&outcome.result);
    let changed: Option<(String, Uuid)> = sqlx::query_as(
        "update tool_calls set outcome = $2, outcome_at = $3, result = $4 \
         where id = $1 and (outcome is null or outcome = 'unknown' and $2 <> 'unknown') returning tool, salt",
    )
    .bind(outcome.call)
    .bind(outcome.ending.word())
    .bind(at)
    .bind(&result)
    .fetch_optional(&mut *on)
    .await?;
    // Still unknown: nothing new.
    if changed.is_none() && is_there(on, outcome.call).await? {
        return Ok(());
    }
    let mut event = Event::new(id, at, OUTCOME);
    event.call = Some(outcome.call);
    event.outcome = Some(outcome.ending.word().to_owned());
    if let Some((tool, salt)) = changed {
        event.tool = Some(name(&tool));
        event.digest = Some(digest(salt, &result));
    }
    append(on, event).await
}

async fn is_there(on: &mut PgConnection, call: Uuid) -> Result<bool, StoreError> {
    let there = sqlx::query_scalar("select exists (select from tool_calls where id = $1)");
    Ok(there.bind(call).fetch_one(on).await?)
}

async fn insert_summary(
    on: &mut PgConnection,
    id: Uuid,
    at: Moment,
    summary: &Summary,
) -> Result<(), StoreError> {
    ensure_conversation(on, at, summary.conversation).await?;
    sqlx::query(
        "insert into summaries (id, conversation, at, from_at, until_at, text) select $1, $2, $3, $4, $5, $6 \
         where not exists ( \
             select from deletions \
             where (conversation is null or conversation = $2) and from_at <= $5 and to_at >= $4) \
         on conflict (id) do nothing",
    )
    .bind(id)
    .bind(summary.conversation)
    .bind(at)
    .bind(summary.from)
    .bind(summary.until)
    .bind(storable(&summary.text))
    .execute(on)
    .await?;
    Ok(())
}

async fn insert_fact(
    on: &mut PgConnection,
    id: Uuid,
    at: Moment,
    fact: &Fact,
) -> Result<(), StoreError> {
    sqlx::query(
        "insert into facts (id, conversation, at, text) select $1, $2, $3, $4 where not is_deleted($2, $3) \
         on conflict (id) do nothing",
    )
    .bind(id)
    .bind(fact.conversation)
    .bind(at)
    .bind(storable(&fact.text))
    .execute(on)
    .await?;
    Ok(())
}

async fn insert_announcement(
    on: &mut PgConnection,
    id: Uuid,
    at: Moment,
    text: &str,
) -> Result<(), StoreError> {
    sqlx::query(
        "insert into announcements (id, at, text) values ($1, $2, $3) on conflict (id) do nothing",
    )
    .bind(id)
    .bind(at)
    .bind(storable(text))
    .execute(on)
    .await?;
    Ok(())
}

async fn set_spoken(
    on: &mut PgConnection,
    at: Moment,
    announcement: Uuid,
    conversation: Uuid,
) -> Result<(), StoreError> {
    sqlx::query(
        "update announcements set spoken_at = $2, conversation = $3 where id = $1 and spoken_at is null",
    )
    .bind(announcement)
    .bind(at)
    .bind(conversation)
    .execute(on)
    .await?;
    Ok(())
}

/// PostgreSQL's text holds any character but NUL.
fn storable(text: &str) -> String {
    text.replace('\0', "")
}

/// A tool's name as the audit may have it: what a model made up could be anything.
fn name(tool: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-./:".contains(c);
    let plain = tool.len() <= LONGEST_NAME && !tool.is_empty() && tool.chars().all(is_plain);
    if plain { tool.to_owned() } else { "?".into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_plain_name_goes_into_the_audit() {
        assert_eq!(name("shopping/add"), "shopping/add");
        for text in ["", "buy milk", &"x".repeat(65)] {
            assert_eq!(name(text), "?");
        }
    }

    #[test]
    fn what_a_model_calls_a_tool_that_does_not_exist_stays_out_of_the_audit() {
        let mut call = Call {
            conversation: Uuid::nil(),
            turn: None,
            tool: "call_dr_smith_about_the_biopsy".into(),
            source: String::new(),
            decision: Decision::UnknownTool,
            arguments: "{}".into(),
            salt: Uuid::nil(),
        };
        let in_audit = |call: &Call| of_call("refusal", Uuid::nil(), Moment::now(), call).tool;

        assert_eq!(in_audit(&call).as_deref(), Some("?"));
        call.tool = "add_to_list".into();
        call.decision = Decision::Never;
        assert_eq!(in_audit(&call).as_deref(), Some("add_to_list"));
    }
}

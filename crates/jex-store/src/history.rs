//! What was said: listed, shown, searched.

use serde::Serialize;
use sqlx::FromRow;
use uuid::Uuid;

use crate::record::{Decision, Ending, Speaker};
use crate::retention::FOUND_OUT_WITHIN;
use crate::{Moment, Store, StoreError};

/// Turns that a search looks through one by one, from the newest, before it asks the index: a word that is in every
/// second turn is found there at once, while the index would bring them all.
const LOOKED_THROUGH: i64 = 2000;

/// Some of the newest, before a moment.
#[derive(Debug, Clone, Copy)]
pub struct Page {
    pub limit: u32,
    /// The last moment of the page before; `None`: the first page.
    pub before: Option<Moment>,
}

impl Page {
    pub fn first(limit: u32) -> Self {
        Self {
            limit,
            before: None,
        }
    }
}

/// One conversation in a list.
#[derive(Debug, Clone, PartialEq, Serialize, FromRow)]
pub struct Heading {
    pub id: Uuid,
    pub began: Moment,
    /// `None`: it goes on, or was cut off.
    pub ended: Option<Moment>,
    pub room: String,
    pub language: String,
    pub turns: i64,
    /// The first thing that the caller said.
    pub first: Option<String>,
}

/// One conversation with all that was said and done.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Conversation {
    #[serde(flatten)]
    pub heading: Heading,
    pub turns: Vec<SaidTurn>,
    pub calls: Vec<MadeCall>,
    pub summaries: Vec<MadeSummary>,
}

/// A turn (see [`crate::record::Turn`]).
#[derive(Debug, Clone, PartialEq, Serialize, FromRow)]
pub struct SaidTurn {
    pub id: Uuid,
    pub conversation: Uuid,
    pub at: Moment,
    #[sqlx(try_from = "String")]
    pub speaker: Speaker,
    pub participant: String,
    pub said: String,
    pub heard: Option<String>,
    pub typed: bool,
    pub interrupted: bool,
    pub stt: Option<String>,
    pub llm: Option<String>,
    pub tts: Option<String>,
    pub left_for: Option<String>,
}

/// A call (see [`crate::record::Call`]).
#[derive(Debug, Clone, PartialEq, Serialize, FromRow)]
pub struct MadeCall {
    pub id: Uuid,
    pub conversation: Uuid,
    pub turn: Option<Uuid>,
    pub at: Moment,
    pub tool: String,
    pub source: String,
    #[sqlx(try_from = "String")]
    pub decision: Decision,
    pub arguments: String,
    #[sqlx(json(nullable), rename = "outcome_json")]
    pub outcome: Option<Ending>,
    pub outcome_at: Option<Moment>,
    pub result: Option<String>,
}

/// A summary (see [`crate::record::Summary`]).
#[derive(Debug, Clone, PartialEq, Serialize, FromRow)]
pub struct MadeSummary {
    pub id: Uuid,
    #[sqlx(rename = "from_at")]
    pub from: Moment,
    #[sqlx(rename = "until_at")]
    pub until: Moment,
    pub text: String,
}

/// Columns of [`MadeCall`].
macro_rules! calls {
    ($rest:literal) => {
        concat!(
            "select id, conversation, turn, at, tool, source, decision, arguments, to_json(outcome) as outcome_json, \
                 outcome_at, result \
             from tool_calls ",
            $rest
        )
    };
}

impl Store {
    /// The newest conversations first, by when they began.
    pub async fn conversations(&self, page: Page) -> Result<Vec<Heading>, StoreError> {
        let headings = sqlx::query_as(
            "select conversations.*, \
                 (select count(*) from turns where conversation = conversations.id) as turns, \
                 (select said from turns where conversation = conversations.id and speaker = 'caller' \
                  order by at limit 1) as first \
             from conversations where $1::timestamptz is null or began < $1 \
             order by began desc limit $2",
        );
        let headings = headings.bind(page.before).bind(i64::from(page.limit));
        Ok(headings.fetch_all(&self.pool).await?)
    }

    /// Conversations whose id begins so, as the owner writes it; two at most, to tell that it could be either.
    pub async fn conversations_called(&self, beginning: &str) -> Result<Vec<Uuid>, StoreError> {
        let found = sqlx::query_scalar(
            "select id from conversations where starts_with(id::text, lower($1)) limit 2",
        );
        Ok(found.bind(beginning).fetch_all(&self.pool).await?)
    }

    /// `None`: there is no such conversation.
    pub async fn conversation(&self, id: Uuid) -> Result<Option<Conversation>, StoreError> {
        let heading: Option<Heading> = sqlx::query_as(
            "select conversations.*, \
                 (select count(*) from turns where conversation = conversations.id) as turns, \
                 (select said from turns where conversation = conversations.id and speaker = 'caller' \
                  order by at limit 1) as first \
             from conversations where id = $1",
        )
        .bind(id)
        .fetch_optional(&self.pool)
        .await?;
        let Some(heading) = heading else {
            return Ok(None);
        };
        let turns = sqlx::query_as("select * from turns where conversation = $1 order by at, id")
            .bind(id)
            .fetch_all(&self.pool)
            .await?;
        let calls = sqlx::query_as(calls!("where conversation = $1 order by at, id"))
            .bind(id)
            .fetch_all(&self.pool)
            .await?;
        let summaries =
            sqlx::query_as("select * from summaries where conversation = $1 order by until_at, id")
                .bind(id)
                .fetch_all(&self.pool)
                .await?;
        Ok(Some(Conversation {
            heading,
            turns,
            calls,
            summaries,
        }))
    }

    /// Turns with all of these words, the newest first. `"in quotes"`, `or` and `-not` are understood.
    pub async fn search(&self, words: &str, page: Page) -> Result<Vec<SaidTurn>, StoreError> {
        let limit = i64::from(page.limit);
        let newest: Vec<SaidTurn> = sqlx::query_as(
            "select * from ( \
                 select * from turns where $2::timestamptz is null or at < $2 order by at desc limit $4 \
             ) as newest \
             where to_tsvector('simple', said) @@ websearch_to_tsquery('simple', $1) \
             order by at desc limit $3",
        )
        .bind(words)
        .bind(page.before)
        .bind(limit)
        .bind(LOOKED_THROUGH)
        .fetch_all(&self.pool)
        .await?;
        if newest.len() == page.limit as usize {
            return Ok(newest);
        }
        // By the index first and sorted then; the planner, who knows nothing of words, would walk all turns.
        let found = sqlx::query_as(
            "with found as materialized ( \
                 select id, at from turns \
                 where to_tsvector('simple', said) @@ websearch_to_tsquery('simple', $1) \
                     and ($2::timestamptz is null or at < $2) \
             ), newest as (select id from found order by at desc limit $3) \
             select turns.* from newest join turns using (id) order by at desc",
        )
        .bind(words)
        .bind(page.before)
        .bind(limit);
        Ok(found.fetch_all(&self.pool).await?)
    }

    /// Calls that were sent and whose outcome may still be found out, the oldest first: after a start, those that were
    /// cut off.
    pub async fn open_calls(&self) -> Result<Vec<MadeCall>, StoreError> {
        let calls = sqlx::query_as(calls!(
            "where (outcome is null or outcome = 'unknown' and at > $1) and decision in ('allowed', 'confirmed') \
             order by at, id"
        ));
        let calls = calls.bind(Moment::now().before(FOUND_OUT_WITHIN));
        Ok(calls.fetch_all(&self.pool).await?)
    }

    /// The newest calls, for the page.
    pub async fn calls(&self, page: Page) -> Result<Vec<MadeCall>, StoreError> {
        let calls = sqlx::query_as(calls!(
            "where $1::timestamptz is null or at < $1 order by at desc limit $2"
        ));
        let calls = calls.bind(page.before).bind(i64::from(page.limit));
        Ok(calls.fetch_all(&self.pool).await?)
    }
}

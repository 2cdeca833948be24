//! What lasts beyond a conversation: facts, and announcements that are still to be spoken.

use serde::Serialize;
use sqlx::FromRow;
use uuid::Uuid;

use crate::history::Page;
use crate::{Moment, Store, StoreError};

/// What the owner asked to remember.
#[derive(Debug, Clone, PartialEq, Serialize, FromRow)]
pub struct KeptFact {
    pub id: Uuid,
    pub conversation: Option<Uuid>,
    pub at: Moment,
    pub text: String,
}

/// What a workflow wants said.
#[derive(Debug, Clone, PartialEq, Serialize, FromRow)]
pub struct KeptAnnouncement {
    pub id: Uuid,
    pub at: Moment,
    pub text: String,
    /// `None`: it is still to be spoken.
    pub spoken_at: Option<Moment>,
}

impl Store {
    /// All facts, the oldest first.
    pub async fn facts(&self) -> Result<Vec<KeptFact>, StoreError> {
        let facts = sqlx::query_as("select * from facts order by at, id");
        Ok(facts.fetch_all(&self.pool).await?)
    }

    /// Facts with any of these words: what "forget that …" may mean, for the owner to be asked.
    pub async fn facts_like(&self, words: &str) -> Result<Vec<KeptFact>, StoreError> {
        // Any of them: the words of the request are not those of the fact.
        let facts = sqlx::query_as(
            "select facts.* from facts, \
                 (select replace(plainto_tsquery('simple', $1)::text, ' & ', ' | ')::tsquery as any_word) as asked \
             where to_tsvector('simple', text) @@ any_word \
             order by ts_rank(to_tsvector('simple', text), any_word) desc, at desc",
        );
        Ok(facts.bind(words).fetch_all(&self.pool).await?)
    }

    /// What is still to be spoken, the oldest first.
    pub async fn announcements_due(&self) -> Result<Vec<KeptAnnouncement>, StoreError> {
        let due = sqlx::query_as(
            "select id, at, text, spoken_at from announcements where spoken_at is null order by at, id",
        );
        Ok(due.fetch_all(&self.pool).await?)
    }

    /// Spoken or not, the newest first.
    pub async fn announcements(&self, page: Page) -> Result<Vec<KeptAnnouncement>, StoreError> {
        let newest = sqlx::query_as(
            "select id, at, text, spoken_at from announcements where $1::timestamptz is null or at < $1 \
             order by at desc limit $2",
        );
        let newest = newest.bind(page.before).bind(i64::from(page.limit));
        Ok(newest.fetch_all(&self.pool).await?)
    }
}

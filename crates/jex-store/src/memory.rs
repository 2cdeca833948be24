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

/// PostgreSQL's name of a language that it knows word forms of.
fn text_search(tag: &str) -> &'static str {
    let primary = tag.split(['-', '_']).next().unwrap_or_default();
    match primary.to_ascii_lowercase().as_str() {
        "da" => "danish",
        "de" => "german",
        "en" => "english",
        "es" => "spanish",
        "fi" => "finnish",
        "fr" => "french",
        "hu" => "hungarian",
        "it" => "italian",
        "nb" | "nn" | "no" => "norwegian",
        "nl" => "dutch",
        "pt" => "portuguese",
        "ro" => "romanian",
        "ru" => "russian",
        "sv" => "swedish",
        "tr" => "turkish",
        _ => "simple",
    }
}

impl Store {
    /// All facts, the oldest first.
    pub async fn facts(&self) -> Result<Vec<KeptFact>, StoreError> {
        let facts = sqlx::query_as("select * from facts order by at, id");
        Ok(facts.fetch_all(&self.pool).await?)
    }

    /// Facts with all of these words, in whatever form, but for those that are in every sentence: what "forget …" means.
    /// Fewer would do for a search, but not for what is deleted then.
    pub async fn facts_that_say(
        &self,
        words: &str,
        language: &str,
    ) -> Result<Vec<KeptFact>, StoreError> {
        let facts = sqlx::query_as(
            "select facts.* from facts, (select $2::text::regconfig as language) as asked \
             where to_tsvector(language, text) @@ plainto_tsquery(language, $1) order by at desc, id",
        );
        let facts = facts.bind(words).bind(text_search(language));
        Ok(facts.fetch_all(&self.pool).await?)
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

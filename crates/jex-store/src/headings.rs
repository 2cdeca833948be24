//! Headings of conversations that are known by their ids, such as those that a search found.

use uuid::Uuid;

use crate::history::Heading;
use crate::{Store, StoreError};

impl Store {
    /// Of those of them that there are, in no order.
    pub async fn headings(&self, ids: &[Uuid]) -> Result<Vec<Heading>, StoreError> {
        let headings = sqlx::query_as(
            "select conversations.*, \
                 (select count(*) from turns where conversation = conversations.id) as turns, \
                 (select said from turns where conversation = conversations.id and speaker = 'caller' \
                  order by at limit 1) as first \
             from conversations where id = any($1)",
        );
        Ok(headings.bind(ids).fetch_all(&self.pool).await?)
    }
}

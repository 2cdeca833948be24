//! The tasks that hold conversations, by room.

use std::collections::HashMap;
use std::future::Future;

use tokio::task::{Id, JoinSet};

use crate::session::{Parting, SessionError};

/// Every conversation that is held. One that panics ends like any other that failed: its room is
/// known all the same.
#[derive(Default)]
pub struct Sessions {
    tasks: JoinSet<Result<Parting, SessionError>>,
    rooms: HashMap<Id, String>,
}

impl Sessions {
    pub fn begin(
        &mut self,
        room: String,
        session: impl Future<Output = Result<Parting, SessionError>> + Send + 'static,
    ) {
        let task = self.tasks.spawn(session);
        self.rooms.insert(task.id(), room);
    }

    /// The next conversation that is over; `None` while there is none. Cancel safe.
    pub async fn next_ended(&mut self) -> Option<(String, Result<Parting, SessionError>)> {
        let (id, outcome) = match self.tasks.join_next_with_id().await? {
            Ok((id, outcome)) => (id, outcome),
            Err(error) => (error.id(), Err(SessionError::BrokeOff(error))),
        };
        let room = self.rooms.remove(&id);
        Some((room.expect("each task is begun with its room"), outcome))
    }
}

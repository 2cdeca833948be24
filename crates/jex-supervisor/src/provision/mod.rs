//! What JEX's own n8n is given once it answers, without a question: an API key, the credentials by which its
//! workflows and JEX know each other, and the workflows that come with JEX.
//!
//! * [`owner`]: who logs in there, and the key made in that name; [`client`]: the requests
//! * [`credentials`]: what webhooks want to see, and what is shown to JEX
//! * [`workflow`]: a file of `workflows/`, and by what one sees that it is unchanged
//! * [`decide`]: what is to be done about one, as a function; [`import`]: doing it
//! * [`state`]: what was done, kept from one start to the next
//!
//! It can be broken off at any point and goes on at the next start. What the owner has changed, switched off or
//! deleted stays so.

mod client;
mod credentials;
mod decide;
mod import;
mod owner;
mod state;
mod workflow;

use std::path::PathBuf;

use jex_config::{Paths, Settings};

use crate::SupervisorError;
use client::ApiError;

pub use owner::{EMAIL, password_hash};
pub use state::{Outcome, Record, State};
pub use workflow::Workflow;

/// Key, credentials and tag come before the workflows.
const STEPS_BEFORE: usize = 3;

/// What n8n is to be given.
#[derive(Debug, Clone, PartialEq)]
pub struct Provision {
    pub settings: Settings,
    pub paths: Paths,
    /// Folder of the workflows; `None` for none.
    pub workflows: Option<PathBuf>,
}

impl Provision {
    /// Gives it; `tell` gets words such as `provisioning 4 of 9`.
    pub async fn run(&self, tell: &(dyn Fn(String) + Sync)) -> Result<(), SupervisorError> {
        let (settings, paths) = (&self.settings, &self.paths);
        let files = self.files()?;
        let total = STEPS_BEFORE + files.len();
        let step = |number: usize| tell(format!("provisioning {number} of {total}"));
        let mut state = State::load(settings, paths)?;

        step(1);
        let api = owner::api(settings, paths, &mut state).await?;
        step(2);
        let credentials = credentials::ensure(&api, settings, paths, &mut state).await?;
        step(3);
        let tag = import::ensure_tag(&api).await?;
        for (index, file) in files.iter().enumerate() {
            step(STEPS_BEFORE + index + 1);
            let workflow = file.adapted(settings, &credentials);
            import::one(&api, &workflow, &tag, &mut state).await?;
        }
        state.came(&files);
        state.save()
    }

    fn files(&self) -> Result<Vec<Workflow>, SupervisorError> {
        let Some(folder) = &self.workflows else {
            return Ok(Vec::new());
        };
        Workflow::all_in(folder)
    }

    /// How each workflow was left at the last start.
    pub fn outcomes(settings: &Settings, paths: &Paths) -> Result<Vec<Record>, SupervisorError> {
        Ok(State::load(settings, paths)?.records().cloned().collect())
    }
}

impl From<ApiError> for SupervisorError {
    fn from(error: ApiError) -> Self {
        Self::N8n(error.to_string())
    }
}

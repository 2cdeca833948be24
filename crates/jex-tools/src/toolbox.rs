//! All sources together.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::future::join_all;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{Listing, Rejected, SentCall, Source, Tool, ToolError, ToolName};

/// Longest wait for one source's list. One that is slow holds up no other.
const LISTS_WITHIN: Duration = Duration::from_secs(20);

/// What there is at one moment.
#[derive(Clone, Default)]
pub struct Catalogue {
    tools: BTreeMap<ToolName, Listed>,
    /// What cannot be offered, and why.
    pub rejected: Vec<Rejected>,
    /// Sources that could not be asked. Their tools of before stay in the list.
    pub troubles: Vec<Trouble>,
}

#[derive(Clone)]
struct Listed {
    tool: Tool,
    source: Arc<dyn Source>,
}

/// A source that cannot be asked, in words for the owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    pub source: String,
    pub message: String,
}

impl Catalogue {
    /// By name.
    pub fn tools(&self) -> impl Iterator<Item = &Tool> {
        self.tools.values().map(|listed| &listed.tool)
    }

    pub fn tool(&self, name: &str) -> Option<&Tool> {
        self.listed(name).map(|listed| &listed.tool)
    }

    pub(crate) fn source(&self, name: &str) -> Option<Arc<dyn Source>> {
        self.listed(name).map(|listed| listed.source.clone())
    }

    fn listed(&self, name: &str) -> Option<&Listed> {
        self.tools.get(&ToolName::new(name).ok()?)
    }

    /// The first source that has a name keeps it.
    fn add(&mut self, source: &Arc<dyn Source>, listing: Listing) {
        self.rejected.extend(listing.rejected);
        for tool in listing.tools {
            if let Some(taken) = self.tools.get(&tool.name) {
                let reason = format!("has a name that {} has already", taken.tool.source);
                self.rejected.push(Rejected {
                    name: tool.name.to_string(),
                    source: tool.source,
                    reason,
                });
                continue;
            }
            let source = source.clone();
            self.tools
                .insert(tool.name.clone(), Listed { tool, source });
        }
    }
}

/// What is known of a source.
#[derive(Clone, Default)]
struct Known {
    /// The last that it gave.
    listing: Listing,
    /// Why the last question was not answered.
    trouble: Option<Trouble>,
}

impl Known {
    fn take(&mut self, source: &str, answer: Result<Listing, String>) {
        self.trouble = match answer {
            Ok(listing) => {
                self.listing = listing;
                None
            }
            Err(message) => Some(Trouble {
                source: source.to_owned(),
                message,
            }),
        };
    }
}

async fn listed(source: &dyn Source) -> Result<Listing, String> {
    match timeout(LISTS_WITHIN, source.list()).await {
        Ok(listed) => listed.map_err(|error| error.to_string()),
        Err(_) => Err(format!(
            "{} did not tell its tools within {} s",
            source.name(),
            LISTS_WITHIN.as_secs()
        )),
    }
}

/// The sources and what they had when they were last asked.
pub struct Toolbox {
    sources: Vec<Arc<dyn Source>>,
    /// Of each source.
    known: Mutex<Vec<Known>>,
    current: watch::Sender<Arc<Catalogue>>,
    told: watch::Sender<()>,
}

impl Toolbox {
    /// Empty until it is refreshed. In a collision of names the earlier source wins.
    pub fn new(sources: Vec<Arc<dyn Source>>) -> Self {
        Self {
            known: Mutex::new(vec![Known::default(); sources.len()]),
            sources,
            current: watch::Sender::new(Arc::default()),
            told: watch::Sender::new(()),
        }
    }

    /// What there is now.
    pub fn catalogue(&self) -> Arc<Catalogue> {
        self.current.borrow().clone()
    }

    /// Wakes whenever the sources were asked.
    pub fn watch(&self) -> watch::Receiver<Arc<Catalogue>> {
        self.current.subscribe()
    }

    /// Has the sources asked soon, for those who know that something changed.
    pub fn tell(&self) {
        self.told.send_replace(());
    }

    pub(crate) fn source_named(&self, name: &str) -> Option<Arc<dyn Source>> {
        self.sources
            .iter()
            .find(|source| source.name() == name)
            .cloned()
    }

    /// Has a source delete what it has kept of these calls (see [`Source::forget`]). One that is not among the settings
    /// any more cannot be asked: its calls count as forgotten.
    pub async fn forget(&self, source: &str, calls: &[SentCall]) -> Result<Vec<Uuid>, ToolError> {
        match self.source_named(source) {
            Some(source) => source.forget(calls).await,
            None => Ok(calls.iter().map(|call| call.id).collect()),
        }
    }

    /// Asks all sources, each within 20 s. What one tells is there at once: nobody waits for the slowest.
    pub async fn refresh(&self) -> Arc<Catalogue> {
        join_all((0..self.sources.len()).map(|n| self.refresh_one(n))).await;
        self.catalogue()
    }

    async fn refresh_one(&self, n: usize) {
        let answer = listed(self.sources[n].as_ref()).await;
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known[n].take(self.sources[n].name(), answer);
        let mut catalogue = Catalogue::default();
        for (source, known) in self.sources.iter().zip(known.iter()) {
            catalogue.troubles.extend(known.trouble.clone());
            catalogue.add(source, known.listing.clone());
        }
        say_what_changed(&self.catalogue(), &catalogue);
        self.current.send_replace(Arc::new(catalogue));
    }

    /// Asks each source at once, then every so often and when told, until cancelled.
    pub async fn keep_fresh(&self, every: Duration, end: CancellationToken) {
        let each = (0..self.sources.len()).map(|n| self.keep_one_fresh(n, every));
        end.run_until_cancelled(join_all(each)).await;
    }

    async fn keep_one_fresh(&self, n: usize, every: Duration) {
        let mut told = self.told.subscribe();
        loop {
            self.refresh_one(n).await;
            // The sender is ours.
            let _ = timeout(every, told.changed()).await;
        }
    }
}

/// Once, not at every round.
fn say_what_changed(before: &Catalogue, now: &Catalogue) {
    for trouble in now.troubles.iter().filter(|t| !before.troubles.contains(t)) {
        tracing::warn!(source = trouble.source, "{}", trouble.message);
    }
    for rejected in now.rejected.iter().filter(|r| !before.rejected.contains(r)) {
        let Rejected {
            name,
            source,
            reason,
        } = rejected;
        tracing::warn!(source, "the tool \"{name}\" {reason}: it is not offered");
    }
    let names = |catalogue: &Catalogue| catalogue.tools.keys().cloned().collect::<Vec<_>>();
    if names(before) != names(now) {
        let tools: Vec<_> = now.tools.keys().map(ToolName::as_str).collect();
        tracing::info!(tools = tools.join(" "), "tools");
    }
}

#[cfg(test)]
impl Catalogue {
    /// These tools, of a source.
    pub fn of(source: Arc<dyn Source>, tools: Vec<Tool>) -> Self {
        let mut catalogue = Self::default();
        let rejected = Vec::new();
        catalogue.add(&source, Listing { tools, rejected });
        catalogue
    }
}

#[cfg(test)]
pub mod samples {
    use async_trait::async_trait;
    use jiff::Timestamp;

    use super::*;
    use crate::{CallContext, Handling, LookUp, Outcome, ToolCall};

    /// A source that has nothing and does nothing.
    pub struct Nothing;

    #[async_trait]
    impl Source for Nothing {
        fn name(&self) -> &str {
            "nothing"
        }

        async fn list(&self) -> Result<Listing, ToolError> {
            Ok(Listing::default())
        }

        async fn call(&self, _: &ToolCall, _: &CallContext, _: Handling) -> Outcome {
            Outcome::Cancelled
        }

        async fn look_up(&self, _: &ToolCall, _: Timestamp) -> Result<LookUp, ToolError> {
            Ok(LookUp::CannotTell)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use async_trait::async_trait;
    use jiff::Timestamp;

    use super::*;
    use crate::tool::samples::tool;
    use crate::{CallContext, Handling, LookUp, Outcome, ToolCall};

    struct Shelf(&'static str, &'static [&'static str], AtomicBool);

    #[async_trait]
    impl Source for Shelf {
        fn name(&self) -> &str {
            self.0
        }

        async fn list(&self) -> Result<Listing, ToolError> {
            if self.2.load(Ordering::Relaxed) {
                return Err(crate::error::Origin {
                    name: self.0.into(),
                    remedy: "See `jex status`.".into(),
                }
                .unreachable("connection refused"));
            }
            let named = |name: &&str| {
                let mut tool = tool(name);
                tool.source = self.0.into();
                tool
            };
            Ok(Listing {
                tools: self.1.iter().map(named).collect(),
                rejected: Vec::new(),
            })
        }

        async fn call(&self, _: &ToolCall, _: &CallContext, _: Handling) -> Outcome {
            Outcome::Cancelled
        }

        async fn look_up(&self, _: &ToolCall, _: Timestamp) -> Result<LookUp, ToolError> {
            Ok(LookUp::CannotTell)
        }
    }

    fn shelf(name: &'static str, tools: &'static [&'static str]) -> Arc<Shelf> {
        Arc::new(Shelf(name, tools, AtomicBool::new(false)))
    }

    #[tokio::test]
    async fn of_two_with_one_name_the_first_is_offered_and_the_other_told() {
        let toolbox = Toolbox::new(vec![
            shelf("n8n", &["notes", "timer"]),
            shelf("files", &["notes", "read"]),
        ]);

        let catalogue = toolbox.refresh().await;

        let offered: Vec<_> = catalogue.tools().map(|tool| tool.name.as_str()).collect();
        assert_eq!(offered, ["notes", "read", "timer"]);
        assert_eq!(catalogue.tool("notes").unwrap().source, "n8n");
        let rejected = &catalogue.rejected[0];
        assert_eq!(
            (rejected.name.as_str(), rejected.source.as_str()),
            ("notes", "files")
        );
        assert!(rejected.reason.contains("n8n"), "{}", rejected.reason);
    }

    #[tokio::test]
    async fn a_source_that_is_away_keeps_its_tools_and_is_told() {
        let n8n = shelf("n8n", &["notes"]);
        let toolbox = Toolbox::new(vec![n8n.clone()]);
        toolbox.refresh().await;
        n8n.2.store(true, Ordering::Relaxed);

        let catalogue = toolbox.refresh().await;

        assert!(catalogue.tool("notes").is_some());
        assert!(catalogue.troubles[0].message.contains("connection refused"));
    }

    /// A source that never answers.
    struct Hung;

    #[async_trait]
    impl Source for Hung {
        fn name(&self) -> &str {
            "hung"
        }

        async fn list(&self) -> Result<Listing, ToolError> {
            std::future::pending().await
        }

        async fn call(&self, _: &ToolCall, _: &CallContext, _: Handling) -> Outcome {
            Outcome::Cancelled
        }

        async fn look_up(&self, _: &ToolCall, _: Timestamp) -> Result<LookUp, ToolError> {
            Ok(LookUp::CannotTell)
        }
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_for_a_source_that_hangs() {
        let toolbox = Arc::new(Toolbox::new(vec![Arc::new(Hung), shelf("n8n", &["notes"])]));
        let mut rounds = toolbox.watch();
        let refreshing = tokio::spawn({
            let toolbox = toolbox.clone();
            async move { toolbox.refresh().await }
        });

        let began = tokio::time::Instant::now();
        rounds.changed().await.unwrap();
        let waited = began.elapsed();
        let has_notes = rounds.borrow().tool("notes").is_some();
        let catalogue = refreshing.await.unwrap();

        assert!(has_notes && waited < Duration::from_secs(1), "{waited:?}");
        assert!(catalogue.troubles[0].message.contains("20 s"));
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_told_waits_for_no_source_that_hangs() {
        let n8n = shelf("n8n", &["notes"]);
        let toolbox = Arc::new(Toolbox::new(vec![Arc::new(Hung), n8n.clone()]));
        let mut rounds = toolbox.watch();
        let end = CancellationToken::new();
        let keeping = tokio::spawn({
            let (toolbox, end) = (toolbox.clone(), end.clone());
            async move { toolbox.keep_fresh(Duration::from_secs(3600), end).await }
        });
        rounds.changed().await.unwrap();
        n8n.2.store(true, Ordering::Relaxed);

        let began = tokio::time::Instant::now();
        toolbox.tell();
        rounds.changed().await.unwrap();
        let waited = began.elapsed();
        end.cancel();
        keeping.await.unwrap();

        assert!(waited < Duration::from_secs(1), "{waited:?}");
        assert_eq!(toolbox.catalogue().troubles[0].source, "n8n");
    }

    #[tokio::test]
    async fn it_is_asked_again_when_told() {
        let toolbox = Arc::new(Toolbox::new(vec![shelf("n8n", &["notes"])]));
        let mut rounds = toolbox.watch();
        let end = CancellationToken::new();
        let keeping = tokio::spawn({
            let (toolbox, end) = (toolbox.clone(), end.clone());
            async move { toolbox.keep_fresh(Duration::from_secs(3600), end).await }
        });
        rounds.changed().await.unwrap();

        toolbox.tell();

        rounds.changed().await.unwrap();
        end.cancel();
        keeping.await.unwrap();
    }
}

//! What JEX can do by itself: tell the time, remember, forget, end the conversation.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jex_store::{Entry, Fact, Moment, Record, Scope};
use jex_tools::{
    CallContext, Draft, Effect, Handling, Listing, LookUp, Outcome, Says, Source, ToolCall,
    ToolError, ToolName,
};
use jiff::{Timestamp, Zoned};
use serde_json::{Value, json};

use crate::ledger::Books;
use crate::memory::Memory;

/// Its effect is the session's business.
pub const END_CONVERSATION: &str = "end_conversation";
const TELL_TIME: &str = "tell_time";
pub const REMEMBER: &str = "remember";
pub const FORGET_FACT: &str = "forget_fact";
/// What it deletes, the session has to forget as well.
pub const FORGET_LAST: &str = "forget_last_minutes";
const NAME: &str = "jex";

/// JEX as a source of tools.
pub struct Builtin {
    memory: Memory,
    books: Arc<Books>,
}

impl Builtin {
    pub fn new(memory: Memory, books: Arc<Books>) -> Self {
        Self { memory, books }
    }

    async fn remember(&self, call: &ToolCall) -> Outcome {
        let Some(text) = text_of(call, "fact") else {
            return Outcome::Failed("there was nothing to remember".into());
        };
        let fact = Fact {
            conversation: self.books.conversation_of(call.id),
            text: text.to_owned(),
        };
        let entry = Entry::with_id(call.id, Moment::now(), Record::Fact(fact));
        if !self.memory.recorder.keeps(&entry) {
            return Outcome::Failed("`history.facts_days` is 0: nothing is remembered".into());
        }
        match self.memory.recorder.keep(entry).await {
            Ok(_) => Outcome::Done(json!({"remembered": text})),
            Err(error) => Outcome::Failed(error.to_string()),
        }
    }

    /// One, and only if there is no doubt which: it cannot be undone.
    async fn forget_fact(&self, call: &ToolCall, language: &str) -> Outcome {
        let Some(about) = text_of(call, "about") else {
            return Outcome::Failed("it is not said what to forget".into());
        };
        let found = match self.memory.store.facts_that_say(about, language).await {
            Ok(found) => found,
            Err(error) => return Outcome::Failed(error.to_string()),
        };
        let Some(first) = found.first() else {
            return Outcome::Failed(format!(
                "nothing that is remembered says \"{about}\"; it takes words of the fact itself"
            ));
        };
        // The same may have been remembered twice.
        if found.iter().any(|fact| fact.text != first.text) {
            return Outcome::Failed(format!(
                "{} things that are remembered say \"{about}\"; it takes more words of the one that is meant",
                found.len()
            ));
        }
        for fact in &found {
            if let Err(reason) = self.forget(Scope::Fact(fact.id)).await {
                return Outcome::Failed(reason);
            }
        }
        // Not the fact's words: results of calls are kept.
        Outcome::Done(json!({"forgotten": about}))
    }

    async fn forget_last(&self, call: &ToolCall) -> Outcome {
        let Some(span) = span_of(call) else {
            return Outcome::Failed("it is not said how many minutes".into());
        };
        let now = Moment::now();
        let from = now.before(span);
        match self.forget(Scope::Range { from, to: now }).await {
            Ok(deleted) => Outcome::Done(json!({"deleted": deleted})),
            Err(reason) => Outcome::Failed(reason),
        }
    }

    async fn forget(&self, scope: Scope) -> Result<Value, String> {
        let deleted = self.memory.recorder.delete(scope).await;
        let deleted = deleted.map_err(|error| error.to_string())?;
        let mut told = json!(deleted);
        // It is deleted: the clean-up takes out of the files what cannot be now.
        if let Err(error) = self.memory.store.erase().await {
            tracing::info!(%error, "what was deleted is still in the database's files");
            told["remark"] = json!("traces stay in the database's files for a while");
        }
        Ok(told)
    }
}

/// How far back [`FORGET_LAST`] goes.
pub fn span_of(call: &ToolCall) -> Option<Duration> {
    let minutes = call.arguments.get("minutes").and_then(Value::as_u64)?;
    Some(Duration::from_secs(minutes.saturating_mul(60)))
}

fn text_of<'c>(call: &'c ToolCall, argument: &str) -> Option<&'c str> {
    let text = call.arguments.get(argument)?.as_str()?.trim();
    (!text.is_empty()).then_some(text)
}

#[async_trait]
impl Source for Builtin {
    fn name(&self) -> &str {
        NAME
    }

    async fn list(&self) -> Result<Listing, ToolError> {
        let tools = drafts().into_iter().map(Draft::check);
        let tools: Result<Vec<_>, String> = tools.collect();
        Ok(Listing {
            tools: tools.expect("our own descriptions are sound"),
            rejected: Vec::new(),
        })
    }

    async fn call(&self, call: &ToolCall, context: &CallContext, _: Handling) -> Outcome {
        match call.tool.as_str() {
            TELL_TIME => Outcome::Done(time_in(&context.timezone)),
            REMEMBER => self.remember(call).await,
            FORGET_FACT => self.forget_fact(call, &context.language).await,
            FORGET_LAST => self.forget_last(call).await,
            _ => Outcome::Done(Value::Null),
        }
    }

    /// A fact has the call's id: whether it was remembered can be seen.
    async fn look_up(&self, call: &ToolCall, _: Timestamp) -> Result<LookUp, ToolError> {
        let is_there =
            |facts: &[jex_store::memory::KeptFact]| facts.iter().any(|fact| fact.id == call.id);
        match self.memory.store.facts().await {
            Ok(facts) if call.tool.as_str() == REMEMBER && is_there(&facts) => {
                Ok(LookUp::Ended(Outcome::Done(Value::Null)))
            }
            _ => Ok(LookUp::CannotTell),
        }
    }
}

fn time_in(timezone: &str) -> Value {
    let now = Zoned::now();
    let now = now.in_tz(timezone).unwrap_or(now);
    json!({
        "time": now.strftime("%H:%M").to_string(),
        "date": now.strftime("%A, %-d %B %Y").to_string(),
        "timezone": now.time_zone().iana_name(),
    })
}

fn drafts() -> Vec<Draft> {
    vec![
        draft(
            TELL_TIME,
            "Tells the current time and date where the caller is.",
            json!({}),
            Effect::Reads,
            None,
        ),
        draft(
            REMEMBER,
            "Remembers something for all later conversations. Only when the caller asks for it.",
            json!({"fact": {"type": "string", "description": "What to remember, as a whole sentence.", "maxLength": 500}}),
            Effect::Changes,
            Some(("remember: {fact}", "mir das merken: {fact}")),
        ),
        draft(
            FORGET_FACT,
            "Forgets something that the caller once asked to remember.",
            json!({"about": {"type": "string", "description": "Words of what is remembered, as it is remembered.", "maxLength": 200}}),
            Effect::Changes,
            Some((
                "forget what you told me about {about}",
                "vergessen, was du mir über {about} gesagt hast",
            )),
        ),
        draft(
            FORGET_LAST,
            "Deletes what was said and done in the last minutes, for ever. An hour is 60 minutes.",
            json!({"minutes": {"type": "integer", "minimum": 1, "maximum": 525_600}}),
            Effect::Changes,
            Some((
                "delete everything that was said in the last {minutes} minutes",
                "alles löschen, was in den letzten {minutes} Minuten gesagt wurde",
            )),
        ),
        draft(
            END_CONVERSATION,
            "Ends the conversation, when the caller says goodbye.",
            json!({}),
            Effect::Reads,
            None,
        ),
    ]
}

fn draft(
    name: &str,
    description: &str,
    properties: Value,
    effect: Effect,
    says: Option<(&str, &str)>,
) -> Draft {
    let required: Vec<&String> = properties
        .as_object()
        .into_iter()
        .flat_map(|p| p.keys())
        .collect();
    let parameters = json!({"type": "object", "properties": properties, "required": required});
    let says = says.map(|(english, german)| {
        Says::Many(BTreeMap::from([
            ("en".to_owned(), english.to_owned()),
            ("de".to_owned(), german.to_owned()),
        ]))
    });
    Draft {
        name: ToolName::new(name).expect("our own names are sound"),
        description: description.into(),
        parameters,
        effect,
        says,
        shipped: true,
        source: NAME.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_descriptions_are_sound() {
        for draft in drafts() {
            let name = draft.name.to_string();
            draft
                .check()
                .unwrap_or_else(|reason| panic!("{name} {reason}"));
        }
    }

    #[test]
    fn the_time_is_that_of_the_caller() {
        let time = time_in("Asia/Tokyo");

        assert_eq!(time["timezone"], "Asia/Tokyo");
        assert_eq!(time["time"].as_str().map(str::len), Some(5));
    }
}

//! The mind: a prompt to the model, sentences and wishes for tools back.

use std::sync::Arc;
use std::time::Instant;

use futures::StreamExt;
use jex_conversation::{AnswerId, Input, Message, Role, Stage, SummaryId};
use jex_providers::{
    ChatMessage, ChatRequest, LanguageModel, Piece, ProviderError, Sentence, SentenceSplitter,
    ToolCall,
};
use jex_tools::Tool;
use jex_tools::constrained::Retry;
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument;

use super::way::{self, Abilities, Filter, Way};
use super::{Mark, Signal, problem};

/// Generates one answer at a time; a new one or dropping it cancels, also at the server.
pub struct Mind {
    model: Arc<dyn LanguageModel>,
    /// BCP 47, for where sentences end.
    language: String,
    abilities: Abilities,
    signals: mpsc::UnboundedSender<Signal>,
    generating: Option<(AnswerId, AbortOnDropHandle<()>)>,
    summing_up: Option<(SummaryId, AbortOnDropHandle<()>)>,
}

impl Mind {
    pub fn new(
        model: Arc<dyn LanguageModel>,
        language: &str,
        abilities: Abilities,
        signals: mpsc::UnboundedSender<Signal>,
    ) -> Self {
        Self {
            model,
            language: language.to_owned(),
            abilities,
            signals,
            generating: None,
            summing_up: None,
        }
    }

    /// Makes a summary of it, beside whatever else there is.
    pub fn sum_up(&mut self, summary: SummaryId, messages: Vec<Message>, max_tokens: u32) {
        let model = self.model.clone();
        let signals = self.signals.clone();
        let messages = messages.into_iter().map(chat_message).collect();
        let request = way::request(self.abilities.way(), messages, &[], max_tokens);
        let task = tokio::spawn(async move {
            let text = whole(model, request).await;
            if let Err(error) = &text {
                tracing::warn!(%error, "the conversation could not be summed up");
            }
            let text = text.ok();
            let _ = signals.send(Signal::Input(Input::SummedUp { summary, text }));
        });
        self.summing_up = Some((summary, AbortOnDropHandle::new(task)));
    }

    pub fn cancel_summary(&mut self, summary: SummaryId) {
        self.summing_up.take_if(|(running, _)| *running == summary);
    }

    /// In the current span.
    pub fn generate(
        &mut self,
        answer: AnswerId,
        messages: Vec<Message>,
        tools: Vec<Tool>,
        max_tokens: u32,
    ) {
        let asking = Asking {
            answer,
            model: self.model.clone(),
            abilities: self.abilities.clone(),
            language: self.language.clone(),
            signals: self.signals.clone(),
            messages: messages.into_iter().map(chat_message).collect(),
            tools,
            max_tokens,
        };
        let signals = self.signals.clone();
        let task = async move {
            let input = match asking.run().await {
                Ok(calls) if calls.is_empty() => Input::GenerationDone { answer },
                Ok(calls) => Input::ToolsCalled {
                    answer,
                    calls: calls.into_iter().map(wanted).collect(),
                },
                Err(error) => {
                    tracing::warn!(%error, "generation failed");
                    let problem = problem(Stage::LanguageModel, &error);
                    Input::GenerationFailed { answer, problem }
                }
            };
            let _ = signals.send(Signal::Input(input));
        };
        let task = tokio::spawn(task.in_current_span());
        self.generating = Some((answer, AbortOnDropHandle::new(task)));
    }

    pub fn cancel(&mut self, answer: AnswerId) {
        self.generating.take_if(|(running, _)| *running == answer);
    }
}

/// All that the model answers.
async fn whole(
    model: Arc<dyn LanguageModel>,
    request: ChatRequest,
) -> Result<String, ProviderError> {
    let mut pieces = model.generate(request).await?;
    let mut text = String::new();
    while let Some(piece) = pieces.next().await {
        if let Piece::Text(piece) = piece? {
            text += &piece;
        }
    }
    Ok(text)
}

/// One question to the model.
struct Asking {
    answer: AnswerId,
    model: Arc<dyn LanguageModel>,
    abilities: Abilities,
    language: String,
    signals: mpsc::UnboundedSender<Signal>,
    messages: Vec<ChatMessage>,
    tools: Vec<Tool>,
    max_tokens: u32,
}

/// Why an answer is no answer.
enum Failure {
    Provider(ProviderError),
    /// A call that cannot be read; the reason is for the model.
    BrokenCall(String),
}

impl Asking {
    /// Returns the tools that are to be called. A model that cannot be told of them by its server's way is told in
    /// the prompt; a broken call is asked for once more and then dropped.
    async fn run(&self) -> Result<Vec<ToolCall>, ProviderError> {
        let mut retry = Retry::default();
        let mut remark = None;
        let mut told = String::new();
        loop {
            let way = self.abilities.way();
            let request = way::request(way, self.messages.clone(), &self.tools, self.max_tokens);
            let request = match remark.take() {
                Some(remark) => way::with_remark(request, &told, remark),
                None => request,
            };
            let reason = match self.stream(way, request, &mut told).await {
                Ok(calls) => return Ok(calls),
                Err(Failure::Provider(error @ ProviderError::NoTools { .. }))
                    if way == Way::Native =>
                {
                    tracing::info!(%error, "tools are told in the prompt from now on");
                    self.abilities.knows_no_tools();
                    continue;
                }
                Err(Failure::Provider(ProviderError::BrokenCall { reason, .. })) => reason,
                Err(Failure::Provider(error)) => return Err(error),
                Err(Failure::BrokenCall(reason)) => reason,
            };
            // Without the reason, which may quote what was said.
            tracing::info!("the model wrote a broken call of a tool");
            remark = retry.after(&reason);
            if remark.is_none() {
                return Ok(Vec::new());
            }
        }
    }

    /// Adds to `told` what is said.
    async fn stream(
        &self,
        way: Way,
        request: ChatRequest,
        told: &mut String,
    ) -> Result<Vec<ToolCall>, Failure> {
        let mut splitter = SentenceSplitter::for_language(&self.language);
        let mut filter = Filter::new(way, !self.tools.is_empty());
        let mut pieces = self.model.generate(request).await?;
        let mut first = true;
        let mut wanted = Vec::new();
        while let Some(piece) = pieces.next().await {
            let piece = piece?;
            if std::mem::take(&mut first) {
                let mark = Signal::Mark(self.answer, Mark::FirstToken, Instant::now());
                let _ = self.signals.send(mark);
            }
            match piece {
                Piece::Text(text) => {
                    let sentences = splitter.push(&filter.push(&text));
                    sentences
                        .into_iter()
                        .for_each(|sentence| self.tell(sentence, told));
                }
                Piece::ToolCalls(calls) => wanted.extend(calls),
            }
        }
        let (rest, call) = filter.finish();
        let sentences = splitter.push(&rest).into_iter().chain(splitter.finish());
        sentences.for_each(|sentence| self.tell(sentence, told));
        match call {
            Ok(Some(Piece::ToolCalls(calls))) => wanted.extend(calls),
            Ok(_) => {}
            // It came by itself as well, or there is nothing to call.
            Err(reason) if !wanted.is_empty() || self.tools.is_empty() => {
                tracing::info!(reason, "a call that was written out is not said");
            }
            Err(reason) => return Err(Failure::BrokenCall(reason)),
        }
        Ok(wanted)
    }

    fn tell(&self, sentence: Sentence, told: &mut String) {
        told.push_str(&sentence.written);
        let _ = self.signals.send(Signal::Input(Input::Sentence {
            answer: self.answer,
            written: sentence.written,
            spoken: sentence.spoken,
        }));
    }
}

impl From<ProviderError> for Failure {
    fn from(error: ProviderError) -> Self {
        Self::Provider(error)
    }
}

fn wanted(call: ToolCall) -> jex_conversation::ToolCall {
    jex_conversation::ToolCall {
        id: call.id,
        name: call.name,
        arguments: serde_json::Value::Object(call.arguments).to_string(),
    }
}

fn chat_message(message: Message) -> ChatMessage {
    let text = message.text;
    match (message.role, message.result_of) {
        (Role::System, _) => ChatMessage::System(text),
        (Role::Tool, Some(call)) => ChatMessage::ToolResult { call, text },
        (Role::User | Role::Tool, _) => ChatMessage::User(text),
        (Role::Assistant, _) => ChatMessage::Assistant {
            text,
            calls: message.calls.into_iter().map(called).collect(),
        },
    }
}

fn called(call: jex_conversation::ToolCall) -> ToolCall {
    ToolCall {
        id: call.id,
        name: call.name,
        // What was an object once is one; one that the budget cut is empty.
        arguments: serde_json::from_str(&call.arguments).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::sync::Mutex;

    use async_trait::async_trait;
    use futures::stream;
    use jex_providers::{Origin, PieceStream};
    use jex_tools::{Draft, Effect, ToolName};
    use serde_json::json;

    use super::*;

    type Reply = Result<Vec<Result<Piece, ProviderError>>, ProviderError>;

    /// A model that answers as the test has it, once each.
    #[derive(Default)]
    struct Scripted {
        replies: Mutex<VecDeque<Reply>>,
        requests: Mutex<Vec<ChatRequest>>,
    }

    #[async_trait]
    impl LanguageModel for Scripted {
        fn name(&self) -> String {
            "scripted".into()
        }

        async fn generate(&self, request: ChatRequest) -> Result<PieceStream, ProviderError> {
            self.requests.lock().unwrap().push(request);
            let reply = self.replies.lock().unwrap().pop_front();
            let pieces = reply.expect("nobody asks that often")?;
            Ok(Box::pin(stream::iter(pieces)))
        }
    }

    fn origin() -> Origin {
        Origin {
            provider: "Ollama".into(),
            endpoint: "here".into(),
            remedy: "Choose another.".into(),
        }
    }

    fn said(text: &str) -> Reply {
        Ok(vec![Ok(Piece::Text(text.into()))])
    }

    fn broken() -> Reply {
        Ok(vec![Err(origin().broken_call("add", "it is no JSON", ""))])
    }

    fn tool() -> Tool {
        let draft = Draft {
            name: ToolName::new("add").unwrap(),
            description: "Adds an item.".into(),
            parameters: json!({"type": "object", "properties": {}}),
            effect: Effect::Changes,
            says: None,
            shipped: false,
            source: "n8n".into(),
        };
        draft.check().unwrap()
    }

    /// What comes of these replies: what is said, what is called, and what the model was asked.
    async fn run(replies: Vec<Reply>) -> (Vec<String>, Input, Vec<ChatRequest>) {
        let model = Arc::new(Scripted {
            replies: Mutex::new(replies.into()),
            ..Scripted::default()
        });
        let (signals, mut inbox) = mpsc::unbounded_channel();
        let mut mind = Mind::new(model.clone(), "en", Abilities::default(), signals);
        mind.generate(AnswerId(1), Vec::new(), vec![tool()], 10);
        let mut sentences = Vec::new();
        loop {
            match inbox.recv().await.expect("an end") {
                Signal::Input(Input::Sentence { written, .. }) => sentences.push(written),
                Signal::Input(end) => {
                    let requests = model.requests.lock().unwrap().clone();
                    return (sentences, end, requests);
                }
                _ => {}
            }
        }
    }

    fn called(end: &Input) -> Vec<&str> {
        let Input::ToolsCalled { calls, .. } = end else {
            panic!("nothing is called: {end:?}");
        };
        calls.iter().map(|call| call.name.as_str()).collect()
    }

    #[tokio::test]
    async fn a_model_without_tools_is_told_of_them_in_the_prompt_from_then_on() {
        let (sentences, end, requests) = run(vec![
            Err(origin().no_tools("it does not support tools", "")),
            said("{\"tool\": \"add\"}"),
        ])
        .await;

        assert_eq!(sentences, [""; 0]);
        assert_eq!(called(&end), ["add"]);
        assert_eq!(requests[0].tools.len(), 1);
        assert_eq!(requests[1].tools, []);
        let ChatMessage::System(told) = &requests[1].messages[0] else {
            panic!("{requests:?}");
        };
        assert!(told.contains("\"tool\":\"add\""), "{told}");
    }

    #[tokio::test]
    async fn a_broken_call_is_asked_for_once_more() {
        let (_, end, requests) = run(vec![broken(), said("I cannot do that.")]).await;

        assert_eq!(
            end,
            Input::GenerationDone {
                answer: AnswerId(1)
            }
        );
        let Some(ChatMessage::User(told)) = requests[1].messages.last() else {
            panic!("{requests:?}");
        };
        assert!(told.contains("it is no JSON"), "{told}");
    }

    #[tokio::test]
    async fn broken_again_it_is_dropped() {
        let (sentences, end, requests) = run(vec![broken(), said("{\"tool\": ")]).await;

        assert_eq!(sentences, [""; 0]);
        assert_eq!(
            end,
            Input::GenerationDone {
                answer: AnswerId(1)
            }
        );
        assert_eq!(requests.len(), 2);
    }
}

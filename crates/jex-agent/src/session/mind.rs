//! The mind: a prompt to the model, sentences back.

use std::sync::Arc;
use std::time::Instant;

use futures::StreamExt;
use jex_conversation::{AnswerId, Input, Message, Role, Stage};
use jex_providers::{
    ChatMessage, ChatRequest, LanguageModel, Piece, ProviderError, Sentence, SentenceSplitter,
    ToolCall, ToolSpec,
};
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument;

use super::{Mark, Signal, problem};

/// Generates one answer at a time; a new one or dropping it cancels, also at the server.
pub struct Mind {
    model: Arc<dyn LanguageModel>,
    /// BCP 47, for where sentences end.
    language: String,
    signals: mpsc::UnboundedSender<Signal>,
    generating: Option<(AnswerId, AbortOnDropHandle<()>)>,
}

impl Mind {
    pub fn new(
        model: Arc<dyn LanguageModel>,
        language: &str,
        signals: mpsc::UnboundedSender<Signal>,
    ) -> Self {
        Self {
            model,
            language: language.to_owned(),
            signals,
            generating: None,
        }
    }

    /// In the current span.
    pub fn generate(
        &mut self,
        answer: AnswerId,
        messages: Vec<Message>,
        tools: Vec<ToolSpec>,
        max_tokens: u32,
    ) {
        let request = ChatRequest {
            messages: messages.into_iter().map(chat_message).collect(),
            tools,
            max_tokens,
        };
        let (model, signals) = (self.model.clone(), self.signals.clone());
        let splitter = SentenceSplitter::for_language(&self.language);
        let task = async move {
            let input = match stream(answer, &*model, request, splitter, &signals).await {
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

/// Returns the tools that are to be called.
async fn stream(
    answer: AnswerId,
    model: &dyn LanguageModel,
    request: ChatRequest,
    mut splitter: SentenceSplitter,
    signals: &mpsc::UnboundedSender<Signal>,
) -> Result<Vec<ToolCall>, ProviderError> {
    let mut pieces = model.generate(request).await?;
    let mut first = true;
    let mut wanted = Vec::new();
    let tell = |sentence: Sentence| {
        let _ = signals.send(Signal::Input(Input::Sentence {
            answer,
            written: sentence.written,
            spoken: sentence.spoken,
        }));
    };
    while let Some(piece) = pieces.next().await {
        let piece = piece?;
        if std::mem::take(&mut first) {
            let _ = signals.send(Signal::Mark(answer, Mark::FirstToken, Instant::now()));
        }
        match piece {
            Piece::Text(text) => splitter.push(&text).into_iter().for_each(tell),
            Piece::ToolCalls(calls) => wanted.extend(calls),
        }
    }
    splitter.finish().into_iter().for_each(tell);
    Ok(wanted)
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

//! The mind: a prompt to the model, sentences back.

use std::sync::Arc;
use std::time::Instant;

use futures::StreamExt;
use jex_conversation::{AnswerId, Input, Message, Role, Stage};
use jex_providers::{
    ChatMessage, ChatRequest, ChatRole, LanguageModel, ProviderError, Sentence, SentenceSplitter,
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
    pub fn generate(&mut self, answer: AnswerId, messages: Vec<Message>, max_tokens: u32) {
        let request = ChatRequest {
            messages: messages.into_iter().map(chat_message).collect(),
            max_tokens,
        };
        let (model, signals) = (self.model.clone(), self.signals.clone());
        let splitter = SentenceSplitter::for_language(&self.language);
        let task = async move {
            let input = match stream(answer, &*model, request, splitter, &signals).await {
                Ok(()) => Input::GenerationDone { answer },
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

async fn stream(
    answer: AnswerId,
    model: &dyn LanguageModel,
    request: ChatRequest,
    mut splitter: SentenceSplitter,
    signals: &mpsc::UnboundedSender<Signal>,
) -> Result<(), ProviderError> {
    let mut pieces = model.generate(request).await?;
    let mut first = true;
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
        splitter.push(&piece).into_iter().for_each(tell);
    }
    splitter.finish().into_iter().for_each(tell);
    Ok(())
}

fn chat_message(message: Message) -> ChatMessage {
    ChatMessage {
        role: match message.role {
            Role::System => ChatRole::System,
            Role::User => ChatRole::User,
            Role::Assistant => ChatRole::Assistant,
        },
        text: message.text,
    }
}

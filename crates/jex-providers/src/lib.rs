//! Speech to text, language models and text to speech, each behind one trait; one module per
//! provider. Dropping what a provider returned cancels the work, also at the server.
//!
//! * the traits: [`SpeechToText`], [`LanguageModel`], [`TextToSpeech`], and [`ProviderError`];
//! * the providers: [`wyoming`] (Whisper, Piper), [`openai`] (Ollama and everything alike),
//!   [`CoquiTextToSpeech`], [`EspeakNg`], and [`FallbackTextToSpeech`], which joins two voices;
//! * from the settings to all of them: [`Providers`];
//! * text for voices: [`SentenceSplitter`], [`speakable`];
//! * audio helpers: [`Resampler`], [`VoiceActivity`].

mod coqui;
mod error;
mod espeak;
mod fallback;
mod from_settings;
mod language_model;
pub mod openai;
mod pcm;
mod resample;
mod sentences;
mod speakable;
mod speech_to_text;
mod text_to_speech;
mod transport;
mod voice_activity;
mod wav;
pub mod wyoming;

pub use coqui::{CoquiOptions, CoquiTextToSpeech};
pub use error::{Origin, ProviderError};
pub use espeak::EspeakNg;
pub use fallback::FallbackTextToSpeech;
pub use from_settings::{Providers, ProvidersError};
pub use language_model::{
    ChatMessage, ChatRequest, LanguageModel, Piece, PieceStream, ToolCall, ToolSpec,
};
pub use resample::Resampler;
pub use sentences::{Sentence, SentenceSplitter};
pub use speakable::{can_be_spoken, speakable};
pub use speech_to_text::{Recognition, SpeechToText, Transcript};
pub use text_to_speech::{Synthesis, TextToSpeech};
pub use voice_activity::{VoiceActivity, VoiceEvent};

//! What goes into a conversation and what comes out of it.

use std::time::Duration;

use crate::Message;

/// One stretch of the caller's speech, from voice activity to transcript.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UtteranceId(pub u64);

/// One thing the assistant says: an answer, the greeting, an announcement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AnswerId(pub u64);

/// `lk.agent.state`, as LiveKit's clients know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AgentState {
    Initializing,
    Idle,
    Listening,
    Thinking,
    Speaking,
}

/// Where in the chain something went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stage {
    SpeechToText,
    LanguageModel,
    TextToSpeech,
}

/// Something that went wrong, in words for the owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    pub stage: Stage,
    /// What happened and what to do, for the page and the log.
    pub message: String,
    /// What to do about it.
    pub remedy: String,
}

/// The settings of a conversation.
#[derive(Debug, Clone, PartialEq)]
pub struct Rules {
    /// Silence after speech that ends the caller's turn.
    pub endpointing: Duration,
    /// Speech over an answer that stops it; shorter sounds (a cough) do not. Counted from
    /// [`Input::SpeechStarted`]; while no [`Input::SpeechStopped`] came it is taken to go on, so
    /// it should be longer than voice activity needs to notice silence.
    pub barge_in: Duration,
    /// An utterance that lasts longer is ended: noise that voice activity takes for speech would
    /// never end by itself.
    pub longest_utterance: Duration,
    /// Longest wait for a transcript after the end of an utterance. Longer than recognition's own
    /// limit, since recognition can say why it failed.
    pub transcript_timeout: Duration,
    /// System message for the model.
    pub instructions: String,
    /// Said when the caller is there; empty for none.
    pub greeting: String,
    /// Said when the conversation is ended from our side; empty for none.
    pub goodbye: String,
    /// Tokens that prompt and answer together may fill.
    pub context_tokens: u32,
    /// Longest answer, in tokens.
    pub max_answer_tokens: u32,
}

/// What happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// Nothing but time passing.
    Tick,
    /// The caller is in the room and can hear (again).
    CallerJoined,
    /// The caller is gone, perhaps for a moment (their connection was lost).
    CallerLeft,
    /// Voice activity says that the caller began to speak.
    SpeechStarted,
    /// Voice activity says that the caller fell silent. `silence` is how long ago the last voiced frame was.
    SpeechStopped {
        silence: Duration,
    },
    /// What was recognised so far, or finally. An empty final text: no words.
    Transcript {
        utterance: UtteranceId,
        text: String,
        is_final: bool,
    },
    /// No transcript will come.
    RecognitionFailed {
        utterance: UtteranceId,
        problem: Problem,
    },
    /// The caller typed a message.
    Typed {
        text: String,
    },
    /// A whole sentence of the model's answer. `written` is the model's text with its white space,
    /// `spoken` what to say for it (may be empty: an emoji, a code block).
    Sentence {
        answer: AnswerId,
        written: String,
        spoken: String,
    },
    /// The model finished; no more sentences.
    GenerationDone {
        answer: AnswerId,
    },
    GenerationFailed {
        answer: AnswerId,
        problem: Problem,
    },
    /// Playout reached `chars` characters of the `spoken` text of this answer's sentence `sentence` (0-based).
    Heard {
        answer: AnswerId,
        sentence: usize,
        chars: usize,
    },
    /// The sentence was played to its end.
    SentencePlayed {
        answer: AnswerId,
        sentence: usize,
    },
    /// The sentence cannot be spoken; it counts as shown but not heard.
    SpeechFailed {
        answer: AnswerId,
        sentence: usize,
        problem: Problem,
    },
    /// What was said of this answer since the last `Heard` reached nobody, nor will the rest.
    SpeechLost {
        answer: AnswerId,
    },
    /// The caller pressed stop.
    Interrupt,
    /// The process is draining: say goodbye, then end.
    End,
}

/// What to do about it, in order.
#[derive(Debug, Clone, PartialEq)]
pub enum Output {
    /// Publish the agent's state.
    State(AgentState),
    /// Publish whether the caller is heard speaking.
    Hearing(bool),
    /// Open recognition, feeding it the audio from just before the speech began.
    StartUtterance(UtteranceId),
    /// The utterance is complete: no more audio, a final transcript is expected.
    EndUtterance(UtteranceId),
    /// Forget the utterance, cancelling its recognition.
    CancelUtterance(UtteranceId),
    /// Show what the caller said (interim or final). Turn text, not a delta.
    CallerTranscript {
        utterance: UtteranceId,
        text: String,
        is_final: bool,
    },
    /// A turn of the caller is complete and becomes `answer`: ask the model.
    Generate {
        answer: AnswerId,
        messages: Vec<Message>,
        max_tokens: u32,
    },
    CancelGeneration(AnswerId),
    /// Synthesise and play after what was queued before. Sentences of an answer are numbered from 0.
    Speak {
        answer: AnswerId,
        sentence: usize,
        text: String,
    },
    /// Stop playout of this answer at once and drop what is queued and being synthesised.
    StopSpeaking(AnswerId),
    /// More of the answer was heard: show it. A delta.
    AnswerText {
        answer: AnswerId,
        delta: String,
    },
    /// The answer is over; `text` is what was heard of it (what history holds), the same as its
    /// deltas together. One that was broken off ends with a dash; one that was withdrawn because
    /// nothing of it was heard is empty. Follows every `Generate` and every first `Speak` once.
    AnswerEnded {
        answer: AnswerId,
        text: String,
        interrupted: bool,
    },
    /// Something is wrong (`Some`) or no longer wrong (`None`).
    Problem(Option<Problem>),
    /// Leave the room.
    Leave,
}

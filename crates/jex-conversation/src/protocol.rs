//! What goes into a conversation and what comes out of it.

use std::time::Duration;

use crate::{Message, ToolCall, ToolResult};

/// One stretch of the caller's speech, from voice activity to transcript.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UtteranceId(pub u64);

/// One thing the assistant says: an answer, the greeting, an announcement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AnswerId(pub u64);

/// One time that the caller is asked whether tools may be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct QuestionId(pub u64);

/// Something that is to be said of JEX's own accord, such as a reminder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AnnouncementId(pub u64);

/// One time that the beginning of the conversation is summed up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SummaryId(pub u64);

/// How the caller's words came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    Voice,
    Typing,
}

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
    /// Whether the model sums up what no longer fits; otherwise it is left out.
    pub sums_up: bool,
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
    /// The tools that are offered to the model take so many tokens of its context
    /// (see [`crate::estimated_tokens`]).
    ToolsOffered {
        tokens: u32,
    },
    /// The model finished by asking for tools; no more sentences until they are done.
    ToolsCalled {
        answer: AnswerId,
        calls: Vec<ToolCall>,
    },
    /// All of them are done or will not be called. A call without a result counts as lost.
    ToolsDone {
        answer: AnswerId,
        results: Vec<ToolResult>,
    },
    /// They take long: say this once, when nothing else is being said.
    ToolStillRunning {
        answer: AnswerId,
        text: String,
    },
    /// One of the tools needs the caller's yes. Replaces the question before.
    Ask {
        answer: AnswerId,
        question: QuestionId,
        text: String,
    },
    /// The question is over, whatever came of it.
    QuestionClosed(QuestionId),
    /// What [`Output::Reply`] brought was judged. `is_turn`: the words are a turn of the
    /// conversation as well, or only that.
    ReplyTaken {
        is_turn: bool,
    },
    /// Say this when nobody speaks.
    Announce {
        id: AnnouncementId,
        text: String,
    },
    /// The beginning of the conversation in fewer words; `None`: it did not work.
    SummedUp {
        summary: SummaryId,
        text: Option<String>,
    },
    /// What was said from so long ago until so long ago is to be forgotten. The turn that is being answered stays.
    Forget {
        since: Duration,
        until: Duration,
    },
    /// The system message is another from now on.
    Instructions(String),
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
    /// Instead of results: the caller wants it to end. What the answer has said is let out, or a goodbye said, then it ends.
    HangUp {
        answer: AnswerId,
    },
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
    /// A turn of the caller is complete and becomes `answer`: ask the model. Comes again for the
    /// same answer when tools are done; its sentences go on where they were.
    Generate {
        answer: AnswerId,
        messages: Vec<Message>,
        max_tokens: u32,
        /// Whether the model may call tools, or has done so often enough.
        tools: bool,
    },
    CancelGeneration(AnswerId),
    /// Have these called; [`Input::ToolsDone`] is expected, and nothing is generated until then.
    Act {
        answer: AnswerId,
        calls: Vec<ToolCall>,
    },
    /// Stop them. No result is expected any more.
    CancelTools(AnswerId),
    /// Publish which tools run, by their names; empty: none.
    Acting(Vec<String>),
    /// The question was played to its end: from now on a yes counts.
    QuestionSpoken(QuestionId),
    /// It was not and will not be; it is over unless it is asked again.
    QuestionCut(QuestionId),
    /// What the caller said while the question was open, perhaps before its end.
    /// [`Input::ReplyTaken`] is expected.
    Reply {
        question: QuestionId,
        text: String,
        by: By,
    },
    /// The announcement was heard; it is not said again.
    Announced(AnnouncementId),
    /// Nobody speaks: ask the model this. [`Input::SummedUp`] is expected.
    SumUp {
        summary: SummaryId,
        messages: Vec<Message>,
        max_tokens: u32,
    },
    /// The model is needed for something else.
    CancelSummary(SummaryId),
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
    /// The answer is over; `text` is what was heard of it (what history holds, but for what was
    /// said about tools), the same as its deltas together. One that was broken off ends with a
    /// dash; one that was withdrawn because nothing of it was heard is empty. Follows every first
    /// `Generate` and every first `Speak` once.
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

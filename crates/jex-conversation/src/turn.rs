//! The caller's turn: one or more utterances on their way from voice to text.
//!
//! ```text
//! Speaking ⇄ Pausing → Ended → (words)
//! ```
//!
//! An utterance that begins over an answer is tentative at first: a cough is no turn.

use std::time::Instant;

use crate::{Rules, UtteranceId};

/// What the caller is saying.
#[derive(Debug, Default)]
pub struct Turn {
    utterances: Vec<Utterance>,
}

#[derive(Debug)]
struct Utterance {
    id: UtteranceId,
    voice: Voice,
    words: Words,
    /// Until when the sound must last to be taken for speech.
    tentative_until: Option<Instant>,
    /// Ended then, whatever the voice does.
    open_until: Instant,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Voice {
    Speaking {
        since: Instant,
    },
    /// Silent, but perhaps only between two words.
    Pausing {
        until: Instant,
    },
    /// The final transcript is awaited no longer than this.
    Ended {
        patience: Instant,
    },
}

#[derive(Debug, PartialEq, Eq)]
enum Words {
    Expected {
        interim: String,
    },
    Final(String),
    /// Recognition failed.
    Missing,
}

/// What time brings about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// A tentative utterance lasted: it is speech.
    Lasted,
    /// The utterance is over: the pause lasted, or nobody speaks for so long.
    Ended(UtteranceId),
    /// No transcript came.
    Overdue(UtteranceId),
}

/// How speech went on when the voice fell silent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pause {
    /// Nobody was speaking.
    Nothing,
    /// A sound too short to be speech; it is forgotten.
    Dismissed(UtteranceId),
    /// It had lasted long enough to be speech after all.
    Lasted,
    /// Speech that may go on or be over.
    Speech,
}

/// A transcript to show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    pub utterance: UtteranceId,
    pub text: String,
    pub is_final: bool,
}

/// What was given up of a turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Abandoned {
    /// Utterances whose recognition is to be cancelled.
    pub running: Vec<UtteranceId>,
    /// What was recognised of the others.
    pub text: String,
}

impl Turn {
    /// The voice is there again. `true` when it begins a new utterance rather than resume one.
    pub fn speech_started(
        &mut self,
        now: Instant,
        next: UtteranceId,
        is_tentative: bool,
        rules: &Rules,
    ) -> bool {
        if let Some(open) = self.open_mut() {
            if matches!(open.voice, Voice::Pausing { .. }) {
                open.voice = Voice::Speaking { since: now };
            }
            return false;
        }
        let interim = String::new();
        self.utterances.push(Utterance {
            id: next,
            voice: Voice::Speaking { since: now },
            words: Words::Expected { interim },
            tentative_until: is_tentative.then_some(now + rules.barge_in),
            open_until: now + rules.longest_utterance,
        });
        true
    }

    /// The voice is silent since `last_voiced`.
    pub fn speech_stopped(&mut self, last_voiced: Instant, rules: &Rules) -> Pause {
        let Some(open) = self.open_mut() else {
            return Pause::Nothing;
        };
        let Voice::Speaking { since } = open.voice else {
            return Pause::Nothing;
        };
        let tentative = open.tentative_until.is_some();
        if tentative && last_voiced.saturating_duration_since(since) < rules.barge_in {
            let id = open.id;
            self.utterances.retain(|utterance| utterance.id != id);
            return Pause::Dismissed(id);
        }
        open.voice = Voice::Pausing {
            until: last_voiced + rules.endpointing,
        };
        if tentative {
            Pause::Lasted
        } else {
            Pause::Speech
        }
    }

    /// Words arrived. `None` if none were expected, else what of them is to be shown.
    pub fn transcript(
        &mut self,
        id: UtteranceId,
        text: &str,
        is_final: bool,
    ) -> Option<Option<Shown>> {
        let utterance = self.get_mut(id)?;
        let Words::Expected { interim } = &mut utterance.words else {
            return None;
        };
        let text = text.trim().to_owned();
        // An empty final transcript takes back what was shown before.
        let news = *interim != text || (is_final && !text.is_empty());
        utterance.words = if is_final {
            Words::Final(text.clone())
        } else {
            Words::Expected {
                interim: text.clone(),
            }
        };
        let tentative = utterance.tentative_until.is_some();
        let shown = Shown {
            utterance: id,
            text,
            is_final,
        };
        Some((news && !tentative).then_some(shown))
    }

    /// No words will come for this utterance. `false` if none were expected.
    pub fn recognition_failed(&mut self, id: UtteranceId) -> bool {
        let Some(utterance) = self.get_mut(id) else {
            return false;
        };
        let expected = matches!(utterance.words, Words::Expected { .. });
        if expected {
            utterance.words = Words::Missing;
        }
        expected
    }

    /// There is no answer (any more) that a tentative sound could disturb: it is speech. What was
    /// recognised of it meanwhile is to be shown.
    pub fn take_for_speech(&mut self) -> Option<Shown> {
        let open = self.utterances.last_mut()?;
        open.tentative_until.take()?;
        let (text, is_final) = match &open.words {
            Words::Expected { interim } => (interim, false),
            Words::Final(text) => (text, true),
            Words::Missing => return None,
        };
        (!text.is_empty()).then(|| Shown {
            utterance: open.id,
            text: text.clone(),
            is_final,
        })
    }

    /// The next thing that time brought about by `now`. Returns it once.
    pub fn due(&mut self, now: Instant, rules: &Rules) -> Option<Due> {
        let due = |utterance: &&mut Utterance| utterance.deadline().is_some_and(|at| at <= now);
        let utterance = self.utterances.iter_mut().find(due)?;
        match utterance.voice {
            Voice::Speaking { .. } if utterance.tentative_until.is_some() => Some(Due::Lasted),
            Voice::Speaking { .. } | Voice::Pausing { .. } => {
                let patience = now + rules.transcript_timeout;
                utterance.voice = Voice::Ended { patience };
                Some(Due::Ended(utterance.id))
            }
            Voice::Ended { .. } => {
                utterance.words = Words::Missing;
                Some(Due::Overdue(utterance.id))
            }
        }
    }

    pub fn next_deadline(&self) -> Option<Instant> {
        self.utterances.iter().filter_map(Utterance::deadline).min()
    }

    pub fn is_empty(&self) -> bool {
        self.utterances.is_empty()
    }

    /// Whether the caller speaks, or may go on speaking.
    pub fn is_open(&self) -> bool {
        self.utterances.last().is_some_and(Utterance::is_open)
    }

    /// Whether it is not clear yet that the sound is speech.
    pub fn is_tentative(&self) -> bool {
        self.utterances
            .last()
            .is_some_and(|u| u.tentative_until.is_some())
    }

    /// Whether the caller is done and only the words are missing.
    pub fn is_being_recognised(&self) -> bool {
        !self.is_empty() && !self.is_open()
    }

    /// Whether all that can be known of the turn is known.
    pub fn is_complete(&self) -> bool {
        !self.is_empty() && self.utterances.iter().all(Utterance::is_settled)
    }

    /// Whether an utterance is lost.
    pub fn has_gap(&self) -> bool {
        self.utterances
            .iter()
            .any(|utterance| utterance.words == Words::Missing)
    }

    /// What was recognised so far, joined.
    pub fn text(&self) -> String {
        let finals: Vec<&str> = self.utterances.iter().filter_map(Utterance::text).collect();
        finals.join(" ")
    }

    /// Forgets every utterance that is not open, and `open_too` the one that is.
    pub fn abandon(&mut self, open_too: bool) -> Abandoned {
        let stays = |utterance: &Utterance| utterance.is_open() && !open_too;
        let (stay, go) = std::mem::take(&mut self.utterances)
            .into_iter()
            .partition(stays);
        self.utterances = stay;
        let gone = Self { utterances: go };
        let running = gone
            .utterances
            .iter()
            .filter(|utterance| !utterance.is_settled());
        Abandoned {
            running: running.map(|utterance| utterance.id).collect(),
            text: gone.text(),
        }
    }

    fn open_mut(&mut self) -> Option<&mut Utterance> {
        self.utterances
            .last_mut()
            .filter(|utterance| utterance.is_open())
    }

    fn get_mut(&mut self, id: UtteranceId) -> Option<&mut Utterance> {
        self.utterances
            .iter_mut()
            .find(|utterance| utterance.id == id)
    }
}

impl Utterance {
    fn is_open(&self) -> bool {
        !matches!(self.voice, Voice::Ended { .. })
    }

    fn is_settled(&self) -> bool {
        !self.is_open() && !matches!(self.words, Words::Expected { .. })
    }

    fn text(&self) -> Option<&str> {
        match &self.words {
            Words::Final(text) if !text.is_empty() => Some(text),
            _ => None,
        }
    }

    fn deadline(&self) -> Option<Instant> {
        match self.voice {
            Voice::Speaking { .. } => self.tentative_until.or(Some(self.open_until)),
            Voice::Pausing { until } => Some(until),
            Voice::Ended { patience } => {
                matches!(self.words, Words::Expected { .. }).then_some(patience)
            }
        }
    }
}

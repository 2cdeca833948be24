//! What the model is told of a long conversation: what no longer fits is summed up while nobody speaks.

use std::time::{Duration, Instant};

use super::{Conversation, Presence};
use crate::{Output, SummaryId};

#[derive(Debug, Default)]
pub(super) struct Summing {
    /// What is being summed up: so many messages from the beginning.
    open: Option<(SummaryId, usize)>,
    /// Messages there were when it did not work: it is tried again when there are more.
    failed_at: usize,
    last: u64,
}

impl Conversation {
    /// Has the beginning summed up if the conversation gets too long for the model.
    pub(super) fn sum_up_when_quiet(&mut self) {
        let quiet = self.answer.is_none() && self.turn.is_empty() && !self.unanswered;
        let may = self.rules.sums_up && self.presence == Presence::Here;
        if !quiet || !may || self.summing.open.is_some() {
            return;
        }
        if self.summing.failed_at == self.history.len() {
            return;
        }
        let Some(wanted) = self.history.to_sum_up(&self.rules, self.tool_tokens) else {
            return;
        };
        self.summing.last += 1;
        let summary = SummaryId(self.summing.last);
        self.summing.open = Some((summary, wanted.messages));
        self.outputs.push_back(Output::SumUp {
            summary,
            messages: wanted.prompt,
            max_tokens: wanted.max_tokens,
        });
    }

    /// The model is needed for something else, or the words are gone.
    pub(super) fn stop_summing(&mut self) {
        if let Some((summary, _)) = self.summing.open.take() {
            self.outputs.push_back(Output::CancelSummary(summary));
        }
    }

    pub(super) fn summed_up(&mut self, summary: SummaryId, text: Option<&str>) {
        let Some((_, messages)) = self.summing.open.take_if(|(open, _)| *open == summary) else {
            return;
        };
        match text.map(str::trim).filter(|text| !text.is_empty()) {
            Some(text) => self.history.sum_up(messages, text),
            None => self.summing.failed_at = self.history.len(),
        }
    }

    /// What was said between so long ago and so long ago is not known any more; the turn that is being answered follows
    /// when it is.
    pub(super) fn forget(&mut self, since: Duration, until: Duration) {
        let ago = |span| self.now.and_then(|now| now.checked_sub(span));
        let Some(until) = ago(until) else { return };
        let since = ago(since);
        self.stop_summing();
        self.history.forget(since, until, true);
        self.forgetting.push((since, until));
    }

    /// When nothing is being answered.
    pub(super) fn forget_the_rest(&mut self) {
        if self.answer.is_some() || self.unanswered {
            return;
        }
        for (since, until) in std::mem::take(&mut self.forgetting) {
            self.history.forget(since, until, false);
            self.summing.failed_at = 0;
        }
    }
}

/// From a moment, or the beginning, until another.
pub(super) type Span = (Option<Instant>, Instant);

//! Which pulls are out, and how far everything before is done.

use std::collections::VecDeque;

use temblor_pdk::{Fate, FateRange};

use crate::keeper::Mark;

/// A pull whose fate is open.
#[derive(Debug)]
pub(crate) struct Sent {
    pub(crate) pull: u64,
    /// Where it begins in its file.
    pub(crate) start: u64,
    /// Where it ends.
    pub(crate) end: Mark,
    /// Whether it ends behind an event, so that reading can begin there.
    pub(crate) whole: bool,
}

/// The pulls that are out, in order.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    sent: VecDeque<Sent>,
}

/// What some fates came to.
#[derive(Debug, Default)]
pub(crate) struct Settled {
    /// The furthest place before which everything is done, if that is news.
    pub(crate) reached: Option<Mark>,
    /// The first pull that failed, where failures are not skipped.
    pub(crate) failed: Option<Sent>,
    /// How many pulls failed and were skipped.
    pub(crate) skipped: u64,
}

impl Progress {
    pub(crate) fn is_empty(&self) -> bool {
        self.sent.is_empty()
    }

    /// Notes a pull that is handed over.
    pub(crate) fn add(&mut self, sent: Sent) {
        self.sent.push_back(sent);
    }

    /// Whatever becomes of the pulls that are out does not matter any more: they are read again.
    pub(crate) fn forget(&mut self) {
        self.sent.clear();
    }

    /// Takes fates in, which come in order. What is not out any more is passed over.
    pub(crate) fn settle(&mut self, fates: &[FateRange], skips: bool) -> Settled {
        let mut settled = Settled::default();
        for range in fates {
            while let Some(sent) = self.sent.pop_front() {
                if sent.pull > range.last_pull {
                    self.sent.push_front(sent);
                    break;
                }
                if range.fate == Fate::Failed {
                    if !skips {
                        settled.failed = Some(sent);
                        return settled;
                    }
                    settled.skipped += 1;
                }
                if sent.whole {
                    settled.reached = Some(sent.end);
                }
            }
        }
        settled
    }
}

//! What a source is told of a pull: one fate for all of it, or one for each event that it handed over.

use super::ranges::Ranges;

/// What the source of a pull is told.
#[derive(Clone, Debug)]
pub(crate) enum Told {
    /// Nothing: the events came of no pull.
    Nothing,
    /// One fate for all: the pull was a piece of a stream, and its events are the host's.
    Pull,
    /// The fate of each event, which are those that the source handed over.
    Events,
    /// The fate of each message that the source handed over. A message became the events from where the one before it
    /// ends up to the number that stands here for it, which may be none.
    Messages(Box<[u32]>),
}

impl Told {
    /// For messages that became so many events each.
    pub(crate) fn messages(sizes: impl Iterator<Item = u32> + Clone) -> Self {
        // Mostly a message is an event, and both have the same number.
        if sizes.clone().all(|size| size == 1) {
            return Told::Events;
        }
        let ends = sizes.scan(0, |end, size| {
            *end += size;
            Some(*end)
        });
        Told::Messages(ends.collect())
    }
}

/// The messages of which an event is among these, which are normalised. Messages end in front of the events `ends`.
pub(super) fn messages_of(events: &Ranges, ends: &[u32]) -> Ranges {
    let mut messages = Ranges::default();
    if events.0.is_empty() {
        return messages;
    }
    let mut events = events.0.iter().peekable();
    let mut start = 0;
    for (message, &end) in (0..).zip(ends) {
        while events.next_if(|(_, last)| *last < start).is_some() {}
        // A message of no event has none of them.
        if start < end && events.peek().is_some_and(|(first, _)| *first < end) {
            messages.insert(message, message);
        }
        start = end;
    }
    messages
}

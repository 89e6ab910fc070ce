//! A batch on its way through a flow, with the tickets that its events hold.

use std::sync::Arc;

use temblor_lang::stands_for_others;
use temblor_pdk::{Batch, Event, EventId};

use crate::fate::{SourceFates, Ticket};
use crate::feedback::Observation;
use crate::turn::Share;

/// The number of no pull, for events that came of none.
pub(crate) const NO_PULL: u64 = u64::MAX;

/// A batch and its tickets: every event of the batch holds all of them.
///
/// That is one ticket, the pull's own, but for an event that began in an earlier pull, which travels in a parcel of
/// its own and holds the earlier pulls' tickets too.
pub(crate) struct Parcel {
    pub(crate) batch: Batch,
    pub(crate) tickets: Tickets,
}

/// One ticket, and rarely more.
pub(crate) struct Tickets {
    own: Ticket,
    /// Of the pulls in which the event began.
    earlier: Vec<Ticket>,
    /// Of pulls of which windows or operators kept events that these may stand for; [`stands_for_others`] tells which.
    kept: Vec<Ticket>,
    /// How often the events went from one pipeline of a circle to another.
    pub(crate) hops: u32,
    /// Pipelines whose operators want to hear what becomes of the events.
    observers: Vec<Arc<Observation>>,
    /// Of what time made of the states of lanes.
    of_time: Vec<Share>,
}

impl Tickets {
    pub(crate) fn new(own: Ticket, earlier: Vec<Ticket>) -> Self {
        Tickets {
            own,
            earlier,
            kept: Vec::new(),
            hops: 0,
            observers: Vec::new(),
            of_time: Vec::new(),
        }
    }

    /// Tickets for events that are no source's: their fate is counted nowhere.
    pub(crate) fn of_nobody(events: u32) -> Self {
        let (fates, _) = SourceFates::new(0, "", Arc::default(), false);
        let ticket = Ticket::open_rest(&fates, 0, NO_PULL, events);
        Tickets::new(ticket, Vec::new())
    }

    /// Tickets for events of which some may stand for any event of these pulls and of the `kept` ones.
    pub(crate) fn of_all<'t>(&'t self, kept: impl Iterator<Item = &'t Tickets>) -> Self {
        let mut all = self.clone();
        for kept in kept {
            all.hops = all.hops.max(kept.hops);
            all.kept.extend(kept.all().cloned());
            all.observers.extend(kept.observers.iter().cloned());
            all.of_time.extend(kept.of_time.iter().cloned());
        }
        all
    }

    /// The events are what time made of the state of a lane.
    pub(crate) fn in_time(&mut self, share: Option<Share>) {
        self.of_time.extend(share);
    }

    /// What becomes of the events is told to a pipeline's operators too.
    pub(crate) fn observe(&mut self, observer: Arc<Observation>) {
        self.observers.push(observer);
    }

    fn all(&self) -> impl Iterator<Item = &Ticket> {
        std::iter::once(&self.own)
            .chain(&self.earlier)
            .chain(&self.kept)
    }

    /// The name of the source with this number, if it is one of those that the tickets are for.
    pub(crate) fn source(&self, number: u32) -> Option<&str> {
        self.all().find_map(|ticket| ticket.source(number))
    }

    /// The events are delivered.
    pub(crate) fn delivered<'a>(&self, ids: impl Iterator<Item = &'a EventId> + Clone) {
        for observer in &self.observers {
            observer.arrived(ids.clone());
        }
        self.of_each_pull(ids, |ticket, ids| ticket.delivered(ids));
    }

    /// All events of a batch are delivered. Mostly they are one range of one pull, and nobody else wants to know: then
    /// that is found out without a branch for each.
    pub(crate) fn all_delivered(&self, events: &[Event<'_>]) {
        let is_own = self.earlier.is_empty() && self.kept.is_empty() && self.observers.is_empty();
        match events
            .first()
            .filter(|first| is_own && is_run(first, events))
        {
            Some(first) => self.own.delivered_run(&first.id, events.len() as u32),
            None => self.delivered(events.iter().map(|event| &event.id)),
        }
    }

    /// The events came to a port that nothing is connected to.
    pub(crate) fn dead_end<'a>(&self, ids: impl Iterator<Item = &'a EventId> + Clone) {
        self.of_each_pull(ids, |ticket, ids| ticket.dead_end(ids));
    }

    /// A record takes the place of the event, and holds these tickets.
    pub(crate) fn dead_lettered(&self, id: &EventId) {
        self.lost(id);
        self.all().for_each(|ticket| ticket.dead_lettered(id));
    }

    /// The event was refused, and is dropped.
    pub(crate) fn refused(&self, id: &EventId) {
        self.lost(id);
        self.all().for_each(|ticket| ticket.refused(id));
    }

    fn lost(&self, id: &EventId) {
        for observer in &self.observers {
            observer.lost(id);
        }
    }

    /// The events went into windows or operators.
    pub(crate) fn absorbed<'a>(&self, ids: impl Iterator<Item = &'a EventId> + Clone) {
        self.of_each_pull(ids, |ticket, ids| ticket.absorbed(ids));
    }

    /// Tells each ticket of the events that are of its pull, those that stand together at once: there may be many
    /// tickets, and many events of few pulls.
    fn of_each_pull<'a, I: Iterator<Item = &'a EventId> + Clone>(
        &self,
        mut ids: I,
        say: impl Fn(&Ticket, std::iter::Take<I>),
    ) {
        if self.earlier.is_empty() && self.kept.is_empty() {
            return say(&self.own, ids.take(usize::MAX));
        }
        loop {
            let here = ids.clone();
            let Some(first) = ids.next() else { return };
            let name = |id: &EventId| (id.source, id.lane, id.pull);
            let mut count = 1;
            let mut after = ids.clone();
            while after.next().is_some_and(|id| name(id) == name(first)) {
                ids = after.clone();
                count += 1;
            }
            let tickets = self.all().filter(|ticket| ticket.is_of(first));
            tickets.for_each(|ticket| say(ticket, here.clone().take(count)));
        }
    }

    /// The event failed.
    pub(crate) fn failed(&self, id: &EventId) {
        self.lost(id);
        self.of_time.iter().for_each(Share::failed);
        let began = std::iter::once(&self.own).chain(&self.earlier);
        began.for_each(|ticket| ticket.failed(id));
        let kept = self.kept.iter().filter(|ticket| ticket.is_of(id));
        kept.for_each(|ticket| ticket.failed(id));
        if stands_for_others(id) {
            self.all_failed();
        }
    }

    /// Everything failed that was kept of these pulls.
    pub(crate) fn all_failed(&self) {
        self.all().for_each(Ticket::kept_failed);
        self.of_time.iter().for_each(Share::failed);
    }

    /// Ends the shares: everything that can be said through them has been said.
    pub(crate) fn release(self) {
        self.own.release();
        self.earlier.into_iter().for_each(Ticket::release);
        self.kept.into_iter().for_each(Ticket::release);
        self.of_time.into_iter().for_each(Share::release);
    }
}

/// Whether events are of the pull of the first, one behind the other.
fn is_run(first: &Event<'_>, events: &[Event<'_>]) -> bool {
    let first = &first.id;
    let differs = (0_u32..).zip(events).fold(0, |differs, (at, event)| {
        let (id, place) = (&event.id, first.event.wrapping_add(at));
        let numbers = (id.source ^ first.source) | (id.lane ^ first.lane) | (id.event ^ place);
        differs | u64::from(numbers) | (id.pull ^ first.pull)
    });
    differs == 0
}

impl Clone for Tickets {
    fn clone(&self) -> Self {
        Tickets {
            own: self.own.clone(),
            earlier: self.earlier.clone(),
            kept: self.kept.clone(),
            hops: self.hops,
            observers: self.observers.clone(),
            of_time: self.of_time.clone(),
        }
    }
}

impl Parcel {
    /// The ids of the events.
    pub(crate) fn ids(&self) -> impl Iterator<Item = &EventId> + Clone {
        self.batch.events().iter().map(|event| &event.id)
    }

    /// All events have failed.
    pub(crate) fn fail(self) {
        for id in self.ids() {
            self.tickets.failed(id);
        }
        self.tickets.release();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fate::Tally;
    use temblor_pdk::Value;

    /// The places in pull 3 of events; the others are of another pull.
    fn delivered(places: &[Option<u32>]) -> u64 {
        let tally = Arc::new(Tally::default());
        let (fates, _settled) = SourceFates::new(1, "s", Arc::clone(&tally), true);
        let tickets = Tickets::new(
            Ticket::open(&fates, 2, 3, 4, crate::fate::Told::Events),
            Vec::new(),
        );
        let events: Vec<Event<'_>> = places
            .iter()
            .map(|place| {
                let mut event = Event::new(Value::NULL);
                (event.id.source, event.id.lane) = (1, 2);
                (event.id.pull, event.id.event) = match place {
                    Some(place) => (3, *place),
                    None => (4, 0),
                };
                event
            })
            .collect();
        tickets.all_delivered(&events);
        tickets.release();
        tally.counts().delivered
    }

    #[test]
    fn what_is_delivered_together_is_counted_one_by_one() {
        let places: [(&[Option<u32>], u64); 8] = [
            (&[], 0),
            (&[Some(0), Some(1), Some(2), Some(3)], 4),
            (&[Some(1), Some(2)], 2),
            // An operator can make up what it wants, or send an event twice.
            (&[Some(2), Some(3), Some(4), Some(5)], 2),
            (&[Some(4), Some(5)], 0),
            (&[Some(0), Some(0), Some(2)], 2),
            (&[Some(3), Some(1)], 2),
            (&[Some(0), None, Some(2)], 2),
        ];
        for (places, count) in places {
            assert_eq!(delivered(places), count, "{places:?}");
        }
    }
}

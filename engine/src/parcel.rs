//! A batch on its way through a flow, with the tickets that its events hold.

use temblor_pdk::{Batch, EventId};

use crate::fate::Ticket;

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
    earlier: Vec<Ticket>,
}

impl Tickets {
    pub(crate) fn new(own: Ticket, earlier: Vec<Ticket>) -> Self {
        Tickets { own, earlier }
    }

    fn all(&self) -> impl Iterator<Item = &Ticket> {
        std::iter::once(&self.own).chain(&self.earlier)
    }

    /// The events are delivered.
    pub(crate) fn delivered<'a>(&self, ids: impl Iterator<Item = &'a EventId> + Clone) {
        self.all().for_each(|ticket| ticket.delivered(ids.clone()));
    }

    /// The events came to a port that nothing is connected to.
    pub(crate) fn dead_end<'a>(&self, ids: impl Iterator<Item = &'a EventId> + Clone) {
        self.all().for_each(|ticket| ticket.dead_end(ids.clone()));
    }

    /// The event failed.
    pub(crate) fn failed(&self, id: &EventId) {
        self.all().for_each(|ticket| ticket.failed(id));
    }

    /// Ends the shares: everything that can be said through them has been said.
    pub(crate) fn release(self) {
        self.own.release();
        self.earlier.into_iter().for_each(Ticket::release);
    }
}

impl Clone for Tickets {
    fn clone(&self) -> Self {
        Tickets {
            own: self.own.clone(),
            earlier: self.earlier.clone(),
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

//! What pipelines do while no event comes in: time passes, or nothing comes any more.

use log::Level;
use temblor_lang::{EvalError, Progress};
use temblor_pdk::{Batch, BatchBuilder, Event, Value};

use super::lanes::Key;
use super::{Node, finish};
use crate::parcel::{NO_PULL, Parcel, Tickets};

/// Why a pipeline is run without an event.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Turn {
    /// Time has passed.
    Tick,
    /// Nothing comes in any more.
    Finish,
}

impl Node {
    /// Lets time pass.
    pub(crate) async fn tick(&mut self, now_ns: u64) {
        self.hear();
        let Some(lanes) = &self.lanes else {
            return self.tick_all(now_ns).await;
        };
        for key in lanes.keys() {
            self.without_event(Turn::Tick, Some(key), now_ns).await;
        }
    }

    /// Lets time pass for the one state that there is.
    async fn tick_all(&mut self, now_ns: u64) {
        self.without_event(Turn::Tick, None, now_ns).await;
        let progress: Vec<Progress> = self.state.progress().collect();
        self.kept.settle(&progress);
    }

    /// Sends what is still kept, here and in the pipelines behind that run in the same task.
    pub(crate) async fn finish(&mut self, now_ns: u64) {
        self.without_event(Turn::Finish, None, now_ns).await;
        self.kept.release();
        // The states of lanes have been stored, and go on.
        let open = self.state.open_groups();
        if open > 0 {
            let message = format!("windows of {open} group(s) had not closed; they emit nothing");
            self.logger
                .about_pipeline(Level::Info, &self.flow, &self.name, &message);
        }
        for targets in &mut self.outputs {
            // Boxed, because pipelines nest.
            Box::pin(finish(targets, now_ns)).await;
        }
    }

    async fn without_event(&mut self, turn: Turn, key: Option<Key>, now_ns: u64) {
        self.swap(key);
        let (results, done) = self.run_without_event(turn, key, now_ns);
        self.swap(key);
        let letters = done
            .err()
            .and_then(|error| self.fail_kept(error, key, now_ns));
        if let Some(letters) = letters {
            self.send_letters(letters).await;
        }
        let count: usize = results.iter().map(Batch::len).sum();
        if count > 0 {
            let own = self.tickets_of_time(key, count as u32);
            let onward = own.of_all(self.kept.tickets());
            own.release();
            self.hand_on(results, &onward).await;
            onward.release();
            if let Some((lanes, key)) = self.lanes.as_mut().zip(key) {
                lanes.changed(key);
            }
        }
    }

    fn run_without_event(
        &mut self,
        turn: Turn,
        key: Option<Key>,
        now_ns: u64,
    ) -> (Vec<Batch>, Result<(), EvalError>) {
        let Node {
            pipeline,
            scratch,
            state,
            ..
        } = self;
        let nothing = BatchBuilder::new().seal();
        nothing.derive_many(self.outputs.len(), |_, arena, outs| {
            let mut run = pipeline.start(arena, scratch, state);
            match turn {
                Turn::Tick => run.tick(now_ns, &mut |port, event| {
                    outs[port].push(of_no_pull(event, key))
                }),
                Turn::Finish => run.flush(now_ns, &mut |port, event| {
                    outs[port].push(of_no_pull(event, key))
                }),
            }
        })
    }

    /// The pipeline failed although no event came in: what operators keep may be lost. Returns a record of that.
    fn fail_kept(&mut self, error: EvalError, key: Option<Key>, now_ns: u64) -> Option<Parcel> {
        self.kept.tickets().for_each(Tickets::all_failed);
        if let Some((lanes, key)) = self.lanes.as_mut().zip(key) {
            lanes.fail(key);
        }
        let mut builder = BatchBuilder::new();
        builder.push(|_| {
            let event = Event {
                ingest_ns: now_ns,
                ..Event::new(Value::NULL)
            };
            of_no_pull(event, key)
        });
        let none = Parcel {
            batch: builder.seal(),
            tickets: self.tickets_of_time(key, 1),
        };
        let letters = self.fail(&none, &[(0, error)]);
        none.tickets.release();
        letters
    }
}

/// The event, without the number of a pull that it did not come of, but with the lane whose state it was made of.
fn of_no_pull(mut event: Event<'_>, key: Option<Key>) -> Event<'_> {
    event.id.pull = NO_PULL;
    if let Some((source, lane)) = key {
        (event.id.source, event.id.lane) = (source, lane);
    }
    event
}

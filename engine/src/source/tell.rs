//! What a source is told by its task: fates, and answers to what it says of its lanes.

use std::sync::Arc;

use log::Level;
use temblor_pdk::{Command, Error, Lane, LaneNotice, LaneStart, Result, call};

use super::keep::{Keep, ToStore};
use super::ledger::{Answer, ToDo};
use super::outcome::Outcome;
use super::{SourceBody, SourceTask, garbage};
use crate::checkpoint::{Keeping, Stored};
use crate::decode::Decoder;
use crate::route::turn;
use crate::turn::{Begun, Collected, LaneTurn, What};

/// So many lanes are shown in a message.
const SHOWN: usize = 8;

impl SourceTask {
    /// Tells the source the fates that are known, and does what is due for its lanes.
    pub(super) async fn tell_fates(
        &mut self,
        mut body: Box<SourceBody>,
    ) -> Option<Box<SourceBody>> {
        if let Err(error) = self.hear_outcomes(&mut body) {
            return self.trouble(body, error).await;
        }
        // The clock is looked at only where it counts.
        let now_ns = body.ledger.due_ns().map_or(0, |_| self.now_ns());
        let ToDo {
            commands,
            given_up,
            gone,
            marks,
            stores,
        } = body.ledger.take(now_ns);
        for lane in given_up {
            self.warn(&format!(
                "lane `{lane}` has moved away before all of it that was in flight had its fate and was stored; the rest \
                 comes again elsewhere"
            ));
        }
        for lane in gone {
            self.turn(lane, What::End, &mut body).await;
        }
        for lane in marks {
            self.mark(lane, &mut body).await;
        }
        for (lane, store) in stores {
            self.store(lane, store);
        }
        if !self.parts.transactional || commands.is_empty() {
            return Some(body);
        }
        let (told, body) = self.tell(commands, body).await?;
        match told {
            Ok(()) => Some(body),
            Err(error) => self.trouble(body, error).await,
        }
    }

    fn now_ns(&self) -> u64 {
        self.parts.shared.clock.now_ns()
    }

    fn warn(&self, message: &str) {
        let parts = &self.parts;
        let logger = &parts.shared.logger;
        logger.about(Level::Warn, &parts.flow, &parts.name, message);
    }

    /// Gives commands to the instance, if there is one, until one fails.
    async fn tell(
        &mut self,
        commands: Vec<Command>,
        body: Box<SourceBody>,
    ) -> Option<(Result<()>, Box<SourceBody>)> {
        let Some((_, instance)) = &mut self.instance else {
            return Some((Ok(()), body));
        };
        let telling = async {
            for command in commands {
                call(&mut **instance, command).await?;
            }
            Ok(())
        };
        self.slot.meanwhile(self.owner, body, telling).await
    }

    /// A source says something of a lane, and is answered before its next pull if it can be.
    pub(super) async fn on_notice(
        &mut self,
        notice: LaneNotice,
        mut body: Box<SourceBody>,
    ) -> Option<(Result<()>, Box<SourceBody>)> {
        let answer = match self.take_notice(notice, &mut body) {
            Ok(Answer::Later) => return Some((Ok(()), body)),
            Ok(Answer::Gone(lane)) => {
                self.turn(lane, What::End, &mut body).await;
                Command::Lost(lane)
            }
            Ok(Answer::Begin(lane, name, committed)) => {
                let (start, back) = self.begin(lane, name, committed, body).await?;
                body = back;
                match start {
                    Ok(start) => Command::Assigned(start),
                    Err(error) => return Some((Err(error), body)),
                }
            }
            Err(error) => return Some((Err(error), body)),
        };
        self.tell(vec![answer], body).await
    }

    fn take_notice(&self, notice: LaneNotice, body: &mut SourceBody) -> Result<Answer> {
        if !self.parts.lanes {
            garbage(format!(
                "it told of lane {}, and its entry does not say that it has lanes",
                notice.lane()
            ))?;
        }
        // Half a frame of it will never be whole.
        let forget = |decoder: &mut Decoder| decoder.forget_lane(notice.lane());
        body.decoder.iter_mut().for_each(forget);
        body.ledger.take_notice(notice)
    }

    /// A lane begins, with what is stored of it.
    async fn begin(
        &mut self,
        lane: Lane,
        name: String,
        committed: Option<u64>,
        mut body: Box<SourceBody>,
    ) -> Option<(Result<LaneStart>, Box<SourceBody>)> {
        let mut start = LaneStart {
            lane,
            position: None,
            is_kept: false,
        };
        let mut keep = None;
        if let Some(keeping) = self.parts.keeping.clone() {
            let (stored, back) = self.load(&keeping, &name, committed, body).await?;
            body = back;
            let (position, begun) = match stored {
                Ok(stored) => stored,
                Err(error) => return Some((Err(error), body)),
            };
            let (number, parts) = (self.parts.outcomes.number(), Arc::clone(&self.parts));
            let begun = begun.telling(move || {
                parts.outcomes.push(number, Outcome::Passed);
                parts.fates.wake_whoever_waits();
            });
            self.turn(lane, What::Begin(Arc::new(begun)), &mut body)
                .await;
            (start.position, start.is_kept) = (position, true);
            let interval_ns = u64::try_from(keeping.interval.as_nanos()).unwrap_or(u64::MAX);
            let new = Keep::new(interval_ns, self.now_ns());
            keep = Some(new.going_on(number, position, body.pull));
        }
        body.ledger.begin(lane, name, keep);
        Some((Ok(start), body))
    }

    /// What is stored of a lane, if nobody has gone on with it elsewhere since.
    async fn load(
        &mut self,
        keeping: &Arc<Keeping>,
        name: &str,
        committed: Option<u64>,
        body: Box<SourceBody>,
    ) -> Option<(Result<(Option<u64>, Begun)>, Box<SourceBody>)> {
        let (place, lane) = (Arc::clone(keeping), name.to_owned());
        let loading = smol::unblock(move || place.load(&lane));
        let (loaded, body) = self.slot.meanwhile(self.owner, body, loading).await?;
        let Stored {
            begun,
            position,
            place,
            warnings,
        } = match loaded {
            Ok(stored) => stored,
            Err(error) => return Some((Err(Error::failed(error.to_string())), body)),
        };
        warnings.iter().for_each(|warning| self.warn(warning));
        let stored = match (position, committed) {
            (Some(position), Some(committed)) if committed > position => {
                self.warn(&format!(
                    "lane `{name}` is at position {committed} outside, and what is stored of it in {place} at position \
                     {position}: somebody went on with it who stores elsewhere, or the position was moved; it goes on at \
                     position {committed} with an empty state\nhelp: let all who share lanes store in the same directory"
                ));
                (None, Begun::default())
            }
            _ => (position, begun),
        };
        Some((Ok(stored), body))
    }

    /// Tells the pipelines behind the source what happens to a lane.
    pub(super) async fn turn(&mut self, lane: Lane, what: What, body: &mut SourceBody) {
        if self.parts.keeping.is_none() {
            return;
        }
        let source = self.parts.number;
        turn(&mut body.out, &LaneTurn { source, lane, what }).await;
    }

    /// Sets a mark behind what was pulled of a lane.
    async fn mark(&mut self, lane: Lane, body: &mut SourceBody) {
        let Some(keeping) = self.parts.keeping.clone() else {
            return;
        };
        let number = self.parts.outcomes.number();
        body.ledger.marked(lane, number);
        let parts = Arc::clone(&self.parts);
        let collector = keeping.collector(move |collected| {
            parts.outcomes.push(number, Outcome::Collected(collected));
            parts.fates.wake_whoever_waits();
        });
        self.turn(lane, What::Mark(collector), body).await;
    }

    /// Stores what was collected of a lane, and pulls meanwhile.
    fn store(&self, lane: String, store: ToStore) {
        let Some(keeping) = self.parts.keeping.clone() else {
            return;
        };
        let parts = Arc::clone(&self.parts);
        let ToStore {
            number,
            position,
            states,
        } = store;
        let storing = smol::unblock(move || {
            let stored = keeping.store(&lane, position, states);
            parts.outcomes.push(number, Outcome::Stored(stored));
            parts.fates.wake_whoever_waits();
        });
        storing.detach();
    }

    /// Says of which lanes something could not be stored before the end.
    pub(super) fn tell_behind(&self, body: &SourceBody) {
        let lanes = body.ledger.behind();
        if lanes.is_empty() {
            return;
        }
        let shown: Vec<String> = lanes
            .iter()
            .take(SHOWN)
            .map(|lane| format!("`{lane}`"))
            .collect();
        let more = match lanes.len().saturating_sub(SHOWN) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        self.warn(&format!(
            "the state of {} lane(s) could not be stored at the end, because something of them has failed or the place \
             could not be written to: {}{more}; what came in since their last checkpoint comes again",
            lanes.len(),
            shown.join(", ")
        ));
    }

    /// Takes in what became of marks, and of what was to be stored.
    fn hear_outcomes(&self, body: &mut SourceBody) -> Result<()> {
        for (number, outcome) in self.parts.outcomes.take() {
            let now_ns = self.now_ns();
            let ledger = &mut body.ledger;
            match outcome {
                Outcome::Collected(Collected::States(states)) => {
                    ledger.collected(number, Some(states), now_ns);
                }
                Outcome::Collected(Collected::Impossible(why)) => {
                    if let Some(lane) = ledger.collected(number, None, now_ns) {
                        let message = format!("nothing can be stored of lane `{lane}`: {why}");
                        self.warn(&message);
                    }
                }
                Outcome::Collected(Collected::Failed) => {
                    if let Some(lane) = ledger.collected(number, None, now_ns) {
                        return Err(Error::disconnected(format!(
                            "what time had closed in windows of lane `{lane}` has failed; its lanes begin anew where they \
                             were stored last"
                        )));
                    }
                }
                Outcome::Stored(stored) => {
                    let again = match ledger.is_closed() {
                        true => "",
                        false => "; it is tried again",
                    };
                    let lane = ledger.stored(number, stored.is_ok(), now_ns);
                    if let (Some(_), Err(error)) = (lane, stored) {
                        self.warn(&format!("{error}{again}"));
                    }
                }
                Outcome::Passed => ledger.passed(number),
            }
        }
        Ok(())
    }
}

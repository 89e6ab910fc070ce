//! What the pipelines behind a source keep of a lane: when it is written down, and up to where it is stored.

/// What was collected of a lane, on its way to where it is stored.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ToStore {
    pub(super) number: u64,
    pub(super) position: u64,
    pub(super) states: Vec<(String, Vec<u8>)>,
}

/// How far the state of a lane is stored, since the lane began.
///
/// A mark is set behind the latest pull. When the states there are collected, and all that was pulled in front of it has
/// its fate, they are stored. Where something has failed, nothing from there on is stored before the source has decided
/// what to do: whoever goes on has passed it over, whoever begins the lane anew begins with what was stored before.
pub(super) struct Keep {
    interval_ns: u64,
    /// When the next mark is due.
    next_ns: u64,
    /// The latest pull, and the position behind it.
    latest: Option<Spot>,
    /// Up to where all is stored.
    stored: Option<Spot>,
    /// Whether time has changed the state since the last mark.
    is_changed: bool,
    /// What pipelines that say so call this life of the lane.
    number: Option<u64>,
    /// The first pull that has failed, while it is open what the source does.
    failed: Option<u64>,
    mark: Option<Mark>,
    storing: Option<(u64, Spot)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Spot {
    pull: u64,
    position: u64,
}

struct Mark {
    number: u64,
    spot: Spot,
    /// None until all are collected.
    states: Option<Vec<(String, Vec<u8>)>>,
}

impl Keep {
    pub(super) fn new(interval_ns: u64, now_ns: u64) -> Self {
        Keep {
            interval_ns,
            next_ns: now_ns.saturating_add(interval_ns),
            latest: None,
            stored: None,
            is_changed: false,
            number: None,
            failed: None,
            mark: None,
            storing: None,
        }
    }

    /// The same, for a life of this number, which goes on at a position that was stored: in front of a pull.
    pub(super) fn going_on(mut self, number: u64, stored: Option<u64>, pull: u64) -> Self {
        self.stored = stored.map(|position| Spot { pull, position });
        self.latest = self.stored;
        self.number = Some(number);
        self
    }

    /// Whether this life of the lane has the number.
    pub(super) fn is_life(&self, number: u64) -> bool {
        self.number == Some(number)
    }

    /// Time has changed the state: it is stored again, though nothing may have come in.
    pub(super) fn changed(&mut self) {
        self.is_changed = true;
    }

    /// Notes a pull.
    pub(super) fn handed_over(&mut self, pull: u64, position: u64) {
        self.latest = Some(Spot { pull, position });
    }

    /// The source goes on, and has passed over what failed.
    pub(super) fn went_on(&mut self) {
        self.failed = None;
    }

    /// The source has learned that a pull has failed.
    pub(super) fn failed(&mut self, pull: u64) {
        self.failed.get_or_insert(pull);
        // It has what the failed pull did.
        let voided = self.mark.take_if(|mark| mark.spot.pull >= pull);
        self.is_changed |= voided.is_some();
    }

    /// What a mark could be set behind, and is not yet.
    fn unmarked(&self) -> Option<Spot> {
        let is_free = self.mark.is_none() && self.failed.is_none();
        let latest = self.latest.filter(|_| is_free)?;
        let is_known =
            self.stored == Some(latest) || self.storing.is_some_and(|(_, spot)| spot == latest);
        (self.is_changed || !is_known).then_some(latest)
    }

    /// When a mark is to be set; none while none can be.
    pub(super) fn due_ns(&self) -> Option<u64> {
        self.unmarked().map(|_| self.next_ns)
    }

    /// Whether a mark is to be set now.
    pub(super) fn is_due(&self, now_ns: u64) -> bool {
        self.due_ns().is_some_and(|due_ns| due_ns <= now_ns)
    }

    /// A mark is to be set as soon as possible.
    pub(super) fn hurry(&mut self) {
        self.next_ns = 0;
    }

    /// A mark is to be set behind the latest pull, whatever is under way.
    pub(super) fn close(&mut self) {
        self.is_changed |= self.mark.take().is_some();
        self.hurry();
    }

    /// A mark of this number is set behind the latest pull.
    pub(super) fn mark(&mut self, number: u64) {
        self.mark = self.unmarked().map(|spot| Mark {
            number,
            spot,
            states: None,
        });
        self.is_changed = false;
    }

    /// Whether the mark that is waited for has this number.
    pub(super) fn collects(&self, number: u64) -> bool {
        self.mark.as_ref().is_some_and(|mark| mark.number == number)
    }

    /// The states at the mark are there, or cannot be had.
    pub(super) fn collected(&mut self, states: Option<Vec<(String, Vec<u8>)>>, now_ns: u64) {
        match (states, &mut self.mark) {
            (Some(states), Some(mark)) => mark.states = Some(states),
            _ => {
                self.mark = None;
                self.is_changed = true;
                self.next_ns = now_ns.saturating_add(self.interval_ns);
            }
        }
    }

    /// The number of the mark whose states can be stored now; `open` is the first pull that has no fate.
    pub(super) fn ready(&self, open: Option<u64>) -> Option<u64> {
        let mark = self.mark.as_ref().filter(|_| self.storing.is_none())?;
        let is_ready = mark.states.is_some() && open.is_none_or(|open| open > mark.spot.pull);
        is_ready.then_some(mark.number)
    }

    /// What is to be stored of a mark that is ready.
    pub(super) fn take_to_store(&mut self) -> Option<ToStore> {
        let mark = self.mark.take()?;
        self.storing = Some((mark.number, mark.spot));
        Some(ToStore {
            number: mark.number,
            position: mark.spot.position,
            states: mark.states.unwrap_or_default(),
        })
    }

    /// The number of what is being stored.
    pub(super) fn storing(&self) -> Option<u64> {
        self.storing.map(|(number, _)| number)
    }

    /// What was to be stored is, or could not be. Returns the position up to which all is stored, if that is news.
    pub(super) fn stored(&mut self, is_stored: bool, now_ns: u64) -> Option<u64> {
        let (_, spot) = self.storing.take()?;
        self.next_ns = now_ns.saturating_add(self.interval_ns);
        if !is_stored {
            // A mark that was set meanwhile is behind it.
            self.is_changed |= self.mark.is_none();
            return None;
        }
        let before = self.stored.replace(spot);
        (before != Some(spot)).then_some(spot.position)
    }

    /// Whether something came in, or time has changed something, that is not stored.
    pub(super) fn is_behind(&self) -> bool {
        self.is_changed || self.stored != self.latest
    }

    /// Whether something is under way.
    pub(super) fn is_busy(&self) -> bool {
        self.mark.is_some() || self.storing.is_some()
    }

    /// Whether nothing more can be stored of the lane as it is.
    pub(super) fn is_done(&self) -> bool {
        !self.is_busy() && self.unmarked().is_none()
    }
}

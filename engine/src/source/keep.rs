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
    /// The pull up to which all is stored.
    stored: Option<u64>,
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
            failed: None,
            mark: None,
            storing: None,
        }
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
        self.mark.take_if(|mark| mark.spot.pull >= pull);
    }

    /// What a mark could be set behind, and is not yet.
    fn unmarked(&self) -> Option<Spot> {
        let is_free = self.mark.is_none() && self.failed.is_none();
        let latest = self.latest.filter(|_| is_free)?;
        let is_known = self.stored == Some(latest.pull)
            || self.storing.is_some_and(|(_, spot)| spot == latest);
        (!is_known).then_some(latest)
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
        self.mark = None;
        self.hurry();
    }

    /// A mark of this number is set behind the latest pull.
    pub(super) fn mark(&mut self, number: u64) {
        self.mark = self.unmarked().map(|spot| Mark {
            number,
            spot,
            states: None,
        });
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
                self.next_ns = now_ns.saturating_add(self.interval_ns);
            }
        }
    }

    /// What can be stored now; `open` is the first pull that has no fate.
    pub(super) fn to_store(&mut self, open: Option<u64>) -> Option<ToStore> {
        if self.storing.is_some() {
            return None;
        }
        let is_ready = |mark: &mut Mark| {
            mark.states.is_some() && open.is_none_or(|open| open > mark.spot.pull)
        };
        let mark = self.mark.take_if(is_ready)?;
        self.storing = Some((mark.number, mark.spot));
        Some(ToStore {
            number: mark.number,
            position: mark.spot.position,
            states: mark.states.unwrap_or_default(),
        })
    }

    /// Whether what is being stored has this number.
    pub(super) fn stores(&self, number: u64) -> bool {
        self.storing.is_some_and(|(storing, _)| storing == number)
    }

    /// What was to be stored is, or could not be. Returns the position up to which all is stored, if that is news.
    pub(super) fn stored(&mut self, is_stored: bool, now_ns: u64) -> Option<u64> {
        let (_, spot) = self.storing.take()?;
        self.next_ns = now_ns.saturating_add(self.interval_ns);
        if !is_stored {
            return None;
        }
        self.stored = Some(spot.pull);
        Some(spot.position)
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

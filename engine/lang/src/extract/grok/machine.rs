//! A search that keeps conditions on what stands before and behind a place.
//!
//! It runs all ways through the program side by side, in the order in which a backtracking search would try them, and
//! visits each state of the program once at each place. So it takes time in proportion to the length of the input.

use regex_automata::nfa::thompson::{NFA, State};
use regex_automata::util::primitives::{NonMaxUsize, StateID};

use super::guard::Guard;

/// Memory beyond this many bytes is not kept from search to search.
const KEPT: usize = 1024 * 1024;

type Slot = Option<NonMaxUsize>;

/// Working memory of the search, kept from search to search.
#[derive(Default)]
pub(crate) struct Threads {
    current: List,
    next: List,
    todo: Vec<Todo>,
    slots: Vec<Slot>,
}

/// The states that the search is in at one place, the preferred ones first.
#[derive(Default)]
struct List {
    states: Vec<StateID>,
    /// For each state its place in `states`, if it is there.
    places: Vec<usize>,
    /// For each state the slots of the way that led to it.
    slots: Vec<Slot>,
}

/// What is left to do while all states are found that can be reached without taking a character.
enum Todo {
    Visit(StateID),
    Restore(usize, Slot),
}

/// What a search works on.
struct Search<'s> {
    program: &'s NFA,
    guards: &'s [Option<Guard>],
    input: &'s str,
}

impl Threads {
    /// Searches the whole input; where that succeeds, the groups lie in `found`.
    pub(super) fn search(
        &mut self,
        program: &NFA,
        guards: &[Option<Guard>],
        input: &str,
        found: &mut [Slot],
    ) -> bool {
        let search = Search {
            program,
            guards,
            input,
        };
        let states = program.states().len();
        self.current.prepare(states, found.len());
        self.next.prepare(states, found.len());
        self.slots.clear();
        self.slots.resize(found.len(), None);
        let is_match = self.run(&search, found);
        if states * found.len() * size_of::<Slot>() > KEPT {
            *self = Threads::default();
        }
        is_match
    }

    fn run(&mut self, search: &Search<'_>, found: &mut [Slot]) -> bool {
        let mut is_match = false;
        for at in 0..=search.input.len() {
            if !is_match {
                self.slots.fill(None);
                let start = search.program.start_anchored();
                search.visit(
                    start,
                    at,
                    &mut self.current,
                    &mut self.slots,
                    &mut self.todo,
                );
            }
            is_match |= self.step(search, at, found);
            std::mem::swap(&mut self.current, &mut self.next);
            self.next.states.clear();
            if is_match && self.current.states.is_empty() {
                break;
            }
        }
        is_match
    }

    /// Takes the byte at a place; says whether a match ends before it. Ways that are less preferred end with it.
    fn step(&mut self, search: &Search<'_>, at: usize, found: &mut [Slot]) -> bool {
        let bytes = search.input.as_bytes();
        for state in &self.current.states {
            let target = match search.program.state(*state) {
                State::ByteRange { trans } => trans.matches(bytes, at).then_some(trans.next),
                State::Sparse(transitions) => transitions.matches(bytes, at),
                State::Dense(transitions) => transitions.matches(bytes, at),
                State::Match { .. } => {
                    found.copy_from_slice(self.current.slots_of(*state, found.len()));
                    return true;
                }
                _ => None,
            };
            if let Some(target) = target {
                let width = self.slots.len();
                self.slots
                    .copy_from_slice(self.current.slots_of(*state, width));
                search.visit(
                    target,
                    at + 1,
                    &mut self.next,
                    &mut self.slots,
                    &mut self.todo,
                );
            }
        }
        false
    }
}

impl Search<'_> {
    /// Adds all states that can be reached from one without taking a character.
    fn visit(
        &self,
        from: StateID,
        at: usize,
        list: &mut List,
        slots: &mut [Slot],
        todo: &mut Vec<Todo>,
    ) {
        todo.push(Todo::Visit(from));
        while let Some(next) = todo.pop() {
            let id = match next {
                Todo::Visit(id) => id,
                Todo::Restore(slot, old) => {
                    if let Some(slot) = slots.get_mut(slot) {
                        *slot = old;
                    }
                    continue;
                }
            };
            if !list.insert(id) {
                continue;
            }
            match self.program.state(id) {
                State::Look { look, next } => {
                    let bytes = self.input.as_bytes();
                    if self.program.look_matcher().matches(*look, bytes, at) {
                        todo.push(Todo::Visit(*next));
                    }
                }
                State::Union { alternates } => {
                    todo.extend(alternates.iter().rev().map(|id| Todo::Visit(*id)));
                }
                State::BinaryUnion { alt1, alt2 } => {
                    todo.extend([Todo::Visit(*alt2), Todo::Visit(*alt1)]);
                }
                State::Capture {
                    next,
                    group_index,
                    slot,
                    ..
                } => {
                    let guard = self.guards.get(group_index.as_usize());
                    let guard = guard.and_then(Option::as_ref);
                    if guard.is_some_and(|guard| !guard.holds(self.input, at)) {
                        continue;
                    }
                    if let Some(place) = slots.get_mut(slot.as_usize()) {
                        todo.push(Todo::Restore(slot.as_usize(), *place));
                        *place = NonMaxUsize::new(at);
                    }
                    todo.push(Todo::Visit(*next));
                }
                _ => list.keep(id, slots),
            }
        }
    }
}

impl List {
    fn prepare(&mut self, states: usize, slots: usize) {
        self.states.clear();
        self.places.resize(states.max(self.places.len()), 0);
        self.slots
            .resize((states * slots).max(self.slots.len()), None);
    }

    /// Says whether the state is new here.
    fn insert(&mut self, id: StateID) -> bool {
        let Some(place) = self.places.get_mut(id.as_usize()) else {
            return false;
        };
        if self.states.get(*place) == Some(&id) {
            return false;
        }
        *place = self.states.len();
        self.states.push(id);
        true
    }

    fn keep(&mut self, id: StateID, slots: &[Slot]) {
        let start = id.as_usize() * slots.len();
        if let Some(kept) = self.slots.get_mut(start..start + slots.len()) {
            kept.copy_from_slice(slots);
        }
    }

    fn slots_of(&self, id: StateID, width: usize) -> &[Slot] {
        let start = id.as_usize() * width;
        self.slots.get(start..start + width).unwrap_or_default()
    }
}

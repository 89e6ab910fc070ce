//! Running operators.

use temblor_pdk::value::{Event, Value};
use temblor_pdk::{DynOperator, EventId, OperatorSink};

use super::OperatorNode;
use super::feedback::clean;
use super::run::{Run, Unread};
use super::state::NodeState;
use crate::code::Code;
use crate::finding::Finding;

impl<'a> Run<'_, 'a> {
    pub(super) fn operator(
        &mut self,
        at: usize,
        operator: &OperatorNode,
        port: usize,
        event: Event<'a>,
    ) {
        let port = operator.inputs.get(port).map_or("in", |name| name);
        let arena = self.arena;
        self.operate(at, operator, event, true, |running, out| {
            running.on_event(port, event, arena, out)
        });
    }

    pub(super) fn operator_tick(&mut self, at: usize, operator: &OperatorNode, now_ns: u64) {
        let arena = self.arena;
        self.operate(at, operator, at_time(now_ns), false, |running, out| {
            running.on_tick(now_ns, arena, out)
        });
    }

    pub(super) fn operator_finish(&mut self, at: usize, operator: &OperatorNode, now_ns: u64) {
        let arena = self.arena;
        self.operate(at, operator, at_time(now_ns), false, |running, out| {
            running.finish(arena, out)
        });
    }

    /// Lets an operator do something. If it fails, that is sent to its port `err`.
    fn operate(
        &mut self,
        at: usize,
        operator: &OperatorNode,
        event: Event<'a>,
        is_event: bool,
        work: impl FnOnce(&mut dyn DynOperator, &mut OperatorSink<'_, 'a>) -> temblor_pdk::Result<()>,
    ) {
        let id = event.id;
        let mut state = self.take_state(at);
        let error = match &mut state {
            NodeState::Operator {
                running,
                given,
                wants_feedback,
            } => {
                *given += u64::from(is_event);
                let mut is_sent = !is_event;
                let mut take = |output: u32, mut event: Event<'a>| {
                    clean(&mut event);
                    is_sent |= is_same(&event.id, &id);
                    if *wants_feedback {
                        self.state.trails.go_on(&mut event, at, output);
                        self.trailed = Some(event.id.flags);
                    }
                    if let Some(to) = operator.outputs.get(output as usize) {
                        self.send(to, event);
                    }
                };
                let done = work(&mut **running, &mut OperatorSink::new(&mut take));
                self.has_held |= running.held() > 0;
                self.has_kept |= !is_sent;
                done.err().map(|error| error.to_string())
            }
            NodeState::Broken(why) => Some(why.to_string()),
            _ => None,
        };
        self.put_state(at, state);
        if let Some(error) = error {
            if operator.err.is_empty() {
                let message = format!("{}: {error}", operator.kind);
                let finding = Finding::error(Code::Call, operator.span, message);
                let finding = finding.help("read its port `err`, to keep what it cannot take");
                self.unread.get_or_insert_with(|| Unread {
                    finding: Box::new(finding),
                    is_of_operator: true,
                });
                return;
            }
            let error = Value::from(self.arena.str(&error));
            self.send_error(&operator.err, error, event);
        }
    }
}

/// Whether both name the same event.
fn is_same(one: &EventId, other: &EventId) -> bool {
    let name = |id: &EventId| (id.source, id.lane, id.pull, id.event);
    name(one) == name(other)
}

fn at_time<'a>(now_ns: u64) -> Event<'a> {
    Event {
        ingest_ns: now_ns,
        ..Event::new(Value::NULL)
    }
}

//! Compiled pipelines and how they are run.

use std::fmt;
use std::sync::Arc;

use temblor_pdk::value::{Arena, Event, OwnedValue};

use crate::eval::code::ScriptCode;
use crate::eval::stacks::recycle;
use crate::eval::{Code, Eval, Machine, Memory, Outcome, Pool};
use crate::finding::{Finding, render};
use crate::source::Sources;
use crate::span::Span;

/// A compiled query: immutable, cheap to clone, and shared between threads.
///
/// It is run through [`Pipeline::start`].
#[derive(Clone, Debug)]
pub struct Pipeline(pub(crate) Arc<Program>);

/// What a pipeline consists of.
#[derive(Debug)]
pub(crate) struct Program {
    pub(crate) sources: Arc<Sources>,
    pub(crate) id: Option<Box<str>>,
    pub(crate) metrics_interval_s: Option<u64>,
    pub(crate) inputs: Box<[Box<str>]>,
    pub(crate) outputs: Box<[Box<str>]>,
    pub(crate) pool: Pool,
    pub(crate) selects: Box<[Select]>,
    /// For each node, the selects that read it, in the order of the text. The input ports are the first nodes.
    pub(crate) readers: Box<[Box<[usize]>]>,
    /// A script that is run instead.
    pub(crate) script: Option<ScriptCode>,
}

/// A compiled `select`.
#[derive(Debug)]
pub(crate) struct Select {
    pub(crate) filter: Option<Condition>,
    pub(crate) target: Code,
    pub(crate) having: Option<Condition>,
    pub(crate) to: Target,
}

/// A compiled `where` or `having` clause.
#[derive(Debug)]
pub(crate) struct Condition {
    pub(crate) code: Code,
    pub(crate) span: Span,
}

/// Where the results of a select go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    Output(usize),
    Node(usize),
}

impl Pipeline {
    /// A pipeline of one script. Its ports come behind `out` and `err`.
    pub(crate) fn of_script(
        script: ScriptCode,
        ports: Vec<Box<str>>,
        pool: Pool,
        sources: Arc<Sources>,
    ) -> Pipeline {
        let mut outputs: Vec<Box<str>> = vec!["out".into(), "err".into()];
        for port in ports {
            if !outputs.contains(&port) {
                outputs.push(port);
            }
        }
        Pipeline(Arc::new(Program {
            sources,
            id: None,
            metrics_interval_s: None,
            inputs: ["in".into()].into(),
            outputs: outputs.into(),
            pool,
            selects: [].into(),
            readers: [].into(),
            script: Some(script),
        }))
    }

    /// The names of the input ports; a port is run by its place in this list.
    pub fn inputs(&self) -> impl ExactSizeIterator<Item = &str> {
        self.0.inputs.iter().map(|name| &**name)
    }

    /// The names of the output ports; results name a port by its place in this list.
    pub fn outputs(&self) -> impl ExactSizeIterator<Item = &str> {
        self.0.outputs.iter().map(|name| &**name)
    }

    /// The place of an input port.
    #[must_use]
    pub fn input(&self, name: &str) -> Option<usize> {
        self.inputs().position(|port| port == name)
    }

    /// The place of an output port.
    #[must_use]
    pub fn output(&self, name: &str) -> Option<usize> {
        self.outputs().position(|port| port == name)
    }

    /// The id that a `#!config id = …` gives.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.0.id.as_deref()
    }

    /// The interval of metrics in seconds that a `#!config metrics_interval_s = …` gives.
    #[must_use]
    pub fn metrics_interval_s(&self) -> Option<u64> {
        self.0.metrics_interval_s
    }

    /// The texts that the pipeline was compiled from, which the spans of its errors refer to.
    #[must_use]
    pub fn sources(&self) -> &Arc<Sources> {
        &self.0.sources
    }

    /// What an instance of the pipeline keeps from event to event, as it is before the first.
    #[must_use]
    pub fn state(&self) -> State {
        State {
            script: OwnedValue::Null,
        }
    }

    /// Prepares for a batch of events whose values live as long as `arena`, which new values are made in.
    ///
    /// Constants are copied into the arena once a batch, and only those that are used. Everything else that a run
    /// needs is kept in `scratch`, so that a steady flow of events allocates nothing outside of the arena.
    pub fn start<'r, 'a>(
        &'r self,
        arena: &'a Arena,
        scratch: &'r mut Scratch,
        state: &'r mut State,
    ) -> Run<'r, 'a> {
        let parts = std::mem::take(&mut scratch.0);
        let mut memory = parts.memory.recycle();
        memory.prepare(&self.0.pool);
        Run {
            program: &self.0,
            arena,
            memory: Parts {
                memory,
                pending: recycle(parts.pending),
                results: recycle(parts.results),
            },
            scratch,
            state,
        }
    }
}

/// What an instance of a pipeline keeps from event to event: the state of scripts, windows and operators.
#[derive(Debug)]
pub struct State {
    script: OwnedValue,
}

/// Working memory of a run, to be kept from batch to batch. It serves any pipeline, one at a time.
#[derive(Default)]
pub struct Scratch(Parts<'static>);

impl fmt::Debug for Scratch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scratch").finish_non_exhaustive()
    }
}

#[derive(Default)]
struct Parts<'a> {
    memory: Memory<'a>,
    /// Selects that are still to be run, the next one last, each with its event.
    pending: Vec<(usize, Event<'a>)>,
    /// What has arrived at the outputs, the first result last.
    results: Vec<(usize, Event<'a>)>,
}

/// A pipeline that is being run for the events of one batch.
pub struct Run<'r, 'a> {
    program: &'r Program,
    arena: &'a Arena,
    memory: Parts<'a>,
    scratch: &'r mut Scratch,
    state: &'r mut State,
}

impl fmt::Debug for Run<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Run").finish_non_exhaustive()
    }
}

impl<'a> Run<'_, 'a> {
    /// Drives an event through the whole pipeline, from input port `input`, and hands every result to `out` together
    /// with the place of its output port. An input port that does not exist is one that nobody reads.
    ///
    /// Results come in the order of the selects in the text. They carry the id and the time of the event. A select
    /// whose target is `event` hands on the very value it got.
    ///
    /// # Errors
    /// Fails if an expression fails. Selects that read one node run from the last to the first; those that had not
    /// run yet are abandoned. Everything that had arrived at an output until then has been handed to `out`.
    pub fn event(
        &mut self,
        input: usize,
        event: Event<'a>,
        out: &mut impl FnMut(usize, Event<'a>),
    ) -> Result<(), EvalError> {
        if let Some(script) = &self.program.script {
            return self.script(script, event, out);
        }
        if input < self.program.inputs.len() {
            self.produce(input, event);
        }
        let mut outcome = Ok(());
        while let Some((select, event)) = self.memory.pending.pop() {
            if let Err(finding) = self.select(select, event) {
                self.memory.pending.clear();
                self.memory.memory.clear();
                outcome = Err(EvalError {
                    finding,
                    sources: self.program.sources.clone(),
                });
            }
        }
        while let Some((port, event)) = self.memory.results.pop() {
            out(port, event);
        }
        outcome
    }

    /// Tells the time to everything that waits for it; to be called about every 100 ms.
    ///
    /// # Errors
    /// Fails if an expression fails; see [`Run::event`].
    pub fn tick(
        &mut self,
        now_ns: u64,
        out: &mut impl FnMut(usize, Event<'a>),
    ) -> Result<(), EvalError> {
        let _ = (now_ns, out);
        Ok(())
    }

    fn script(
        &mut self,
        script: &ScriptCode,
        event: Event<'a>,
        out: &mut impl FnMut(usize, Event<'a>),
    ) -> Result<(), EvalError> {
        let program = self.program;
        let memory = &mut self.memory.memory;
        let mut machine = Machine::new(&program.pool, self.arena, memory, &mut self.state.script);
        machine.event = event.data;
        machine.meta = event.meta;
        machine.ingest_ns = event.ingest_ns;
        machine.instance = "tremor";
        let outcome = machine.run(script);
        let meta = machine.meta;
        match outcome {
            Ok(Outcome::Emit { value, port }) => {
                let port = port.unwrap_or("out");
                let place = program.outputs.iter().position(|output| **output == *port);
                if let Some(place) = place {
                    out(
                        place,
                        Event {
                            data: value,
                            meta,
                            ..event
                        },
                    );
                }
                Ok(())
            }
            Ok(Outcome::Drop) => Ok(()),
            Err(finding) => {
                self.memory.memory.clear();
                Err(EvalError {
                    finding,
                    sources: program.sources.clone(),
                })
            }
        }
    }

    /// Lets go of what waits for more events: the input has ended.
    ///
    /// # Errors
    /// Fails if an expression fails; see [`Run::event`].
    pub fn flush(
        &mut self,
        now_ns: u64,
        out: &mut impl FnMut(usize, Event<'a>),
    ) -> Result<(), EvalError> {
        let _ = (now_ns, out);
        Ok(())
    }

    /// Notes the selects that read a node, for an event that the node produced.
    fn produce(&mut self, node: usize, event: Event<'a>) {
        let readers = self
            .program
            .readers
            .get(node)
            .map_or(&[][..], |readers| readers);
        self.memory
            .pending
            .extend(readers.iter().map(|select| (*select, event)));
    }

    fn select(&mut self, select: usize, event: Event<'a>) -> Eval<()> {
        let program = self.program;
        let Some(select) = program.selects.get(select) else {
            return Ok(());
        };
        let mut state = OwnedValue::Null;
        let memory = &mut self.memory.memory;
        let mut machine = Machine::new(&program.pool, self.arena, memory, &mut state);
        machine.event = event.data;
        machine.meta = event.meta;
        machine.ingest_ns = event.ingest_ns;
        if let Some(filter) = &select.filter
            && !machine.condition(&filter.code, filter.span, filter.span)?
        {
            return Ok(());
        }
        let data = machine.value(&select.target)?;
        if let Some(having) = &select.having {
            machine.event = data;
            if !machine.condition(&having.code, having.span, having.span)? {
                return Ok(());
            }
        }
        let result = Event { data, ..event };
        match select.to {
            Target::Output(port) => self.memory.results.push((port, result)),
            Target::Node(node) => self.produce(node, result),
        }
        Ok(())
    }
}

impl Drop for Run<'_, '_> {
    fn drop(&mut self) {
        let memory = std::mem::take(&mut self.memory);
        self.scratch.0 = Parts {
            memory: memory.memory.recycle(),
            pending: recycle(memory.pending),
            results: recycle(memory.results),
        };
    }
}

/// An expression failed for an event.
#[derive(Clone, Debug)]
pub struct EvalError {
    finding: Box<Finding>,
    sources: Arc<Sources>,
}

impl EvalError {
    /// What failed and where.
    #[must_use]
    pub fn finding(&self) -> &Finding {
        &self.finding
    }

    /// The texts that the finding refers to.
    #[must_use]
    pub fn sources(&self) -> &Arc<Sources> {
        &self.sources
    }
}

impl fmt::Display for EvalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&render(&self.finding, &self.sources))
    }
}

impl std::error::Error for EvalError {}

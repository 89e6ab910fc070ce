//! What an instance of a pipeline keeps, as bytes that another process can go on with.

use std::fmt;
use std::hash::Hasher;

use siphasher::sip::SipHasher13;

use super::state::{NodeState, State};
use super::{Node, NodeKind, Pipeline};
use crate::lexer;
use crate::saved::{Damage, Loaded, Reader, Writer};
use crate::source::Source;
use crate::span::Span;
use crate::window::{Scripted, WindowRule, WindowedSelect, Windows};

/// The first bytes of a snapshot, with the number of its form.
const FORM: &str = "temblor state 1";

/// Why a state cannot be written down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotError(String);

/// Why bytes are no state of a pipeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RestoreError {
    /// They are the state of a pipeline that keeps something else.
    OfAnother,
    /// They are not what was written, and why.
    Damaged(&'static str),
}

impl fmt::Display for SnapshotError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for SnapshotError {}

impl fmt::Display for RestoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RestoreError::OfAnother => f.write_str(
                "the state is of a pipeline with other scripts, windows, aggregates or groups",
            ),
            RestoreError::Damaged(why) => write!(f, "the state is damaged: {why}"),
        }
    }
}

impl std::error::Error for RestoreError {}

impl From<Damage> for RestoreError {
    fn from(why: Damage) -> Self {
        RestoreError::Damaged(why)
    }
}

impl Pipeline {
    /// The first operator, by its name and its kind: what operators keep cannot be written down.
    #[must_use]
    pub fn unmovable(&self) -> Option<(&str, &str)> {
        self.plan().nodes.iter().find_map(|node| match &node.kind {
            NodeKind::Operator(operator) => Some((&*node.name, &*operator.kind)),
            _ => None,
        })
    }

    /// Writes down what an instance of this pipeline keeps, so that another one can go on with it.
    ///
    /// # Errors
    /// Fails if an operator keeps something ([`Pipeline::unmovable`]), or a value is nested too deep.
    pub fn snapshot(&self, state: &State) -> Result<Vec<u8>, SnapshotError> {
        if let Some((name, kind)) = self.unmovable() {
            let message = format!("what operator `{name}` (`{kind}`) keeps cannot be written down");
            return Err(SnapshotError(message));
        }
        let mut out = Writer::default();
        let kept = || state.nodes.iter().filter(|node| node.keeps());
        out.list(kept().count());
        for node in kept() {
            node.save(&mut out)
                .map_err(|why| SnapshotError(why.to_owned()))?;
        }
        let body = out.0;
        let mut out = Writer(Vec::with_capacity(body.len() + FORM.len() + 32));
        out.text(FORM);
        out.uint(self.fingerprint());
        out.uint(sum_of(&body));
        out.0.extend_from_slice(&body);
        Ok(out.0)
    }

    /// Makes the state of an instance of what [`Pipeline::snapshot`] has written.
    ///
    /// # Errors
    /// Fails if that was of a pipeline that keeps something else, or has changed since.
    pub fn restore(&self, bytes: &[u8]) -> Result<State, RestoreError> {
        let mut from = Reader(bytes);
        if from.text()? != FORM {
            return Err(RestoreError::Damaged("it does not begin as a state does"));
        }
        let (fingerprint, sum) = (from.uint()?, from.uint()?);
        if fingerprint != self.fingerprint() {
            return Err(RestoreError::OfAnother);
        }
        if sum != sum_of(from.0) {
            return Err(RestoreError::Damaged("its sum is wrong"));
        }
        let mut state = self.state();
        let kept = state.nodes.iter().filter(|node| node.keeps()).count();
        from.list_of(kept)?;
        for (state, node) in state.nodes.iter_mut().zip(&self.plan().nodes) {
            state.load(node, &mut from)?;
        }
        from.end()?;
        Ok(state)
    }

    /// Tells pipelines apart that keep different things. It goes by the text, without its layout, so that another
    /// version of the program finds the same.
    fn fingerprint(&self) -> u64 {
        *self
            .0
            .fingerprint
            .get_or_init(|| self.compute_fingerprint())
    }

    fn compute_fingerprint(&self) -> u64 {
        let mut words = Words {
            pipeline: self,
            text: String::new(),
            has_args: false,
        };
        self.plan().nodes.iter().for_each(|node| words.node(node));
        if words.has_args {
            words.text.push_str(&self.plan().args);
        }
        sum_of(words.text.as_bytes())
    }
}

/// A number that is another one for other bytes, and the same everywhere.
fn sum_of(bytes: &[u8]) -> u64 {
    let mut hasher = SipHasher13::new_with_keys(0, 0);
    hasher.write(bytes);
    hasher.finish()
}

impl NodeState {
    fn keeps(&self) -> bool {
        matches!(self, NodeState::Script(_) | NodeState::Windows(_))
    }

    fn save(&self, out: &mut Writer) -> Loaded<()> {
        match self {
            NodeState::Script(state) => out.value(state),
            NodeState::Windows(windows) => windows.save(out),
            _ => Ok(()),
        }
    }

    fn load(&mut self, node: &Node, from: &mut Reader<'_>) -> Loaded<()> {
        match (self, &node.kind) {
            (NodeState::Script(state), _) => *state = from.value()?,
            (NodeState::Windows(windows), NodeKind::Windowed(select, _)) => {
                **windows = Windows::load(select, from)?;
            }
            _ => {}
        }
        Ok(())
    }
}

/// The words of all that says what a pipeline keeps.
struct Words<'p> {
    pipeline: &'p Pipeline,
    text: String,
    /// Whether one of them stands for what the pipeline is given.
    has_args: bool,
}

impl Words<'_> {
    fn node(&mut self, node: &Node) {
        match &node.kind {
            NodeKind::Script(_) => self.say(&["script", &node.name]),
            NodeKind::Windowed(select, _) => self.select(select),
            NodeKind::Select(_) | NodeKind::Operator(_) => {}
        }
    }

    fn select(&mut self, select: &WindowedSelect) {
        self.say(&["select"]);
        for window in &select.windows {
            self.say(&["window", &window.name]);
            self.rule(&window.rule);
        }
        if select.group.is_some() {
            self.say(&["group"]);
            self.text(select.group_span);
        }
        for aggregate in &select.aggregates {
            self.say(&["aggregate", &aggregate.name]);
            self.text(aggregate.span);
        }
    }

    fn rule(&mut self, rule: &WindowRule) {
        let script = match rule {
            WindowRule::Size { size, weight } => {
                self.say(&["size", &size.to_string()]);
                weight.as_ref()
            }
            WindowRule::Interval { interval_ns, time } => {
                self.say(&["interval", &interval_ns.to_string()]);
                time.as_ref()
            }
            WindowRule::State { script, .. } => {
                self.say(&["state"]);
                Some(script)
            }
            WindowRule::Sliding { slide, axis } => {
                let numbers = [slide.pane, slide.span as u64, slide.step as u64];
                let (axis, script) = match axis {
                    crate::window::Axis::Weight(script) => ("size", script),
                    crate::window::Axis::Time(script) => ("interval", script),
                };
                self.say(&["sliding", axis]);
                numbers.iter().for_each(|n| self.say(&[&n.to_string()]));
                script.as_ref()
            }
        };
        if let Some(Scripted { context, .. }) = script {
            self.text(*context);
        }
    }

    fn say(&mut self, words: &[&str]) {
        for word in words {
            self.text.push_str(word);
            self.text.push('\n');
        }
    }

    /// The words of a part of the text, without white space and comments.
    fn text(&mut self, span: Span) {
        let part = self.pipeline.sources().of(span).slice(span);
        let part = Source::new("", part);
        let Ok(tokens) = lexer::lex_leniently(&part) else {
            return self.say(&[part.text()]);
        };
        for token in tokens {
            let word = part.slice(token.span);
            self.has_args |= word == "args";
            self.say(&[word]);
        }
    }
}

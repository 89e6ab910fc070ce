//! From simd-json's tape to values in an arena.

use std::slice::Iter;

use simd_json::{Node, StaticNode};
use temblor_pdk::{Arena, Field, Value};

/// Makes the value of a whole tape.
///
/// `marks` are the places of everything in the text that is not within a string or a word: brackets, colons, commas,
/// and the first byte of every scalar. `source` is the text, if containers shall remember their part of it.
pub(super) fn value<'a>(
    arena: &'a Arena,
    tape: &[Node<'a>],
    marks: &[u32],
    source: Option<&'a [u8]>,
) -> Value<'a> {
    let mut builder = Builder {
        arena,
        nodes: tape.iter(),
        marks,
        mark: 0,
        source,
    };
    builder.value()
}

struct Builder<'t, 'a> {
    arena: &'a Arena,
    nodes: Iter<'t, Node<'a>>,
    marks: &'t [u32],
    /// The mark of what comes next.
    mark: usize,
    source: Option<&'a [u8]>,
}

impl<'a> Builder<'_, 'a> {
    fn value(&mut self) -> Value<'a> {
        let open = self.mark;
        self.mark += 1;
        match self.nodes.next() {
            Some(Node::String(text)) => Value::string(text),
            Some(Node::Static(scalar)) => number(*scalar),
            Some(Node::Object { len, .. }) => self.object(*len, open),
            Some(Node::Array { len, .. }) => self.array(*len, open),
            None => Value::NULL,
        }
    }

    fn object(&mut self, len: usize, open: usize) -> Value<'a> {
        self.skip_end_of_empty(len);
        let arena = self.arena;
        let made = arena.object_of(len, self, Builder::field, |builder| builder.text(open));
        self.note(made)
    }

    fn array(&mut self, len: usize, open: usize) -> Value<'a> {
        self.skip_end_of_empty(len);
        let arena = self.arena;
        let made = arena.array_of(len, self, Builder::item, |builder| builder.text(open));
        self.note(made)
    }

    fn field(&mut self) -> Field<'a> {
        let key = match self.nodes.next() {
            Some(Node::String(key)) => key,
            _ => "",
        };
        // The key and its colon.
        self.mark += 2;
        Field::new(key, self.item())
    }

    /// A value and the comma or bracket behind it.
    fn item(&mut self) -> Value<'a> {
        let value = self.value();
        self.mark += 1;
        value
    }

    fn skip_end_of_empty(&mut self, len: usize) {
        if len == 0 {
            self.mark += 1;
        }
    }

    /// The text of the container that began at mark `open` and has just ended.
    fn text(&mut self, open: usize) -> Option<&'a [u8]> {
        let source = self.source?;
        let start = *self.marks.get(open)? as usize;
        let end = *self.marks.get(self.mark - 1)? as usize;
        source.get(start..=end)
    }

    /// A record with equal keys has forgotten its text; then the text around it must not be copied either.
    fn note(&mut self, container: Value<'a>) -> Value<'a> {
        if container.source_text().is_none() {
            self.source = None;
        }
        container
    }
}

fn number<'a>(scalar: StaticNode) -> Value<'a> {
    match scalar {
        StaticNode::I64(number) => Value::from(number),
        StaticNode::U64(number) => Value::from(number),
        StaticNode::F64(number) => Value::from(number),
        StaticNode::Bool(truth) => Value::from(truth),
        StaticNode::Null => Value::NULL,
    }
}

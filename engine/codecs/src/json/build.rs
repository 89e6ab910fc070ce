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
    builder.item()
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
    /// A value and the comma or bracket behind it. Inlined, so that scalars cost no call.
    #[inline(always)]
    fn item(&mut self) -> Value<'a> {
        let value = match self.nodes.next() {
            Some(Node::String(text)) => Value::string(text),
            Some(Node::Static(scalar)) => scalar_value(*scalar),
            Some(Node::Object { len, .. }) => return self.object(*len),
            Some(Node::Array { len, .. }) => return self.array(*len),
            None => Value::NULL,
        };
        self.mark += 2;
        value
    }

    #[inline(always)]
    fn field(&mut self) -> Field<'a> {
        let key = match self.nodes.next() {
            Some(Node::String(key)) => key,
            _ => "",
        };
        // The key and its colon.
        self.mark += 2;
        Field::new(key, self.item())
    }

    #[inline(never)]
    fn object(&mut self, len: usize) -> Value<'a> {
        let (open, arena) = (self.enter(len), self.arena);
        let made = arena.object_of(len, self, Builder::field, |builder| builder.text(open));
        self.leave(made)
    }

    #[inline(never)]
    fn array(&mut self, len: usize) -> Value<'a> {
        let (open, arena) = (self.enter(len), self.arena);
        let made = arena.array_of(len, self, Builder::item, |builder| builder.text(open));
        self.leave(made)
    }

    /// Goes to the mark of the first item; returns that of the bracket. Behind the last item is the closing bracket
    /// where a comma is behind the others, but an empty container has no such last item.
    fn enter(&mut self, len: usize) -> usize {
        let open = self.mark;
        self.mark += 1 + usize::from(len == 0);
        open
    }

    /// Goes behind what is behind the container. A record with equal keys has forgotten its text; then the text around
    /// it must not be copied either.
    fn leave(&mut self, container: Value<'a>) -> Value<'a> {
        self.mark += 1;
        if container.source_text().is_none() {
            self.source = None;
        }
        container
    }

    /// The text of the container that began at mark `open` and has just ended.
    fn text(&mut self, open: usize) -> Option<&'a [u8]> {
        let source = self.source?;
        let start = *self.marks.get(open)? as usize;
        let end = *self.marks.get(self.mark - 1)? as usize;
        source.get(start..=end)
    }
}

fn scalar_value<'a>(scalar: StaticNode) -> Value<'a> {
    match scalar {
        StaticNode::I64(number) => Value::from(number),
        StaticNode::U64(number) => Value::from(number),
        StaticNode::F64(number) => Value::from(number),
        StaticNode::Bool(truth) => Value::from(truth),
        StaticNode::Null => Value::NULL,
    }
}

//! Trees from a row of choices: a row of zeros is the smallest tree, so that what fails can be made small.

use crate::tree::{Binary, Edit, Expr, Path, Piece, Root, Segment, Text, Unary};

/// The names of fields. What they hold in an event is, as a rule: a number, a text, a list, a record, a boolean.
pub(crate) const FIELDS: [&str; 6] = ["n", "t", "l", "r", "b", "m"];
pub(crate) const LOCALS: [&str; 3] = ["x", "y", "z"];

/// What an expression should give. One in many gives something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Number,
    Int,
    Text,
    List,
    Record,
    Bool,
    Any,
}

/// What is generated with.
pub(crate) struct Maker<'t> {
    tape: std::slice::Iter<'t, u16>,
    /// How much deeper a tree may grow.
    pub(crate) depth: usize,
    pub(crate) is_in_function: bool,
    /// Whether the script gives the state its fields.
    pub(crate) has_state: bool,
    /// Names that cannot be assigned here.
    pub(crate) bound: Vec<&'static str>,
    /// Names that can be read here, and what they stand for as a rule.
    pub(crate) readable: Vec<(&'static str, Kind)>,
    /// What can be called, and what it takes.
    pub(crate) functions: Vec<(&'static str, Vec<Kind>)>,
}

impl<'t> Maker<'t> {
    pub(crate) fn new(tape: &'t [u16]) -> Maker<'t> {
        Maker {
            tape: tape.iter(),
            depth: 4,
            is_in_function: false,
            has_state: false,
            bound: Vec::new(),
            readable: Vec::new(),
            functions: Vec::new(),
        }
    }

    /// One of so many; the first if the row is at its end.
    pub(crate) fn pick(&mut self, of: usize) -> usize {
        self.tape
            .next()
            .map_or(0, |choice| usize::from(*choice) % of)
    }

    pub(crate) fn one_of<T: Clone>(&mut self, of: &[T]) -> T {
        let at = self.pick(of.len());
        of[at].clone()
    }

    /// True once in so many times.
    pub(crate) fn rarely(&mut self, of: usize) -> bool {
        self.pick(of) == of - 1
    }

    pub(crate) fn several<T>(&mut self, most: usize, make: impl Fn(&mut Self) -> T) -> Vec<T> {
        let count = self.pick(most + 1);
        (0..count).map(|_| make(self)).collect()
    }

    /// Something one level deeper, or something small if that is deep enough.
    fn deeper<T>(&mut self, small: impl Fn(&mut Self) -> T, large: impl Fn(&mut Self) -> T) -> T {
        if self.depth == 0 {
            return small(self);
        }
        self.depth -= 1;
        let made = large(self);
        self.depth += 1;
        made
    }

    // --- expressions ---

    pub(crate) fn expr(&mut self, kind: Kind) -> Expr {
        let kind = if self.rarely(40) { Kind::Any } else { kind };
        self.deeper(|m| m.leaf(kind), |m| m.grown(kind))
    }

    fn leaf(&mut self, kind: Kind) -> Expr {
        if self.pick(5) > 0 {
            return self.read(kind);
        }
        self.literal(kind)
    }

    fn literal(&mut self, kind: Kind) -> Expr {
        match kind {
            Kind::Number if self.rarely(4) => Expr::Float(self.float()),
            Kind::Number | Kind::Int => Expr::Int(self.integer()),
            Kind::Text => Expr::Text(vec![Piece::Fixed(self.fixed())]),
            Kind::List => Expr::List(Vec::new()),
            Kind::Record => Expr::Record(Vec::new()),
            Kind::Bool => Expr::Bool(self.pick(2) == 0),
            Kind::Any => match self.pick(3) {
                0 => Expr::Null,
                1 => Expr::Int(self.integer()),
                _ => Expr::Text(vec![Piece::Fixed(self.fixed())]),
            },
        }
    }

    fn grown(&mut self, kind: Kind) -> Expr {
        match (kind, self.pick(12)) {
            (_, 0..=2) => self.leaf(kind),
            (_, 3) => Expr::Match(Box::new(self.matching(kind, false))),
            (_, 4) if !self.functions.is_empty() => {
                let (name, params) = self.one_of(&self.functions.clone());
                let args = params.into_iter().map(|kind| self.expr(kind));
                Expr::Call(name, args.collect())
            }
            (Kind::Number | Kind::Int, 5) => {
                let op = self.one_of(&[Unary::Minus, Unary::Plus, Unary::Complement]);
                let operand = if op == Unary::Complement {
                    Kind::Int
                } else {
                    kind
                };
                Expr::Unary(op, self.boxed(operand))
            }
            (Kind::Number | Kind::Int, 6) => Expr::For(Box::new(self.looping(kind, false))),
            (Kind::Number | Kind::Int, _) => self.arithmetic(kind),
            (Kind::Bool, 5) => Expr::Unary(
                self.one_of(&[Unary::Not, Unary::Complement]),
                self.boxed(kind),
            ),
            (Kind::Bool, 9) => Expr::For(Box::new(self.looping(kind, false))),
            (Kind::Bool, 6) => {
                let path = match self.pick(3) {
                    2 if self.depth > 0 => self.strange_path(Kind::Any),
                    _ => self.path(Kind::Any),
                };
                Expr::Present {
                    path,
                    is_negated: self.pick(2) == 1,
                }
            }
            (Kind::Bool, 7 | 8) => {
                let op = self.one_of(&Binary::ALL[11..16]);
                Expr::Binary(op, self.boxed(kind), self.boxed(kind))
            }
            (Kind::Bool, _) => {
                let op = self.one_of(&Binary::ALL[5..11]);
                let kind = self.one_of(&[Kind::Number, Kind::Text]);
                let kind = if op == Binary::Equal { Kind::Any } else { kind };
                Expr::Binary(op, self.boxed(kind), self.boxed(kind))
            }
            (Kind::Text, 5..=7) => Expr::Text(self.text()),
            (Kind::Text | Kind::List | Kind::Record, 8) => {
                Expr::Binary(Binary::Add, self.boxed(kind), self.boxed(kind))
            }
            (Kind::Text, _) => self.leaf(kind),
            (Kind::List, 5 | 6) => Expr::For(Box::new(self.looping(kind, false))),
            (Kind::List, _) => Expr::List(self.several(4, |m| m.expr(Kind::Any))),
            (Kind::Record, 5) => Expr::Merge(self.boxed(kind), self.boxed(kind)),
            (Kind::Record, 6 | 7) => Expr::Patch(self.boxed(kind), self.edits()),
            (Kind::Record, 9) => Expr::For(Box::new(self.looping(kind, false))),
            (Kind::Record, _) => Expr::Record(self.several(4, |m| {
                let (field, kind) = m.field();
                (m.key(field), m.expr(kind))
            })),
            (Kind::Any, _) => {
                let kinds = [
                    Kind::Number,
                    Kind::Text,
                    Kind::List,
                    Kind::Record,
                    Kind::Bool,
                ];
                let kind = self.one_of(&kinds);
                self.grown(kind)
            }
        }
    }

    fn arithmetic(&mut self, kind: Kind) -> Expr {
        let of_ints = [&Binary::ALL[..3], &Binary::ALL[4..5], &Binary::ALL[14..]].concat();
        let op = match kind {
            Kind::Int => self.one_of(&of_ints),
            _ => self.one_of(&Binary::ALL[..5]),
        };
        let is_shift = Binary::ALL[16..].contains(&op);
        let operand = if op == Binary::Remainder {
            Kind::Int
        } else {
            kind
        };
        let right = match op {
            // Mostly what does not fail.
            Binary::Divide | Binary::Remainder if !self.rarely(6) => {
                Box::new(Expr::Int(self.pick(7) as u64 + 1))
            }
            _ if is_shift && !self.rarely(6) => Box::new(Expr::Int(self.pick(66) as u64)),
            _ => self.boxed(operand),
        };
        Expr::Binary(op, self.boxed(operand), right)
    }

    pub(crate) fn boxed(&mut self, kind: Kind) -> Box<Expr> {
        Box::new(self.expr(kind))
    }

    /// A string with interpolations. Their values hold no patterns: `%{` cannot stand there.
    fn text(&mut self) -> Text {
        let depth = std::mem::take(&mut self.depth);
        let pieces = self.several(3, |m| match m.pick(3) {
            0 => Piece::Fixed(m.fixed()),
            1 => Piece::Value(m.leaf(Kind::Any)),
            _ => {
                let kind = m.one_of(&[Kind::Number, Kind::Text, Kind::Record]);
                let (left, right) = (m.leaf(kind), m.leaf(kind));
                Piece::Value(Expr::Binary(Binary::Add, Box::new(left), Box::new(right)))
            }
        });
        self.depth = depth;
        if pieces.is_empty() {
            vec![Piece::Fixed("")]
        } else {
            pieces
        }
    }

    /// A key; one in some is computed.
    fn key(&mut self, field: &'static str) -> Text {
        match self.pick(8) {
            6 => self.text(),
            7 => [vec![Piece::Fixed(field)], self.text()].concat(),
            _ => vec![Piece::Fixed(field)],
        }
    }

    pub(crate) fn edits(&mut self) -> Vec<Edit> {
        let mut edits = self.several(3, Self::edit);
        edits.push(self.edit());
        edits
    }

    fn edit(&mut self) -> Edit {
        let (field, kind) = self.field();
        let field = if self.pick(2) == 1 {
            self.one_of(&["new", "other"])
        } else {
            field
        };
        let key = self.key(field);
        match self.pick(10) {
            0 => Edit::Upsert(key, self.expr(kind)),
            1 => Edit::Insert(key, self.expr(kind)),
            2 => Edit::Update(key, self.expr(kind)),
            3 => Edit::Erase(key),
            4 => Edit::Move(vec![Piece::Fixed(self.field().0)], key),
            5 => Edit::Copy(vec![Piece::Fixed(self.field().0)], key),
            6 => Edit::Merge(key, self.expr(Kind::Record)),
            7 => Edit::MergeAll(self.expr(Kind::Record)),
            8 => Edit::Default(key, self.expr(kind)),
            _ => Edit::DefaultAll(self.expr(Kind::Record)),
        }
    }

    // --- paths ---

    /// What a path leads to. Parentheses around a whole expression are no root of a path.
    fn read(&mut self, kind: Kind) -> Expr {
        match self.path(kind) {
            Path {
                root: Root::Expr(root),
                segments,
            } if segments.is_empty() => *root,
            path => Expr::Path(path),
        }
    }

    /// A path to something of a kind, if things are as a rule.
    pub(crate) fn path(&mut self, kind: Kind) -> Path {
        if self.depth > 0 && self.rarely(10) {
            return self.strange_path(kind);
        }
        let field = self.field_of(kind);
        let is_any = kind == Kind::Any || self.rarely(12);
        let mut readable = self.readable.clone();
        let is_number = |kind| matches!(kind, Kind::Number | Kind::Int);
        readable.retain(|(_, found)| {
            is_any || *found == kind || (is_number(kind) && *found == Kind::Int)
        });
        if readable.is_empty() && self.is_in_function && !self.rarely(8) {
            let root = Root::Expr(Box::new(self.literal(kind)));
            let segments = Vec::new();
            return Path { root, segments };
        }
        if !readable.is_empty() && (self.is_in_function || self.pick(3) == 2) {
            let (name, found) = self.one_of(&readable);
            let root = Root::Name(name);
            let segments = if found == Kind::Record && kind == Kind::Any && self.rarely(3) {
                vec![Segment::Field(field)]
            } else {
                Vec::new()
            };
            return Path { root, segments };
        }
        let root = match self.pick(8) {
            6 if self.has_state => Root::State,
            7 => Root::Meta,
            _ => Root::Event,
        };
        let mut segments = vec![Segment::Field(field)];
        if kind == Kind::Record && self.rarely(3) {
            segments.clear();
        } else if self.rarely(12) {
            segments.insert(0, Segment::Field("r"));
        }
        // `$` alone is no root of what is not a field.
        Path { root, segments }
    }

    fn strange_path(&mut self, kind: Kind) -> Path {
        self.depth -= 1;
        let segment = match self.pick(4) {
            0 => (Kind::List, Segment::Index(self.place())),
            1 => (Kind::Record, Segment::Index(self.expr(Kind::Text))),
            2 => {
                let (from, to) = (self.place(), self.place());
                (Kind::List, Segment::Range(from, to))
            }
            _ => (Kind::Record, Segment::Field(self.field_of(kind))),
        };
        let mut path = match self.pick(2) {
            0 => self.path(segment.0),
            _ => Path {
                root: Root::Expr(self.boxed(segment.0)),
                segments: Vec::new(),
            },
        };
        let is_bare = matches!(path.root, Root::Meta) && path.segments.is_empty();
        if is_bare {
            path.root = Root::Event;
        }
        path.segments.push(segment.1);
        self.depth += 1;
        path
    }

    /// A place in an array, mostly at its start.
    fn place(&mut self) -> Expr {
        match self.pick(6) {
            5 => self.expr(Kind::Int),
            4 if self.rarely(4) => self.read(Kind::Any),
            4 => self.read(Kind::Int),
            place => Expr::Int(place as u64 / 2),
        }
    }

    fn field_of(&mut self, kind: Kind) -> &'static str {
        let field = self.one_of(&FIELDS);
        match kind {
            _ if self.rarely(30) => field,
            Kind::Number => self.one_of(&["n", "m"]),
            Kind::Int => "n",
            Kind::Text => "t",
            Kind::List => "l",
            Kind::Record => "r",
            Kind::Bool => "b",
            Kind::Any => field,
        }
    }
}

/// What a field holds as a rule.
pub(crate) fn kind_of(field: &str) -> Kind {
    match field {
        "n" => Kind::Int,
        "m" => Kind::Number,
        "t" => Kind::Text,
        "l" => Kind::List,
        "r" => Kind::Record,
        "b" => Kind::Bool,
        _ => Kind::Any,
    }
}

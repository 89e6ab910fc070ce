//! Statements, functions and whole scripts from a row of choices.

use crate::generate::{FIELDS, Kind, LOCALS, Maker, kind_of};
use crate::generate_match::KINDS;
use crate::tree::{
    Binary, Body, Clause, Expr, Function, Match, Path, Pattern, Piece, Root, Script, Segment,
    Statement,
};

const CONSTANTS: [&str; 2] = ["FIRST", "SECOND"];
const FUNCTIONS: [&str; 2] = ["f", "g"];

impl Maker<'_> {
    pub(crate) fn script(&mut self) -> Script {
        let mut script = Script::default();
        // Most that fails is large.
        self.depth = self.one_of(&[1, 2, 2, 3, 4]);
        for name in CONSTANTS {
            if self.rarely(3) {
                let (value, kind) = match self.pick(3) {
                    0 => (Expr::Int(self.pick(4) as u64), Kind::Int),
                    1 => (Expr::Text(vec![Piece::Fixed("t")]), Kind::Text),
                    _ => (self.constant_record(), Kind::Record),
                };
                script.constants.push((name, value));
                self.readable.push((name, kind));
            }
        }
        for name in FUNCTIONS {
            if self.rarely(4) {
                let function = self.function(name);
                script.functions.push(function);
            }
        }
        if self.pick(4) > 0 {
            script.statements.push(self.first_state());
            self.has_state = true;
        }
        for name in LOCALS {
            if self.pick(4) > 0 {
                let (path, kind) = (local(name), self.one_of(&KINDS));
                let value = Statement::Expr(self.expr(kind));
                script
                    .statements
                    .push(Statement::Let(path, Box::new(value)));
                self.readable.push((name, kind));
            }
        }
        script
            .statements
            .extend(self.several(4, |m| m.statement(true)));
        script.statements.push(self.last());
        script
    }

    /// `match state of case null => let state = … case _ => null end`
    fn first_state(&mut self) -> Statement {
        let path = |root| Path {
            root,
            segments: Vec::new(),
        };
        let field = |name: &'static str, value| (vec![Piece::Fixed(name)], value);
        let record = Expr::Record(vec![
            field("n", Expr::Int(self.pick(3) as u64)),
            field("l", Expr::List(Vec::new())),
            field("t", Expr::Text(vec![Piece::Fixed("t")])),
            field("m", Expr::Int(1)),
            field("b", Expr::Bool(true)),
            field("r", Expr::Record(vec![field("n", Expr::Int(2))])),
        ]);
        let assigned = Statement::Let(path(Root::State), Box::new(Statement::Expr(record)));
        let clause = |pattern, statement| Clause {
            pattern,
            guard: None,
            body: vec![statement],
        };
        let first = clause(Pattern::Expr(Expr::Null), assigned);
        let others = clause(Pattern::Ignore, Statement::Expr(Expr::Null));
        Statement::Expr(Expr::Match(Box::new(Match {
            target: Expr::Path(path(Root::State)),
            clauses: vec![first, others],
        })))
    }

    fn constant_record(&mut self) -> Expr {
        let field = |name, value| (vec![Piece::Fixed(name)], value);
        let list = Expr::List(vec![Expr::Int(1), Expr::Int(self.pick(3) as u64)]);
        Expr::Record(vec![
            field("n", Expr::Int(1)),
            field("l", list),
            field("t", Expr::Text(vec![Piece::Fixed("t")])),
            field("m", Expr::Float(0.5)),
            field("b", Expr::Bool(true)),
            field("r", Expr::Record(vec![field("n", Expr::Int(2))])),
        ])
    }

    /// Mostly everything that the statements before may have changed, so that nobody overlooks it.
    fn last(&mut self) -> Statement {
        let whole = |root| {
            Expr::Path(Path {
                root,
                segments: Vec::new(),
            })
        };
        match self.pick(8) {
            5 => Statement::Expr(whole(Root::Event)),
            6 => self.statement(true),
            7 => {
                let kind = self.one_of(&KINDS);
                Statement::Expr(self.expr(kind))
            }
            _ => {
                let mut all = vec![whole(Root::Event), whole(Root::Meta), whole(Root::State)];
                let names = self.readable.iter();
                all.extend(names.map(|(name, _)| whole(Root::Name(name))));
                Statement::Expr(Expr::List(all))
            }
        }
    }

    /// A statement; the script may end there.
    fn statement(&mut self, can_end: bool) -> Statement {
        if self.depth == 0 {
            return self.assignment();
        }
        self.depth -= 1;
        let can_end = can_end && !self.is_in_function;
        let made = match self.pick(10) {
            6 | 7 => Statement::Expr(Expr::Match(Box::new(self.matching(Kind::Any, true)))),
            8 => {
                let kind = self.one_of(&[Kind::List, Kind::Number, Kind::Record]);
                Statement::Expr(Expr::For(Box::new(self.looping(kind, true))))
            }
            9 if can_end && self.rarely(2) => self.end(),
            9 => Statement::Expr(self.expr(Kind::Any)),
            _ => self.assignment(),
        };
        self.depth += 1;
        made
    }

    fn end(&mut self) -> Statement {
        if self.rarely(3) {
            return Statement::Drop;
        }
        let value = if self.pick(2) == 1 {
            Some(self.expr(Kind::Any))
        } else {
            None
        };
        let port = match self.pick(4) {
            1 => Some(vec![Piece::Fixed(self.one_of(&["other", "out", "err"]))]),
            2 => Some(vec![
                Piece::Fixed("o"),
                Piece::Value(Expr::Text(vec![Piece::Fixed("ther")])),
            ]),
            _ => None,
        };
        Statement::Emit { value, port }
    }

    /// An assignment, mostly of what keeps its kind.
    fn assignment(&mut self) -> Statement {
        let outside = !self.is_in_function || self.rarely(8);
        let (path, value) = match self.pick(8) {
            _ if !outside => self.change_of_local(),
            0..=2 => self.change_of_local(),
            3 | 4 => self.change_below(Root::Event),
            5 => {
                let field = self.one_of(&FIELDS);
                let segments = vec![Segment::Field(field)];
                let root = Root::Meta;
                (Path { root, segments }, self.expr(kind_of(field)))
            }
            6 => {
                let root = match self.pick(2) {
                    1 if self.has_state => Root::State,
                    _ => Root::Event,
                };
                let segments = Vec::new();
                let path = Path { root, segments };
                let old = Expr::Path(path.clone());
                let value = match self.pick(6) {
                    0 => Expr::Binary(Binary::Add, Box::new(old), self.boxed(Kind::Record)),
                    1 => Expr::Merge(Box::new(old), self.boxed(Kind::Record)),
                    5 => self.expr(Kind::Record),
                    _ => Expr::Patch(Box::new(old), self.edits()),
                };
                (path, value)
            }
            _ if self.has_state || self.rarely(4) => self.change_of_state(),
            _ => self.change_of_local(),
        };
        let value = match self.pick(12) {
            11 if self.depth > 0 => self.statement(false),
            _ => Statement::Expr(value),
        };
        Statement::Let(path, Box::new(value))
    }

    fn change_of_local(&mut self) -> (Path, Expr) {
        let mut free = LOCALS.to_vec();
        free.retain(|name| !self.bound.contains(name));
        if free.is_empty() {
            return self.change_below(Root::Event);
        }
        let name = self.one_of(&free);
        let known = self
            .readable
            .iter()
            .find(|(other, _)| *other == name)
            .copied();
        let kind = match known {
            Some((_, kind)) => kind,
            None => self.one_of(&KINDS),
        };
        if known.is_some() && kind == Kind::Record && self.pick(2) == 1 {
            return self.change_below(Root::Name(name));
        }
        (local(name), self.expr(kind))
    }

    /// A change of a field of a record.
    fn change_below(&mut self, root: Root) -> (Path, Expr) {
        let mut segments = self.several(2, Self::step);
        let field = self.one_of(&FIELDS);
        let (last, kind) = match self.pick(8) {
            7 => (self.step(), Kind::Any),
            _ => (Segment::Field(field), kind_of(field)),
        };
        segments.push(last);
        (Path { root, segments }, self.expr(kind))
    }

    /// A change of the state; some append to a list there.
    fn change_of_state(&mut self) -> (Path, Expr) {
        if self.pick(3) > 0 {
            return self.change_below(Root::State);
        }
        let list = Path {
            root: Root::State,
            segments: vec![Segment::Field("l")],
        };
        let new = Box::new(Expr::List(vec![self.expr(Kind::Any)]));
        let old = Box::new(Expr::Path(list.clone()));
        (list, Expr::Binary(Binary::Add, old, new))
    }

    fn step(&mut self) -> Segment {
        match self.pick(8) {
            6 => Segment::Index(self.expr(Kind::Text)),
            7 if self.rarely(6) => Segment::Index(Expr::Int(0)),
            _ => Segment::Field(self.one_of(&["r", "new"])),
        }
    }

    /// The body of a clause: statements, or expressions if the whole is one.
    pub(crate) fn body(&mut self, kind: Kind, is_statement: bool) -> Vec<Statement> {
        let mut body = match is_statement {
            true => self.several(2, |m| m.statement(true)),
            false if self.rarely(6) => vec![Statement::Expr(self.expr(Kind::Any))],
            false => Vec::new(),
        };
        body.push(Statement::Expr(self.expr(kind)));
        body
    }

    pub(crate) fn guard(&mut self) -> Option<Expr> {
        if self.rarely(4) {
            Some(self.expr(Kind::Bool))
        } else {
            None
        }
    }

    // --- functions ---

    fn function(&mut self, name: &'static str) -> Function {
        let params = ["p", "q"][..self.pick(2) + 1].to_vec();
        let kinds: Vec<Kind> = params.iter().map(|_| self.one_of(&KINDS)).collect();
        let (readable, depth) = (self.readable.clone(), self.depth);
        self.readable
            .extend(params.iter().copied().zip(kinds.iter().copied()));
        (self.is_in_function, self.depth) = (true, 3);
        let body = match self.pick(2) {
            0 => {
                let mut body = self.several(2, |m| m.statement(false));
                body.push(Statement::Expr(self.expr(Kind::Any)));
                Body::With(body)
            }
            _ => {
                let cases = self.several(2, |m| {
                    let elements = kinds.iter().map(|kind| m.argument(*kind)).collect();
                    let guard = m.guard();
                    (elements, guard, vec![m.tail(&kinds)])
                });
                Body::Of {
                    cases,
                    default: vec![self.tail(&kinds)],
                }
            }
        };
        (self.is_in_function, self.depth, self.readable) = (false, depth, readable);
        self.functions.push((name, kinds));
        Function { name, params, body }
    }

    fn argument(&mut self, kind: Kind) -> Pattern {
        match self.pick(3) {
            0 => Pattern::Ignore,
            1 if kind == Kind::Record => Pattern::Record(self.several(2, |m| m.test(1))),
            _ => Pattern::Expr(self.expr(kind)),
        }
    }

    /// The last expression of a function, or a restart of it.
    fn tail(&mut self, kinds: &[Kind]) -> Statement {
        match self.rarely(4) {
            true => Statement::Expr(Expr::Recur(
                kinds.iter().map(|kind| self.expr(*kind)).collect(),
            )),
            false => Statement::Expr(self.expr(Kind::Any)),
        }
    }
}

fn local(name: &'static str) -> Path {
    Path {
        root: Root::Name(name),
        segments: Vec::new(),
    }
}

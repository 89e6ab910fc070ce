//! Statements, functions and whole scripts from a row of choices.

use crate::generate::{FIELDS, Kind, LOCALS, Maker};
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
        for name in CONSTANTS {
            if self.rarely(3) {
                let (value, kind) = match self.pick(3) {
                    0 => (Expr::Int(self.pick(4) as u64), Kind::Number),
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
                self.functions.push((name, function.params.len()));
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
            field("n", self.expr(Kind::Number)),
            field("l", Expr::List(Vec::new())),
            field("t", Expr::Text(vec![Piece::Fixed("t")])),
            field("m", Expr::Int(self.pick(3) as u64)),
            field("b", Expr::Bool(true)),
            field("r", self.expr(Kind::Record)),
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
        Expr::Record(vec![field("n", Expr::Int(1)), field("l", list)])
    }

    fn last(&mut self) -> Statement {
        match self.pick(4) {
            0 => Statement::Expr(Expr::Path(Path {
                root: Root::Event,
                segments: Vec::new(),
            })),
            1 => self.statement(true),
            _ => {
                let kind = self.one_of(&KINDS);
                Statement::Expr(self.expr(kind))
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

    fn assignment(&mut self) -> Statement {
        let (path, kind) = match self.pick(8) {
            0..=2 => {
                let free: Vec<_> = LOCALS
                    .into_iter()
                    .filter(|name| !self.bound.contains(name))
                    .collect();
                let root = match free.is_empty() {
                    true => Root::Event,
                    false => Root::Name(self.one_of(&free)),
                };
                let segments = if self.rarely(4) {
                    self.steps()
                } else {
                    Vec::new()
                };
                (Path { root, segments }, self.one_of(&KINDS))
            }
            3 | 4 => (
                Path {
                    root: Root::Event,
                    segments: self.steps(),
                },
                self.one_of(&KINDS),
            ),
            5 => (
                Path {
                    root: Root::Meta,
                    segments: vec![Segment::Field(self.one_of(&FIELDS))],
                },
                Kind::Number,
            ),
            6 => {
                let root = self.one_of(&[Root::State, Root::Event]);
                (
                    Path {
                        root,
                        segments: Vec::new(),
                    },
                    Kind::Record,
                )
            }
            _ => return self.state(),
        };
        let value = match self.pick(6) {
            5 if self.depth > 0 => self.statement(false),
            _ => Statement::Expr(self.expr(kind)),
        };
        Statement::Let(path, Box::new(value))
    }

    /// A change of the state; some append to a list there.
    fn state(&mut self) -> Statement {
        let field = |name| Path {
            root: Root::State,
            segments: vec![Segment::Field(name)],
        };
        let (path, value) = match self.pick(3) {
            0 => (field("l"), {
                let items = vec![self.expr(Kind::Any)];
                let list = Expr::Path(field("l"));
                Expr::Binary(Binary::Add, Box::new(list), Box::new(Expr::List(items)))
            }),
            1 => (
                Path {
                    root: Root::State,
                    segments: self.steps(),
                },
                self.expr(Kind::Any),
            ),
            _ => (field("n"), self.expr(Kind::Number)),
        };
        Statement::Let(path, Box::new(Statement::Expr(value)))
    }

    fn steps(&mut self) -> Vec<Segment> {
        let mut steps = self.several(2, Self::step);
        steps.push(self.step());
        steps
    }

    fn step(&mut self) -> Segment {
        match self.pick(8) {
            6 => Segment::Index(self.expr(Kind::Text)),
            7 if self.rarely(3) => Segment::Index(Expr::Int(0)),
            _ => Segment::Field(self.one_of(&["r", "n", "t", "new"])),
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
        let (readable, depth) = (self.readable.clone(), self.depth);
        self.readable
            .extend(params.iter().map(|param| (*param, Kind::Number)));
        (self.is_in_function, self.depth) = (true, 3);
        let arity = params.len();
        let body = match self.pick(2) {
            0 => {
                let mut body = self.several(2, |m| m.statement(false));
                body.push(Statement::Expr(self.expr(Kind::Any)));
                Body::With(body)
            }
            _ => {
                let cases = self.several(2, |m| {
                    let elements = (0..arity).map(|_| m.argument()).collect();
                    let guard = m.guard();
                    (elements, guard, vec![m.tail(arity)])
                });
                Body::Of {
                    cases,
                    default: vec![self.tail(arity)],
                }
            }
        };
        (self.is_in_function, self.depth, self.readable) = (false, depth, readable);
        Function { name, params, body }
    }

    fn argument(&mut self) -> Pattern {
        match self.pick(3) {
            0 => Pattern::Ignore,
            1 => Pattern::Expr(Expr::Int(self.pick(3) as u64)),
            _ => Pattern::Record(self.several(2, |m| m.test(1))),
        }
    }

    /// The last expression of a function, or a restart of it.
    fn tail(&mut self, arity: usize) -> Statement {
        match self.rarely(4) {
            true => Statement::Expr(Expr::Recur(
                (0..arity).map(|_| self.expr(Kind::Number)).collect(),
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

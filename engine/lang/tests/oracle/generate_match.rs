//! Matches with their patterns, and loops, from a row of choices.

use crate::generate::{FIELDS, Kind, Maker};
use crate::tree::{Binary, Case, Clause, Expr, For, Match, Pattern, Piece, Test};

pub(crate) const KINDS: [Kind; 6] = [
    Kind::Record,
    Kind::Number,
    Kind::Text,
    Kind::List,
    Kind::Bool,
    Kind::Any,
];

const FOLDS: [Binary; 13] = [
    Binary::And,
    Binary::Or,
    Binary::Xor,
    Binary::BitAnd,
    Binary::BitXor,
    Binary::ShiftLeft,
    Binary::ShiftRight,
    Binary::ShiftRightUnsigned,
    Binary::Add,
    Binary::Subtract,
    Binary::Multiply,
    Binary::Divide,
    Binary::Remainder,
];

impl Maker<'_> {
    pub(crate) fn matching(&mut self, kind: Kind, is_statement: bool) -> Match {
        let aim = self.one_of(&KINDS);
        let target = self.expr(aim);
        let mut clauses = match self.rarely(5) {
            true => self.texts(kind, is_statement),
            false => self.several(3, |m| m.clause(aim, kind, is_statement)),
        };
        if clauses.is_empty() || !self.rarely(20) {
            let body = self.body(kind, is_statement);
            clauses.push(Clause {
                pattern: Pattern::Ignore,
                guard: None,
                body,
            });
        }
        Match { target, clauses }
    }

    /// Clauses that compare with texts, in a row.
    fn texts(&mut self, kind: Kind, is_statement: bool) -> Vec<Clause> {
        let texts = ["n", "", "a", "ab", "t"];
        let clause = |(at, text): (usize, &'static str)| {
            let pattern = Pattern::Expr(Expr::Text(vec![Piece::Fixed(text)]));
            let guard = if at == 4 { self.guard() } else { None };
            Clause {
                pattern,
                guard,
                body: self.body(kind, is_statement),
            }
        };
        texts.into_iter().enumerate().map(clause).collect()
    }

    fn clause(&mut self, aim: Kind, kind: Kind, is_statement: bool) -> Clause {
        let mut pattern = self.pattern(aim, 2);
        let (bound, readable) = (self.bound.len(), self.readable.len());
        if self.pick(2) == 1 {
            let name = self.one_of(&["p", "x"]);
            pattern = Pattern::Bind(name, Box::new(pattern));
            self.bound.push(name);
            self.readable.push((name, aim));
        }
        let (guard, body) = (self.guard(), self.body(kind, is_statement));
        self.bound.truncate(bound);
        self.readable.truncate(readable);
        Clause {
            pattern,
            guard,
            body,
        }
    }

    fn pattern(&mut self, kind: Kind, depth: usize) -> Pattern {
        let kind = if self.rarely(6) {
            self.one_of(&KINDS)
        } else {
            kind
        };
        if depth == 0 {
            return Pattern::Expr(self.expr(kind));
        }
        match (kind, self.pick(4)) {
            (Kind::Record, 1..) => Pattern::Record(self.several(3, |m| m.test(depth))),
            (Kind::List, 1 | 2) => {
                let elements = self.several(3, |m| m.element(depth));
                Pattern::Tuple {
                    elements,
                    is_open: self.pick(2) == 1,
                }
            }
            (Kind::List, 3) => Pattern::Array(self.several(2, |m| m.element(depth))),
            (_, 0) if self.rarely(3) => Pattern::Ignore,
            _ => Pattern::Expr(self.expr(kind)),
        }
    }

    fn element(&mut self, depth: usize) -> Pattern {
        match self.pick(3) {
            0 => Pattern::Ignore,
            1 => Pattern::Expr(self.expr(Kind::Number)),
            _ => Pattern::Record(self.several(2, |m| m.test(depth - 1))),
        }
    }

    pub(crate) fn test(&mut self, depth: usize) -> (&'static str, Test) {
        let field = self.one_of(&FIELDS);
        let test = match self.pick(5) {
            0 => Test::Present,
            1 => Test::Absent,
            2 | 3 => {
                let op = self.one_of(&Binary::ALL[5..11]);
                Test::Compare(
                    op,
                    self.expr(if field == "t" {
                        Kind::Text
                    } else {
                        Kind::Number
                    }),
                )
            }
            _ if depth == 0 => Test::Matches(Pattern::Record(Vec::new())),
            _ => {
                let kind = self.one_of(&[Kind::Record, Kind::List]);
                match self.pattern(kind, depth - 1) {
                    Pattern::Expr(_) | Pattern::Ignore => {
                        Test::Matches(Pattern::Record(Vec::new()))
                    }
                    pattern => Test::Matches(pattern),
                }
            }
        };
        (field, test)
    }

    pub(crate) fn looping(&mut self, kind: Kind, is_statement: bool) -> For {
        let aim = self.one_of(&[Kind::List, Kind::Record]);
        let target = self.expr(aim);
        let item = match kind {
            Kind::List => Kind::Any,
            other => other,
        };
        let mut cases = self.several(1, |m| m.case(aim, item, is_statement));
        cases.push(self.case(aim, item, is_statement));
        let (into, fold) = match kind {
            Kind::List if self.rarely(2) => (None, None),
            Kind::List | Kind::Record => (Some(self.expr(kind)), None),
            _ => {
                let fold = match self.pick(3) {
                    _ if kind == Kind::Bool => Some(self.one_of(&FOLDS[..3])),
                    0 => None,
                    1 => Some(Binary::Multiply),
                    _ => Some(self.one_of(&FOLDS)),
                };
                (Some(self.expr(kind)), fold)
            }
        };
        For {
            target,
            cases,
            into,
            fold,
        }
    }

    fn case(&mut self, aim: Kind, kind: Kind, is_statement: bool) -> Case {
        let names = self.one_of(&[["k", "v"], ["x", "v"], ["k", "y"]]);
        let (bound, readable) = (self.bound.len(), self.readable.len());
        self.bound.extend(names);
        let key = if aim == Kind::Record {
            Kind::Text
        } else {
            Kind::Number
        };
        self.readable.push((names[0], key));
        self.readable.push((names[1], Kind::Any));
        let (guard, body) = (self.guard(), self.body(kind, is_statement));
        self.bound.truncate(bound);
        self.readable.truncate(readable);
        Case { names, guard, body }
    }
}

//! The evaluator: walks the tree, copies every value, and does what the specification says in the order in which it
//! says it.

use std::collections::HashMap;

use temblor_lang::Code;

use crate::operators;
use crate::tree::{Binary, Body, Expr, For, Match, Piece, Script, Statement, Text};
use crate::value::{Record, Val};

/// How often a call may be restarted.
const MAX_RESTARTS: usize = 1023;

/// How large a value may grow, and how many steps a script may take, before the comparison is given up.
const MAX_SIZE: usize = 2_000;
pub(crate) const MAX_STEPS: usize = 100_000;

/// Why an evaluation ends before its value is there.
#[derive(Clone, Debug)]
pub(crate) enum Stop {
    Failed(Code),
    Emit(Val, String),
    Drop,
    Recur(Vec<Val>),
    /// The specification does not say what comes next, or it takes too long to find out.
    Open,
}

impl From<Code> for Stop {
    fn from(code: Code) -> Stop {
        Stop::Failed(code)
    }
}

pub(crate) type Eval<T> = Result<T, Stop>;

/// What a script, or a call, knows.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    pub(crate) event: Val,
    pub(crate) meta: Val,
    pub(crate) state: Val,
    pub(crate) locals: HashMap<&'static str, Val>,
    /// Names that patterns and loops have bound, innermost last.
    pub(crate) bound: Vec<(&'static str, Val)>,
}

impl Frame {
    pub(crate) fn new(event: Val, meta: Val, state: Val) -> Frame {
        let (locals, bound) = (HashMap::new(), Vec::new());
        Frame {
            event,
            meta,
            state,
            locals,
            bound,
        }
    }
}

pub(crate) struct Machine<'s> {
    pub(crate) script: &'s Script,
    pub(crate) constants: &'s HashMap<&'static str, Val>,
    pub(crate) frame: Frame,
    /// How many steps are left.
    pub(crate) steps: usize,
}

impl Machine<'_> {
    /// Runs the statements of the script.
    pub(crate) fn run(&mut self) -> Eval<Val> {
        let script = self.script;
        self.block(&script.statements, true, false)
    }

    /// Statements, of which the last gives the value. Of those before it, pure expressions are evaluated only in a
    /// body that is itself an expression.
    fn block(&mut self, body: &[Statement], is_needed: bool, keeps_all: bool) -> Eval<Val> {
        let Some((last, before)) = body.split_last() else {
            return Ok(Val::Null);
        };
        for statement in before {
            self.statement(statement, keeps_all, keeps_all)?;
        }
        self.statement(last, is_needed, keeps_all)
    }

    fn statement(&mut self, statement: &Statement, is_needed: bool, keeps_all: bool) -> Eval<Val> {
        match statement {
            Statement::Expr(Expr::Match(inner)) => self.matching(inner, is_needed, keeps_all),
            Statement::Expr(Expr::For(inner)) => self.looping(inner, is_needed, keeps_all),
            Statement::Expr(Expr::Recur(args)) => Err(Stop::Recur(self.all(args)?)),
            Statement::Expr(inner) if is_needed => self.eval(inner),
            Statement::Expr(_) => Ok(Val::Null),
            Statement::Let(path, value) => {
                let value = self.statement(value, true, false)?;
                self.assign(path, value.clone())?;
                Ok(value)
            }
            Statement::Emit { value, port } => {
                let value = match value {
                    Some(value) => self.eval(value)?,
                    None => self.frame.event.clone(),
                };
                let port = match port {
                    Some(port) => self.text(port)?,
                    None => "out".to_owned(),
                };
                Err(Stop::Emit(value, port))
            }
            Statement::Drop => Err(Stop::Drop),
        }
    }

    fn all(&mut self, exprs: &[Expr]) -> Eval<Vec<Val>> {
        exprs.iter().map(|expr| self.eval(expr)).collect()
    }

    pub(crate) fn eval(&mut self, expr: &Expr) -> Eval<Val> {
        self.steps = self.steps.checked_sub(1).ok_or(Stop::Open)?;
        let value = self.evaluated(expr)?;
        match value.fits(MAX_SIZE) {
            Some(_) => Ok(value),
            None => Err(Stop::Open),
        }
    }

    fn evaluated(&mut self, expr: &Expr) -> Eval<Val> {
        Ok(match expr {
            Expr::Null => Val::Null,
            Expr::Bool(value) => Val::Bool(*value),
            Expr::Int(n) => Val::Int((*n).into()),
            Expr::Float(n) => Val::Float(*n),
            Expr::Text(text) => Val::Text(self.text(text)?),
            Expr::List(items) => Val::List(self.all(items)?),
            Expr::Record(fields) => self.record(fields)?,
            Expr::Path(path) => self.path(path)?,
            Expr::Present { path, is_negated } => Val::Bool(self.is_present(path)? != *is_negated),
            Expr::Unary(op, operand) => operators::unary(*op, &self.eval(operand)?)?,
            Expr::Binary(op, left, right) => self.binary(*op, left, right)?,
            Expr::Call(name, args) => {
                let args = self.all(args)?;
                self.call(name, args)?
            }
            Expr::Recur(_) => return Err(Stop::Open),
            Expr::Match(inner) => self.matching(inner, true, true)?,
            Expr::For(inner) => self.looping(inner, true, true)?,
            Expr::Merge(target, changes) => self.merge(target, changes)?,
            Expr::Patch(target, edits) => self.patch(target, edits)?,
        })
    }

    pub(crate) fn text(&mut self, pieces: &Text) -> Eval<String> {
        let mut text = String::new();
        for piece in pieces {
            match piece {
                Piece::Fixed(fixed) => text += fixed,
                Piece::Value(value) => {
                    text += &self.eval(value)?.rendered().ok_or(Stop::Open)?;
                }
            }
        }
        Ok(text)
    }

    /// Constant fields come first, so that computed ones win over them.
    fn record(&mut self, fields: &[(Text, Expr)]) -> Eval<Val> {
        let mut record = Record::default();
        for pass in [true, false] {
            for (key, value) in fields {
                if (self.is_constant_text(key) && self.is_constant(value)) == pass {
                    let key = self.text(key)?;
                    let value = self.eval(value)?;
                    record.set(&key, value);
                }
            }
        }
        Ok(Val::Record(record))
    }

    fn binary(&mut self, op: Binary, left: &Expr, right: &Expr) -> Eval<Val> {
        let first = self.eval(left)?;
        if !matches!(op, Binary::And | Binary::Or | Binary::Xor) {
            let second = self.eval(right)?;
            // What is written as a list is appended without a look at what it is appended to.
            if op == Binary::Add && matches!(right, Expr::List(_)) && !matches!(first, Val::List(_))
            {
                return Err(Code::Type.into());
            }
            return Ok(operators::binary(op, &first, &second)?);
        }
        let Val::Bool(a) = first else {
            return Err(Code::Operation.into());
        };
        if (op == Binary::And && !a) || (op == Binary::Or && a) {
            return Ok(Val::Bool(a));
        }
        let Val::Bool(b) = self.eval(right)? else {
            return Err(Code::Operation.into());
        };
        Ok(Val::Bool(if op == Binary::Xor { a != b } else { b }))
    }

    /// Whether a condition holds.
    fn holds(&mut self, guard: Option<&Expr>) -> Eval<bool> {
        match guard.map(|guard| self.eval(guard)).transpose()? {
            None => Ok(true),
            Some(Val::Bool(value)) => Ok(value),
            Some(_) => Err(Code::Type.into()),
        }
    }

    // --- match and for ---

    fn matching(&mut self, inner: &Match, is_needed: bool, keeps_all: bool) -> Eval<Val> {
        let target = self.eval(&inner.target)?;
        for clause in &inner.clauses {
            let Some(bound) = self.clause(&clause.pattern, &target)? else {
                continue;
            };
            let depth = self.frame.bound.len();
            self.frame.bound.extend(bound);
            if self.holds(clause.guard.as_ref())? {
                let value = self.block(&clause.body, is_needed, keeps_all)?;
                self.frame.bound.truncate(depth);
                return Ok(value);
            }
            self.frame.bound.truncate(depth);
        }
        Err(Code::NoClause.into())
    }

    fn looping(&mut self, inner: &For, is_needed: bool, keeps_all: bool) -> Eval<Val> {
        let items: Vec<(Val, Val)> = match self.eval(&inner.target)? {
            Val::List(items) => {
                let items = items.into_iter().enumerate();
                items
                    .map(|(at, item)| (Val::Int(at as i128), item))
                    .collect()
            }
            Val::Record(record) => {
                let fields = record.0.into_iter();
                fields.map(|(key, value)| (Val::Text(key), value)).collect()
            }
            _ => Vec::new(),
        };
        let mut total = match &inner.into {
            Some(into) if is_needed => self.eval(into)?,
            _ => Val::List(Vec::new()),
        };
        for (key, value) in items {
            for case in &inner.cases {
                let depth = self.frame.bound.len();
                let [first, second] = case.names;
                let bound = [(first, key.clone()), (second, value.clone())];
                self.frame.bound.extend(bound);
                if !self.holds(case.guard.as_ref())? {
                    self.frame.bound.truncate(depth);
                    continue;
                }
                let made = self.block(&case.body, is_needed, keeps_all)?;
                self.frame.bound.truncate(depth);
                let op = inner.fold.unwrap_or(Binary::Add);
                if is_needed {
                    let is_decided = collect(op, &mut total, made)?;
                    total.fits(MAX_SIZE).ok_or(Stop::Open)?;
                    if is_decided {
                        return Ok(total);
                    }
                }
                break;
            }
        }
        Ok(total)
    }

    // --- functions ---

    fn call(&mut self, name: &str, mut args: Vec<Val>) -> Eval<Val> {
        let script = self.script;
        let mut found = script
            .functions
            .iter()
            .filter(|function| function.name == name);
        let function = found.next().ok_or(Stop::Open)?;
        for _ in 0..=MAX_RESTARTS {
            let frame = Frame::new(Val::Null, Val::Null, Val::Null);
            let mut callee = Machine {
                script,
                constants: self.constants,
                frame,
                steps: self.steps,
            };
            let params = function.params.iter().copied();
            callee.frame.locals.extend(params.zip(args));
            let result = match &function.body {
                Body::With(body) => callee.block(body, true, false),
                Body::Of { cases, default } => match callee.chosen(&function.params, cases)? {
                    Some(body) => callee.block(body, true, false),
                    None => callee.block(default, true, false),
                },
            };
            self.steps = callee.steps;
            match result {
                Err(Stop::Recur(again)) => args = again,
                other => return other,
            }
        }
        Err(Code::Recursion.into())
    }

    /// The body of the case that the arguments match; parameters become what their elements matched.
    fn chosen<'c>(
        &mut self,
        params: &[&'static str],
        cases: &'c [(Vec<crate::tree::Pattern>, Option<Expr>, Vec<Statement>)],
    ) -> Eval<Option<&'c [Statement]>> {
        'cases: for (elements, guard, body) in cases {
            let mut captured = Vec::new();
            for (param, element) in params.iter().zip(elements) {
                let argument = self.frame.locals.get(param).cloned().ok_or(Stop::Open)?;
                match self.capture(element, &argument)? {
                    Some(value) => captured.push((*param, value)),
                    None => continue 'cases,
                }
            }
            if self.holds(guard.as_ref())? {
                self.frame.locals.extend(captured);
                return Ok(Some(body));
            }
        }
        Ok(None)
    }
}

/// Adds what a body gave to the result; says whether that decides it.
fn collect(op: Binary, total: &mut Val, made: Val) -> Eval<bool> {
    match total {
        Val::List(items) if op == Binary::Add => items.push(made),
        Val::Record(record) if op == Binary::Add => {
            let Val::Record(made) = made else {
                return Err(Code::Type.into());
            };
            made.0
                .iter()
                .for_each(|(key, value)| record.set(key, value.clone()));
        }
        Val::List(_) | Val::Record(_) => return Err(Code::Operation.into()),
        _ if matches!(op, Binary::And | Binary::Or | Binary::Xor) => {
            let (Val::Bool(a), Val::Bool(b)) = (&*total, made) else {
                return Err(Code::Operation.into());
            };
            let result = match op {
                Binary::And => *a && b,
                Binary::Or => *a || b,
                _ => *a != b,
            };
            *total = Val::Bool(result);
            return Ok(op != Binary::Xor && result == (op == Binary::Or));
        }
        Val::Int(_) | Val::Float(_) if matches!(made, Val::Int(_) | Val::Float(_)) => {
            *total = operators::binary(op, total, &made)?;
        }
        _ => return Err(Code::Operation.into()),
    }
    Ok(false)
}

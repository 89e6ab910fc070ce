//! Trees as text, with the parentheses that they need and no others.

use crate::tree::{
    Body, Case, Clause, Edit, Expr, For, Function, Match, Path, Pattern, Piece, Root, Script,
    Segment, Statement, Test, Text, Unary,
};

/// What a place takes: everything, everything but `match` and `for`, and so on by how tightly it binds.
const COMPLEX: u8 = 0;
const OPERATORS: u8 = 1;
const SIGN: u8 = 11;
const NEGATION: u8 = 12;
const PRIMARY: u8 = 14;

pub(crate) fn script(script: &Script) -> String {
    let mut items: Vec<String> = Vec::new();
    for (name, value) in &script.constants {
        items.push(format!("const {name} = {}", expr(value, COMPLEX)));
    }
    items.extend(script.functions.iter().map(function));
    items.extend(script.statements.iter().map(statement));
    items.join(";\n")
}

fn function(function: &Function) -> String {
    let Function { name, params, body } = function;
    let head = format!("fn {name}({})", params.join(", "));
    match body {
        Body::With(body) => format!("{head} with {} end", block(body, "; ")),
        Body::Of { cases, default } => {
            let case = |(elements, guard, body): &(Vec<Pattern>, Option<Expr>, Vec<Statement>)| {
                let elements: Vec<String> = elements.iter().map(pattern).collect();
                let (guard, body) = (guarded(guard.as_ref()), block(body, "; "));
                format!("case ({}){guard} => {body} ", elements.join(", "))
            };
            let cases: String = cases.iter().map(case).collect();
            format!("{head} of {cases}case _ => {} end", block(default, "; "))
        }
    }
}

fn guarded(guard: Option<&Expr>) -> String {
    guard.map_or(String::new(), |guard| {
        format!(" when {}", expr(guard, COMPLEX))
    })
}

/// Statements end in `;`, the expressions of a body that is itself an expression in `,`.
fn block(body: &[Statement], end: &str) -> String {
    let one = |part: &Statement| match part {
        Statement::Expr(part) if end == ", " => expr(part, COMPLEX),
        part => statement(part),
    };
    body.iter().map(one).collect::<Vec<_>>().join(end)
}

pub(crate) fn statement(statement: &Statement) -> String {
    match statement {
        Statement::Expr(Expr::Match(inner)) => matching(inner, "; "),
        Statement::Expr(Expr::For(inner)) => looping(inner, "; "),
        Statement::Expr(inner) => expr(inner, COMPLEX),
        Statement::Let(place, value) => format!("let {} = {}", path(place), self::statement(value)),
        Statement::Drop => "drop".to_owned(),
        Statement::Emit { value, port } => {
            let value = value
                .as_ref()
                .map(|value| format!(" {}", expr(value, COMPLEX)));
            let port = port.as_ref().map(|port| format!(" => {}", text(port)));
            format!(
                "emit{}{}",
                value.unwrap_or_default(),
                port.unwrap_or_default()
            )
        }
    }
}

pub(crate) fn expr(inner: &Expr, place: u8) -> String {
    let (written, level) = match inner {
        Expr::Null => ("null".to_owned(), PRIMARY),
        Expr::Bool(value) => (value.to_string(), PRIMARY),
        Expr::Int(n) => (n.to_string(), PRIMARY),
        Expr::Float(n) => (float(*n), PRIMARY),
        Expr::Text(inner) => (text(inner), PRIMARY),
        Expr::List(items) => (format!("[{}]", list(items)), PRIMARY),
        Expr::Record(fields) => {
            let field =
                |(key, value): &(Text, Expr)| format!("{}: {}", text(key), expr(value, COMPLEX));
            let fields: Vec<String> = fields.iter().map(field).collect();
            (format!("{{{}}}", fields.join(", ")), PRIMARY)
        }
        Expr::Path(inner) => (path(inner), PRIMARY),
        Expr::Present {
            path: inner,
            is_negated,
        } => {
            let word = if *is_negated { "absent" } else { "present" };
            (format!("{word} {}", path(inner)), 13)
        }
        Expr::Unary(op, operand) => match op {
            Unary::Plus => (format!("+ {}", expr(operand, SIGN)), SIGN),
            Unary::Minus => (format!("-{}", expr(operand, SIGN)), SIGN),
            Unary::Complement => (format!("!{}", expr(operand, NEGATION)), NEGATION),
            Unary::Not => (format!("not {}", expr(operand, NEGATION)), NEGATION),
        },
        Expr::Binary(op, left, right) => {
            let (op, level) = op.written();
            (
                format!("{} {op} {}", expr(left, level), expr(right, level + 1)),
                level,
            )
        }
        Expr::Call(name, args) => (format!("{name}({})", list(args)), PRIMARY),
        Expr::Recur(args) => (format!("recur({})", list(args)), PRIMARY),
        Expr::Match(inner) => (matching(inner, ", "), COMPLEX),
        Expr::For(inner) => (looping(inner, ", "), COMPLEX),
        Expr::Merge(target, changes) => {
            let (target, changes) = (expr(target, COMPLEX), expr(changes, COMPLEX));
            (format!("merge {target} of {changes} end"), PRIMARY)
        }
        Expr::Patch(target, edits) => {
            let edits: Vec<String> = edits.iter().map(edit).collect();
            let edits = edits.join("; ");
            (
                format!("patch {} of {edits} end", expr(target, COMPLEX)),
                PRIMARY,
            )
        }
    };
    if level < place {
        format!("({written})")
    } else {
        written
    }
}

/// A float has a point, also in front of an exponent.
fn float(n: f64) -> String {
    let written = format!("{n:?}");
    match written.split_once('e') {
        Some((digits, exponent)) if !digits.contains('.') => format!("{digits}.0e{exponent}"),
        _ => written,
    }
}

fn list(items: &[Expr]) -> String {
    let items: Vec<String> = items.iter().map(|item| expr(item, COMPLEX)).collect();
    items.join(", ")
}

fn text(pieces: &Text) -> String {
    let piece = |piece: &Piece| match piece {
        Piece::Fixed(text) => text
            .replace('\\', "\\\\")
            .replace('"', "\\\"")
            .replace('#', "\\#")
            .replace('\n', "\\n"),
        Piece::Value(value) => format!("#{{{}}}", expr(value, OPERATORS)),
    };
    format!("\"{}\"", pieces.iter().map(piece).collect::<String>())
}

fn path(path: &Path) -> String {
    let mut segments = path.segments.as_slice();
    let mut written = match (&path.root, segments) {
        (Root::Event, _) => "event".to_owned(),
        (Root::State, _) => "state".to_owned(),
        (Root::Meta, [Segment::Field(name), rest @ ..]) => {
            segments = rest;
            format!("${name}")
        }
        (Root::Meta, _) => "$".to_owned(),
        (Root::Name(name), _) => (*name).to_owned(),
        // Without a segment behind it the root would be no path.
        (Root::Expr(root), _) => format!("({})", expr(root, COMPLEX)),
    };
    for segment in segments {
        written += &match segment {
            Segment::Field(name) => format!(".{name}"),
            Segment::Index(index) => format!("[{}]", expr(index, COMPLEX)),
            Segment::Range(from, to) => format!("[{}:{}]", expr(from, COMPLEX), expr(to, COMPLEX)),
        };
    }
    written
}

fn matching(inner: &Match, end: &str) -> String {
    let clause = |clause: &Clause| {
        let (guard, body) = (guarded(clause.guard.as_ref()), block(&clause.body, end));
        format!("case {}{guard} => {body} ", pattern(&clause.pattern))
    };
    let clauses: String = inner.clauses.iter().map(clause).collect();
    format!("match {} of {clauses}end", expr(&inner.target, COMPLEX))
}

fn looping(inner: &For, end: &str) -> String {
    let case = |case: &Case| {
        let (guard, body) = (guarded(case.guard.as_ref()), block(&case.body, end));
        format!("case ({}){guard} => {body} ", case.names.join(", "))
    };
    let cases: String = inner.cases.iter().map(case).collect();
    let into = inner
        .into
        .as_ref()
        .map(|into| format!("into {} ", expr(into, COMPLEX)));
    let fold = inner.fold.map(|op| format!("use {} ", op.written().0));
    let (into, fold) = (into.unwrap_or_default(), fold.unwrap_or_default());
    format!(
        "for {} of {cases}{into}{fold}end",
        expr(&inner.target, COMPLEX)
    )
}

fn pattern(inner: &Pattern) -> String {
    let all = |patterns: &[Pattern]| patterns.iter().map(pattern).collect::<Vec<_>>();
    match inner {
        Pattern::Ignore => "_".to_owned(),
        Pattern::Expr(inner) => expr(inner, COMPLEX),
        Pattern::Record(tests) => {
            let tests: Vec<String> = tests
                .iter()
                .map(|(field, test)| field_test(field, test))
                .collect();
            format!("%{{ {} }}", tests.join(", "))
        }
        Pattern::Array(elements) => format!("%[ {} ]", all(elements).join(", ")),
        Pattern::Tuple { elements, is_open } => {
            let mut elements = all(elements);
            elements.extend(is_open.then(|| "...".to_owned()));
            format!("%( {} )", elements.join(", "))
        }
        Pattern::Bind(name, inner) => format!("{name} = {}", pattern(inner)),
    }
}

fn field_test(field: &str, test: &Test) -> String {
    match test {
        Test::Present => format!("present {field}"),
        Test::Absent => format!("absent {field}"),
        Test::Compare(op, value) => format!("{field} {} {}", op.written().0, expr(value, COMPLEX)),
        Test::Matches(inner) => format!("{field} ~= {}", pattern(inner)),
    }
}

fn edit(edit: &Edit) -> String {
    let with = |word: &str, key: &Text, value: &Expr| {
        format!("{word} {} => {}", text(key), expr(value, COMPLEX))
    };
    let all = |word: &str, value: &Expr| format!("{word} => {}", expr(value, COMPLEX));
    match edit {
        Edit::Insert(key, value) => with("insert", key, value),
        Edit::Update(key, value) => with("update", key, value),
        Edit::Upsert(key, value) => with("upsert", key, value),
        Edit::Erase(key) => format!("erase {}", text(key)),
        Edit::Move(from, to) => format!("move {} => {}", text(from), text(to)),
        Edit::Copy(from, to) => format!("copy {} => {}", text(from), text(to)),
        Edit::Merge(key, value) => with("merge", key, value),
        Edit::MergeAll(value) => all("merge", value),
        Edit::Default(key, value) => with("default", key, value),
        Edit::DefaultAll(value) => all("default", value),
    }
}

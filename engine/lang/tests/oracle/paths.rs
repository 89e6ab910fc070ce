//! Paths, and assignments to them.

use temblor_lang::Code;

use crate::machine::{Eval, Machine, Stop};
use crate::tree::{Expr, Path, Piece, Root, Segment};
use crate::value::{Record, Val};

/// Why a path leads nowhere, and whether `present` takes that for an answer.
struct Missed {
    why: Stop,
    is_answer: bool,
}

impl From<Stop> for Missed {
    fn from(why: Stop) -> Missed {
        Missed {
            why,
            is_answer: false,
        }
    }
}

fn absent<T>(code: Code) -> Result<T, Missed> {
    Err(Missed {
        why: code.into(),
        is_answer: true,
    })
}

fn wrong<T>(code: Code) -> Result<T, Missed> {
    Err(Missed {
        why: code.into(),
        is_answer: false,
    })
}

impl Machine<'_> {
    pub(crate) fn path(&mut self, path: &Path) -> Eval<Val> {
        self.walk(path).map_err(|missed| missed.why)
    }

    pub(crate) fn is_present(&mut self, path: &Path) -> Eval<bool> {
        match self.walk(path) {
            Ok(_) => Ok(true),
            Err(missed) if missed.is_answer => Ok(false),
            Err(missed) => Err(missed.why),
        }
    }

    fn walk(&mut self, path: &Path) -> Result<Val, Missed> {
        let mut value = match &path.root {
            Root::Event => self.frame.event.clone(),
            Root::Meta => self.frame.meta.clone(),
            Root::State => self.frame.state.clone(),
            Root::Expr(root) => self.eval(root)?,
            Root::Name(name) => match self.named(name) {
                Some(value) => value,
                None => return absent(Code::MissingKey),
            },
        };
        for segment in &path.segments {
            value = match segment {
                Segment::Field(name) => field(&value, name)?,
                Segment::Index(Expr::Int(at)) => match value {
                    Val::List(items) => element(&items, (*at).into())?,
                    _ => return absent(Code::Type),
                },
                // A key that is written down is the same as a name.
                Segment::Index(Expr::Text(key)) if key.iter().all(is_fixed) => {
                    let key = self.text(key)?;
                    field(&value, &key)?
                }
                Segment::Index(index) => {
                    let index = self.eval(index)?;
                    computed(&value, &index)?
                }
                Segment::Range(from, to) => {
                    let (from, to) = (self.eval(from)?, self.eval(to)?);
                    range(&value, &from, &to)?
                }
            };
        }
        Ok(value)
    }

    /// A constant, or else what a pattern or loop has bound, or else a local.
    fn named(&self, name: &str) -> Option<Val> {
        let constant = self.constants.get(name);
        let mut bound = self.frame.bound.iter().rev();
        let bound = || {
            bound
                .find(|(other, _)| *other == name)
                .map(|found| &found.1)
        };
        constant
            .or_else(bound)
            .or_else(|| self.frame.locals.get(name))
            .cloned()
    }

    // --- assignments ---

    pub(crate) fn assign(&mut self, path: &Path, value: Val) -> Eval<()> {
        let segments = path.segments.as_slice();
        match &path.root {
            Root::Event => {
                let old = self.frame.event.clone();
                self.frame.event = self.assigned(Some(old), segments, value)?;
            }
            Root::Meta if segments.is_empty() => return Err(Code::Assignment.into()),
            Root::Meta => {
                let old = self.frame.meta.clone();
                self.frame.meta = self.assigned(Some(old), segments, value)?;
            }
            Root::State => {
                let old = self.frame.state.clone();
                self.frame.state = self.assigned(Some(old), segments, value)?;
            }
            Root::Name(name) if self.constants.contains_key(name) => {
                return Err(Code::Assignment.into());
            }
            Root::Name(name) => {
                let old = self.frame.locals.get(name).cloned();
                if old.is_none() && !segments.is_empty() {
                    return Err(Code::MissingKey.into());
                }
                let new = self.assigned(old, segments, value)?;
                self.frame.locals.insert(name, new);
            }
            Root::Expr(_) => return Err(Code::Assignment.into()),
        }
        Ok(())
    }

    /// A value with another one some steps below it; what is missing on the way becomes a record.
    fn assigned(&mut self, old: Option<Val>, segments: &[Segment], value: Val) -> Eval<Val> {
        let Some((first, rest)) = segments.split_first() else {
            return Ok(value);
        };
        let key = match first {
            Segment::Field(name) => (*name).to_owned(),
            Segment::Index(Expr::Int(_)) | Segment::Range(..) => {
                return Err(Code::Assignment.into());
            }
            Segment::Index(index) => match self.eval(index)? {
                Val::Text(key) => key,
                _ => return Err(Code::Type.into()),
            },
        };
        let mut record = match old {
            None => Record::default(),
            Some(Val::Record(record)) => record,
            Some(_) => return Err(Code::Type.into()),
        };
        let below = record.get(&key).cloned();
        let new = self.assigned(below, rest, value)?;
        record.set(&key, new);
        Ok(Val::Record(record))
    }
}

pub(crate) fn is_fixed(piece: &Piece) -> bool {
    matches!(piece, Piece::Fixed(_))
}

fn field(value: &Val, name: &str) -> Result<Val, Missed> {
    match value {
        Val::Record(record) => match record.get(name) {
            Some(value) => Ok(value.clone()),
            None => absent(Code::MissingKey),
        },
        _ => absent(Code::Type),
    }
}

fn element(items: &[Val], at: i128) -> Result<Val, Missed> {
    let found = usize::try_from(at).ok().and_then(|at| items.get(at));
    match found {
        Some(item) => Ok(item.clone()),
        None if at < 0 => wrong(Code::OutOfBounds),
        None => absent(Code::OutOfBounds),
    }
}

fn computed(value: &Val, index: &Val) -> Result<Val, Missed> {
    match (value, index) {
        (Val::Record(_), Val::Text(key)) => field(value, key),
        (Val::List(items), Val::Int(at)) => element(items, *at),
        (Val::List(_), _) => wrong(Code::Type),
        _ => absent(Code::Type),
    }
}

fn range(value: &Val, from: &Val, to: &Val) -> Result<Val, Missed> {
    let Val::List(items) = value else {
        return absent(Code::Type);
    };
    let (from, to) = (bound(from)?, bound(to)?);
    if to < from {
        return wrong(Code::OutOfBounds);
    }
    match usize::try_from(to).ok().filter(|to| *to <= items.len()) {
        Some(to) => Ok(Val::List(items[from as usize..to].to_vec())),
        None => absent(Code::OutOfBounds),
    }
}

fn bound(bound: &Val) -> Result<i128, Missed> {
    match bound {
        Val::Int(n) if *n >= 0 => Ok(*n),
        Val::Int(_) => wrong(Code::OutOfBounds),
        _ => wrong(Code::Type),
    }
}

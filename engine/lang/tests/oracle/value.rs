//! Plain values: owned, without sharing, compared by what the specification says.

use temblor_pdk::value::{Value, View};

/// A value. Integers are those of 64 bits, signed or not.
#[derive(Clone, Debug)]
pub(crate) enum Val {
    Null,
    Bool(bool),
    Int(i128),
    Float(f64),
    Text(String),
    List(Vec<Val>),
    Record(Record),
}

/// The fields of a record, in the order in which they came.
#[derive(Clone, Debug, Default)]
pub(crate) struct Record(pub(crate) Vec<(String, Val)>);

impl Record {
    pub(crate) fn get(&self, key: &str) -> Option<&Val> {
        self.0.iter().find(|(name, _)| name == key).map(|f| &f.1)
    }

    pub(crate) fn get_mut(&mut self, key: &str) -> Option<&mut Val> {
        let found = self.0.iter_mut().find(|(name, _)| name == key);
        found.map(|field| &mut field.1)
    }

    pub(crate) fn set(&mut self, key: &str, value: Val) {
        match self.get_mut(key) {
            Some(place) => *place = value,
            None => self.0.push((key.to_owned(), value)),
        }
    }

    pub(crate) fn remove(&mut self, key: &str) -> Option<Val> {
        let at = self.0.iter().position(|(name, _)| name == key)?;
        Some(self.0.remove(at).1)
    }
}

impl Val {
    pub(crate) fn text(text: &str) -> Val {
        Val::Text(text.to_owned())
    }

    /// Equality of the language.
    pub(crate) fn equals(&self, other: &Val) -> bool {
        match (self, other) {
            (Val::Null, Val::Null) => true,
            (Val::Bool(a), Val::Bool(b)) => a == b,
            (Val::Text(a), Val::Text(b)) => a == b,
            (Val::Int(a), Val::Int(b)) if on_common_ground(*a, *b) => a == b,
            (Val::Int(_) | Val::Float(_), Val::Int(_) | Val::Float(_)) => {
                (self.float() - other.float()).abs() < 2.220_446_049_250_313e-16
            }
            (Val::List(a), Val::List(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.equals(b))
            }
            (Val::Record(a), Val::Record(b)) => {
                let same = |(key, value): &(String, Val)| {
                    b.get(key).is_some_and(|other| value.equals(other))
                };
                a.0.len() == b.0.len() && a.0.iter().all(same)
            }
            _ => false,
        }
    }

    /// Whether nothing tells the two apart; the order of keys does not count.
    pub(crate) fn is_same(&self, other: &Val) -> bool {
        match (self, other) {
            (Val::Null, Val::Null) => true,
            (Val::Bool(a), Val::Bool(b)) => a == b,
            (Val::Text(a), Val::Text(b)) => a == b,
            (Val::Int(a), Val::Int(b)) => a == b,
            (Val::Float(a), Val::Float(b)) => {
                a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan())
            }
            (Val::List(a), Val::List(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.is_same(b))
            }
            (Val::Record(a), Val::Record(b)) => {
                let same = |(key, value): &(String, Val)| {
                    b.get(key).is_some_and(|other| value.is_same(other))
                };
                a.0.len() == b.0.len() && a.0.iter().all(same)
            }
            _ => false,
        }
    }

    /// What is left of so much room when the value was put there; none if it does not fit.
    pub(crate) fn fits(&self, room: usize) -> Option<usize> {
        let room = room.checked_sub(1)?;
        match self {
            Val::Text(text) => room.checked_sub(text.len()),
            Val::List(items) => items.iter().try_fold(room, |room, item| item.fits(room)),
            Val::Record(record) => {
                let mut fields = record.0.iter();
                fields.try_fold(room, |room, (key, value)| {
                    value.fits(room.checked_sub(key.len())?)
                })
            }
            _ => Some(room),
        }
    }

    /// A number as a float; what is no number is none.
    pub(crate) fn float(&self) -> f64 {
        match self {
            Val::Int(n) => *n as f64,
            Val::Float(n) => *n,
            _ => f64::NAN,
        }
    }

    /// As it is written into a string; none where the specification leaves it open.
    pub(crate) fn rendered(&self) -> Option<String> {
        match self {
            Val::Text(text) => Some(text.clone()),
            other => other.json(),
        }
    }

    /// As JSON; none where the specification leaves it open.
    pub(crate) fn json(&self) -> Option<String> {
        Some(match self {
            Val::Null => "null".to_owned(),
            Val::Bool(value) => value.to_string(),
            Val::Int(n) => n.to_string(),
            Val::Float(n) => {
                let is_plain = *n == 0.0 || (1e-4..1e15).contains(&n.abs());
                return is_plain.then(|| format!("{n:?}"));
            }
            Val::Text(text) => serde_json::to_string(text).ok()?,
            Val::List(items) => {
                let items: Option<Vec<String>> = items.iter().map(Val::json).collect();
                format!("[{}]", items?.join(","))
            }
            Val::Record(record) => {
                let field = |(key, value): &(String, Val)| {
                    Some(format!(
                        "{}:{}",
                        serde_json::to_string(key).ok()?,
                        value.json()?
                    ))
                };
                let fields: Option<Vec<String>> = record.0.iter().map(field).collect();
                format!("{{{}}}", fields?.join(","))
            }
        })
    }

    /// As JSON that is read back as what it was.
    pub(crate) fn exact_json(&self) -> String {
        match self {
            Val::Float(n) => format!("{n:?}"),
            Val::List(items) => {
                let items: Vec<String> = items.iter().map(Val::exact_json).collect();
                format!("[{}]", items.join(","))
            }
            Val::Record(record) => {
                let field =
                    |(key, value): &(String, Val)| format!("{key:?}:{}", value.exact_json());
                let fields: Vec<String> = record.0.iter().map(field).collect();
                format!("{{{}}}", fields.join(","))
            }
            other => other.json().unwrap_or_default(),
        }
    }

    /// What the engine has computed.
    pub(crate) fn of(value: Value<'_>) -> Val {
        match value.view() {
            View::Null => Val::Null,
            View::Bool(value) => Val::Bool(value),
            View::I64(n) => Val::Int(n.into()),
            View::U64(n) => Val::Int(n.into()),
            View::F64(n) => Val::Float(n),
            View::Str(text) => Val::text(text),
            View::Array(items) => Val::List(items.iter().map(Val::of).collect()),
            View::Object(record) => {
                let fields = record.iter();
                Val::Record(Record(
                    fields
                        .map(|(key, value)| (key.to_owned(), Val::of(value)))
                        .collect(),
                ))
            }
            View::Bytes(_) => panic!("no script of these tests makes bytes"),
        }
    }
}

/// Whether two integers are compared as integers: both without sign, or both with 64 signed bits.
pub(crate) fn on_common_ground(a: i128, b: i128) -> bool {
    let fits = |n: i128| i64::try_from(n).is_ok();
    (a >= 0 && b >= 0) || (fits(a) && fits(b))
}

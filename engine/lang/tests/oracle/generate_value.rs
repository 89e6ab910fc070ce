//! Values and events from a row of choices.

use crate::generate::{FIELDS, Kind, Maker, kind_of};
use crate::value::{Record, Val};

impl Maker<'_> {
    pub(crate) fn value(&mut self, kind: Kind, depth: usize) -> Val {
        let kind = if self.rarely(20) { Kind::Any } else { kind };
        match kind {
            Kind::Number if self.rarely(4) => Val::Float(self.float() - 1.0),
            Kind::Number | Kind::Int => {
                let n = i128::from(self.integer());
                let n = if self.rarely(3) { -n } else { n };
                Val::Int(n.max(i64::MIN.into()))
            }
            Kind::Text => Val::text(self.fixed()),
            Kind::List if depth > 0 => {
                let item = self.one_of(&[Kind::Number, Kind::Any, Kind::Record]);
                Val::List(self.several(4, |m| m.value(item, depth - 1)))
            }
            Kind::Record if depth > 0 => {
                let mut record = Record::default();
                for field in FIELDS {
                    if !self.rarely(10) {
                        record.set(field, self.value(kind_of(field), depth - 1));
                    }
                }
                Val::Record(record)
            }
            Kind::Bool => Val::Bool(self.pick(2) == 0),
            Kind::List => Val::List(Vec::new()),
            Kind::Record => Val::Record(Record::default()),
            Kind::Any => match self.pick(3) {
                0 => Val::Null,
                1 => Val::text(self.fixed()),
                _ => Val::Int(self.integer().into()),
            },
        }
    }

    /// An event as most scripts like it.
    pub(crate) fn event(&mut self) -> Val {
        if self.rarely(30) {
            return self.value(Kind::Any, 2);
        }
        let mut record = Record::default();
        for field in FIELDS {
            if !self.rarely(60) {
                record.set(field, self.value(kind_of(field), 2));
            }
        }
        Val::Record(record)
    }

    pub(crate) fn integer(&mut self) -> u64 {
        let edges = [
            1,
            2,
            3,
            0,
            5,
            63,
            64,
            255,
            i64::MAX as u64,
            i64::MAX as u64 + 1,
            u64::MAX,
        ];
        match self.pick(4) {
            3 => self.one_of(&edges),
            _ => self.pick(6) as u64,
        }
    }

    pub(crate) fn float(&mut self) -> f64 {
        self.one_of(&[
            1.0,
            0.0,
            0.5,
            2.5,
            1e-20,
            2e-20,
            1e300,
            9_223_372_036_854_775_808.0,
            1e16,
        ])
    }

    pub(crate) fn fixed(&mut self) -> &'static str {
        self.one_of(&["n", "t", "", "a", "ab", "l", "é\"\\#{", " \n  "])
    }

    pub(crate) fn field(&mut self) -> (&'static str, Kind) {
        let field = self.one_of(&FIELDS);
        (field, kind_of(field))
    }
}

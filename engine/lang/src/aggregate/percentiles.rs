//! The percentiles that a histogram is asked for.

use temblor_pdk::value::{Arena, Field, Value};

use crate::saved::{Loaded, Reader, Writer};

/// The percentiles that a call without a second argument gives.
const USUAL: [&str; 7] = ["0.5", "0.9", "0.95", "0.99", "0.999", "0.9999", "0.99999"];

/// Percentiles as they are written, and as numbers.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Percentiles(Box<[(Box<str>, f64)]>);

impl Percentiles {
    /// Reads an array of strings; what is no string does not count.
    ///
    /// # Errors
    /// Returns the string that is no number.
    pub(super) fn read(value: Option<Value<'_>>) -> Result<Self, String> {
        with_texts(value, Percentiles::of)
    }

    fn of(texts: &mut dyn Iterator<Item = &str>) -> Result<Self, String> {
        let read = |text: &str| {
            let number = text.trim().parse::<f64>();
            let number = number.map_err(|_| format!("`{text}` is no percentile"))?;
            Ok((text.into(), number))
        };
        texts.map(read).collect::<Result<_, _>>().map(Percentiles)
    }

    /// Whether these are the ones that an argument asks for.
    fn are(&self, value: Option<Value<'_>>) -> bool {
        let own = self.0.iter().map(|(text, _)| &**text);
        with_texts(value, |texts| own.eq(texts))
    }

    /// Makes the record of all percentiles.
    pub(super) fn record<'a>(
        &self,
        arena: &'a Arena,
        quantile: impl Fn(f64) -> Value<'a>,
    ) -> Value<'a> {
        let field = |(name, at): &(Box<str>, f64)| Field::new(arena.str(name), quantile(*at));
        let fields: Vec<Field<'a>> = self.0.iter().map(field).collect();
        arena.object(&fields)
    }
}

/// Hands the strings of an argument on, or the usual ones if there is no argument.
fn with_texts<T>(
    value: Option<Value<'_>>,
    then: impl FnOnce(&mut dyn Iterator<Item = &str>) -> T,
) -> T {
    let Some(value) = value else {
        return then(&mut USUAL.into_iter());
    };
    let listed = value.as_array();
    let items = listed.as_ref().map_or(&[][..], |items| items.as_slice());
    then(&mut items.iter().filter_map(|item| item.as_str()))
}

/// What an aggregate was asked for, by the first event that it took in.
#[derive(Debug, Default)]
pub(super) struct Asked {
    /// What it was asked for last, also by a window that is closed: mostly it is asked for the same again.
    percentiles: Option<Percentiles>,
    is_set: bool,
}

impl Asked {
    /// Whether nobody has asked yet.
    pub(super) fn is_open(&self) -> bool {
        !self.is_set
    }

    /// Asks for the percentiles of an argument.
    ///
    /// # Errors
    /// Returns the string that is no number.
    pub(super) fn ask(&mut self, value: Option<Value<'_>>) -> Result<(), String> {
        if !self.percentiles.as_ref().is_some_and(|own| own.are(value)) {
            self.percentiles = Some(Percentiles::read(value)?);
        }
        self.is_set = true;
        Ok(())
    }

    /// Asks for what another aggregate was asked for, if nobody has asked yet.
    pub(super) fn join(&mut self, other: &Asked) {
        if self.is_set || !other.is_set {
            return;
        }
        if self.percentiles != other.percentiles {
            self.percentiles.clone_from(&other.percentiles);
        }
        self.is_set = true;
    }

    /// Waits for the first event of the next window.
    pub(super) fn clear(&mut self) {
        self.is_set = false;
    }

    pub(super) fn save(&self, out: &mut Writer) {
        out.maybe(
            self.percentiles.as_ref().filter(|_| self.is_set),
            |out, all| {
                out.list(all.0.len());
                all.0.iter().for_each(|(text, _)| out.text(text));
            },
        );
    }

    /// # Errors
    /// Fails if it was not that which was written.
    pub(super) fn load(from: &mut Reader<'_>) -> Loaded<Self> {
        let texts = from.maybe(|from| from.all(Reader::text))?;
        let percentiles = texts
            .map(|texts| Percentiles::of(&mut texts.into_iter()))
            .transpose()
            .map_err(|_| "a percentile is no number")?;
        Ok(Asked {
            is_set: percentiles.is_some(),
            percentiles,
        })
    }

    /// Makes the record of all percentiles.
    pub(super) fn record<'a>(
        &self,
        arena: &'a Arena,
        quantile: impl Fn(f64) -> Value<'a>,
    ) -> Value<'a> {
        match self.percentiles.as_ref().filter(|_| self.is_set) {
            Some(percentiles) => percentiles.record(arena, quantile),
            None => match Percentiles::read(None) {
                Ok(usual) => usual.record(arena, quantile),
                Err(_) => Value::NULL,
            },
        }
    }
}

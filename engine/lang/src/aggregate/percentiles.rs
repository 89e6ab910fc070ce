//! The percentiles that a histogram is asked for.

use temblor_pdk::value::{Arena, Field, Value};

/// The percentiles that a call without a second argument gives.
const USUAL: [&str; 7] = ["0.5", "0.9", "0.95", "0.99", "0.999", "0.9999", "0.99999"];

/// Percentiles as they are written, and as numbers.
#[derive(Clone, Debug)]
pub(crate) struct Percentiles(Box<[(Box<str>, f64)]>);

impl Percentiles {
    /// Reads an array of strings; what is no string does not count.
    ///
    /// # Errors
    /// Returns the string that is no number.
    pub(super) fn read(value: Option<Value<'_>>) -> Result<Self, String> {
        let usual = USUAL.map(Value::from);
        let listed = value.and_then(Value::as_array);
        let items = match &listed {
            Some(items) => items.as_slice(),
            None if value.is_some() => &[],
            None => &usual[..],
        };
        let texts = items.iter().filter_map(|item| item.as_str());
        let read = |text: &str| {
            let number = text.trim().parse::<f64>();
            let number = number.map_err(|_| format!("`{text}` is no percentile"))?;
            Ok((text.into(), number))
        };
        texts.map(read).collect::<Result<_, _>>().map(Percentiles)
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

//! Steps of a path: into a field, to an index, to a range.

use temblor_pdk::value::{Arena, Array, Value, View};

use super::code::LocalCode;
use super::failure::{self, Eval, fail};
use super::machine::Stop;
use crate::code::Code;
use crate::finding::Finding;
use crate::span::Span;
use crate::suggest::did_you_mean;

/// How the root of a path is called where a key is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RootName {
    Event,
    /// Metadata.
    Global,
    State,
    Local,
}

impl RootName {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            RootName::Event => "event",
            RootName::Global => "global",
            RootName::State => "state",
            RootName::Local => "local",
        }
    }
}

/// The place a step is at, for what is reported.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    pub(crate) root: RootName,
    pub(crate) span: Span,
}

/// What a step leads to.
pub(crate) type Step<'a, 'c> = Result<Value<'a>, Missed<'c>>;

/// Why a step leads nowhere. Nothing is written out until somebody asks, since `present` does not.
pub(crate) enum Missed<'c> {
    /// A local variable that is not set.
    Unset(&'c LocalCode),
    Key {
        /// Null if its keys are not to be suggested.
        record: Value<'c>,
        key: &'c str,
        place: Place,
    },
    Type {
        found: &'static str,
        expected: &'static str,
        span: Span,
    },
    Index {
        index: u64,
        len: usize,
        span: Span,
    },
    Range {
        from: u64,
        to: u64,
        len: usize,
        span: Span,
    },
    /// Wrong in any case; for all others `present` is merely false.
    Error(Box<Finding>),
    /// What computes an index did not yield a value.
    Stop(Stop),
}

impl Missed<'_> {
    /// Describes the failure of a path that had to exist.
    #[cold]
    pub(crate) fn failure(self) -> Box<Finding> {
        match self {
            Missed::Unset(local) => failure::unset(local, "", std::iter::empty()),
            Missed::Key { record, key, place } => missing_key(record, key, place),
            Missed::Type {
                found,
                expected,
                span,
            } => failure::wrong_type_name(found, expected, span),
            Missed::Index { index, len, span } => out_of_bounds(
                format!("index {index} is out of bounds"),
                format!("the range is 0:{len}"),
                span,
            ),
            Missed::Range {
                from,
                to,
                len,
                span,
            } => {
                let message = format!("range {from}:{to} is out of bounds");
                out_of_bounds(message, format!("expected a sub-range of 0:{len}"), span)
            }
            Missed::Error(finding) => finding,
            Missed::Stop(stop) => stop.failure(),
        }
    }

    /// Why a path that had to exist has no value.
    #[cold]
    pub(super) fn stop(self, path: Span) -> Stop {
        match self {
            Missed::Stop(stop) => stop,
            missed => {
                let mut finding = missed.failure();
                finding.context = path;
                Stop::Failed(finding)
            }
        }
    }
}

/// Steps into a field by its name.
pub(crate) fn field<'a: 'c, 'c>(base: Value<'a>, key: &'c str, place: Place) -> Step<'a, 'c> {
    match base.as_object() {
        Some(record) => record.get(key).ok_or(Missed::Key {
            record: base,
            key,
            place,
        }),
        None => Err(Missed::Type {
            found: base.type_name(),
            expected: "record",
            span: place.span,
        }),
    }
}

/// Steps to an index that is known to be a number.
pub(crate) fn position<'a: 'c, 'c>(base: Value<'a>, index: u64, span: Span) -> Step<'a, 'c> {
    match base.as_array() {
        Some(array) => element(array, index, span),
        None => Err(Missed::Type {
            found: base.type_name(),
            expected: "array",
            span,
        }),
    }
}

/// Steps to an index or key that was computed.
pub(crate) fn index<'a: 'c, 'c>(base: Value<'a>, index: Value<'c>, place: Place) -> Step<'a, 'c> {
    let span = place.span;
    match (base.view(), index.view()) {
        (View::Object(_), View::Str(key)) => field(base, key, place),
        (View::Object(_), _) => Err(Missed::Type {
            found: index.type_name(),
            expected: "string",
            span,
        }),
        (View::Array(array), View::I64(_) | View::U64(_)) => {
            let at = not_negative(index, array.len(), span)?;
            element(array, at, span)
        }
        (View::Array(_), _) => Err(Missed::Error(failure::wrong_type(index, "integer", span))),
        (_, View::I64(_) | View::U64(_)) => Err(Missed::Type {
            found: base.type_name(),
            expected: "array",
            span,
        }),
        _ => Err(Missed::Type {
            found: base.type_name(),
            expected: "record",
            span,
        }),
    }
}

/// A bound of a range and where it stands.
#[derive(Clone, Copy)]
pub(crate) struct Bound<'a> {
    pub(crate) value: Value<'a>,
    pub(crate) span: Span,
}

/// Steps to a part of an array.
pub(crate) fn range<'a: 'c, 'c>(
    base: Value<'a>,
    from: Bound<'_>,
    to: Bound<'_>,
    span: Span,
    arena: &'a Arena,
) -> Step<'a, 'c> {
    let Some(array) = base.as_array() else {
        return Err(Missed::Type {
            found: base.type_name(),
            expected: "array",
            span,
        });
    };
    let len = array.len();
    let from = bound(from, len).map_err(Missed::Error)?;
    let to = bound(to, len).map_err(Missed::Error)?;
    check_order(from, to, span).map_err(Missed::Error)?;
    let items = usize::try_from(to)
        .ok()
        .and_then(|to| array.as_slice().get(from as usize..to));
    items.map(|items| arena.array(items)).ok_or(Missed::Range {
        from,
        to,
        len,
        span,
    })
}

/// Checks that a range does not decrease.
///
/// # Errors
/// Fails if it does.
pub(crate) fn check_order(from: u64, to: u64, span: Span) -> Eval<()> {
    if to < from {
        let message = format!("the end of range {from}:{to} is smaller than its start");
        return fail(Finding::error(Code::OutOfBounds, span, message));
    }
    Ok(())
}

/// Returns a bound of a range as a number; the length is that of the array, if it is known.
///
/// # Errors
/// Fails if it is no integer, or negative.
pub(crate) fn bound(bound: Bound<'_>, len: usize) -> Eval<u64> {
    match bound.value.view() {
        View::I64(_) | View::U64(_) => {
            not_negative(bound.value, len, bound.span).map_err(Missed::failure)
        }
        _ => Err(failure::wrong_type(bound.value, "integer", bound.span)),
    }
}

pub(super) fn not_negative<'c>(
    index: Value<'_>,
    len: usize,
    span: Span,
) -> Result<u64, Missed<'c>> {
    index.as_u64().ok_or_else(|| {
        let message = format!("bad array index {index:?}");
        Missed::Error(out_of_bounds(
            message,
            format!("the range is 0:{len}"),
            span,
        ))
    })
}

pub(super) fn element<'a, 'c>(array: Array<'a>, index: u64, span: Span) -> Step<'a, 'c> {
    let value = usize::try_from(index).ok().and_then(|at| array.get(at));
    value.ok_or(Missed::Index {
        index,
        len: array.len(),
        span,
    })
}

fn out_of_bounds(message: String, help: String, span: Span) -> Box<Finding> {
    Box::new(Finding::error(Code::OutOfBounds, span, message).help(help))
}

fn missing_key(record: Value<'_>, key: &str, place: Place) -> Box<Finding> {
    let root = place.root.as_str();
    let message = format!("non existing {root} key `{key}`");
    let keys = record
        .as_object()
        .into_iter()
        .flat_map(|record| record.iter().map(|(key, _)| key));
    Box::new(
        Finding::error(Code::MissingKey, place.span, message).maybe_help(did_you_mean(key, keys)),
    )
}

//! Aggregates: functions over all events of a window.

mod accumulator;
mod distribution;
mod percentiles;
mod saved;
mod sketch;
mod spread;

use temblor_pdk::value::{Value, View};

use crate::suggest::one_of;

pub(crate) use accumulator::{Accumulator, Refusal};

/// An aggregate.
#[derive(Debug)]
pub(crate) struct AggregateFunction {
    /// The module below `aggr`.
    pub(crate) module: &'static str,
    pub(crate) name: &'static str,
    /// The smallest number of arguments.
    pub(crate) min_args: u8,
    /// The largest number of arguments.
    pub(crate) max_args: u8,
    pub(crate) kind: AggregateKind,
}

/// What an aggregate computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AggregateKind {
    Count,
    Sum,
    Mean,
    Min,
    Max,
    Var,
    Stdev,
    Hdr,
    Dds,
    First,
    Last,
    CollectFlattened,
    CollectNested,
}

const fn of(
    module: &'static str,
    name: &'static str,
    args: (u8, u8),
    kind: AggregateKind,
) -> AggregateFunction {
    AggregateFunction {
        module,
        name,
        min_args: args.0,
        max_args: args.1,
        kind,
    }
}

static FUNCTIONS: [AggregateFunction; 13] = [
    of("stats", "count", (0, 0), AggregateKind::Count),
    of("stats", "sum", (1, 1), AggregateKind::Sum),
    of("stats", "mean", (1, 1), AggregateKind::Mean),
    of("stats", "min", (1, 1), AggregateKind::Min),
    of("stats", "max", (1, 1), AggregateKind::Max),
    of("stats", "var", (1, 1), AggregateKind::Var),
    of("stats", "stdev", (1, 1), AggregateKind::Stdev),
    of("stats", "hdr", (1, 2), AggregateKind::Hdr),
    of("stats", "dds", (1, 2), AggregateKind::Dds),
    of("win", "first", (1, 1), AggregateKind::First),
    of("win", "last", (1, 1), AggregateKind::Last),
    of(
        "win",
        "collect_flattened",
        (1, 1),
        AggregateKind::CollectFlattened,
    ),
    of(
        "win",
        "collect_nested",
        (1, 1),
        AggregateKind::CollectNested,
    ),
];

/// Finds an aggregate by the module below `aggr` and its name.
pub(crate) fn find(module: &str, name: &str) -> Option<&'static AggregateFunction> {
    FUNCTIONS
        .iter()
        .find(|function| function.module == module && function.name == name)
}

/// Says which aggregate was probably meant.
pub(crate) fn help(module: &str, name: &str) -> String {
    let of_module: Vec<&str> = FUNCTIONS
        .iter()
        .filter(|function| function.module == module)
        .map(|function| function.name)
        .collect();
    if !of_module.is_empty() {
        return one_of(name, &format!("aggregates of `aggr::{module}`"), &of_module);
    }
    let mut modules: Vec<&str> = FUNCTIONS.iter().map(|function| function.module).collect();
    modules.dedup();
    one_of(module, "modules of aggregates", &modules)
}

/// A number as a float.
fn number(value: Value<'_>) -> Option<f64> {
    match value.view() {
        View::I64(number) => Some(number as f64),
        View::U64(number) => Some(number as f64),
        View::F64(number) => Some(number),
        _ => None,
    }
}

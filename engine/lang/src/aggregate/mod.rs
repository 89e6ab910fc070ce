//! Aggregates: functions over all events of a window.

/// An aggregate.
#[derive(Debug)]
pub(crate) struct AggregateFunction {
    /// The smallest number of arguments.
    pub(crate) min_args: u8,
    /// The largest number of arguments.
    pub(crate) max_args: u8,
}

/// Finds an aggregate by the module below `aggr` and its name.
pub(crate) fn find(_module: &str, _name: &str) -> Option<&'static AggregateFunction> {
    None
}

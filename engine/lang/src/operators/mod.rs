//! The built-in operators. They register themselves, as those of a plugin do, and are found through the registry.

mod backpressure;
mod batch;
mod bucket;
mod counter;
mod history;
mod passthrough;
mod percentile;
mod roundrobin;
mod slices;

use temblor_pdk::schemars::JsonSchema;
use temblor_pdk::serde::Deserialize;
use temblor_pdk::{Arena, Entry, Field, Kind, Value};

/// The names of the operators that this crate registers.
pub const OPERATORS: [&str; 9] = [
    "debug::history",
    "generic::backpressure",
    "generic::batch",
    "generic::counter",
    "grouper::bucket",
    "passthrough",
    "qos::backpressure",
    "qos::percentile",
    "qos::roundrobin",
];

/// The entry of an operator that this crate registers, for programs without a registry.
pub fn builtin_operator(name: &str) -> Option<&'static Entry> {
    temblor_pdk::entries().find(|entry| {
        entry.kind() == Kind::Operator
            && entry.name() == name
            && entry.crate_name() == env!("CARGO_PKG_NAME")
    })
}

/// There is nothing to configure.
#[derive(Deserialize, JsonSchema)]
#[serde(crate = "temblor_pdk::serde", deny_unknown_fields)]
#[schemars(crate = "temblor_pdk::schemars")]
pub(crate) struct Nothing {}

/// The record with field `key` set to `value`. What is no record counts as an empty one.
fn with_field<'a>(
    arena: &'a Arena,
    record: Value<'a>,
    key: &'a str,
    value: Value<'a>,
) -> Value<'a> {
    let fields = record.as_object().map_or(&[][..], |record| record.fields());
    let place = fields.iter().position(|field| field.key() == key);
    let len = fields.len() + usize::from(place.is_none());
    let next = |at: &mut usize| {
        let old = fields.get(*at).filter(|_| place != Some(*at));
        *at += 1;
        old.copied().unwrap_or(Field::new(key, value))
    };
    arena.object_of(len, &mut 0, next, |_| None)
}

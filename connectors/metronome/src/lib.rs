//! Emits an event at a fixed interval.

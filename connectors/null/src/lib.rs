//! Drops every event.

//! Swallows events and reports their end-to-end latency.

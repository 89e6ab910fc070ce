//! Reads and writes files.

//! Reads standard input and writes standard output.

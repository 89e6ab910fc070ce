//! One table of everything Temblor can run, built in or loaded from a plugin.

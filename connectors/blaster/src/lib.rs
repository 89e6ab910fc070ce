//! Replays a file from memory, as fast as possible or at a rate.

//! The contract between Temblor and its connectors: values, batches, traits, registration and the C ABI.
//!
//! A connector author implements [`Connector`] with a [`Source`] or a [`Sink`] and calls [`register!`]; the same
//! crate is then built into the engine or loaded from a library, without a changed line. A codec author implements
//! [`Codec`], one of nodes of pipelines [`Operator`], one of functions for scripts [`FunctionModule`]. Everything else here serves the engine.

#[allow(unsafe_code)]
pub mod abi;
mod breaker;
mod codec;
mod command;
mod connector;
mod context;
mod descriptors;
mod disk;
mod entry;
mod error;
mod fenced;
mod function;
mod info;
mod instance;
pub mod io;
mod lane;
mod limit;
pub mod manifest;
mod net;
mod operator;
mod register;
mod spawn;
mod stream;
#[cfg(feature = "testing")]
pub mod testing;
#[allow(unsafe_code)]
pub mod value;
mod writer;

pub use abi::{Cell, CellKind, Descriptor, Fates, Host};
pub use breaker::{Backoff, BackoffPolicy, Breaker};
pub use codec::{
    Codec, DynCodec, DynPostprocessor, DynPreprocessor, Frame, FrameSink, Postprocessor,
    Preprocessor,
};
pub use command::{Command, Fate, FateRange, Outcome, Pull, PullLimits, PullNumber, Reply};
pub use connector::{Connector, NoSink, NoSource, Sink, Source};
pub use context::Context;
pub use entry::{Entry, Kind, Origin};
pub use error::{Error, ErrorKind, Result};
pub use function::{
    Call, DynFunctions, Function, FunctionError, FunctionInfo, FunctionModule, FunctionResult,
};
pub use info::{ConnectorInfo, Payload, ProcessorInfo, Settles, SinkInfo, SourceInfo};
pub use instance::{Instance, call, drive};
pub use lane::{Lane, LaneNotice, LaneStart};
pub use limit::Limit;
pub use operator::{DynOperator, Feedback, FeedbackKind, Operator, OperatorSink};
#[cfg(feature = "inventory")]
pub use register::Submission;
pub use register::{COLLECTOR, TEMBLOR_ENTRIES, entries};
pub use value::{
    ANONYMOUS_STREAM, Arena, Array, Batch, BatchBuilder, Buffer, Event, EventId, EventSink, Field,
    Handle, Object, OwnedValue, StreamEnd, Value, View,
};
pub use writer::BatchWriter;

/// What configurations derive: `serde` and `schemars`, so that a connector names no version of its own.
pub use {futures_io, log, schemars, serde, serde_json};

/// What [`register!`] expands to needs these; not for use by hand.
#[doc(hidden)]
pub mod __private {
    #[cfg(feature = "inventory")]
    pub use inventory;
    pub use linkme;
}

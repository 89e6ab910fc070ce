//! An embedded event-processing engine: sources, pipelines, sinks, with connectors built in or loaded.
//!
//! ```
//! use temblor::Engine;
//! use temblor_pdk::OwnedValue;
//!
//! let mut builder = Engine::builder();
//! let input = builder.input("orders");
//! let output = builder.output("large");
//! let engine = builder.build()?;
//!
//! let program = temblor::compile(
//!     "orders.troy",
//!     r#"
//!     define flow main
//!     flow
//!       define connector orders from orders;
//!       define connector large from large;
//!       define pipeline only_large
//!       pipeline
//!         select event from in where event > 100 into out
//!       end;
//!       create connector orders;
//!       create connector large;
//!       create pipeline only_large;
//!       connect /connector/orders to /pipeline/only_large;
//!       connect /pipeline/only_large to /connector/large;
//!     end;
//!     deploy flow main
//!     "#,
//! )?;
//! let flow = engine.start(&program.flows[0])?;
//! for n in [50, 150] {
//!     input.send(OwnedValue::from(n as i64)).ok();
//! }
//! drop(input);
//! let batch = output.receive().ok_or("nothing came")?;
//! assert_eq!(batch.events()[0].data.as_i64(), Some(150));
//! assert_eq!(flow.wait().counts.filtered, 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod breaker;
mod builtin;
mod catalogue;
mod channel;
mod checkpoint;
mod circle;
mod clock;
mod control;
mod decode;
mod encode;
mod engine;
mod executor;
mod families;
mod fate;
mod feedback;
mod flow;
mod frames;
mod histogram;
mod host;
mod kept;
mod letter;
mod limits;
mod log;
mod measure;
mod metrics;
mod parcel;
mod program;
mod queue;
mod replay;
mod route;
mod secret;
mod sink;
mod slot;
mod source;
mod steps;
mod stop;
mod streams;
mod turn;

pub use catalogue::RegistryCatalogue;
pub use channel::{Input, Output};
pub use checkpoint::{
    Checkpoint, CheckpointError, Checkpoints, Directory, Found as FoundCheckpoint, LaneName,
};
pub use control::{ConnectorState, Supervision};
pub use engine::{BuildError, Engine, EngineBuilder, Observer, builtin_registry, host_for_plugin};
pub use families::{FAMILIES, MetricFamily};
pub use fate::Counts;
pub use flow::{
    ConnectorReport, FlowHandle, FlowReport, FlowState, StartError, StartErrorKind, check,
};
pub use histogram::Histogram;
pub use limits::LIMITS;
pub use log::LogRecord;
pub use measure::Numbers;
pub use metrics::{Metric, MetricKind, MetricValue};
pub use program::{ProgramError, compile};
pub use queue::{QueueLevel, QueueLimits};
pub use replay::{Again, Replay};
pub use secret::Secrets;
pub use stop::StopRequest;

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
mod clock;
mod control;
mod decode;
mod encode;
mod engine;
mod executor;
mod fate;
mod feedback;
mod flow;
mod frames;
mod host;
mod kept;
mod letter;
mod log;
mod metrics;
mod parcel;
mod program;
mod queue;
mod replay;
mod route;
mod sink;
mod slot;
mod source;
mod steps;
mod streams;

pub use catalogue::RegistryCatalogue;
pub use channel::{Input, Output};
pub use control::{ConnectorState, Supervision};
pub use engine::{BuildError, Engine, EngineBuilder, builtin_registry, host_for_plugin};
pub use fate::Counts;
pub use flow::{
    ConnectorReport, FlowHandle, FlowReport, FlowState, StartError, StartErrorKind, check,
};
pub use log::LogRecord;
pub use metrics::Metric;
pub use program::{ProgramError, compile};
pub use queue::QueueLimits;
pub use replay::{Again, Replay};

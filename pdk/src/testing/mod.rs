//! The conformance kit: what every connector has to keep to, as tests that run without the engine.
//!
//! A connector's test calls [`check`] with the name of its crate, which looks at everything that an entry says of
//! itself, and [`Subject::check_life`] with a configuration that works, which takes the connector through its life
//! in every way it can be linked:
//!
//! ```text
//! use temblor_connector_null as _;
//! use temblor_pdk::testing::{Side, Subject, check};
//!
//! #[test]
//! fn conforms() {
//!     check("temblor-connector-null");
//!     Subject::named("null").check_life("{}", Side::Sink);
//! }
//! ```
//!
//! For tests of a connector's own behaviour there are [`TestHost`], with a clock that a test can set, and [`Running`].

mod entry;
mod host;
mod life;
mod panics;
mod run;
mod subject;

pub use entry::check;
pub use host::TestHost;
pub use panics::watch;
pub use run::{FateLog, Running, Settled, Side, batch_of_bytes, batch_of_values, payloads};
pub use subject::{Maker, Subject};

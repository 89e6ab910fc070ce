//! Built-in codecs, preprocessors and postprocessors.
//!
//! | kind | name | what it does |
//! |---|---|---|
//! | codec | `json` | one JSON value per frame |
//! | codec | `influx` | lines of the influx line protocol |
//! | codec | `string` | UTF-8 text as it is |
//! | codec | `binary` | bytes as they are |
//! | preprocessor | `separate` | cuts a stream at a separator |
//! | postprocessor | `separate` | puts a separator behind every event |
//!
//! Nothing here is called by name: every codec and processor registers itself, and the registry finds it in the slice
//! of entries. A program that wants them names the crate once, because the linker leaves out a crate that nobody
//! names:
//!
//! ```
//! use temblor_codecs as _;
//!
//! assert!(temblor_pdk::entries().any(|entry| entry.name() == "json"));
//! ```

mod binary;
mod influx;
mod json;
mod memory;
mod separate;
mod string;
mod text;

pub use binary::Binary;
pub use influx::Influx;
pub use json::Json;
pub use separate::{AppendSeparator, Separate};
pub use string::Text;

//! What is tested: a connector, and the ways of making it.

use super::{Running, TestHost};
use crate::{Context, Descriptor, Entry, Instance, Payload, Result, SinkInfo, SourceInfo, entries};

type Make = dyn Fn(&str, Context) -> Result<Box<dyn Instance>> + Send + Sync;

/// One way of making a connector, such as a link mode.
pub struct Maker {
    mode: String,
    make: Box<Make>,
}

impl Maker {
    /// Makes it with a function, for example one that asks a registry.
    pub fn new(
        mode: &str,
        make: impl Fn(&str, Context) -> Result<Box<dyn Instance>> + Send + Sync + 'static,
    ) -> Self {
        Maker {
            mode: mode.to_owned(),
            make: Box::new(make),
        }
    }

    /// Calls the connector as Rust.
    #[must_use]
    pub fn native(entry: &'static Entry) -> Self {
        Maker::new("native", |config, context| {
            entry.make_connector(config, context)
        })
    }

    /// Calls the connector through the C ABI, without loading it.
    #[must_use]
    pub fn abi(entry: &'static Entry) -> Self {
        let descriptor = entry.describe();
        Maker::new("abi", move |config, context| {
            descriptor.connector(config, context)
        })
    }

    /// Calls the connector of a loaded library.
    #[must_use]
    pub fn dylib(descriptor: &'static Descriptor) -> Self {
        Maker::new("dylib", |config, context| {
            descriptor.connector(config, context)
        })
    }

    /// What this way is called.
    #[must_use]
    pub fn mode(&self) -> &str {
        &self.mode
    }

    /// Makes the connector.
    ///
    /// # Errors
    /// What the connector says.
    pub fn open(&self, config: &str, host: &TestHost) -> Result<Running> {
        let instance = (self.make)(config, host.context("under_test"))?;
        Ok(Running::new(instance, host))
    }
}

/// A connector and all the ways of making it.
pub struct Subject {
    pub(super) name: String,
    pub(super) source: Option<SourceInfo>,
    pub(super) sink: Option<SinkInfo>,
    makers: Vec<Maker>,
}

impl Subject {
    /// The connector of an entry that is built into the test, called as Rust and through the C ABI.
    #[must_use]
    pub fn of(entry: &'static Entry) -> Self {
        Subject {
            name: entry.name().to_owned(),
            source: entry.source(),
            sink: entry.sink(),
            makers: vec![Maker::native(entry), Maker::abi(entry)],
        }
    }

    /// The connector of this name that is built into the test; its crate must be named somewhere in the test.
    #[must_use]
    pub fn named(name: &str) -> Self {
        match entries().find(|entry| entry.name() == name) {
            Some(entry) => Subject::of(entry),
            None => {
                panic!("no connector `{name}` is linked into this test\nhelp: add `use … as _;`")
            }
        }
    }

    /// The connector of a loaded library.
    #[must_use]
    pub fn loaded(descriptor: &'static Descriptor) -> Self {
        Subject {
            name: descriptor.name().to_owned(),
            source: descriptor.source(),
            sink: descriptor.sink(),
            makers: vec![Maker::dylib(descriptor)],
        }
    }

    /// The connector that an entry describes, made in one way only.
    #[must_use]
    pub fn only(entry: &'static Entry, maker: Maker) -> Self {
        Subject {
            makers: vec![maker],
            ..Subject::of(entry)
        }
    }

    /// Adds a way of making it.
    #[must_use]
    pub fn and(mut self, maker: Maker) -> Self {
        self.makers.push(maker);
        self
    }

    /// The ways of making it.
    #[must_use]
    pub fn makers(&self) -> &[Maker] {
        &self.makers
    }

    /// What the sink takes; bytes where there is none.
    pub(super) fn sink_payload(&self) -> Payload {
        self.sink.map_or(Payload::Bytes, |sink| sink.payload)
    }
}

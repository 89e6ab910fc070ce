//! What the registry knows of a connector or codec, and the slice in which every crate that registers one puts it.

use std::sync::Arc;

use crate::abi::{self, Descriptor, fence};
use crate::codec::{DynCodec, DynPostprocessor, DynPreprocessor};
use crate::fenced::{Fenced, FencedOperator};
use crate::function::NativeFunctions;
use crate::info::flags;
use crate::instance::Driver;
use crate::{
    Codec, Connector, ConnectorInfo, Context, DynFunctions, DynOperator, Error, FunctionModule,
    Instance, Operator, Postprocessor, Preprocessor, ProcessorInfo, Result,
};

/// What kind of thing an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// Talks to the outside.
    Connector,
    /// Bytes to value and back.
    Codec,
    /// Bytes to bytes before decoding.
    Preprocessor,
    /// Bytes to bytes after encoding.
    Postprocessor,
    /// A node of a pipeline that is not a select.
    Operator,
    /// Functions for scripts.
    FunctionModule,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Kind; 6] = [
        Kind::Connector,
        Kind::Codec,
        Kind::Preprocessor,
        Kind::Postprocessor,
        Kind::Operator,
        Kind::FunctionModule,
    ];

    /// The kind in words, as manifests and messages say it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Connector => "connector",
            Kind::Codec => "codec",
            Kind::Preprocessor => "preprocessor",
            Kind::Postprocessor => "postprocessor",
            Kind::Operator => "operator",
            Kind::FunctionModule => "function module",
        }
    }

    /// The kind as a number that keeps its meaning across versions.
    #[must_use]
    pub const fn code(self) -> u32 {
        match self {
            Kind::Connector => 1,
            Kind::Codec => 2,
            Kind::Preprocessor => 3,
            Kind::Postprocessor => 4,
            Kind::Operator => 5,
            Kind::FunctionModule => 6,
        }
    }

    /// The kind of a number.
    #[must_use]
    pub fn from_code(code: u32) -> Option<Self> {
        Kind::ALL.into_iter().find(|kind| kind.code() == code)
    }

    /// The kind of a name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Kind::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// The functions that make things, with their types erased.
pub(crate) enum Native {
    Connector(fn(&str, Context) -> Result<Box<dyn Instance>>),
    Codec(fn(&str) -> Result<Box<dyn DynCodec>>),
    Preprocessor(fn(&str) -> Result<Box<dyn DynPreprocessor>>),
    Postprocessor(fn(&str) -> Result<Box<dyn DynPostprocessor>>),
    Operator(fn(&str) -> Result<Box<dyn DynOperator>>),
    Functions(fn() -> Arc<dyn DynFunctions>),
}

/// The crate that registers an entry; filled in by [`crate::register!`].
#[derive(Clone, Copy, Debug)]
pub struct Origin {
    /// The name of the crate.
    pub crate_name: &'static str,
    /// The version of the crate.
    pub version: &'static str,
    /// Whether the crate was built to unwind on panic.
    pub unwinds: bool,
}

/// Everything that is known of a connector, codec, processor, operator or function module without making one.
pub struct Entry {
    kind: Kind,
    info: ProcessorInfo,
    origin: Origin,
    flags: u32,
    schema: fn() -> String,
    pub(crate) native: Native,
}

/// Parses a configuration, refusing what the type does not know.
fn configure<T: serde::de::DeserializeOwned>(config: &str) -> Result<T> {
    serde_json::from_str(config).map_err(|error| Error::config(error.to_string()))
}

fn schema_of<T: schemars::JsonSchema>() -> String {
    schemars::schema_for!(T).as_value().to_string()
}

fn make_connector<C: Connector>(config: &str, context: Context) -> Result<Box<dyn Instance>> {
    let connector = fence::catch(|| C::new(configure(config)?, context))??;
    Ok(Box::new(Driver::connector(connector)))
}

fn make_codec<C: Codec>(config: &str) -> Result<Box<dyn DynCodec>> {
    let codec = fence::catch(|| C::new(configure(config)?))??;
    Ok(Box::new(Fenced::new(codec)))
}

fn make_preprocessor<P: Preprocessor>(config: &str) -> Result<Box<dyn DynPreprocessor>> {
    let processor = fence::catch(|| P::new(configure(config)?))??;
    Ok(Box::new(Fenced::new(processor)))
}

fn make_postprocessor<P: Postprocessor>(config: &str) -> Result<Box<dyn DynPostprocessor>> {
    let processor = fence::catch(|| P::new(configure(config)?))??;
    Ok(Box::new(Fenced::new(processor)))
}

fn make_operator<O: Operator>(config: &str) -> Result<Box<dyn DynOperator>> {
    // Nothing written is an empty record.
    let config = match config.trim() {
        "null" => "{}",
        written => written,
    };
    let configured = || {
        configure(config).map_err(|error| match config {
            "{}" => Error::config(format!("it needs a configuration: {error}")),
            _ => error,
        })
    };
    let operator = fence::catch(|| O::new(configured()?))??;
    Ok(Box::new(FencedOperator::new(operator)?))
}

fn make_functions<M: FunctionModule>() -> Arc<dyn DynFunctions> {
    Arc::new(NativeFunctions::new(M::FUNCTIONS))
}

/// The configuration of a function module, which has none.
#[derive(schemars::JsonSchema)]
struct Unconfigured {}

impl Entry {
    const fn new(kind: Kind, info: ProcessorInfo, origin: Origin, native: Native) -> Self {
        Entry {
            kind,
            info,
            origin,
            flags: if origin.unwinds {
                0
            } else {
                flags::PANIC_ABORT
            },
            schema: String::new,
            native,
        }
    }

    /// The entry of a connector.
    #[must_use]
    pub const fn connector<C: Connector>(origin: Origin) -> Self {
        let info = ProcessorInfo {
            name: C::INFO.name,
            summary: C::INFO.summary,
            example: C::INFO.example,
        };
        let native = Native::Connector(make_connector::<C>);
        let mut entry = Entry::new(Kind::Connector, info, origin, native);
        entry.flags |= C::INFO.flags();
        entry.schema = schema_of::<C::Config>;
        entry
    }

    /// The entry of a codec.
    #[must_use]
    pub const fn codec<C: Codec>(origin: Origin) -> Self {
        let native = Native::Codec(make_codec::<C>);
        let mut entry = Entry::new(Kind::Codec, C::INFO, origin, native);
        if C::IS_STATELESS {
            entry.flags |= flags::STATELESS;
        }
        entry.schema = schema_of::<C::Config>;
        entry
    }

    /// The entry of a preprocessor.
    #[must_use]
    pub const fn preprocessor<P: Preprocessor>(origin: Origin) -> Self {
        let native = Native::Preprocessor(make_preprocessor::<P>);
        let mut entry = Entry::new(Kind::Preprocessor, P::INFO, origin, native);
        entry.schema = schema_of::<P::Config>;
        entry
    }

    /// The entry of a postprocessor.
    #[must_use]
    pub const fn postprocessor<P: Postprocessor>(origin: Origin) -> Self {
        let native = Native::Postprocessor(make_postprocessor::<P>);
        let mut entry = Entry::new(Kind::Postprocessor, P::INFO, origin, native);
        entry.schema = schema_of::<P::Config>;
        entry
    }

    /// The entry of an operator.
    #[must_use]
    pub const fn operator<O: Operator>(origin: Origin) -> Self {
        let native = Native::Operator(make_operator::<O>);
        let mut entry = Entry::new(Kind::Operator, O::INFO, origin, native);
        entry.schema = schema_of::<O::Config>;
        entry
    }

    /// The entry of a function module.
    #[must_use]
    pub const fn functions<M: FunctionModule>(origin: Origin) -> Self {
        let native = Native::Functions(make_functions::<M>);
        let mut entry = Entry::new(Kind::FunctionModule, M::INFO, origin, native);
        entry.schema = schema_of::<Unconfigured>;
        entry
    }

    /// What kind of thing it is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The name that flows use.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.info.name
    }

    /// What it does, in one sentence.
    #[must_use]
    pub fn summary(&self) -> &'static str {
        self.info.summary
    }

    /// A configuration that works, as a JSON object.
    #[must_use]
    pub fn example(&self) -> &'static str {
        self.info.example
    }

    /// The version of the crate that registered it.
    #[must_use]
    pub fn version(&self) -> &'static str {
        self.origin.version
    }

    /// The name of the crate that registered it.
    #[must_use]
    pub fn crate_name(&self) -> &'static str {
        self.origin.crate_name
    }

    pub(crate) fn flags(&self) -> u32 {
        self.flags
    }

    /// A connector's source side.
    #[must_use]
    pub fn source(&self) -> Option<crate::SourceInfo> {
        ConnectorInfo::source_of(self.flags)
    }

    /// A connector's sink side.
    #[must_use]
    pub fn sink(&self) -> Option<crate::SinkInfo> {
        ConnectorInfo::sink_of(self.flags)
    }

    /// Whether a codec keeps nothing from one frame to the next; see [`Codec::IS_STATELESS`].
    #[must_use]
    pub fn is_stateless(&self) -> bool {
        self.flags & flags::STATELESS != 0
    }

    /// The JSON Schema of its configuration, as JSON text; empty if making it panicked.
    #[must_use]
    pub fn schema(&self) -> String {
        fence::catch(self.schema).unwrap_or_default()
    }

    /// The same entry as a plugin would describe it, so that it can be run through the C ABI without being loaded.
    #[must_use]
    pub fn describe(&'static self) -> Descriptor {
        abi::describe(self)
    }

    fn wrong_kind<T>(&self, asked: Kind) -> Result<T> {
        let message = format!("`{}` is not a {}", self.name(), asked.name());
        Err(Error::failed(message))
    }

    /// Makes a connector, called as Rust; `config` is a JSON object.
    ///
    /// # Errors
    /// What the connector says, or that the entry is of another kind.
    pub fn make_connector(&self, config: &str, context: Context) -> Result<Box<dyn Instance>> {
        match self.native {
            Native::Connector(make) => make(config, context),
            _ => self.wrong_kind(Kind::Connector),
        }
    }

    /// Makes a codec, called as Rust; `config` is a JSON object.
    ///
    /// # Errors
    /// What the codec says, or that the entry is of another kind.
    pub fn make_codec(&self, config: &str) -> Result<Box<dyn DynCodec>> {
        match self.native {
            Native::Codec(make) => make(config),
            _ => self.wrong_kind(Kind::Codec),
        }
    }

    /// Makes a preprocessor, called as Rust; `config` is a JSON object.
    ///
    /// # Errors
    /// What the preprocessor says, or that the entry is of another kind.
    pub fn make_preprocessor(&self, config: &str) -> Result<Box<dyn DynPreprocessor>> {
        match self.native {
            Native::Preprocessor(make) => make(config),
            _ => self.wrong_kind(Kind::Preprocessor),
        }
    }

    /// Makes a postprocessor, called as Rust; `config` is a JSON object.
    ///
    /// # Errors
    /// What the postprocessor says, or that the entry is of another kind.
    pub fn make_postprocessor(&self, config: &str) -> Result<Box<dyn DynPostprocessor>> {
        match self.native {
            Native::Postprocessor(make) => make(config),
            _ => self.wrong_kind(Kind::Postprocessor),
        }
    }

    /// Makes an operator, called as Rust; `config` is a JSON object, or null where a user wrote nothing.
    ///
    /// # Errors
    /// What the operator says, or that the entry is of another kind.
    pub fn make_operator(&self, config: &str) -> Result<Box<dyn DynOperator>> {
        match self.native {
            Native::Operator(make) => make(config),
            _ => self.wrong_kind(Kind::Operator),
        }
    }

    /// The functions of a module, called as Rust.
    ///
    /// # Errors
    /// That the entry is of another kind.
    pub fn make_functions(&self) -> Result<Arc<dyn DynFunctions>> {
        match self.native {
            Native::Functions(make) => Ok(make()),
            _ => self.wrong_kind(Kind::FunctionModule),
        }
    }
}

impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} `{}`", self.kind.name(), self.name())
    }
}

//! An entry that was looked up: after this, nobody asks where it came from.

use std::fmt;
use std::sync::Arc;

use temblor_pdk::{
    Context, Descriptor, DynCodec, DynFunctions, DynOperator, DynPostprocessor, DynPreprocessor,
    Entry, Instance, Kind, Result, SinkInfo, SourceInfo,
};

use crate::provider::{LinkMode, Provider};

/// The code of an entry.
#[derive(Clone, Copy)]
pub(crate) enum Code {
    /// In this program.
    Builtin(&'static Entry),
    /// In a library that stays loaded.
    Plugin(&'static Descriptor),
}

/// An entry of the registry, with its provider and link mode.
#[derive(Clone)]
pub struct Registered {
    pub(crate) code: Code,
    pub(crate) kind: Kind,
    pub(crate) link_mode: LinkMode,
    pub(crate) provider: Provider,
}

impl Registered {
    /// Returns what it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Returns where it came from.
    pub fn provider(&self) -> &Provider {
        &self.provider
    }

    /// Returns how it is called.
    pub fn link_mode(&self) -> LinkMode {
        self.link_mode
    }

    /// Returns the name that flows use.
    pub fn name(&self) -> &'static str {
        match self.code {
            Code::Builtin(entry) => entry.name(),
            Code::Plugin(entry) => entry.name(),
        }
    }

    /// Returns the version of the crate that registered it.
    pub fn version(&self) -> &'static str {
        match self.code {
            Code::Builtin(entry) => entry.version(),
            Code::Plugin(entry) => entry.version(),
        }
    }

    /// Returns what it does, in one sentence.
    pub fn summary(&self) -> &'static str {
        match self.code {
            Code::Builtin(entry) => entry.summary(),
            Code::Plugin(entry) => entry.summary(),
        }
    }

    /// Returns a configuration that works, as a JSON object.
    pub fn example(&self) -> &'static str {
        match self.code {
            Code::Builtin(entry) => entry.example(),
            Code::Plugin(entry) => entry.example(),
        }
    }

    /// Returns the JSON Schema of its configuration, as JSON text.
    pub fn schema(&self) -> String {
        match self.code {
            Code::Builtin(entry) => entry.schema(),
            Code::Plugin(entry) => entry.schema(),
        }
    }

    /// Returns a connector's source side.
    pub fn source(&self) -> Option<SourceInfo> {
        match self.code {
            Code::Builtin(entry) => entry.source(),
            Code::Plugin(entry) => entry.source(),
        }
    }

    /// Returns a connector's sink side.
    pub fn sink(&self) -> Option<SinkInfo> {
        match self.code {
            Code::Builtin(entry) => entry.sink(),
            Code::Plugin(entry) => entry.sink(),
        }
    }

    /// Returns whether a codec keeps nothing from one frame to the next.
    pub fn is_stateless(&self) -> bool {
        match self.code {
            Code::Builtin(entry) => entry.is_stateless(),
            Code::Plugin(entry) => entry.is_stateless(),
        }
    }

    /// Makes a connector; `config` is a JSON object.
    ///
    /// # Errors
    ///
    /// Returns what the connector says, or that the entry is of another kind.
    pub fn make_connector(&self, config: &str, context: Context) -> Result<Box<dyn Instance>> {
        match self.code {
            Code::Builtin(entry) if self.is_native() => entry.make_connector(config, context),
            Code::Builtin(entry) => entry.describe().connector(config, context),
            Code::Plugin(entry) => entry.connector(config, context),
        }
    }

    /// Makes a codec; `config` is a JSON object.
    ///
    /// # Errors
    ///
    /// Returns what the codec says, or that the entry is of another kind.
    pub fn make_codec(&self, config: &str) -> Result<Box<dyn DynCodec>> {
        match self.code {
            Code::Builtin(entry) if self.is_native() => entry.make_codec(config),
            Code::Builtin(entry) => entry.describe().codec(config),
            Code::Plugin(entry) => entry.codec(config),
        }
    }

    /// Makes a preprocessor; `config` is a JSON object.
    ///
    /// # Errors
    ///
    /// Returns what the preprocessor says, or that the entry is of another kind.
    pub fn make_preprocessor(&self, config: &str) -> Result<Box<dyn DynPreprocessor>> {
        match self.code {
            Code::Builtin(entry) if self.is_native() => entry.make_preprocessor(config),
            Code::Builtin(entry) => entry.describe().preprocessor(config),
            Code::Plugin(entry) => entry.preprocessor(config),
        }
    }

    /// Makes a postprocessor; `config` is a JSON object.
    ///
    /// # Errors
    ///
    /// Returns what the postprocessor says, or that the entry is of another kind.
    pub fn make_postprocessor(&self, config: &str) -> Result<Box<dyn DynPostprocessor>> {
        match self.code {
            Code::Builtin(entry) if self.is_native() => entry.make_postprocessor(config),
            Code::Builtin(entry) => entry.describe().postprocessor(config),
            Code::Plugin(entry) => entry.postprocessor(config),
        }
    }

    /// Makes an operator; `config` is a JSON object, or null where a user wrote nothing.
    ///
    /// # Errors
    ///
    /// Returns what the operator says, or that the entry is of another kind.
    pub fn make_operator(&self, config: &str) -> Result<Box<dyn DynOperator>> {
        match self.code {
            Code::Builtin(entry) if self.is_native() => entry.make_operator(config),
            Code::Builtin(entry) => entry.describe().operator(config),
            Code::Plugin(entry) => entry.operator(config),
        }
    }

    /// Returns the functions of a module. Ask once and share them: each call makes the table anew.
    ///
    /// # Errors
    ///
    /// Returns that the entry is of another kind.
    pub fn make_functions(&self) -> Result<Arc<dyn DynFunctions>> {
        match self.code {
            Code::Builtin(entry) if self.is_native() => entry.make_functions(),
            Code::Builtin(entry) => entry.describe().functions(),
            Code::Plugin(entry) => entry.functions(),
        }
    }

    fn is_native(&self) -> bool {
        self.link_mode == LinkMode::Native
    }
}

impl fmt::Debug for Registered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} `{}` ({}, {})",
            self.kind.name(),
            self.name(),
            self.link_mode,
            self.provider
        )
    }
}

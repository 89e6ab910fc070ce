//! The kinds of things that the registry holds.

use std::fmt;

use serde::{Serialize, Serializer};

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// Talks to the outside.
    Connector,
    /// Turns bytes into values and back.
    Codec,
    /// Turns bytes into bytes, before decoding.
    Preprocessor,
    /// Turns bytes into bytes, after encoding.
    Postprocessor,
    /// A node of a pipeline that is not a select.
    Operator,
    /// Functions that scripts can call.
    FunctionModule,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Kind; 6] = [
        Kind::Connector,
        Kind::Codec,
        Kind::Preprocessor,
        Kind::Postprocessor,
        Kind::Operator,
        Kind::FunctionModule,
    ];

    /// Returns the word for it in records and listings.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Connector => "connector",
            Kind::Codec => "codec",
            Kind::Preprocessor => "preprocessor",
            Kind::Postprocessor => "postprocessor",
            Kind::Operator => "operator",
            Kind::FunctionModule => "function_module",
        }
    }

    /// Finds the kind of a word.
    pub fn from_word(word: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Kind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

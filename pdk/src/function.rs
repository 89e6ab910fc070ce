//! Functions that scripts call: the trait of a function module, and what one call gets and gives.

use crate::abi::fence;
use crate::{Arena, ProcessorInfo, Value};

/// What a function gets when it is called.
#[derive(Clone, Copy)]
pub struct Call<'c, 'a> {
    /// The arguments. Their number is within the function's bounds.
    pub args: &'c [Value<'a>],
    /// Where new values are made.
    pub arena: &'a Arena,
    /// When the event came in, in nanoseconds since the epoch; 0 while constants are folded.
    pub ingest_ns: u64,
    /// The number of groups that the select keeps whose result is made; 0 elsewhere.
    pub groups: u64,
    /// The name of the running instance.
    pub instance: &'c str,
}

impl<'a> Call<'_, 'a> {
    /// The argument at `index`; null if it was not given.
    #[must_use]
    pub fn arg(&self, index: usize) -> Value<'a> {
        self.args.get(index).copied().unwrap_or_default()
    }

    /// The argument at `index`, which has to be a string.
    ///
    /// # Errors
    /// [`FunctionError::BadType`] if it is something else.
    pub fn str(&self, index: usize) -> Result<&'a str, FunctionError> {
        self.arg(index).as_str().ok_or(FunctionError::BadType)
    }
}

/// Why a function has no result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FunctionError {
    /// An argument has a type that the function does not take.
    BadType,
    /// Anything else; the text says what and needs no name of the function.
    Failed(String),
}

impl FunctionError {
    /// Makes an error of anything that can be shown.
    pub fn failed(reason: impl std::fmt::Display) -> Self {
        FunctionError::Failed(reason.to_string())
    }
}

/// What a function gives.
pub type FunctionResult<'a> = Result<Value<'a>, FunctionError>;

/// A function of a module.
#[derive(Clone, Copy)]
pub struct Function {
    /// The name, without that of the module.
    pub name: &'static str,
    /// The smallest number of arguments.
    pub min_args: u8,
    /// The largest number of arguments; [`Function::ANY`] is no bound.
    pub max_args: u8,
    /// Whether the result depends on the arguments alone, so that a call with constants is made once, at compile time.
    pub is_pure: bool,
    /// Calls it.
    pub call: for<'c, 'a> fn(&Call<'c, 'a>) -> FunctionResult<'a>,
}

impl Function {
    /// The `max_args` of a function that takes any number of arguments.
    pub const ANY: u8 = u8::MAX;

    /// A pure function of exactly `args` arguments.
    #[must_use]
    pub const fn new(
        name: &'static str,
        args: u8,
        call: for<'c, 'a> fn(&Call<'c, 'a>) -> FunctionResult<'a>,
    ) -> Self {
        Function {
            name,
            min_args: args,
            max_args: args,
            is_pure: true,
            call,
        }
    }

    /// The same function for `min` to `max` arguments.
    #[must_use]
    pub const fn args(mut self, min: u8, max: u8) -> Self {
        self.min_args = min;
        self.max_args = max;
        self
    }

    /// The same function, called anew each time, whatever its arguments are.
    #[must_use]
    pub const fn impure(mut self) -> Self {
        self.is_pure = false;
        self
    }
}

impl std::fmt::Debug for Function {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Function")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// Functions for scripts, called as `name::function(…)`; registered with `register!(functions …)`.
pub trait FunctionModule: 'static {
    /// What it says about itself; the name is that of the module.
    const INFO: ProcessorInfo;
    /// The functions.
    const FUNCTIONS: &'static [Function];
}

/// What is known of a function without calling it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FunctionInfo {
    /// The name, without that of the module.
    pub name: &'static str,
    /// See [`Function::min_args`].
    pub min_args: u8,
    /// See [`Function::max_args`].
    pub max_args: u8,
    /// See [`Function::is_pure`].
    pub is_pure: bool,
}

/// The functions of a module whose type is not known; see [`FunctionModule`].
pub trait DynFunctions: Send + Sync {
    /// What there is, in the order of the numbers that [`DynFunctions::call`] takes.
    fn describe(&self) -> &[FunctionInfo];

    /// Calls a function by its place in [`DynFunctions::describe`]. Whoever calls has seen to the number of arguments.
    ///
    /// # Errors
    /// What the function says; that it panicked; that there is no such function.
    fn call<'a>(&self, index: usize, call: &Call<'_, 'a>) -> FunctionResult<'a>;
}

/// A module that is called as Rust.
pub(crate) struct NativeFunctions {
    functions: &'static [Function],
    infos: Vec<FunctionInfo>,
}

impl NativeFunctions {
    pub(crate) fn new(functions: &'static [Function]) -> Self {
        let info = |function: &Function| FunctionInfo {
            name: function.name,
            min_args: function.min_args,
            max_args: function.max_args,
            is_pure: function.is_pure,
        };
        NativeFunctions {
            functions,
            infos: functions.iter().map(info).collect(),
        }
    }
}

impl DynFunctions for NativeFunctions {
    fn describe(&self) -> &[FunctionInfo] {
        &self.infos
    }

    fn call<'a>(&self, index: usize, call: &Call<'_, 'a>) -> FunctionResult<'a> {
        let Some(function) = self.functions.get(index) else {
            return Err(FunctionError::failed("there is no such function"));
        };
        // A function keeps nothing, so there is nothing to poison.
        fence::catch(|| (function.call)(call)).unwrap_or_else(|e| Err(FunctionError::failed(e)))
    }
}

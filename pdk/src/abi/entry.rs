//! The description of an entry as it crosses, and making things from it.

use std::mem::offset_of;
use std::sync::Arc;

use super::fence;
use super::function;
use super::host::Host;
use super::instance::{self, Imported, RawInstance};
use super::operator;
use super::processor::{self, RawObject};
use super::text::{RawError, RawStr, RawText};
use super::waker::{self, HostWaker, RawHostWaker};
use crate::codec::{DynCodec, DynPostprocessor, DynPreprocessor};
use crate::entry::{Kind, Native};
use crate::info::flags;
use crate::{ConnectorInfo, Context, DynFunctions, DynOperator, Entry, Error, Instance, Result};

/// What an entry is made from; the strings live for the call.
#[repr(C)]
struct RawMake {
    config: RawStr,
    alias: RawStr,
    /// The host and the new instance's waker, both owned; null for everything but connectors. Whoever makes takes them
    /// where they are not null, also if it has no use for them.
    host: *const Host,
    waker: *const RawHostWaker,
}

/// What was made.
#[repr(C)]
struct RawMade {
    error: RawError,
    instance: RawInstance,
    object: RawObject,
}

impl RawMade {
    fn empty() -> Self {
        RawMade {
            error: RawError::NONE,
            instance: RawInstance::NONE,
            object: RawObject {
                data: std::ptr::null_mut(),
                vtable: std::ptr::null(),
            },
        }
    }
}

/// An entry as the other side sees it: strings, capabilities, and two functions.
#[repr(C)]
pub struct Descriptor {
    kind: u32,
    flags: u32,
    name: RawStr,
    version: RawStr,
    crate_name: RawStr,
    summary: RawStr,
    example: RawStr,
    entry: *const Entry,
    schema: unsafe extern "C" fn(*const Entry) -> RawText,
    make: unsafe extern "C" fn(*const Entry, *const RawMake, *mut RawMade),
}

// SAFETY: strings and functions are statics, and so is the entry.
unsafe impl Sync for Descriptor {}
// SAFETY: see `Sync`.
unsafe impl Send for Descriptor {}

/// Describes an entry of this copy of the crate.
pub(crate) fn describe(entry: &'static Entry) -> Descriptor {
    Descriptor {
        kind: entry.kind().code(),
        flags: entry.flags(),
        name: RawStr::new(entry.name()),
        version: RawStr::new(entry.version()),
        crate_name: RawStr::new(entry.crate_name()),
        summary: RawStr::new(entry.summary()),
        example: RawStr::new(entry.example()),
        entry,
        schema,
        make,
    }
}

impl Descriptor {
    /// What kind of thing it is; none for a kind of a later version.
    #[must_use]
    pub fn kind(&self) -> Option<Kind> {
        Kind::from_code(self.kind)
    }

    /// The name that flows use.
    #[must_use]
    pub fn name(&self) -> &'static str {
        // SAFETY: an entry's strings are statics of a library that is never unloaded.
        unsafe { self.name.text() }
    }

    /// The version of the crate that registered it.
    #[must_use]
    pub fn version(&self) -> &'static str {
        // SAFETY: as above.
        unsafe { self.version.text() }
    }

    /// The name of the crate that registered it.
    #[must_use]
    pub fn crate_name(&self) -> &'static str {
        // SAFETY: as above.
        unsafe { self.crate_name.text() }
    }

    /// What it does, in one sentence.
    #[must_use]
    pub fn summary(&self) -> &'static str {
        // SAFETY: as above.
        unsafe { self.summary.text() }
    }

    /// A configuration that works, as a JSON object.
    #[must_use]
    pub fn example(&self) -> &'static str {
        // SAFETY: as above.
        unsafe { self.example.text() }
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

    /// Whether a codec keeps nothing from one frame to the next.
    #[must_use]
    pub fn is_stateless(&self) -> bool {
        self.flags & flags::STATELESS != 0
    }

    /// Whether the crate that registered it was built with `panic = "abort"`.
    #[must_use]
    pub fn aborts_on_panic(&self) -> bool {
        self.flags & flags::PANIC_ABORT != 0
    }

    /// The JSON Schema of its configuration, as JSON text.
    #[must_use]
    pub fn schema(&self) -> String {
        // SAFETY: the maker's function for the maker's entry.
        unsafe { (self.schema)(self.entry) }.to_text()
    }

    fn call(&self, make: RawMake) -> Result<RawMade> {
        let mut made = RawMade::empty();
        // SAFETY: the maker's function for the maker's entry; both structs live for the call.
        unsafe { (self.make)(self.entry, &raw const make, &raw mut made) }
        let error = std::mem::replace(&mut made.error, RawError::NONE);
        error.into_result()?;
        Ok(made)
    }

    fn check(&self, kind: Kind) -> Result<()> {
        if self.kind() == Some(kind) {
            return Ok(());
        }
        Err(processor::wrong_kind(self.name(), kind.name()))
    }

    /// Makes a connector through the C ABI; `config` is a JSON object.
    ///
    /// # Errors
    /// What the connector says, or that the entry is of another kind.
    pub fn connector(&self, config: &str, context: Context) -> Result<Box<dyn Instance>> {
        self.check(Kind::Connector)?;
        let waker = HostWaker::new();
        // The maker reads the host out of this place and owns it from then on.
        let host = std::mem::ManuallyDrop::new(context.host().clone());
        let made = self.call(RawMake {
            config: RawStr::new(config),
            alias: RawStr::new(context.alias()),
            host: &*host,
            waker: Arc::clone(&waker).into_raw(),
        })?;
        // SAFETY: the maker gives the instance away, which it made with this waker.
        match unsafe { Imported::new(made.instance, waker) } {
            Some(instance) => Ok(Box::new(instance)),
            None => Err(Error::failed(format!("`{}` made no instance", self.name()))),
        }
    }

    fn object(&self, kind: Kind, config: &str) -> Result<RawObject> {
        self.check(kind)?;
        let made = self.call(RawMake {
            config: RawStr::new(config),
            alias: RawStr::new(""),
            host: std::ptr::null(),
            waker: std::ptr::null(),
        })?;
        if made.object.data.is_null() {
            return Err(Error::failed(format!("`{}` made nothing", self.name())));
        }
        Ok(made.object)
    }

    /// Makes a codec through the C ABI; `config` is a JSON object.
    ///
    /// # Errors
    /// What the codec says, or that the entry is of another kind.
    pub fn codec(&self, config: &str) -> Result<Box<dyn DynCodec>> {
        let object = self.object(Kind::Codec, config)?;
        // SAFETY: an entry of this kind makes codecs, and gives this one away.
        Ok(unsafe { processor::import_codec(object) })
    }

    /// Makes a preprocessor through the C ABI; `config` is a JSON object.
    ///
    /// # Errors
    /// What the preprocessor says, or that the entry is of another kind.
    pub fn preprocessor(&self, config: &str) -> Result<Box<dyn DynPreprocessor>> {
        let object = self.object(Kind::Preprocessor, config)?;
        // SAFETY: as in `codec`.
        Ok(unsafe { processor::import_preprocessor(object) })
    }

    /// Makes a postprocessor through the C ABI; `config` is a JSON object.
    ///
    /// # Errors
    /// What the postprocessor says, or that the entry is of another kind.
    pub fn postprocessor(&self, config: &str) -> Result<Box<dyn DynPostprocessor>> {
        let object = self.object(Kind::Postprocessor, config)?;
        // SAFETY: as in `codec`.
        Ok(unsafe { processor::import_postprocessor(object) })
    }

    /// Makes an operator through the C ABI; `config` is a JSON object.
    ///
    /// # Errors
    /// What the operator says, or that the entry is of another kind.
    pub fn operator(&self, config: &str) -> Result<Box<dyn DynOperator>> {
        let object = self.object(Kind::Operator, config)?;
        // SAFETY: as in `codec`.
        Ok(unsafe { operator::import_operator(object) })
    }

    /// The functions of a module through the C ABI.
    ///
    /// # Errors
    /// That the entry is of another kind.
    pub fn functions(&self) -> Result<Arc<dyn DynFunctions>> {
        let object = self.object(Kind::FunctionModule, "{}")?;
        // SAFETY: as in `codec`.
        Ok(unsafe { function::import_functions(object) })
    }
}

/// # Safety
/// `entry` is an entry of this copy of the crate.
unsafe extern "C" fn schema(entry: *const Entry) -> RawText {
    // SAFETY: the caller's contract.
    let entry = unsafe { &*entry };
    match fence::catch(|| entry.schema()) {
        Ok(schema) => RawText::new(schema),
        Err(_) => RawText::EMPTY,
    }
}

/// # Safety
/// `entry` is an entry of this copy of the crate; `make` and `out` are valid for the call; `out` holds nothing that
/// must be dropped; what `make` owns is taken.
unsafe extern "C" fn make(entry: *const Entry, make: *const RawMake, out: *mut RawMade) {
    // SAFETY: the caller's contract.
    let (entry, make) = unsafe { (&*entry, &*make) };
    // SAFETY: the caller's contract.
    let (config, alias) = unsafe { (make.config.text(), make.alias.text()) };
    // SAFETY: the caller gives host and waker away, if there are any.
    let host = (!make.host.is_null()).then(|| unsafe { make.host.read() });
    // SAFETY: as above.
    let waker = (!make.waker.is_null()).then(|| unsafe { waker::import(make.waker) });
    let made = fence::catch(|| match &entry.native {
        Native::Connector(make_native) => {
            let (Some(host), Some(waker)) = (host, waker) else {
                return Err(Error::failed("a connector without a host"));
            };
            let context = Context::new(alias, host);
            let instance = instance::export(make_native(config, context)?, waker);
            Ok(RawMade {
                instance,
                ..RawMade::empty()
            })
        }
        Native::Codec(make) => Ok(object(processor::export_codec(make(config)?))),
        Native::Preprocessor(make) => Ok(object(processor::export_preprocessor(make(config)?))),
        Native::Postprocessor(make) => Ok(object(processor::export_postprocessor(make(config)?))),
        Native::Operator(make) => Ok(object(operator::export_operator(make(config)?))),
        Native::Functions(make) => Ok(object(function::export_functions(make()))),
    });
    let made = made.and_then(|made| made).unwrap_or_else(|error| RawMade {
        error: RawError::new(error),
        ..RawMade::empty()
    });
    // SAFETY: the caller's contract.
    unsafe { out.write(made) }
}

fn object(object: RawObject) -> RawMade {
    RawMade {
        object,
        ..RawMade::empty()
    }
}

/// Sizes, alignments and offsets of what crosses; see `layout`.
pub(super) const LAYOUT: &[usize] = &[
    size_of::<Descriptor>(),
    align_of::<Descriptor>(),
    offset_of!(Descriptor, kind),
    offset_of!(Descriptor, flags),
    offset_of!(Descriptor, name),
    offset_of!(Descriptor, version),
    offset_of!(Descriptor, crate_name),
    offset_of!(Descriptor, summary),
    offset_of!(Descriptor, example),
    offset_of!(Descriptor, entry),
    offset_of!(Descriptor, schema),
    offset_of!(Descriptor, make),
    size_of::<RawMake>(),
    align_of::<RawMake>(),
    offset_of!(RawMake, config),
    offset_of!(RawMake, alias),
    offset_of!(RawMake, host),
    offset_of!(RawMake, waker),
    size_of::<RawMade>(),
    align_of::<RawMade>(),
    offset_of!(RawMade, error),
    offset_of!(RawMade, instance),
    offset_of!(RawMade, object),
    Kind::Connector.code() as usize,
    Kind::Codec.code() as usize,
    Kind::Preprocessor.code() as usize,
    Kind::Postprocessor.code() as usize,
    Kind::Operator.code() as usize,
    Kind::FunctionModule.code() as usize,
    flags::SOURCE as usize,
    flags::SINK as usize,
    flags::SOURCE_BYTES as usize,
    flags::SINK_BYTES as usize,
    flags::TRANSACTIONAL as usize,
    flags::LATE as usize,
    flags::LANES as usize,
    flags::STATELESS as usize,
    flags::PANIC_ABORT as usize,
];

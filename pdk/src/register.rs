//! The slice of entries, its two collectors, and the macro that fills it.

use crate::Entry;

/// Which collector gathers the entries of this build.
pub const COLLECTOR: &str = if cfg!(feature = "inventory") {
    "inventory"
} else {
    "linkme"
};

/// All entries of this program, or of this plugin. The name is distinctive, because linkme names its section by it.
#[linkme::distributed_slice]
pub static TEMBLOR_ENTRIES: [Entry];

/// An entry as inventory collects it.
#[cfg(feature = "inventory")]
pub struct Submission(pub &'static Entry);

#[cfg(feature = "inventory")]
inventory::collect!(Submission);

/// Goes through the entries of this program, or of this plugin, in the order of their linking.
#[cfg(feature = "inventory")]
pub fn entries() -> impl Iterator<Item = &'static Entry> {
    inventory::iter::<Submission>.into_iter().map(|s| s.0)
}

/// Goes through the entries of this program, or of this plugin, in the order of their linking.
#[cfg(not(feature = "inventory"))]
pub fn entries() -> impl Iterator<Item = &'static Entry> {
    TEMBLOR_ENTRIES.iter()
}

/// Registers a connector, codec, processor, operator or function module: `register!(connector Blaster)`.
///
/// It puts a static [`Entry`](crate::Entry) into the slice that this program, or this plugin, is read from, and a
/// record into section `.temblor`, from which it can be read without running anything. The kinds are `connector`,
/// `codec`, `preprocessor`, `postprocessor`, `operator` and `functions`.
#[macro_export]
macro_rules! register {
    ($kind:ident $type:ty) => {
        const _: () = {
            const ORIGIN: $crate::Origin = $crate::Origin {
                crate_name: env!("CARGO_PKG_NAME"),
                version: env!("CARGO_PKG_VERSION"),
                unwinds: cfg!(panic = "unwind"),
            };
            const RECORD: &[&str] = &$crate::manifest::$kind::<$type>(ORIGIN);
            #[allow(unsafe_code)]
            #[used]
            #[unsafe(link_section = ".temblor")]
            static MANIFEST: [u8; $crate::manifest::len(RECORD)] = $crate::manifest::join(RECORD);
            $crate::__collect!($crate::Entry::$kind::<$type>(ORIGIN));
        };
    };
}

/// Puts an entry into the collector of this build of pdk. Two definitions, because a `cfg` inside a macro's body
/// would read the features of the crate that calls it.
#[cfg(not(feature = "inventory"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __collect {
    ($entry:expr) => {
        #[allow(unsafe_code)]
        #[$crate::__private::linkme::distributed_slice($crate::TEMBLOR_ENTRIES)]
        #[linkme(crate = $crate::__private::linkme)]
        static ENTRY: $crate::Entry = $entry;
    };
}

/// See the other definition.
#[cfg(feature = "inventory")]
#[doc(hidden)]
#[macro_export]
macro_rules! __collect {
    ($entry:expr) => {
        static ENTRY: $crate::Entry = $entry;
        $crate::__private::inventory::submit! { $crate::Submission(&ENTRY) }
    };
}

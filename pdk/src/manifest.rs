//! Section `.temblor`: what a library holds, as newline-separated JSON records that are all constants.
//!
//! A record is a list of pieces; [`len`] and [`join`] make one array of them at compile time. Names and versions of
//! crates and connectors need no escaping.

use crate::info::flags;
use crate::{Codec, Connector, FunctionModule, Operator, Origin, Postprocessor, Preprocessor};

/// The capabilities that this version knows. A host passes over one that it does not know; one that it knows with
/// another number means something else, and the entry cannot be used.
pub const CAPABILITIES: &[&str] = &[
    "source.bytes/1",
    "source.values/1",
    "source.lanes/1",
    "sink.bytes/1",
    "sink.values/1",
    "codec/1",
    "codec.stateless/1",
    "preprocessor/1",
    "postprocessor/1",
    "operator/1",
    "functions/1",
];

/// The number of pieces of an entry's record.
const PIECES: usize = 14;

const fn entry(
    kind: &'static str,
    name: &'static str,
    origin: Origin,
    capabilities: [&'static str; 4],
) -> [&'static str; PIECES] {
    [
        "{\"record\":\"entry\",\"kind\":\"",
        kind,
        "\",\"name\":\"",
        name,
        "\",\"version\":\"",
        origin.version,
        "\",\"crate\":\"",
        origin.crate_name,
        if origin.unwinds {
            "\",\"panic\":\"unwind\",\"capabilities\":["
        } else {
            "\",\"panic\":\"abort\",\"capabilities\":["
        },
        capabilities[0],
        capabilities[1],
        capabilities[2],
        capabilities[3],
        "]}\n",
    ]
}

/// The record of a connector. Capabilities are string ids with a version each.
#[must_use]
pub const fn connector<C: Connector>(origin: Origin) -> [&'static str; PIECES] {
    let bits = C::INFO.flags();
    let source = match (bits & flags::SOURCE, bits & flags::SOURCE_BYTES) {
        (0, _) => "",
        (_, 0) => "\"source.values/1\"",
        _ => "\"source.bytes/1\"",
    };
    let sink = match (bits & flags::SINK, bits & flags::SINK_BYTES) {
        (0, _) => "",
        (_, 0) => "\"sink.values/1\"",
        _ => "\"sink.bytes/1\"",
    };
    let comma = if source.is_empty() || sink.is_empty() {
        ""
    } else {
        ","
    };
    let lanes = match bits & flags::LANES {
        0 => "",
        _ => ",\"source.lanes/1\"",
    };
    entry(
        "connector",
        C::INFO.name,
        origin,
        [source, lanes, comma, sink],
    )
}

/// The record of a codec.
#[must_use]
pub const fn codec<C: Codec>(origin: Origin) -> [&'static str; PIECES] {
    let stateless = if C::IS_STATELESS {
        ",\"codec.stateless/1\""
    } else {
        ""
    };
    let capabilities = ["\"codec/1\"", stateless, "", ""];
    entry("codec", C::INFO.name, origin, capabilities)
}

/// The record of a preprocessor.
#[must_use]
pub const fn preprocessor<P: Preprocessor>(origin: Origin) -> [&'static str; PIECES] {
    let capabilities = ["\"preprocessor/1\"", "", "", ""];
    entry("preprocessor", P::INFO.name, origin, capabilities)
}

/// The record of a postprocessor.
#[must_use]
pub const fn postprocessor<P: Postprocessor>(origin: Origin) -> [&'static str; PIECES] {
    let capabilities = ["\"postprocessor/1\"", "", "", ""];
    entry("postprocessor", P::INFO.name, origin, capabilities)
}

/// The record of an operator.
#[must_use]
pub const fn operator<O: Operator>(origin: Origin) -> [&'static str; PIECES] {
    entry(
        "operator",
        O::INFO.name,
        origin,
        ["\"operator/1\"", "", "", ""],
    )
}

/// The record of a function module.
#[must_use]
pub const fn functions<M: FunctionModule>(origin: Origin) -> [&'static str; PIECES] {
    let capabilities = ["\"functions/1\"", "", "", ""];
    entry("function module", M::INFO.name, origin, capabilities)
}

/// The length of the pieces together.
#[must_use]
pub const fn len(pieces: &[&str]) -> usize {
    let mut total = 0;
    let mut at = 0;
    while at < pieces.len() {
        total += pieces[at].len();
        at += 1;
    }
    total
}

/// The pieces behind each other.
#[must_use]
pub const fn join<const N: usize>(pieces: &[&str]) -> [u8; N] {
    let mut out = [b'\n'; N];
    let mut to = 0;
    let mut at = 0;
    while at < pieces.len() {
        let piece = pieces[at].as_bytes();
        let mut from = 0;
        while from < piece.len() {
            out[to] = piece[from];
            to += 1;
            from += 1;
        }
        at += 1;
    }
    out
}

/// Sixteen hexadecimal digits of a number.
const fn hex(number: u64) -> [u8; 16] {
    let mut out = [0; 16];
    let mut at = 0;
    while at < 16 {
        let digit = (number >> (60 - at * 4)) as u8 & 15;
        out[at] = if digit < 10 {
            b'0' + digit
        } else {
            b'a' + digit - 10
        };
        at += 1;
    }
    out
}

const LAYOUT: [u8; 16] = hex(crate::abi::LAYOUT);

/// The record of this crate itself: which contract the library was built against.
const PDK: &[&str] = &[
    "{\"record\":\"pdk\",\"epoch\":1,\"pdk\":\"",
    crate::abi::VERSION,
    "\",\"layout\":\"",
    match std::str::from_utf8(&LAYOUT) {
        Ok(text) => text,
        Err(_) => "",
    },
    "\",\"target\":\"",
    env!("TEMBLOR_TARGET"),
    "\",\"rustc\":\"",
    env!("TEMBLOR_RUSTC"),
    "\",\"collector\":\"",
    crate::COLLECTOR,
    "\"}\n",
];

const _: () = assert!(crate::abi::EPOCH == 1, "the record says epoch 1");

#[allow(unsafe_code)]
#[used]
#[unsafe(link_section = ".temblor")]
static MANIFEST: [u8; len(PDK)] = join(PDK);

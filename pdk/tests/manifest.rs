//! Registration: entries are collected, and their records can be read from the file without running it.

use std::sync::LazyLock;

use temblor_pdk::schemars::JsonSchema;
use temblor_pdk::serde::Deserialize;
use temblor_pdk::serde_json::{Value as Json, from_str};
use temblor_pdk::{
    Arena, COLLECTOR, Codec, Connector, ConnectorInfo, Context, Entry, Event, FrameSink, Function,
    FunctionModule, Kind, NoSink, NoSource, Operator, OperatorSink, Origin, Payload, Postprocessor,
    Preprocessor, ProcessorInfo, Result, Settles, SinkInfo, SourceInfo, Value, abi, entries,
    manifest, register,
};

#[derive(Deserialize, JsonSchema)]
#[serde(crate = "temblor_pdk::serde")]
#[schemars(crate = "temblor_pdk::schemars")]
struct Config {}

const SOURCE: SourceInfo = SourceInfo {
    payload: Payload::Bytes,
    transactional: true,
    lanes: true,
};
const SINK: SinkInfo = SinkInfo {
    payload: Payload::Values,
    settles: Settles::Late,
};

/// A connector with these sides.
struct Sides<const SOURCES: bool, const SINKS: bool>;

impl<const SOURCES: bool, const SINKS: bool> Connector for Sides<SOURCES, SINKS> {
    type Config = Config;
    type Source = NoSource;
    type Sink = NoSink;
    const INFO: ConnectorInfo = ConnectorInfo {
        name: match (SOURCES, SINKS) {
            (true, true) => "both",
            (true, false) => "in",
            (false, true) => "out",
            (false, false) => "neither",
        },
        summary: "Has the sides of its name.",
        example: "{}",
        source: if SOURCES { Some(SOURCE) } else { None },
        sink: if SINKS { Some(SINK) } else { None },
    };

    fn new(_config: Config, _context: Context) -> Result<Self> {
        Ok(Sides)
    }
}

struct Any;

impl Any {
    const INFO: ProcessorInfo = ProcessorInfo {
        name: "any",
        summary: "Does nothing.",
        example: "{}",
    };
}

impl Codec for Any {
    type Config = Config;
    const INFO: ProcessorInfo = Any::INFO;
    const IS_STATELESS: bool = true;

    fn new(_config: Config) -> Result<Self> {
        Ok(Any)
    }

    fn decode<'a>(&mut self, _: &'a mut [u8], _: &'a Arena) -> Result<Option<Value<'a>>> {
        Ok(None)
    }

    fn encode(&mut self, _: Value<'_>, _: &mut Vec<u8>) -> Result<()> {
        Ok(())
    }
}

impl Preprocessor for Any {
    type Config = Config;
    const INFO: ProcessorInfo = Any::INFO;

    fn new(_config: Config) -> Result<Self> {
        Ok(Any)
    }

    fn process<'a>(&mut self, _: &'a [u8], _: &mut FrameSink<'_, 'a>) -> Result<()> {
        Ok(())
    }
}

impl Postprocessor for Any {
    type Config = Config;
    const INFO: ProcessorInfo = Any::INFO;

    fn new(_config: Config) -> Result<Self> {
        Ok(Any)
    }

    fn process(&mut self, _: &[u8], _: &mut Vec<u8>) -> Result<()> {
        Ok(())
    }
}

impl Operator for Any {
    type Config = Config;
    const INFO: ProcessorInfo = Any::INFO;

    fn new(_config: Config) -> Result<Self> {
        Ok(Any)
    }

    fn on_event<'a>(
        &mut self,
        _: &str,
        _: Event<'a>,
        _: &'a Arena,
        _: &mut OperatorSink<'_, 'a>,
    ) -> Result<()> {
        Ok(())
    }
}

impl FunctionModule for Any {
    const INFO: ProcessorInfo = Any::INFO;
    const FUNCTIONS: &'static [Function] = &[];
}

register!(connector Sides<true, true>);
register!(connector Sides<true, false>);
register!(connector Sides<false, true>);
register!(codec Any);
register!(preprocessor Any);
register!(postprocessor Any);
register!(operator Any);
register!(functions Any);

/// All records in this test's own file.
static RECORDS: LazyLock<Vec<Json>> = LazyLock::new(|| {
    let path = std::env::current_exe().expect("a path");
    let bytes = std::fs::read(path).expect("a file");
    let start = br#"{"record":""#;
    let places = bytes.windows(start.len()).enumerate();
    let starts = places
        .filter(|(_, window)| window == start)
        .map(|(at, _)| at);
    let records = starts.filter_map(|at| {
        let record = bytes[at..].split(|byte| *byte == b'\n').next()?;
        from_str(std::str::from_utf8(record).ok()?).ok()
    });
    records.collect()
});

fn record(kind: &str, name: &str) -> &'static Json {
    let is = |r: &&Json| r["record"] == "entry" && r["kind"] == kind && r["name"] == name;
    let found: Vec<_> = RECORDS.iter().filter(is).collect();
    assert_eq!(found.len(), 1, "records of {kind} `{name}`: {found:?}");
    found[0]
}

#[test]
fn every_registration_is_collected() {
    let mut found: Vec<_> = entries().map(|e| (e.kind(), e.name())).collect();
    found.sort_unstable();
    let expected = [
        (Kind::Connector, "both"),
        (Kind::Connector, "in"),
        (Kind::Connector, "out"),
        (Kind::Codec, "any"),
        (Kind::Preprocessor, "any"),
        (Kind::Postprocessor, "any"),
        (Kind::Operator, "any"),
        (Kind::FunctionModule, "any"),
    ];
    assert_eq!(found, expected);
    let feature = cfg!(feature = "inventory");
    assert_eq!(COLLECTOR, if feature { "inventory" } else { "linkme" });
}

#[test]
fn entries_know_where_they_come_from() {
    let entry = entries().find(|e| e.name() == "both").expect("registered");
    assert_eq!(entry.crate_name(), "temblor-pdk");
    assert_eq!(entry.version(), env!("CARGO_PKG_VERSION"));
    assert_eq!((entry.source(), entry.sink()), (Some(SOURCE), Some(SINK)));
    assert_eq!(format!("{entry:?}"), "connector `both`");
    let codec = entries()
        .find(|e| e.kind() == Kind::Codec)
        .expect("registered");
    assert_eq!((codec.source(), codec.sink()), (None, None));
    assert!(!entry.is_stateless() && !entry.describe().is_stateless());
    assert!(codec.is_stateless() && codec.describe().is_stateless());
}

#[test]
fn every_registration_leaves_a_record() {
    for (kind, name, capabilities) in [
        (
            "connector",
            "both",
            &["source.bytes/1", "source.lanes/1", "sink.values/1"][..],
        ),
        ("connector", "in", &["source.bytes/1", "source.lanes/1"]),
        ("connector", "out", &["sink.values/1"]),
        ("codec", "any", &["codec/1", "codec.stateless/1"]),
        ("preprocessor", "any", &["preprocessor/1"]),
        ("postprocessor", "any", &["postprocessor/1"]),
        ("operator", "any", &["operator/1"]),
        ("function module", "any", &["functions/1"]),
    ] {
        let record = record(kind, name);
        let listed: Vec<_> = record["capabilities"]
            .as_array()
            .into_iter()
            .flatten()
            .collect();
        assert_eq!(listed, capabilities, "{kind} `{name}`");
        for capability in capabilities {
            assert!(manifest::CAPABILITIES.contains(capability), "{capability}");
        }
        assert_eq!(record["crate"], "temblor-pdk");
        assert_eq!(record["version"], env!("CARGO_PKG_VERSION"));
        assert_eq!(record["panic"], "unwind");
    }
}

#[test]
fn the_contract_leaves_a_record() {
    let found: Vec<_> = RECORDS.iter().filter(|r| r["record"] == "pdk").collect();
    assert_eq!(found.len(), 1);
    let record = found[0];
    assert_eq!(record["epoch"], abi::EPOCH);
    assert_eq!(record["pdk"], abi::VERSION);
    assert_eq!(record["layout"], format!("{:016x}", abi::LAYOUT));
    assert_eq!(record["collector"], COLLECTOR);
    let target = record["target"].as_str().unwrap_or_default();
    assert!(target.contains(std::env::consts::ARCH), "{target}");
    assert!(
        record["rustc"]
            .as_str()
            .is_some_and(|r| r.starts_with("rustc "))
    );
}

const ORIGIN: Origin = Origin {
    crate_name: "a-crate",
    version: "1.2.3",
    unwinds: false,
};

#[test]
fn records_are_joined_of_their_pieces() {
    const PIECES: &[&str] = &manifest::connector::<Sides<false, false>>(ORIGIN);
    const RECORD: [u8; manifest::len(PIECES)] = manifest::join(PIECES);
    assert_eq!(RECORD, *PIECES.concat().as_bytes());
    assert_eq!(RECORD.last(), Some(&b'\n'));
    let record: Json = from_str(std::str::from_utf8(&RECORD).expect("text")).expect("JSON");
    assert_eq!(record["panic"], "abort");
    assert_eq!(record["name"], "neither");
    assert_eq!(record["capabilities"].as_array().map(Vec::len), Some(0));
    assert_eq!(manifest::len(&[]), 0);
    assert_eq!(manifest::join::<3>(&["a", "", "bc"]), *b"abc");
}

#[test]
fn a_crate_that_aborts_is_marked() {
    static ENTRY: Entry = Entry::connector::<Sides<true, false>>(ORIGIN);
    assert!(ENTRY.describe().aborts_on_panic());
    let registered = entries().find(|e| e.name() == "in").expect("registered");
    assert!(!registered.describe().aborts_on_panic());
}

#[test]
fn kinds_have_names_and_numbers() {
    for kind in Kind::ALL {
        assert_eq!(Kind::from_code(kind.code()), Some(kind));
        assert_eq!(Kind::from_name(kind.name()), Some(kind));
    }
    assert_eq!(Kind::from_code(0), None);
    assert_eq!(Kind::from_name("thing"), None);
}

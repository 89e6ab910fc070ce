//! The conformance kit finds what it is there to find: connectors with one fault each.

use std::future::pending;
use std::panic::{AssertUnwindSafe, catch_unwind};

use temblor_pdk::schemars::JsonSchema;
use temblor_pdk::serde::Deserialize;
use temblor_pdk::testing::{Maker, Side, Subject, check};
use temblor_pdk::{
    Batch, BatchWriter, Buffer, Connector, ConnectorInfo, Context, Entry, Error, Fates, NoSink,
    NoSource, Origin, Payload, Pull, Result, Settles, Sink, SinkInfo, Source, SourceInfo, drive,
    register,
};

/// The message of the kit's panic.
fn finding(test: impl FnOnce()) -> String {
    let payload = catch_unwind(AssertUnwindSafe(test)).expect_err("the kit found nothing");
    match payload.downcast::<String>() {
        Ok(text) => *text,
        Err(payload) => payload
            .downcast_ref::<&str>()
            .copied()
            .unwrap_or("no text")
            .to_owned(),
    }
}

// Everything that `check` looks at is wrong here.
#[derive(Deserialize, JsonSchema)]
#[serde(crate = "temblor_pdk::serde")]
#[schemars(crate = "temblor_pdk::schemars")]
#[expect(dead_code, reason = "only the schema is used")]
struct Undescribed {
    key: Option<u32>,
}

struct Careless;

impl Connector for Careless {
    type Config = Undescribed;
    type Source = NoSource;
    type Sink = NoSink;
    const INFO: ConnectorInfo = ConnectorInfo {
        name: "Careless",
        summary: "no sentence",
        example: r#"{"key": "text", "other": 1}"#,
        source: Some(SourceInfo {
            payload: Payload::Bytes,
            transactional: false,
            lanes: true,
        }),
        sink: None,
    };

    fn new(_config: Undescribed, _context: Context) -> Result<Self> {
        Ok(Careless)
    }
}

register!(connector Careless);

#[test]
fn careless_entries_are_found() {
    let text = finding(|| check(env!("CARGO_PKG_NAME")));
    for expected in [
        "the name `Careless`",
        "the summary is not one sentence",
        "its source has lanes and is not transactional",
        "the example does not work",
        "the refusal of an unknown key does not name it",
        "its configuration is not described",
        "the key `key` is not described",
        "the example has a key `other` that the schema does not know",
    ] {
        assert!(text.contains(expected), "`{expected}` is not in:\n{text}");
    }
}

#[test]
fn a_crate_without_entries_is_found() {
    let text = finding(|| check("temblor-connector-elsewhere"));
    assert!(
        text.contains("add `use temblor_connector_elsewhere as _;`"),
        "{text}"
    );
}

#[derive(Clone, Copy, PartialEq)]
enum Fault {
    None,
    DeafPull,
    PanicInDrop,
    PanicInPull,
    SecondConnectFails,
    UnsettledFates,
    EarlyFates,
    SideThatIsNotThere,
    LaneThatHasNotBegun,
    LaneWithoutName,
}

/// `{}`
#[derive(Deserialize, JsonSchema)]
#[serde(crate = "temblor_pdk::serde", deny_unknown_fields)]
#[schemars(crate = "temblor_pdk::schemars")]
struct Nothing {}

/// Says what it is; never made from its entry. A source with lanes has late fates.
struct Said<const SINK: bool, const LATE: bool>;

impl<const SINK: bool, const LATE: bool> Connector for Said<SINK, LATE> {
    type Config = Nothing;
    type Source = NoSource;
    type Sink = NoSink;
    const INFO: ConnectorInfo = ConnectorInfo {
        name: "said",
        summary: "Said.",
        example: "{}",
        source: match SINK {
            true => None,
            false => Some(SourceInfo {
                payload: Payload::Bytes,
                transactional: LATE,
                lanes: LATE,
            }),
        },
        sink: match SINK {
            false => None,
            true => Some(SinkInfo {
                payload: Payload::Bytes,
                settles: if LATE {
                    Settles::Late
                } else {
                    Settles::OnReturn
                },
            }),
        },
    };

    fn new(_config: Nothing, _context: Context) -> Result<Self> {
        Err(Error::failed("never made"))
    }
}

const ORIGIN: Origin = Origin {
    crate_name: "said",
    version: "0.1.0",
    unwinds: true,
};

static SOURCE: Entry = Entry::connector::<Said<false, false>>(ORIGIN);
static LANES: Entry = Entry::connector::<Said<false, true>>(ORIGIN);
static SINK: Entry = Entry::connector::<Said<true, false>>(ORIGIN);
static LATE_SINK: Entry = Entry::connector::<Said<true, true>>(ORIGIN);

/// Has one fault.
struct Faulty {
    fault: Fault,
    connected: bool,
}

struct FaultySide(Fault);

impl Connector for Faulty {
    type Config = Nothing;
    type Source = FaultySide;
    type Sink = FaultySide;
    const INFO: ConnectorInfo = Said::<false, false>::INFO;

    fn new(_config: Nothing, _context: Context) -> Result<Self> {
        Err(Error::failed("driven without an entry"))
    }

    async fn connect(&mut self) -> Result<()> {
        if self.connected && self.fault == Fault::SecondConnectFails {
            return Err(Error::failed("connected already"));
        }
        self.connected = true;
        Ok(())
    }

    async fn create_source(&mut self) -> Result<FaultySide> {
        Ok(FaultySide(self.fault))
    }

    async fn create_sink(&mut self) -> Result<FaultySide> {
        match self.fault {
            Fault::None | Fault::DeafPull => Err(Error::config("no sink")),
            _ => Ok(FaultySide(self.fault)),
        }
    }
}

impl Source for FaultySide {
    async fn pull(&mut self, out: &mut BatchWriter) -> Result<Pull> {
        match self.0 {
            Fault::DeafPull => pending().await,
            Fault::PanicInPull => panic!("in a pull"),
            Fault::LaneWithoutName => out.begin_lane(3, "", None),
            Fault::LaneThatHasNotBegun => out.push_bytes(Buffer::from_vec(b"x".to_vec()), 1),
            _ => {}
        }
        let lanes = [Fault::LaneWithoutName, Fault::LaneThatHasNotBegun];
        if lanes.contains(&self.0) {
            return Ok(Pull::Ready);
        }
        if out.wait(pending::<()>()).await.is_none() {
            return Ok(Pull::Idle);
        }
        out.push_bytes(Buffer::from_vec(b"x".to_vec()), 1);
        Ok(Pull::Ready)
    }
}

impl Sink for FaultySide {
    async fn write(&mut self, _batch: Batch, fates: Fates) -> Result<()> {
        match self.0 {
            Fault::EarlyFates => fates.acked(),
            Fault::UnsettledFates => {
                fates.acked_range(0..2);
                fates.acked_range(1..3);
            }
            _ => {}
        }
        Ok(())
    }
}

impl Drop for FaultySide {
    fn drop(&mut self) {
        assert!(self.0 != Fault::PanicInDrop, "in a drop");
    }
}

/// The connector that `entry` describes, made with a fault.
fn with(entry: &'static Entry, fault: Fault) -> Subject {
    let connected = false;
    let make = move |_: &str, _| Ok(drive(Faulty { fault, connected }));
    Subject::only(entry, Maker::new("driven", make))
}

fn found(entry: &'static Entry, fault: Fault, side: Side) -> String {
    finding(|| with(entry, fault).check_life("{}", side))
}

#[test]
fn a_connector_without_fault_is_let_through() {
    with(&SOURCE, Fault::None).check_life("{}", Side::Source);
}

#[test]
fn faults_of_sources_are_found() {
    let text = found(&SOURCE, Fault::DeafPull, Side::Source);
    assert!(text.contains("after an interrupt"), "{text}");
    let text = found(&SOURCE, Fault::PanicInPull, Side::Source);
    assert!(text.contains("in a pull"), "{text}");
    let text = found(&SOURCE, Fault::PanicInDrop, Side::Source);
    assert!(text.contains("in a drop"), "{text}");
    let text = found(&SOURCE, Fault::SecondConnectFails, Side::Source);
    assert!(
        text.contains("connecting again: connected already"),
        "{text}"
    );
    let text = found(&SOURCE, Fault::SideThatIsNotThere, Side::Source);
    assert!(
        text.contains("it made a Sink that it says it has not"),
        "{text}"
    );
}

#[test]
fn faults_of_lanes_are_found() {
    for (fault, expected) in [
        (
            Fault::LaneThatHasNotBegun,
            "an event of lane 0, which has not begun",
        ),
        (Fault::LaneWithoutName, "lane 3 began without a name"),
    ] {
        let text = found(&LANES, fault, Side::Source);
        assert!(text.contains(expected), "{text}");
    }
}

#[test]
fn faults_of_sinks_are_found() {
    let text = found(&SINK, Fault::EarlyFates, Side::Sink);
    assert!(text.contains("it settles on return"), "{text}");
    let text = found(&LATE_SINK, Fault::UnsettledFates, Side::Sink);
    assert!(text.contains("each event has one fate"), "{text}");
}

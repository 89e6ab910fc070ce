//! Plugins as they were built when epoch 1 was frozen: loaded from the bytes that were kept, and run. Their sources,
//! built in, do the same.

use std::io::Read;
use std::net::TcpListener;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use serde_json::json;
use temblor::Secrets;
use temblor_pdk::log::{Level, LevelFilter};
use temblor_pdk::{
    Command, Context, Fate, FateRange, FrameSink, Host, Instance, Kind, LaneNotice, LaneStart,
    Outcome, PullLimits, PullNumber, Value, call,
};
use temblor_registry::{
    Config, Contract, Digest, LinkMode, PluginFile, Provider, Registry, Status,
};

use crate::plugins::{MODES, Said};
use crate::support::{builder, coded, ended, logged, text, with};

// That they compile is a part of the test: what was written for epoch 1 stays right.
#[path = "../golden/bytes.rs"]
#[allow(unreachable_pub, reason = "it is a crate of its own elsewhere")]
mod bytes;
#[path = "../golden/later.rs"]
#[allow(unreachable_pub, reason = "it is a crate of its own elsewhere")]
mod later;
#[path = "../golden/values.rs"]
#[allow(unreachable_pub, reason = "it is a crate of its own elsewhere")]
mod values;

/// What the two plugins of today register.
const NAMES: [&str; 10] = [
    "golden",
    "golden::tag",
    "golden_ledger",
    "golden_lanes",
    "golden_pieces",
    "golden_values",
    "golden_wire",
    "golden-lines",
    "golden-pairs",
    "golden-semicolons",
];

fn folder() -> &'static Path {
    static FOLDER: OnceLock<std::path::PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden"))
}

/// Unpacks a plugin into a directory.
fn unpack(name: &str, to: &Path) {
    let packed = std::fs::read(folder().join(format!("{name}.so.xz"))).unwrap();
    let registry = temblor::builtin_registry().unwrap();
    let unpacker = registry.find(Kind::Preprocessor, "decompress").unwrap();
    let mut unpacker = unpacker.make_preprocessor("{}").unwrap();
    let mut bytes = Vec::new();
    let mut take = |frame: temblor_pdk::Frame<'_, '_>| match frame {
        temblor_pdk::Frame::Part(part) => bytes.extend_from_slice(part),
        temblor_pdk::Frame::Made(made) => bytes.extend_from_slice(made),
        _ => panic!("it cannot be unpacked"),
    };
    unpacker
        .process(&packed, &mut FrameSink::new(&mut take))
        .unwrap();
    unpacker.finish(&mut FrameSink::new(&mut take)).unwrap();
    std::fs::write(to.join(format!("{name}.so")), bytes).unwrap();
}

fn host(said: &Said) -> Host {
    let keep = Arc::clone(said);
    temblor::host_for_plugin(
        "golden",
        LevelFilter::Trace,
        &Secrets::new(),
        move |record| {
            let said = (String::new(), record.level, record.message.to_owned());
            keep.lock().unwrap().push(said);
        },
    )
}

/// Adds kept plugins to a registry.
fn add(registry: &mut Registry, names: &[&str]) -> Said {
    let (said, dir) = (Said::default(), tempfile::tempdir().unwrap());
    let mut toml = String::new();
    for name in names {
        unpack(name, dir.path());
        toml += &format!("[[plugin]]\npath = '{name}.so'\n");
    }
    let config = Config::parse(&toml, &dir.path().join("connectors.toml")).unwrap();
    registry.add_plugins(&config, &host(&said));
    let refused: Vec<_> = registry.refused().map(ToString::to_string).collect();
    assert!(refused.is_empty(), "{refused:?}");
    said
}

/// A registry in which the golden things are called in this way.
fn golden(mode: LinkMode) -> Arc<Registry> {
    static GOLDEN: [OnceLock<Arc<Registry>>; 3] = [const { OnceLock::new() }; 3];
    let at = MODES.iter().position(|other| *other == mode).unwrap();
    let made = GOLDEN[at].get_or_init(|| {
        let mut registry = temblor::builtin_registry().unwrap();
        if mode == LinkMode::Dylib {
            add(&mut registry, &["values", "bytes"]);
        }
        NAMES.iter().for_each(|name| registry.link(name, mode));
        registry.check(&[]).unwrap();
        Arc::new(registry)
    });
    Arc::clone(made)
}

#[test]
fn what_is_kept_is_what_was_built() {
    let dir = tempfile::tempdir().unwrap();
    let digests = std::fs::read_to_string(folder().join("digests.sha256")).unwrap();
    let host = Contract::of_this_program();
    assert_eq!(digests.lines().count(), 3);
    for line in digests.lines() {
        let (digest, file) = line.split_once("  ").unwrap();
        unpack(file.strip_suffix(".so").unwrap(), dir.path());
        let file = PluginFile::read(&dir.path().join(file)).unwrap();
        assert_eq!(file.sha256().to_string(), digest);
        assert_eq!(Digest::of(file.bytes()).to_string(), digest);
        let pdk = &file.manifest().pdk;
        assert_eq!((pdk.epoch, &pdk.layout), (1, &host.layout));
        file.check_contract(&host).unwrap();
    }
}

const BODY: &str = "
    define operator tag from golden::tag with tag = \"t\" end;
    create operator tag;
    define script compute script
        let event.twice = golden::twice(event.id);
        let event.theirs = golden::field(event.wide, \"field_9\");
        let event.ours = golden::field(merge event.wide of {\"extra\": 99} end, \"extra\");
        let event.eight = event.wide.field_8;
        let event.timed = golden::timed();
        event
    end;
    create script compute;
    select event from in into compute;
    select event from compute into tag;
    select event.`event` from tag into out;
    select event.`event` from tag/even into out;";

/// A line of the ledger.
fn line(id: u64) -> String {
    let wide: Vec<String> = (0..40)
        .map(|at| format!("\"field_{at}\":{}", at * id))
        .collect();
    format!(
        "{{\"id\":{id},\"text\":\"event {id}: \u{e4}\",\"float\":0.5,\"large\":18446744073709551615,\
         \"none\":null,\"yes\":true,\"list\":[{id},null],\"wide\":{{{}}},\"twice\":{},\"theirs\":{},\
         \"ours\":99,\"eight\":{},\"timed\":true}} {{\"from\":\"golden\"}}",
        wide.join(","),
        id * 2,
        id * 9,
        id * 8,
    )
}

/// Data and metadata of a line. The order of many keys is lost where an operator keeps a record.
fn read(line: &str) -> (serde_json::Value, serde_json::Value) {
    let (data, meta) = line.rsplit_once(' ').unwrap();
    let json = |text| serde_json::from_str(text).unwrap();
    (json(data), json(meta))
}

#[test]
fn values_go_through_a_flow() {
    for mode in MODES {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ledger");
        let (builder, records) = builder();
        let engine = builder.registry(golden(mode)).build().unwrap();
        let program = text(
            &[
                &with("i", "golden_values", &json!({"pulls": 3})),
                &with("o", "golden_ledger", &json!({"path": path, "refuse": 7})),
            ],
            &[("p", BODY)],
            &["connector/i -> pipeline/p", "pipeline/p -> connector/o"],
        );
        let program = engine.compile("test.troy", &program).unwrap();
        let flow = engine.start(&program.flows[0]).unwrap();
        let report = ended(&flow);
        assert_eq!(report.counts.events_in, 30, "{mode}");
        assert!(report.counts.failed >= 1, "{mode}: {report:?}");
        let ledger = std::fs::read_to_string(&path).unwrap();
        let expected: Vec<String> = (0..30).filter(|id| *id != 7).map(line).collect();
        assert_eq!(ledger.lines().count(), expected.len(), "{mode}");
        for (found, expected) in ledger.lines().zip(&expected) {
            assert_eq!(read(found), read(expected), "{mode}");
        }
        assert!(logged(
            &records,
            "i",
            "connected, 42, slept: true, more: false"
        ));
        let told = records.lock().unwrap();
        let told = told.iter().find_map(|(_, _, m)| m.split_once(" acked, "));
        let (acked, rest) = told.unwrap();
        let failed = rest.strip_suffix(" failed").unwrap();
        let number = |text: &str| text.parse::<u64>().unwrap();
        assert_eq!(number(acked) + number(failed), 30, "{mode}");
        assert!(number(failed) >= 1, "{mode}");
    }
}

#[test]
fn bytes_go_through_a_flow() {
    for mode in MODES {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let reader = std::thread::spawn(move || {
            let mut text = String::new();
            listener
                .accept()
                .unwrap()
                .0
                .read_to_string(&mut text)
                .unwrap();
            text
        });
        let (builder, records) = builder();
        let engine = builder.registry(golden(mode)).build().unwrap();
        let program = text(
            &[
                &coded(
                    "i",
                    "golden_pieces",
                    &json!({
                        "stream": "a=1;b=2;;key=x;d=4", "piece": 3, "messages": ["m=1;", "n=2"],
                    }),
                    "codec = \"golden-pairs\", preprocessors = [\"golden-semicolons\"]",
                ),
                &coded(
                    "o",
                    "golden_wire",
                    &json!({"address": address}),
                    "codec = \"golden-pairs\", postprocessors = [\"golden-lines\"]",
                ),
            ],
            &[],
            &["connector/i -> connector/o"],
        );
        let program = engine.compile("test.troy", &program).unwrap();
        let flow = engine.start(&program.flows[0]).unwrap();
        ended(&flow);
        drop(engine);
        let expected = ["a=1", "b=2", "d=4", "m=1", "n=2"].map(|line| format!("{line} timed\n"));
        assert_eq!(reader.join().unwrap(), expected.concat(), "{mode}");
        assert!(logged(&records, "i", "cannot be decoded"), "{mode}");
    }
}

#[test]
fn a_lane_goes_through_a_flow() {
    for mode in MODES {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ledger");
        let (builder, records) = builder();
        let engine = builder.registry(golden(mode)).build().unwrap();
        let program = text(
            &[
                &with("i", "golden_lanes", &json!({"committed": 40})),
                &with("o", "golden_ledger", &json!({"path": path})),
            ],
            &[],
            &["connector/i -> connector/o"],
        );
        let program = engine.compile("test.troy", &program).unwrap();
        let flow = engine.start(&program.flows[0]).unwrap();
        assert_eq!(ended(&flow).counts.delivered, 3, "{mode}");
        let ledger = std::fs::read_to_string(&path).unwrap();
        assert_eq!(ledger, "40 null\n41 null\n42 null\n", "{mode}");
        for said in [
            "lane 3 from None, kept: false",
            "lane 3 revoked, in time: true",
        ] {
            assert!(logged(&records, "i", said), "{mode}: {said}");
        }
    }
}

/// Gives a command to an instance that need not wait.
fn now(instance: &mut dyn Instance, command: Command) -> Outcome {
    smol::block_on(call(instance, command)).unwrap()
}

#[test]
fn a_lane_comes_and_goes() {
    for mode in MODES {
        let entry = golden(mode).find(Kind::Connector, "golden_lanes").unwrap();
        assert!(entry.source().unwrap().lanes);
        let said = Said::default();
        let context = Context::new("i", host(&said));
        let mut connector = entry
            .make_connector(r#"{"committed": 40}"#, context)
            .unwrap();
        let Outcome::Instance(mut source) = now(&mut *connector, Command::CreateSource) else {
            panic!("no source")
        };
        let mut pulls = 0..;
        let mut pull = |source: &mut dyn Instance| {
            let pull = pulls.next().unwrap();
            let number = PullNumber { source: 1, pull };
            now(source, Command::Pull(PullLimits::DEFAULT, number))
        };
        let Outcome::Lane(begun) = pull(&mut *source) else {
            panic!("no lane")
        };
        let expected = LaneNotice::Begin {
            lane: 3,
            name: "golden/3".to_owned(),
            committed: Some(40),
        };
        assert_eq!(begun, expected);
        let start = LaneStart {
            lane: 3,
            position: Some(100),
            is_kept: true,
        };
        now(&mut *source, Command::Assigned(start));
        let Outcome::Batch(batch, position) = pull(&mut *source) else {
            panic!("no batch")
        };
        let values: Vec<Value<'_>> = batch.events().iter().map(|event| event.data).collect();
        assert_eq!(values, [100, 101, 102].map(Value::from));
        assert!(batch.events().iter().all(|event| event.id.lane == 3));
        assert_eq!(position, Some(103));
        let fates = FateRange {
            lane: 3,
            fate: Fate::Acked,
            first_pull: 1,
            last_pull: 1,
            first_event: 0,
            last_event: 2,
        };
        now(&mut *source, Command::Fates(vec![fates]));
        now(&mut *source, Command::Stored(3, 103));
        let Outcome::Lane(LaneNotice::End { lane: 3, .. }) = pull(&mut *source) else {
            panic!("the lane does not end")
        };
        now(&mut *source, Command::Revoke(3, u64::MAX));
        assert!(matches!(pull(&mut *source), Outcome::End(None, None)));
        let said: Vec<String> = said.lock().unwrap().iter().map(|s| s.2.clone()).collect();
        let expected = [
            "lane 3 from Some(100), kept: true",
            "fates of lane 3",
            "lane 3 stored up to 103",
            "lane 3 revoked, in time: true",
        ];
        assert_eq!(said, expected, "{mode}");
    }
}

#[test]
fn a_plugin_of_a_later_pdk_loads_without_what_is_newer() {
    let mut registry = Registry::new();
    let said = add(&mut registry, &["later"]);
    let reverse = registry
        .find(Kind::Postprocessor, "golden-reverse")
        .unwrap();
    let Provider::Plugin { pdk: Some(pdk), .. } = reverse.provider() else {
        panic!("{reverse:?}")
    };
    assert_eq!(pdk, "9.9.9");
    let mut out = Vec::new();
    let mut reverse = reverse.make_postprocessor("{}").unwrap();
    reverse.process(b"abc", &mut out).unwrap();
    assert_eq!(out, b"cba");

    let second =
        "it has `preprocessor/2`, this program knows `preprocessor/1`: use a newer temblor";
    let error = registry
        .find(Kind::Preprocessor, "golden-second")
        .unwrap_err();
    assert!(error.help().contains(second), "{}", error.help());
    let telepath = "this program knows no telepath: use a newer temblor";
    let listing = registry.listing();
    let newer: Vec<_> = listing
        .iter()
        .filter(|row| row.status == Status::Newer)
        .map(|row| (row.name.as_deref(), row.reason.as_deref()))
        .collect();
    let expected = [
        (Some("golden-second"), Some(second)),
        (Some("golden-telepath"), Some(telepath)),
    ];
    assert_eq!(newer, expected);
    assert_eq!(listing.len(), 3);
    let said = said.lock().unwrap();
    let has = |level, text: &str| said.iter().any(|(_, l, m)| *l == level && m.contains(text));
    assert!(
        has(Level::Warn, telepath) && has(Level::Warn, second),
        "{said:?}"
    );
    let dreams = "`postprocessor.dreams/3`, which this program does not know";
    assert!(has(Level::Info, dreams), "{said:?}");
}

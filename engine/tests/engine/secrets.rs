//! References in configurations, and secrets that nobody gets to see, through the library.

use std::sync::{Arc, Mutex};

use serde_json::json;
use temblor::{Engine, Secrets, StartError, StartErrorKind};
use temblor_pdk::schemars::JsonSchema;
use temblor_pdk::serde::Deserialize;
use temblor_pdk::{
    Batch, Connector, ConnectorInfo, Context, Error, Fates, Host, NoSource, Payload, Result,
    Settles, Sink, SinkInfo, log, register,
};

use crate::support::{all, builder, ended, text, try_start, with};

const LINK: &[&str] = &["connector/a -> connector/b"];
const NULL: &str = "b from `null`";

/// An engine whose environment has two variables.
fn engine() -> (Engine, Secrets) {
    let (builder, _) = builder();
    let secrets = Secrets::new();
    let builder = builder
        .secrets(secrets.clone())
        .environment(|name| match name {
            "TOKEN" => Some("s3cr3t-t0ken".to_owned()),
            "EMPTY" => Some(String::new()),
            "SHORT" => Some("q7".to_owned()),
            _ => None,
        });
    (builder.build().unwrap(), secrets)
}

/// The error of a flow, and the text that it points to.
fn refused(text: &str) -> (StartError, String) {
    let (engine, ..) = engine();
    let error = try_start(&engine, text).unwrap_err();
    let place = error.span.map(|span| {
        let (start, end) = (span.start as usize, span.end as usize);
        text[start..end].to_owned()
    });
    (error, place.unwrap_or_default())
}

/// What a file source says of the path that it was given, which is not there.
fn path_of(path: &str) -> String {
    let (engine, secrets) = engine();
    let file = format!(
        "a from file with codec = \"json\", config = {{\"mode\": \"read\", \"path\": \"{path}\"}} end"
    );
    let error = try_start(&engine, &text(&[&file, NULL], &[], LINK)).unwrap_err();
    // Masked once more, nothing changes.
    assert_eq!(secrets.mask(&error.message), error.message);
    error.message
}

#[test]
fn references_are_resolved_when_a_flow_starts() {
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path();
    std::fs::create_dir(place.join("s3cr3t-t0ken")).unwrap();
    std::fs::write(place.join("s3cr3t-t0ken/in.txt"), "1\n2\n").unwrap();
    std::fs::write(place.join("name"), "in.txt\n").unwrap();
    let (engine, ..) = engine();
    let path = format!("{0}/${{env:TOKEN}}/${{file:{0}/name}}", place.display());
    let file = format!(
        "a from file with codec = \"${{}}\", preprocessors = [\"separate\"], \
         config = {{\"mode\": \"read\", \"path\": \"{path}\"}} end"
    )
    .replace("${}", "json");
    let flow = try_start(&engine, &text(&[&file, NULL], &[], LINK)).unwrap();
    assert_eq!(ended(&flow).counts.events_in, 2);
}

#[test]
fn processors_have_references_too() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("in");
    std::fs::write(&path, "1;2;3").unwrap();
    let (engine, ..) = engine();
    let file = format!(
        "a from file with codec = \"json\", \
         preprocessors = [{{\"name\": \"separate\", \"config\": {{\"separator\": \"${{env:NONE:-;}}\"}}}}], \
         config = {{\"mode\": \"read\", \"path\": \"{}\"}} end",
        path.display()
    );
    let flow = try_start(&engine, &text(&[&file, NULL], &[], LINK)).unwrap();
    assert_eq!(ended(&flow).counts.events_in, 3);
}

#[test]
fn what_a_reference_stands_for_is_masked_and_the_rest_is_shown() {
    assert!(path_of("/none/${env:TOKEN}/x").contains("/none/${env:TOKEN}/x"));
    assert!(path_of("/none/${env:NONE:-default}/x").contains("/none/default/x"));
    assert!(path_of("/none/${env:EMPTY:-default}/x").contains("/none/default/x"));
    assert!(path_of("/none/${env:EMPTY}x").contains("/none/x"));
    // Too short to be looked for within words: all of what it is in is masked.
    let message = path_of("/none/a${env:SHORT}z");
    assert!(!message.contains("q7"), "{message}");
    // A literal dollar sign.
    assert!(path_of("/none/$${env:TOKEN}/$x").contains("/none/${env:TOKEN}/$x"));
}

#[track_caller]
fn refuses(value: &str, message: &str, help: &str) {
    let config = json!({ "mode": "read", "path": value });
    let file = with("a", "file", &config).replace(" end", ", codec = \"json\" end");
    let (error, place) = refused(&text(&[&file, NULL], &[], LINK));
    assert_eq!(error.kind, StartErrorKind::Config, "{error}");
    assert!(
        error.message.starts_with("`path` of connector `a` "),
        "{error}"
    );
    assert!(error.message.contains(message), "{error}");
    let said = error.help.unwrap_or_default();
    assert!(said.contains(help), "{said}");
    assert_eq!(place, format!("\"{value}\""));
}

#[test]
fn what_cannot_be_resolved_is_an_error_at_its_value() {
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str, content: &[u8]| {
        let path = directory.path().join(name);
        std::fs::write(&path, content).unwrap();
        format!("${{file:{}}}", path.display())
    };
    refuses(
        "x${env:NONE}",
        "environment variable `NONE`, which is not set",
        "${env:NONE:-default}",
    );
    refuses(
        "${file:/none/at/all}",
        "file `/none/at/all`, which cannot be read",
        "can read",
    );
    refuses("${file:/}", "which cannot be read", "can read");
    refuses(
        &file("large", &[b'a'; 64 * 1024 + 1]),
        "more than 65536 bytes",
        "nothing else",
    );
    refuses(&file("binary", &[0xff, 0xfe]), "no UTF-8", "base64");
    refuses("${file:/dev/zero}", "more than 65536 bytes", "");
}

#[test]
fn references_that_are_not_well_written() {
    refuses("${env:TOKEN", "is not closed", "`}`");
    refuses(
        "${TOKEN}",
        "`${TOKEN}` that does not say where",
        "`${env:TOKEN}`",
    );
    refuses(
        "${evn:TOKEN}",
        "`evn`, which is no source of values",
        "${file:PATH}",
    );
    refuses("${env:1X}", "`1X`, which is no name", "letters, digits");
    refuses("${env:}", "``, which is no name", "letters, digits");
    refuses("${file:}", "without a path", "${file:");
    refuses(
        "${env:A:-${env:B}}",
        "within the reference to `A`",
        "plain text",
    );
    refuses("${}", "does not say where", "$${");
}

/// The configuration of an HTTP client with a key that its schema marks, which cannot be sent.
fn client(token: &str) -> String {
    let config = json!({ "url": "http://127.0.0.1:1/", "auth": { "bearer": token } });
    with("b", "http_client", &config).replace(" end", ", codec = \"json\" end")
}

#[test]
fn marked_keys_are_masked_however_they_are_written() {
    let (engine, secrets) = engine();
    let source = "a from metronome with config = {\"interval_ms\": 1000} end";
    let flow = try_start(
        &engine,
        &text(&[source, &client("literal-token")], &[], LINK),
    );
    if let Ok(flow) = &flow {
        flow.stop();
    }
    assert_eq!(secrets.mask("a literal-token b"), "a *** b");
    assert_eq!(secrets.mask("127.0.0.1:1"), "127.0.0.1:1");
    let debug = format!("{secrets:?} {engine:?}");
    assert!(!debug.contains("literal"), "{debug}");
}

/// Says its token wherever it is told to.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(crate = "temblor_pdk::serde", deny_unknown_fields)]
#[schemars(crate = "temblor_pdk::schemars")]
struct Loud {
    place: String,
    #[schemars(extend("x-secret" = true))]
    key: String,
}

impl Loud {
    fn step(&self, place: &str) -> Result<()> {
        let text = format!("{place} with {}", self.key);
        match self.place.as_str() {
            said if said == place => Err(Error::failed(text)),
            "lost" if place == "write" => Err(Error::disconnected(text)),
            "rejected" if place == "write" => Err(Error::rejected(text)),
            "panic" if place == "write" => panic!("{text}"),
            _ => Ok(()),
        }
    }
}

struct LoudConnector(Loud, Host);

impl Connector for LoudConnector {
    type Config = Loud;
    type Source = NoSource;
    type Sink = LoudConnector;
    const INFO: ConnectorInfo = ConnectorInfo {
        name: "t_loud",
        summary: "A test connector that says what it must not.",
        example: r#"{"place": "write", "key": "x"}"#,
        source: None,
        sink: Some(SinkInfo {
            payload: Payload::Values,
            settles: Settles::Late,
        }),
    };

    fn new(config: Loud, context: Context) -> Result<Self> {
        config.step("new")?;
        Ok(LoudConnector(config, context.host().clone()))
    }

    async fn connect(&mut self) -> Result<()> {
        self.0.step("connect")
    }

    async fn create_sink(&mut self) -> Result<LoudConnector> {
        self.0.step("create_sink")?;
        Ok(LoudConnector(self.0.clone(), self.1.clone()))
    }
}

impl Sink for LoudConnector {
    async fn write(&mut self, _batch: Batch, fates: Fates) -> Result<()> {
        let text = format!("logged with {}", self.0.key);
        self.1.log(log::Level::Error, &text);
        self.0.step("write")?;
        match self.0.place.as_str() {
            "late" => fates.failed(&Error::rejected(format!("late with {}", self.0.key))),
            _ => fates.acked(),
        }
        Ok(())
    }
}

register!(connector LoudConnector);

/// Everything that can be seen of a flow with a connector that says its key, and of how it ended.
fn seen(place: &str, key: &str) -> String {
    let (builder, records) = builder();
    let mut builder = builder.environment(|_| Some("s3cr3t-t0ken".to_owned()));
    let (input, output) = (builder.input("numbers"), builder.output("kept"));
    let engine = builder.build().unwrap();
    let config = json!({ "place": place, "key": key });
    let loud = format!("b from t_loud with config = {config}, reconnect = \"none\" end");
    let links = [LINK[0], "connector/b/err -> connector/c"];
    let flow = text(&["a from numbers", &loud, "c from kept"], &[], &links);
    let said = match try_start(&engine, &flow) {
        Err(error) => format!("{error:?}"),
        Ok(flow) => {
            input.send(1_i64.into()).unwrap();
            drop(input);
            let letters = all(&output).join("\n");
            format!("{letters}\n{:?}", flow.wait())
        }
    };
    drop(engine);
    let records = records.lock().unwrap();
    format!("{said}\n{records:?}")
}

#[test]
fn nothing_that_is_seen_of_a_connector_shows_a_secret() {
    let places = [
        "new",
        "connect",
        "create_sink",
        "write",
        "lost",
        "rejected",
        "panic",
        "late",
    ];
    for place in places {
        for key in ["${env:TOKEN}", "s3cr3t-t0ken"] {
            let seen = seen(place, key);
            let step = match place {
                "lost" | "rejected" | "panic" => "write",
                place => place,
            };
            assert!(
                seen.contains(&format!("{step} with ***")),
                "{place}: {seen}"
            );
            assert!(!seen.contains("s3cr3t"), "{place}: {seen}");
        }
    }
    assert!(seen("nowhere", "${env:TOKEN}").contains("logged with ***"));
}

#[test]
fn a_plugin_shows_no_secret_either() {
    let (secrets, said) = (Secrets::new(), Arc::new(Mutex::new(Vec::new())));
    let keep = Arc::clone(&said);
    let host = temblor::host_for_plugin("p.so", log::LevelFilter::Trace, &secrets, move |record| {
        keep.lock().unwrap().push(record.message.to_owned());
    });
    // The plugin was loaded before any configuration was read.
    secrets.add("s3cr3t-t0ken");
    host.log(log::Level::Error, "panicked with s3cr3t-t0ken");
    assert_eq!(*said.lock().unwrap(), ["panicked with ***"]);
}

#[test]
fn a_configuration_that_is_refused_shows_no_secret() {
    let (engine, ..) = engine();
    let loud = "b from t_loud with config = {\"place\": {\"x\": 1}, \"key\": \"k\"} end";
    let source = "a from metronome with config = {\"interval_ms\": \"${env:TOKEN}\"} end";
    let error = try_start(&engine, &text(&[source, loud], &[], LINK)).unwrap_err();
    assert!(
        error
            .message
            .contains("invalid type: string \"${env:TOKEN}\""),
        "{error}"
    );
}

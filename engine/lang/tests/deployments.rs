//! What a deployment compiles to.

mod common;

use common::{deployment, deployment_with, owned, rendered, run, source};
use temblor_lang::{Endpoint, Options, Reconnect, compile_deployment};

const RELAY: &str = r##"
### A relay.
define flow relay
args
  port,
  host = "local" + "host",
flow
  ## Where events come from.
  define connector inbox from `tcp_server@plugin`
  args addr, tls = {}
  with
    codec = { "name": "json", "config": { "mode": "fast" } },
    preprocessors = ["separate", { "name": "gzip", "config": { "level": args.tls } }],
    config = { "url": args.addr, "buf/size": 1024, "tls": args.tls, "list": [1, { "x": 2 }] },
    reconnect = { "retry": { "interval_ms": 100, "max_retries": 3, "randomized": false } },
    metrics_interval_s = 7,
  end;
  create connector inbox with addr = "#{args.host}:#{args.port}" end;
  define connector console from stdio with codec = "string", postprocessors = ["separate"] end;
  create connector console;
  define pipeline limit from in into out, odd
  args at = 10
  pipeline
    select event from in where event <= args.at into out;
    select { "limit": args.at, "event": event } from in where event > args.at into odd;
  end;
  create pipeline limit with at = args.port / 2 end;
  connect /connector/inbox to /pipeline/limit;
  connect /pipeline/limit/out to /connector/console/in;
  connect /pipeline/limit/odd to /connector/console
end;
deploy flow relay with port = 42 end;
deploy flow second from relay with port = 10, host = "other" end;
"##;

#[test]
fn a_flow_has_its_connectors_with_arguments_filled_in() {
    let deployment = deployment(RELAY);
    assert_eq!(deployment.warnings, []);
    let names: Vec<_> = deployment
        .flows
        .iter()
        .map(|flow| (&*flow.name, &*flow.definition))
        .collect();
    assert_eq!(names, [("relay", "relay"), ("second", "relay")]);
    let inbox = &deployment.flows[0].connectors[0];
    assert_eq!((&*inbox.name, &*inbox.kind), ("inbox", "tcp_server@plugin"));
    assert_eq!(
        inbox.config,
        owned(r#"{"url": "localhost:42", "buf/size": 1024, "tls": {}, "list": [1, {"x": 2}]}"#)
    );
    let codec = inbox.codec.as_ref().expect("it has a codec");
    assert_eq!(
        (&*codec.name, &codec.config),
        ("json", &owned(r#"{"mode": "fast"}"#))
    );
    let processors: Vec<_> = inbox
        .preprocessors
        .iter()
        .map(|named| &*named.name)
        .collect();
    assert_eq!(processors, ["separate", "gzip"]);
    assert_eq!(inbox.preprocessors[1].config, owned(r#"{"level": {}}"#));
    let Some(Reconnect::Retry(reconnect)) = &inbox.reconnect else {
        panic!("it has a policy: {:?}", inbox.reconnect);
    };
    assert_eq!(
        (
            reconnect.interval_ms,
            reconnect.max_retries,
            reconnect.randomized
        ),
        (100, Some(3), false)
    );
    assert_eq!(reconnect.growth_rate, 1.5);
    assert_eq!(inbox.metrics_interval_s, Some(7));
    let console = &deployment.flows[1].connectors[1];
    assert_eq!(console.config, owned("{}"));
    assert_eq!(console.postprocessors[0].name, "separate");
    assert!(console.reconnect.is_none() && console.preprocessors.is_empty());
    let url = deployment.flows[1].connectors[0]
        .config
        .get("url")
        .and_then(|url| url.as_str());
    assert_eq!(url, Some("other:10"));
}

#[test]
fn links_name_connectors_and_pipelines_by_place() {
    let deployment = deployment(RELAY);
    let flow = &deployment.flows[0];
    let ends: Vec<_> = flow
        .links
        .iter()
        .map(|link| (describe(&link.from), describe(&link.to)))
        .collect();
    let expected = [
        ("connector 0 out", "pipeline 0 0"),
        ("pipeline 0 0", "connector 1 in"),
        ("pipeline 0 1", "connector 1 in"),
    ];
    assert_eq!(
        ends,
        expected.map(|(from, to)| (from.to_owned(), to.to_owned()))
    );
}

fn describe(end: &Endpoint) -> String {
    match end {
        Endpoint::Connector {
            connector, port, ..
        } => format!("connector {connector} {port}"),
        Endpoint::Pipeline { pipeline, port, .. } => format!("pipeline {pipeline} {port}"),
    }
}

#[test]
fn pipelines_are_compiled_for_their_arguments() {
    let deployment = deployment(RELAY);
    let limits = deployment
        .flows
        .iter()
        .map(|flow| &flow.pipelines[0].pipeline);
    let found: Vec<_> = limits
        .map(|pipeline| run(pipeline, "in", "7", "null").0)
        .collect();
    assert_eq!(
        found,
        [
            vec!["out 7".to_owned()],
            vec![r#"odd {"limit":5.0,"event":7}"#.to_owned()]
        ]
    );
}

#[test]
fn places_in_a_configuration_map_back_to_the_text() {
    let source = source("relay.troy", RELAY);
    let deployment = compile_deployment(&source, &Options::default())
        .unwrap_or_else(|rejected| panic!("{}", rendered(&rejected)));
    let inbox = &deployment.flows[0].connectors[0];
    let value = |pointer: &str| source.slice(inbox.config_spans.value(pointer));
    let key = |pointer: &str| source.slice(inbox.config_spans.key(pointer));
    assert_eq!((key("/url"), value("/url")), ("\"url\"", "args.addr"));
    assert_eq!(
        (key("/buf~1size"), value("/buf~1size")),
        ("\"buf/size\"", "1024")
    );
    assert_eq!((key("/list/1/x"), value("/list/1/x")), ("\"x\"", "2"));
    assert_eq!(value("/list/0"), "1");
    assert_eq!(
        value("/tls/ca/file"),
        "args.tls",
        "what is not written is the closest value around it"
    );
    assert_eq!(value("/list/7"), "[1, { \"x\": 2 }]");
    assert!(
        value("").starts_with("{ \"url\"")
            && value("/gone") == value("")
            && key("/gone") == value("")
    );
    assert_eq!(source.slice(inbox.kind_span), "`tcp_server@plugin`");
    let codec = inbox.codec.as_ref().expect("it has a codec");
    assert_eq!(source.slice(codec.name_span), "\"json\"");
    assert_eq!(source.slice(codec.config_spans.value("/mode")), "\"fast\"");
    assert!(
        source
            .slice(inbox.span)
            .starts_with("create connector inbox with")
    );
}

#[test]
fn the_host_hands_over_arguments_and_starts_flows() {
    let text = r#"
        define flow named args n, m = 1 flow
          define pipeline p args n pipeline select [args.n, event] from in into out end;
          create pipeline p with n = [args.n, args.m] end;
          create pipeline q from p with n = 0 end;
          connect /pipeline/p to /pipeline/q;
          connect /pipeline/q to /pipeline/p
        end"#;
    assert_eq!(deployment(text).flows.len(), 0);
    let options = Options {
        args: vec![("n".into(), owned("[7]"))],
        flows: vec!["named".into()],
        ..Options::default()
    };
    let deployment = deployment_with(text, &options);
    let pipeline = &deployment.flows[0].pipelines[0].pipeline;
    assert_eq!(
        run(pipeline, "in", "true", "null").0,
        ["out [[[7],1],true]"]
    );
    let source = source("named.troy", text);
    let options = Options {
        args: vec![("o".into(), owned("1"))],
        flows: vec!["namd".into()],
        ..Options::default()
    };
    let rejected = compile_deployment(&source, &options).expect_err("neither exists");
    let messages: Vec<_> = rejected
        .findings
        .iter()
        .map(|finding| &*finding.message)
        .collect();
    assert_eq!(
        messages,
        [
            "flow `namd` was asked for but is not defined",
            "no flow has the argument `o`, which was given from outside"
        ]
    );
    // Nothing in the text is wrong, so no place in it is shown.
    assert_eq!(
        rendered(&rejected),
        "error[unknown-name]: flow `namd` was asked for but is not defined\n --> named.troy\nhelp: did you mean `named`?\n\n\
         error[unknown-argument]: no flow has the argument `o`, which was given from outside\n --> named.troy\nhelp: the arguments are `n`, `m`\n"
    );
}

#[test]
fn what_the_host_hands_over_wins() {
    let text = "define flow f args n flow define pipeline p args n pipeline select args.n from in into out end; create pipeline p with n = args.n end; connect /pipeline/p to /pipeline/p end; deploy flow f with n = 1 end";
    let options = Options {
        args: vec![("n".into(), owned("2"))],
        flows: vec![],
        ..Options::default()
    };
    let deployment = deployment_with(text, &options);
    assert_eq!(
        run(
            &deployment.flows[0].pipelines[0].pipeline,
            "in",
            "0",
            "null"
        )
        .0,
        ["out 2"]
    );
}

#[test]
fn findings_are_located_for_machines() {
    let source = source("flow.troy", "define flow f\nflow\n  größe\nend");
    let rejected =
        compile_deployment(&source, &Options::default()).expect_err("`größe` is no statement");
    let located = rejected.findings[0].locate(&rejected.sources);
    let located = serde_json::to_value(located).expect("it can be written");
    let expected = serde_json::json!({
        "file": "flow.troy", "line": 3, "column": 3, "end_line": 3, "end_column": 8,
        "severity": "error", "code": "syntax",
        "message": "found `größe`, expected `define`, `create`, `connect` or `use`",
    });
    assert_eq!(located, expected);
}

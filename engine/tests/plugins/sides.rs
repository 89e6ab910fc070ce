//! Two plugins in one process, each beside what is built in under the same names.

use std::sync::{Arc, Mutex};

use serde_json::json;
use temblor::{Engine, StartErrorKind};
use temblor_pdk::log::LevelFilter;
use temblor_registry::{LinkMode, Registry};

use crate::plugins::{file_name, linked, unsettled};
use crate::support::{ended, start, text, try_start, with};

fn engine(registry: impl Into<Arc<Registry>>) -> Engine {
    Engine::builder().registry(registry).build().unwrap()
}

fn metronome_to(kind: &str, sink: &str) -> String {
    let metronome = with("s", kind, &json!({ "interval_ms": 1, "count": 3 }));
    let links = &["connector/s -> connector/d"];
    text(&[&metronome, &format!("d from {sink}")], &[], links)
}

#[test]
fn duplicates_are_refused_unless_they_are_settled() {
    let (registry, _) = unsettled(&["metronome", "null", "faulty"], "memfd");
    let engine = engine(registry);
    let open = metronome_to("metronome", "`null@builtin`");
    let error = try_start(&engine, &open).unwrap_err();
    assert_eq!(error.kind, StartErrorKind::Config);
    let plugin = file_name("metronome");
    assert!(
        error.message.contains("`metronome`") && error.message.contains(&plugin),
        "{error}"
    );
    let help = error.help.unwrap();
    assert!(
        help.contains("@plugin") || help.contains("prefer"),
        "{help}"
    );
    // Asked for by side, both serve in one flow.
    for (source, sink, modes) in [
        (
            "`metronome@plugin`",
            "`null@builtin`",
            [LinkMode::Dylib, LinkMode::Native],
        ),
        (
            "`metronome@builtin`",
            "`null@plugin`",
            [LinkMode::Native, LinkMode::Dylib],
        ),
        (
            "`metronome@plugin`",
            "`null@plugin`",
            [LinkMode::Dylib, LinkMode::Dylib],
        ),
    ] {
        let report = ended(&start(&engine, &metronome_to(source, sink)));
        assert_eq!(report.counts.delivered, 3);
        let found: Vec<LinkMode> = report.connectors.iter().map(|c| c.link_mode).collect();
        assert_eq!(found, modes);
    }
}

#[test]
fn two_plugins_with_several_entries_work_together() {
    // `faulty` has three entries; each flow takes from two or three libraries.
    let engine = engine(linked(LinkMode::Dylib));
    let flow = text(
        &[
            &with(
                "e",
                "emitter",
                &json!({ "count": 500, "batch": 9, "fields": 3 }),
            ),
            &with("m", "metronome", &json!({ "interval_ms": 1, "count": 5 })),
            &with("k", "keeper", &json!({ "keep": 4 })),
            "n from `null`",
            &with("f", "faulty", &json!({ "panic_in": "none", "after": 0 })),
        ],
        &[("p", "select { \"seen\": event } from in into out;")],
        &[
            "connector/e -> pipeline/p",
            "connector/m -> pipeline/p",
            "pipeline/p -> connector/k",
            "pipeline/p -> connector/n",
            "pipeline/p -> connector/f",
        ],
    );
    let report = ended(&start(&engine, &flow));
    assert!(report.is_ok(), "{report:?}");
    assert_eq!(report.counts.delivered, 505);
}

#[test]
fn records_carry_the_plugin_and_the_connector() {
    let records = Arc::new(Mutex::new(Vec::new()));
    let keep = Arc::clone(&records);
    let engine = Engine::builder()
        .registry(linked(LinkMode::Dylib))
        .log(LevelFilter::Trace, move |record| {
            let owned = |text: Option<&str>| text.map(str::to_owned);
            let names = (owned(record.plugin), owned(record.connector));
            keep.lock()
                .unwrap()
                .push((names, record.message.to_owned()));
        })
        .build()
        .unwrap();
    let (plugin, name) = (file_name("faulty"), "noisy_here");
    let noisy = with(name, "faulty", &json!({ "panic_in": "none", "after": 3 }));
    let links = &[&*format!("connector/{name} -> connector/d")];
    ended(&start(
        &engine,
        &text(&[&noisy, "d from `null`"], &[], links),
    ));
    let wanted = (Some(plugin.clone()), Some(name.to_owned()));
    let records = records.lock().unwrap();
    assert!(
        records.iter().any(|(names, _)| *names == wanted),
        "{records:?}"
    );
    let metrics = engine.metrics();
    let mine = |m: &&temblor::Metric| m.connector == name && m.name == "temblor_cell_pulled_total";
    let metric = metrics.iter().find(mine).unwrap();
    let found = (metric.plugin.as_ref(), metric.value.as_u64());
    assert_eq!(found, (Some(&plugin), Some(4)));
    let memory = |plugin: Option<&String>| {
        let mut metrics = metrics.iter();
        metrics.any(|m| m.name == "temblor_pinned_bytes" && m.plugin.as_ref() == plugin)
    };
    assert!(memory(None) && memory(Some(&plugin)));
}

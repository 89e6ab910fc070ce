//! The texts of reports in the layout of the language: the cases in `reports/`, of which each proves the message, the
//! place, the lines around it and the hint.
//!
//! A case is `=== name`, where the name ends in `.tremor`, `.trickle` or `.troy`, the text, and sections that start with
//! `--- ` and their name: `module NAME` with the text of a module, `in` with an event a line, and `report` with
//! everything that is reported, by the compiler and while the events go through. With `BLESS=1` in
//! the environment the reports are rewritten instead, to be read through and committed.

mod common;

use std::path::Path;

use common::{case_files, case_path, owned, source};
use temblor_lang::{
    Finding, Options, Pipeline, Scratch, Severity, Sources, compile_deployment, compile_query,
    compile_script, report,
};
use temblor_pdk::value::{Arena, Event};

/// A case, in the parts that it is written down in.
struct Case<'t> {
    name: &'t str,
    text: &'t str,
    modules: Vec<(&'t str, &'t str)>,
    events: &'t str,
    expected: &'t str,
}

fn case(text: &str) -> Case<'_> {
    let (name, rest) = text.split_once('\n').expect("a case has a name and a text");
    let mut sections = rest.split("\n--- ");
    let mut case = Case {
        name,
        text: sections.next().expect("a case has a text"),
        modules: Vec::new(),
        events: "",
        expected: "",
    };
    for section in sections {
        let (title, body) = section.split_once('\n').unwrap_or((section, ""));
        match title {
            "in" => case.events = body,
            "report" => case.expected = body,
            _ => {
                let name = title.strip_prefix("module ").expect("a module");
                case.modules.push((name, body));
            }
        }
    }
    case
}

/// Everything that is reported for a case.
fn reports(case: &Case<'_>) -> String {
    let folder = tempfile::tempdir().expect("there is room for modules");
    for (name, text) in &case.modules {
        let path = folder.path().join(name);
        let parent = path.parent().expect("it is in the folder");
        std::fs::create_dir_all(parent).expect("the folder can be made");
        std::fs::write(&path, text).expect("the module can be written");
    }
    let options = Options {
        module_path: vec![folder.path().to_owned()],
        ..Options::default()
    };
    let (pipeline, findings, sources) = compile(case, &options);
    let shown: Vec<String> = findings
        .iter()
        .map(|finding| {
            // The head of a warning names its class and no file.
            let with_file = finding.severity == Severity::Error;
            let text = report(finding, &sources, with_file);
            let path = folder.path().display().to_string();
            text.replace(&format!("{path}/"), "")
                .replace(&path, "modules")
        })
        .collect();
    let failures = pipeline.map(|pipeline| failures(case, &pipeline));
    shown.join("") + &failures.unwrap_or_default()
}

fn compile(
    case: &Case<'_>,
    options: &Options,
) -> (Option<Pipeline>, Vec<Finding>, std::sync::Arc<Sources>) {
    let source = source(case.name, case.text);
    let extension = Path::new(case.name).extension().and_then(|e| e.to_str());
    let done = match extension {
        Some("tremor") => {
            compile_script(&source, options).map(|s| (Some(s.pipeline), s.warnings, s.sources))
        }
        Some("trickle") => {
            compile_query(&source, options).map(|q| (Some(q.pipeline), q.warnings, q.sources))
        }
        _ => compile_deployment(&source, options).map(|d| (None, d.warnings, d.sources)),
    };
    done.unwrap_or_else(|rejected| (None, rejected.findings, rejected.sources))
}

/// What is reported while the events go through: on the port `err`, or by a select.
fn failures(case: &Case<'_>, pipeline: &Pipeline) -> String {
    let (arena, mut scratch) = (Arena::new(), Scratch::default());
    let mut state = pipeline.state();
    let mut shown = String::new();
    let input = pipeline.input("in").expect("there is a port `in`");
    for line in case.events.lines().filter(|line| !line.trim().is_empty()) {
        let event = Event::new(arena.value(&owned(line)));
        let mut run = pipeline.start(&arena, &mut scratch, &mut state);
        let outcome = run.event(input, event, &mut |_, event| {
            let error = event.data.get("error").and_then(|error| error.as_str());
            shown.push_str(error.unwrap_or_default());
        });
        if let Err(error) = outcome {
            shown.push_str(&report(error.finding(), error.sources(), false));
        }
    }
    shown
}

#[test]
fn reports_read_as_the_cases_say() {
    let bless = std::env::var_os("BLESS").is_some();
    let mut wrong = Vec::new();
    for (file, text) in case_files("reports") {
        let mut blessed = String::new();
        for text in text.split("\n=== ") {
            let case = case(text.trim_start_matches("=== "));
            let found = reports(&case);
            if found.trim_end() != case.expected.trim_end() {
                let (name, text) = (case.name, case.text);
                wrong.push(format!("in {file}:\n=== {name}\n{text}\n---\n{found}"));
            }
            let head = text.split("\n--- report").next().unwrap_or(text);
            let head = head.trim_start_matches("=== ").trim_end();
            blessed.push_str(&format!("=== {head}\n--- report\n{}\n\n", found.trim_end()));
        }
        if bless {
            let text = format!("{}\n", blessed.trim_end());
            std::fs::write(case_path("reports").join(file), text).expect("the file can be written");
        }
    }
    assert!(bless || wrong.is_empty(), "{}", wrong.join("\n"));
}

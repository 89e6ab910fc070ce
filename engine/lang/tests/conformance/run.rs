//! Running cases and comparing what comes out.

use std::sync::Arc;

use serde_json::Value as Json;
use temblor_lang::{
    Finding, Options, Pipeline, Rejected, Scratch, Severity, Source, Sources, compile_deployment,
    compile_query, compile_script,
};
use temblor_pdk::value::{Arena, Event};

use crate::case::{Case, Kind};
use crate::common::{json, owned};

/// What a text compiles to.
struct Compiled {
    pipeline: Option<Pipeline>,
    findings: Vec<Finding>,
    sources: Arc<Sources>,
}

/// Runs a case.
///
/// # Errors
/// Returns what is different.
pub(crate) fn check(case: &Case) -> Result<(), String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    for (name, text) in &case.modules {
        let path = folder.path().join(name);
        let parent = path.parent().unwrap_or(folder.path());
        std::fs::create_dir_all(parent).map_err(|error| error.to_string())?;
        std::fs::write(&path, text).map_err(|error| error.to_string())?;
    }
    let options = Options {
        module_path: vec![folder.path().to_owned()],
        ..Options::default()
    };
    let compiled = compile(case, &options);
    check_findings(case, &compiled)?;
    let (Some(pipeline), Some(expected)) = (&compiled.pipeline, &case.output) else {
        return Ok(());
    };
    let found = outputs(case, pipeline);
    if found.len() != expected.len() || !found.iter().zip(expected).all(|(f, e)| f.is_like(e)) {
        let found: Vec<String> = found.iter().map(Output::show).collect();
        return Err(format!(
            "  expected\n    {}\n  found\n    {}",
            expected.join("\n    "),
            found.join("\n    ")
        ));
    }
    Ok(())
}

fn compile(case: &Case, options: &Options) -> Compiled {
    let suffix = match case.kind {
        Kind::Script => "tremor",
        Kind::Query => "trickle",
        Kind::Deployment => "troy",
    };
    let source = Arc::new(Source::new(format!("case.{suffix}"), case.text.as_str()));
    let done = match case.kind {
        Kind::Script => compile_script(&source, options)
            .map(|script| (Some(script.pipeline), script.warnings, script.sources)),
        Kind::Query => compile_query(&source, options)
            .map(|query| (Some(query.pipeline), query.warnings, query.sources)),
        Kind::Deployment => compile_deployment(&source, options).map(|deployment| {
            let pipelines = deployment.flows.into_iter().flat_map(|flow| flow.pipelines);
            let first = pipelines.map(|spec| spec.pipeline).next();
            (first, deployment.warnings, deployment.sources)
        }),
    };
    match done {
        Ok((pipeline, findings, sources)) => Compiled {
            pipeline,
            findings,
            sources,
        },
        Err(Rejected { findings, sources }) => Compiled {
            pipeline: None,
            findings,
            sources,
        },
    }
}

fn check_findings(case: &Case, compiled: &Compiled) -> Result<(), String> {
    let shown: Vec<String> = compiled
        .findings
        .iter()
        .map(|finding| temblor_lang::render(finding, &compiled.sources))
        .collect();
    let shown = format!("  the compiler says\n{}", shown.join(""));
    let Some(expected) = &case.findings else {
        let error = |finding: &Finding| finding.severity == Severity::Error;
        return match compiled.findings.iter().any(error) {
            true => Err(shown),
            false => Ok(()),
        };
    };
    // The first error is the one that the specification names; more may follow it.
    let enough = match expected.iter().any(|line| line.starts_with("warning")) {
        true => compiled.findings.len() == expected.len(),
        false => compiled.findings.len() >= expected.len(),
    };
    let fits = |(line, finding): (&String, &Finding)| finding_is(line, finding, &compiled.sources);
    let all = expected.iter().zip(&compiled.findings).all(fits);
    match enough && all && (compiled.findings.is_empty() || !expected.is_empty()) {
        true => Ok(()),
        false => Err(format!(
            "  expected\n    {}\n{shown}",
            expected.join("\n    ")
        )),
    }
}

/// Whether a finding is `compile «underlined» part of the message` or `error 1:2-3:4 part of the message`.
fn finding_is(expected: &str, finding: &Finding, sources: &Sources) -> bool {
    let said = |part: &str| {
        let part = part.trim().to_lowercase();
        let help = finding.help.as_deref().unwrap_or_default();
        let all = format!("{} {} {help}", finding.message, finding.label).to_lowercase();
        all.contains(&part)
    };
    if let Some(rest) = expected.strip_prefix("compile") {
        let underlined = sources.of(finding.span).slice(finding.span);
        let (place, part) = quoted(rest);
        let is_there = !rest.contains('«') || underlined.replace('\n', "⏎") == place;
        return finding.severity == Severity::Error && is_there && said(part);
    }
    let mut words = expected.splitn(3, ' ');
    let (severity, place) = (words.next().unwrap_or_default(), words.next());
    let at = finding.locate(sources);
    let found = format!(
        "{}:{}-{}:{}",
        at.line, at.column, at.end_line, at.end_column
    );
    finding.severity.as_str() == severity
        && place.is_some_and(|place| place == "-" || place == found)
        && said(words.next().unwrap_or_default())
}

/// Splits `«a» b` into a and b.
fn quoted(text: &str) -> (&str, &str) {
    let text = text.trim();
    let inner = text.strip_prefix('«').and_then(|rest| rest.split_once('»'));
    inner.unwrap_or(("", text))
}

/// Something that came out.
enum Output {
    Event {
        port: String,
        data: String,
        meta: String,
    },
    Failed {
        underlined: String,
        message: String,
    },
}

impl Output {
    fn show(&self) -> String {
        match self {
            Output::Event { port, data, meta } => {
                let port = if port == "out" {
                    ""
                } else {
                    &format!("{port} ")
                };
                format!("{port}{data} ${meta}")
            }
            Output::Failed {
                underlined,
                message,
            } => format!("failed «{underlined}» {message}"),
        }
    }

    fn is_like(&self, expected: &str) -> bool {
        let expected = expected.trim();
        match self {
            Output::Event { port, data, meta } => {
                let (wanted_port, rest) = match expected.split_once(' ') {
                    Some((word, rest)) if is_name(word) => (word, rest),
                    _ => ("out", expected),
                };
                let (wanted, wanted_meta) = match rest.split_once(" $") {
                    Some((data, meta)) => (data, Some(meta)),
                    None => (rest, None),
                };
                port == wanted_port
                    && same_json(data, wanted)
                    && wanted_meta.is_none_or(|wanted| same_json(meta, wanted))
            }
            Output::Failed {
                underlined,
                message,
            } => {
                let Some(rest) = expected.strip_prefix("failed") else {
                    return false;
                };
                let (place, part) = quoted(rest);
                (!rest.contains('«') || *underlined == place)
                    && message.to_lowercase().contains(&part.trim().to_lowercase())
            }
        }
    }
}

/// Whether a word is a port and not JSON.
fn is_name(word: &str) -> bool {
    let mut chars = word.chars();
    let is_name = chars.next().is_some_and(|c| c.is_alphabetic() || c == '*');
    is_name && !["true", "false", "null"].contains(&word)
}

fn same_json(found: &str, wanted: &str) -> bool {
    let parse = |text: &str| serde_json::from_str::<Json>(text);
    match (parse(found), parse(wanted)) {
        (Ok(found), Ok(wanted)) => found == wanted,
        _ => false,
    }
}

/// Runs all events of a case.
fn outputs(case: &Case, pipeline: &Pipeline) -> Vec<Output> {
    let (arena, mut scratch) = (Arena::new(), Scratch::default());
    let mut state = pipeline.state();
    let mut found = Vec::new();
    let mut port = "in".to_owned();
    let (mut meta, mut time, mut at) = (None, None, 0);
    for line in &case.input {
        let mut run = pipeline.start(&arena, &mut scratch, &mut state);
        let mut results = Vec::new();
        let outcome = if let Some(name) = line.strip_prefix("@port ") {
            name.trim().clone_into(&mut port);
            continue;
        } else if let Some(json) = line.strip_prefix("@meta ") {
            meta = Some(json);
            continue;
        } else if let Some(ns) = line.strip_prefix("@time ") {
            time = Some(ns.trim().parse().expect("a time is a number"));
            continue;
        } else if let Some(ns) = line.strip_prefix("@tick ") {
            let now: u64 = ns.trim().parse().expect("a time is a number");
            run.tick(now, &mut |port, event| results.push((port, event)))
        } else {
            let mut event = Event::new(arena.value(&owned(line)));
            event.ingest_ns = time.take().unwrap_or(at);
            event.meta = arena.value(&owned(meta.take().unwrap_or("null")));
            at += 1;
            let input = pipeline.input(&port);
            let input = input.unwrap_or_else(|| panic!("there is no input port `{port}`"));
            run.event(input, event, &mut |port, event| results.push((port, event)))
        };
        drop(run);
        found.extend(
            results
                .iter()
                .map(|(port, event)| shown(pipeline, *port, event)),
        );
        if let Err(error) = outcome {
            let finding = error.finding();
            let underlined = error.sources().of(finding.span).slice(finding.span);
            found.push(Output::Failed {
                underlined: underlined.replace('\n', "⏎"),
                message: format!(
                    "{} {}",
                    finding.message,
                    finding.help.clone().unwrap_or_default()
                ),
            });
        }
    }
    found
}

/// A result; what a script reports on its port `err` is shown as a failure.
fn shown(pipeline: &Pipeline, port: usize, event: &Event<'_>) -> Output {
    let port = pipeline.outputs().nth(port).expect("the port exists");
    let error = event.data.get("error").and_then(|error| error.as_str());
    match error {
        Some(report) if port == "err" && report.starts_with("Error: ") => failure(report),
        _ => Output::Event {
            port: port.to_owned(),
            data: json(event.data),
            meta: match event.meta.is_null() {
                true => "{}".to_owned(),
                false => json(event.meta),
            },
        },
    }
}

/// Takes a report apart: what is underlined, and everything behind the carets.
fn failure(report: &str) -> Output {
    let lines: Vec<&str> = report.lines().collect();
    let callout = lines
        .iter()
        .position(|line| line.starts_with("      | ") && line.contains('^'));
    let Some(at) = callout else {
        return Output::Failed {
            underlined: String::new(),
            message: report.to_owned(),
        };
    };
    let carets: Vec<char> = lines[at].chars().skip(8).collect();
    let start = carets.iter().position(|c| *c == '^').unwrap_or_default();
    let count = carets[start..].iter().take_while(|c| **c == '^').count();
    let above: Vec<char> = lines[at.saturating_sub(1)].chars().skip(8).collect();
    let underlined = above.iter().skip(start).take(count).collect();
    let message: String = carets[start + count..].iter().collect();
    let rest = lines[at + 1..].join(" ");
    Output::Failed {
        underlined,
        message: format!("{message} {rest}"),
    }
}

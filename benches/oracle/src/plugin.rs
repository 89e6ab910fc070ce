//! A plugin goes wrong in every way that one can that is loaded into the process, beside a flow that does not.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::Result;
use crate::engine::Engine;
use crate::lab::{Lab, Settings};
use crate::metrics::Metrics;
use crate::report::Report;

/// Everything that goes wrong has an end within this time.
const PATIENCE: Duration = Duration::from_secs(30);
/// The rate of the flow beside it is measured in windows, for so long.
const WINDOW: Duration = Duration::from_millis(500);
const WINDOWS: Duration = Duration::from_secs(4);
/// It keeps this much of its rate, given CPU to spare.
const BYSTANDER: f64 = 0.95;
/// The same where things may take longer.
const BYSTANDER_SLACK: f64 = 0.7;
/// A call that does not return is given up after 5 s.
const BLOCK_MS: u64 = 30_000;
/// Nobody waits for a call that does not return.
const DRAINED: Duration = Duration::from_secs(10);

/// What follows from a fault.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Then {
    /// It breaks again and again, and is left alone.
    Quarantine,
    /// It is made anew and goes on.
    Restart,
    /// It has failed for good.
    Failed,
    /// It is said, and it goes on.
    Nothing,
    /// It is said when it ends.
    Late,
}

/// A fault: whether the source or the sink has it, its configuration, what is said, and what follows.
struct Case {
    name: &'static str,
    is_sink: bool,
    config: &'static str,
    says: &'static str,
    then: Then,
}

const fn source(name: &'static str, config: &'static str, says: &'static str, then: Then) -> Case {
    Case {
        name,
        is_sink: false,
        config,
        says,
        then,
    }
}

const fn sink(name: &'static str, config: &'static str, says: &'static str, then: Then) -> Case {
    Case {
        is_sink: true,
        ..source(name, config, says, then)
    }
}

const CASES: [Case; 14] = [
    source(
        "pull",
        r#""panic_in": "pull""#,
        "told to panic in Pull",
        Then::Quarantine,
    ),
    sink(
        "write",
        r#""panic_in": "write""#,
        "told to panic in Write",
        Then::Quarantine,
    ),
    source(
        "waker",
        r#""panic_in": "waker""#,
        "told to panic in a waker",
        Then::Nothing,
    ),
    source(
        "callback",
        r#""panic_in": "host_callback""#,
        "the blocking task panicked",
        Then::Failed,
    ),
    sink(
        "late_callback",
        r#""panic_in": "host_callback""#,
        "on the host: ",
        Then::Failed,
    ),
    source(
        "hang",
        r#""panic_in": "pull", "how": "block", "times": 1"#,
        "hangs: ",
        Then::Restart,
    ),
    sink(
        "late_hang",
        r#""panic_in": "write", "how": "block", "times": 1"#,
        "hangs: ",
        Then::Restart,
    ),
    source(
        "flood",
        r#""panic_in": "pull", "how": "flood", "times": 1"#,
        "a pull handed over 2097153 events",
        Then::Restart,
    ),
    source(
        "stray",
        r#""panic_in": "pull", "how": "stray", "times": 1"#,
        "handed over event ",
        Then::Restart,
    ),
    sink(
        "stray_fates",
        r#""panic_in": "write", "how": "stray""#,
        "",
        Then::Nothing,
    ),
    source(
        "drain",
        r#""panic_in": "drain""#,
        "told to panic in Drain",
        Then::Late,
    ),
    sink(
        "flush",
        r#""panic_in": "flush""#,
        "told to panic in Flush",
        Then::Late,
    ),
    source(
        "stop",
        r#""panic_in": "stop""#,
        "told to panic in Stop",
        Then::Late,
    ),
    source(
        "dropped",
        r#""panic_in": "drop""#,
        "told to panic in drop",
        Then::Late,
    ),
];

/// Places where it can go wrong before anything runs.
const STARTS: [(&str, &str); 4] = [
    ("at_new", "new"),
    ("at_connect", "connect"),
    ("at_create", "create"),
    ("at_start", "start"),
];

impl Case {
    /// A flow with it, in which the connector has the name of the case.
    fn flow(&self) -> String {
        let name = self.name;
        let faulty = format!(
            "from faulty with config = {{{}, \"after\": 20, \"every_ms\": 5, \"block_ms\": {BLOCK_MS}}}",
            self.config
        );
        let ticks = "from metronome with config = {\"interval_ms\": 5}";
        let (from, onto) = match self.is_sink {
            true => (
                format!("ticks_of_{name} {ticks} end"),
                format!("{name} {faulty} end"),
            ),
            false => (
                format!("{name} {faulty} end"),
                format!("end_of_{name} from null"),
            ),
        };
        let [source, sink] = [&from, &onto].map(|text| text.split(' ').next().unwrap_or_default());
        format!(
            "define flow with_{name}\nflow\n  define connector {from};\n  define connector {onto};\n  \
             define pipeline pass pipeline select event from in into out; end;\n  \
             create connector {source};\n  create connector {sink};\n  create pipeline pass;\n  \
             connect /connector/{source} to /pipeline/pass;\n  \
             connect /pipeline/pass to /connector/{sink};\nend;\ndeploy flow with_{name};\n"
        )
    }

    /// Whether the log says it, with the connector in the same line. A waker and what is dropped run in no call of a
    /// connector: there the plugin is named, in the line before.
    fn says_in(&self, said: &str) -> bool {
        let name = format!("connector `{}`", self.name);
        let is_beside = ["waker", "dropped"].contains(&self.name);
        let mut before = "";
        said.lines().any(|line| {
            let names_it = match is_beside {
                true => before.contains("plugin `"),
                false => line.contains(&name),
            };
            before = line;
            names_it && line.contains(self.says)
        })
    }

    /// What the metrics say of it.
    fn metric(&self, metrics: Metrics, name: &str) -> Result<f64> {
        metrics.of(name, &format!("with_{}", self.name), self.name, "")
    }
}

/// Has everything go wrong `count` times.
pub(crate) fn run(settings: &Settings, count: u64) -> Result<Report> {
    let mut report = Report::new("plugin");
    report.rounds = count;
    if !settings.plugin.is_file() {
        let path = settings.plugin.display();
        return Err(format!(
            "`{path}` is not there\nhelp: build it with `cargo rustc -p temblor-connector-faulty --lib --crate-type \
             cdylib`, or name it with `--plugin`"
        )
        .into());
    }
    for (name, place) in STARTS {
        at_start(settings, name, place, &mut report)?;
    }
    let mut kept = Vec::new();
    for _ in 0..count {
        kept.extend(one(settings, &mut report)?);
    }
    kept.sort_by(f64::total_cmp);
    let middle = kept.get(kept.len() / 2).copied().unwrap_or_default();
    let least = kept.first().copied().unwrap_or_default();
    let goal = match settings.slack {
        1 => BYSTANDER,
        _ => BYSTANDER_SLACK,
    };
    report.check(middle >= goal, || {
        format!("the flow beside it kept {middle:.2} of its rate, less than {goal}")
    });
    report.note(format!(
        "at {} events/s the flow beside it kept {middle:.3} of its rate (median of {} windows of {WINDOW:?}; the least \
         {least:.3})",
        settings.rate,
        kept.len()
    ));
    Ok(report)
}

/// The file that lists the plugin.
fn list(settings: &Settings, lab: &mut Lab) -> Result<()> {
    let path = std::path::absolute(&settings.plugin)?;
    let path = path.to_str().ok_or("the path of the plugin is not UTF-8")?;
    let file = lab.path("connectors.toml");
    std::fs::write(&file, format!("[[plugin]]\npath = {}\n", json!(path)))?;
    let file = file.to_string_lossy().into_owned();
    lab.launch
        .arguments
        .extend(["--connectors".to_owned(), file]);
    Ok(())
}

/// It goes wrong before anything runs: that is an error of the start.
fn at_start(
    settings: &Settings,
    name: &'static str,
    place: &str,
    report: &mut Report,
) -> Result<()> {
    let case = Case {
        name,
        is_sink: false,
        config: "",
        says: "told to panic in ",
        then: Then::Failed,
    };
    let flow = case
        .flow()
        .replace("{, ", &format!("{{\"panic_in\": \"{place}\", "));
    let mut lab = Lab::files_beside(settings, &flow)?;
    list(settings, &mut lab)?;
    let mut engine = lab.start()?;
    let since = Instant::now();
    let status = loop {
        if let Some(status) = engine.ended()? {
            break status;
        }
        if since.elapsed() > PATIENCE {
            return Err(format!("{place}: it neither starts nor ends").into());
        }
        lab.pass(Duration::from_millis(5))?;
    };
    let said = engine.said()?;
    report.check(status.code() == Some(3), || {
        format!("{place}: it ended with {status}, not with 3")
    });
    let names_it = said.contains(&format!("`{name}`")) && said.contains(case.says);
    report.check(names_it, || format!("{place}: it does not say why: {said}"));
    Ok(())
}

/// Returns how much of its rate the flow beside it kept, in each window.
fn one(settings: &Settings, report: &mut Report) -> Result<Vec<f64>> {
    let flows: String = CASES.iter().map(Case::flow).collect();
    let mut lab = Lab::files_beside(settings, &flows)?;
    list(settings, &mut lab)?;
    let metrics = Metrics::ask_for(&mut lab.launch)?;
    let mut engine = lab.start()?;
    lab.fresh(&mut engine)?;
    lab.line.feed.set_rate(settings.rate);
    let began = Instant::now();
    lab.until("the watchdog acts", &mut engine, |_| {
        let text = metrics.get("/metrics").map(|(_, text)| text);
        let replaced = "temblor_workers_replaced_total ";
        text.is_ok_and(|text| {
            let line = text.lines().find_map(|line| line.strip_prefix(replaced));
            line.is_some_and(|count| count.trim() != "0")
        })
    })?;
    let acted = began.elapsed();
    let (cpu, measured) = (engine.cpu_seconds()?, Instant::now());
    let kept = windows(&mut lab, settings.lasts(WINDOWS))?;
    let used = (engine.cpu_seconds()? - cpu) / measured.elapsed().as_secs_f64();
    for case in &CASES {
        follows(case, metrics, &mut lab, &engine, report)?;
    }
    ready(metrics, report)?;
    lab.line.feed.set_rate(0);
    lab.fresh(&mut engine)?;
    let sent = lab.line.feed.sent();
    lab.until("everything arrives", &mut engine, |lab| {
        lab.line.arrived().distinct >= sent
    })?;
    ends(settings, &mut lab, engine, report)?;
    report.note(format!(
        "a worker was replaced {acted:?} after the first event; {used:.2} cores were used meanwhile"
    ));
    Ok(kept)
}

fn windows(lab: &mut Lab, time: Duration) -> Result<Vec<f64>> {
    let mut kept = Vec::new();
    let since = Instant::now();
    while since.elapsed() < time {
        let (sent, arrived) = (lab.line.feed.sent(), lab.line.arrived().distinct);
        lab.pass(WINDOW)?;
        let sent = lab.line.feed.sent() - sent;
        let arrived = lab.line.arrived().distinct - arrived;
        kept.push(arrived as f64 / sent.max(1) as f64);
    }
    Ok(kept)
}

/// What follows from a fault is shown by metrics, and its reason is said.
fn follows(
    case: &Case,
    metrics: Metrics,
    lab: &mut Lab,
    engine: &Engine,
    report: &mut Report,
) -> Result<()> {
    let name = case.name;
    let shows =
        |metric: &str, least: f64| -> Result<bool> { Ok(case.metric(metrics, metric)? >= least) };
    let has_failed = || -> Result<bool> {
        let (flow, label) = (format!("with_{name}"), "state=\"failed\"");
        Ok(metrics.of("temblor_connector_state", &flow, name, label)? == 1.0)
    };
    let since = Instant::now();
    loop {
        let is_so = match case.then {
            Then::Quarantine => shows("temblor_connector_quarantined", 1.0)?,
            Then::Restart => shows("temblor_connector_restarts_total", 1.0)?,
            Then::Failed => has_failed()?,
            Then::Nothing | Then::Late => true,
        };
        if is_so {
            break;
        }
        if since.elapsed() > PATIENCE {
            report.findings.push(format!(
                "{name}: the metrics do not show what should follow"
            ));
            break;
        }
        lab.pass(Duration::from_millis(20))?;
    }
    let said = engine.said()?;
    let is_said = case.then == Then::Late || case.says.is_empty() || case.says_in(&said);
    report.check(is_said, || {
        format!("{name}: nothing says `{}` of it", case.says)
    });
    Ok(())
}

/// It is not ready, and says because of whom.
fn ready(metrics: Metrics, report: &mut Report) -> Result<()> {
    let (status, body) = metrics.get("/ready")?;
    for case in &CASES {
        let is_named = body.contains(&format!("\"{}\"", case.name));
        let is_missing = matches!(case.then, Then::Quarantine | Then::Failed);
        report.check(is_named == is_missing, || {
            format!("{}: /ready is wrong about it: {body}", case.name)
        });
    }
    report.check(status == 503, || format!("/ready answered {status}"));
    let (status, _) = metrics.get("/health")?;
    report.check(status == 200, || format!("/health answered {status}"));
    Ok(())
}

fn ends(settings: &Settings, lab: &mut Lab, engine: Engine, report: &mut Report) -> Result<()> {
    let log = lab.path("stderr.txt");
    let (status, took, sums) = engine.drain()?;
    lab.look()?;
    let said = read(&log)?;
    for case in CASES.iter().filter(|case| case.then == Then::Late) {
        report.check(case.says_in(&said), || {
            format!("{}: nothing says `{}` of it", case.name, case.says)
        });
    }
    // Connectors have failed, and events with them.
    report.check(status.code() == Some(1), || {
        format!("it ended with {status}, not with 1")
    });
    report.check(settings.is_soon(took, DRAINED), || {
        format!("it took {took:?} to end")
    });
    report.check_sums(&sums, CASES.len() + 1);
    report.take(lab.line.feed.sent(), 0, &lab.line.arrived());
    Ok(())
}

fn read(path: &Path) -> Result<String> {
    Ok(String::from_utf8_lossy(&std::fs::read(path)?).into_owned())
}

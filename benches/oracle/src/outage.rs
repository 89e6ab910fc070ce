//! The sink's server misbehaves for a while.

use std::time::{Duration, Instant};

use crate::Result;
use crate::engine::{Engine, LOOK};
use crate::event::Series;
use crate::lab::{Lab, Settings};
use crate::letters;
use crate::metrics::Metrics;
use crate::report::Report;
use crate::server::{Mode, Server, is_denied};

/// So long it misbehaves.
const OUTAGE: Duration = Duration::from_secs(3);
/// How soon one that comes and goes comes or goes.
const FLAP: Duration = Duration::from_millis(200);
/// Within this time after the failure the sink's destination is left alone.
const PAUSED: Duration = Duration::from_millis(100);
/// A request may take so long.
const TIMEOUT: Duration = Duration::from_secs(1);
/// Within this time after the outage events get through again.
const RESUMED: Duration = Duration::from_secs(1);
/// A flow that has nothing to do with it keeps this much of its rate.
const BYSTANDER: f64 = 0.9;
/// Events a second of both flows; each is a request of its own, so there are fewer than elsewhere.
const RATE: u64 = 500;
const BYSTANDER_RATE: u64 = 5000;
/// A core is used less than this much by an engine that waits, beside what the flow beside it needs.
const SPIN: f64 = 0.6;
const GROWTH_MIB: f64 = 128.0;
/// So long it tries to deliver what is on its way.
const DRAIN: Duration = Duration::from_secs(5);
/// Within this time it gives up what cannot be delivered.
const DRAINED: Duration = Duration::from_secs(15);
/// Requests under way at the same time.
const CONCURRENCY: u64 = 8;
/// Events that the sink takes at most before it has delivered those before them: 8 for each request.
const TAKEN: u64 = 8 * CONCURRENCY;
/// A source of bytes is told the fate of a pull as a whole, which is at most so large: what was delivered of one that was
/// not delivered whole is read again.
const PULL_BYTES: u64 = 256 * 1024;

/// What the server does to the sink.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outage {
    Steady(Mode),
    /// It refuses, is good, refuses, and so on.
    Flaps,
}

impl Outage {
    fn name(self) -> &'static str {
        match self {
            Outage::Steady(Mode::Good) => "good",
            Outage::Steady(Mode::Refuse) => "refuse",
            Outage::Steady(Mode::Hang) => "hang",
            Outage::Steady(Mode::Reset) => "reset",
            Outage::Steady(Mode::Deny) => "deny",
            Outage::Flaps => "flap",
        }
    }

    /// Whether nothing can get through meanwhile.
    fn is_total(self) -> bool {
        matches!(self, Outage::Steady(Mode::Refuse | Mode::Hang))
    }

    fn denies(self) -> bool {
        self == Outage::Steady(Mode::Deny)
    }
}

/// One flow into a server, another one beside it.
fn set_up(settings: &Settings, has_letters: bool) -> Result<(Lab, Server, Metrics)> {
    let series = Series {
        seed: settings.seed,
    };
    // The server must be there before the flow can be written.
    let server = Server::start(series)?;
    let config = serde_json::json!({
        "url": format!("http://{}/", server.address), "timeout_ms": TIMEOUT.as_millis() as u64, "concurrency": CONCURRENCY,
        "max_retries": 1_000_000,
    });
    let policy = match has_letters {
        true => ", on_failure = \"dead_letter\"",
        false => "",
    };
    let sink = format!("http_client with codec = \"json\"{policy},\n    config = {config}");
    let mut lab = Lab::with_bystander(settings, &sink, |letters| match has_letters {
        true => letters::flow(letters),
        false => String::new(),
    })?;
    server.report_to(lab.arrivals());
    let metrics = Metrics::ask_for(&mut lab.launch)?;
    Ok((lab, server, metrics))
}

/// Has the server misbehave `count` times.
pub(crate) fn run(settings: &Settings, outage: Outage, count: u64) -> Result<Report> {
    let mut report = Report::new(outage.name());
    report.rounds = count;
    let (mut lab, server, metrics) = set_up(settings, outage.denies())?;
    let mut engine = lab.start()?;
    lab.fresh(&mut engine)?;
    for round in 0..count {
        one(
            settings,
            &mut lab,
            (&server, metrics),
            &mut engine,
            outage,
            round,
            &mut report,
        )?;
    }
    lab.line.feed.set_rate(0);
    let sent = lab.line.feed.sent();
    let letters = lab.letters();
    lab.until("everything arrives", &mut engine, |lab| {
        lab.line.arrived().distinct + letters::count(&letters) >= sent
            && beside(lab, |line| line.arrived().distinct >= line.feed.sent())
    })?;
    let besides = beside(&lab, |line| line.feed.sent());
    let (status, _, sums) = engine.drain()?;
    lab.look()?;
    report.check(status.success(), || format!("it ended with {status}"));
    report.check_sums(&sums, 2);
    report.check_all_delivered(&sums, "main", sent, letters::count(&letters));
    report.check_all_delivered(&sums, "bystander", besides, 0);
    judge(settings, &lab, &server, outage, 0, &mut report)
}

fn judge(
    settings: &Settings,
    lab: &Lab,
    server: &Server,
    outage: Outage,
    read_again: u64,
    report: &mut Report,
) -> Result<Report> {
    let sent = lab.line.feed.sent();
    let letters = letters::read(lab, settings)?;
    let wrong = letters
        .iter()
        .filter(|id| !outage.denies() || !is_denied(**id));
    let wrong = wrong.count();
    report.check(wrong == 0, || {
        format!("{wrong} event(s) were dead-lettered that the server did not refuse")
    });
    report.check(!outage.denies() || !letters.is_empty(), || {
        "void: nothing was refused".into()
    });
    let mut arrived = lab.line.arrived();
    for id in &letters {
        arrived.accept(*id);
    }
    let most = server.unanswered() + CONCURRENCY + read_again;
    report.take(sent, most, &arrived);
    drop(arrived);
    if let Some(bystander) = &lab.bystander {
        let arrived = bystander.arrived();
        report.check(arrived.strange == 0 && arrived.duplicates == 0, || {
            "the flow beside it is damaged".into()
        });
    }
    report.note(format!(
        "{} dead letters, {} connections, {} answers that may not have been heard",
        letters.len(),
        server.accepted(),
        server.unanswered()
    ));
    Ok(std::mem::take(report))
}

fn one(
    settings: &Settings,
    lab: &mut Lab,
    (server, metrics): (&Server, Metrics),
    engine: &mut Engine,
    outage: Outage,
    round: u64,
    report: &mut Report,
) -> Result<()> {
    lab.line.feed.set_rate(RATE);
    beside(lab, |line| line.feed.set_rate(BYSTANDER_RATE));
    lab.pass(Duration::from_millis(300))?;
    let lasts = settings.lasts(OUTAGE);
    let (memory, cpu) = (engine.memory_mib()?, engine.cpu_seconds()?);
    let (before, sent) = beside(lab, |line| (line.arrived().distinct, line.feed.sent()));
    let paused = misbehave(lab, server, metrics, outage, lasts)?;
    let used = (engine.cpu_seconds()? - cpu) / lasts.as_secs_f64();
    let grown = engine.memory_mib()? - memory;
    let (after, sent_after) = beside(lab, |line| (line.arrived().distinct, line.feed.sent()));
    let kept = (after - before) as f64 / (sent_after - sent).max(1) as f64;
    report.check(kept >= BYSTANDER, || {
        format!("round {round}: the flow beside it kept {kept:.2} of its rate")
    });
    report.check(used < SPIN || !outage.is_total(), || {
        format!("round {round}: {used:.2} of a core was used meanwhile")
    });
    report.check(grown < GROWTH_MIB, || {
        format!("round {round}: it grew by {grown:.0} MiB")
    });
    report.check(
        paused.is_none_or(|paused| settings.is_soon(paused, PAUSED)),
        || format!("round {round}: the breaker opened {paused:?} after the failure"),
    );
    let stood = lab.line.arrived().distinct;
    server.set(Mode::Good);
    let resumed = lab.until("events get through again", engine, |lab| {
        lab.line.arrived().distinct > stood
    })?;
    report.check(settings.is_soon(resumed, RESUMED), || {
        format!("round {round}: events got through after {resumed:?}")
    });
    lab.line.feed.set_rate(0);
    beside(lab, |line| line.feed.set_rate(0));
    if let Some(paused) = paused {
        report.note(format!(
            "round {round}: the breaker opened {paused:?} after the failure"
        ));
    }
    report.note(format!(
        "round {round}: {used:.2} of a core and {grown:.0} MiB more meanwhile, the flow beside it kept {kept:.2} of \
         its rate, first event {resumed:?} after it"
    ));
    Ok(())
}

/// Returns how long it took from the failure until the breaker was open, where nothing gets through.
fn misbehave(
    lab: &mut Lab,
    server: &Server,
    metrics: Metrics,
    outage: Outage,
    lasts: Duration,
) -> Result<Option<Duration>> {
    let Outage::Steady(mode) = outage else {
        for _ in 0..lasts.as_millis() / FLAP.as_millis() / 2 {
            server.set(Mode::Refuse);
            lab.pass(FLAP)?;
            server.set(Mode::Good);
            lab.pass(FLAP)?;
        }
        return Ok(None);
    };
    let since = Instant::now();
    server.set(mode);
    // Before the time is over a server that hangs is one that takes its time.
    let notices = match mode {
        Mode::Hang => TIMEOUT,
        _ => Duration::ZERO,
    };
    let mut paused = None;
    if mode != Mode::Deny {
        lab.pass(notices)?;
        while paused.is_none() && since.elapsed() < lasts {
            let open = metrics.of("temblor_cell_destinations_open", "main", "output", "")?;
            paused = (open > 0.0).then(|| since.elapsed().saturating_sub(notices));
            lab.pass(LOOK)?;
        }
        paused = paused.or(Some(lasts));
    }
    lab.pass(lasts.saturating_sub(since.elapsed()))?;
    Ok(paused)
}

/// Something about the flow beside; nothing where there is none.
fn beside<T: Default>(lab: &Lab, of: impl FnOnce(&crate::lab::Line) -> T) -> T {
    lab.bystander.as_ref().map(of).unwrap_or_default()
}

/// The engine is asked to end while the server is gone, and started again when it is back.
pub(crate) fn down(settings: &Settings, count: u64) -> Result<Report> {
    let mut report = Report::new("down");
    report.rounds = count;
    let (mut lab, server, _) = set_up(settings, false)?;
    lab.drains_within(settings.lasts(DRAIN));
    let mut read_again = 0;
    for round in 0..count {
        server.set(Mode::Good);
        let mut engine = lab.start()?;
        lab.fresh(&mut engine)?;
        server.set(Mode::Refuse);
        lab.line.feed.set_rate(RATE);
        lab.pass(Duration::from_millis(500))?;
        lab.line.feed.set_rate(0);
        let (status, took, sums) = engine.drain()?;
        report.check(status.code() == Some(1), || {
            format!("round {round}: it ended with {status}, not with 1")
        });
        report.check(settings.is_soon(took, DRAINED), || {
            format!("round {round}: it took {took:?} to end")
        });
        let left: u64 = sums.iter().map(|sum| sum.failed + sum.in_flight).sum();
        report.check_sums(&sums, 2);
        report.check(left > 0, || {
            format!("round {round}: the engine does not say what it left: {sums:?}")
        });
        let acked = lab.acked()?;
        let window = lab.line.arrived().from(acked);
        // Of the first pull that is not delivered whole all that may be, and of later ones what was taken beyond.
        let most = lab.pull_behind(acked, PULL_BYTES) + TAKEN;
        report.check(window <= most, || {
            format!("round {round}: {window} delivered event(s) are read again, more than {most}")
        });
        read_again += window;
        report.note(format!(
            "round {round}: it ended after {took:?}, and left {left} event(s); {window} of those that it delivered are \
             read again, of {most} at most"
        ));
    }
    server.set(Mode::Good);
    let mut engine = lab.start()?;
    lab.fresh(&mut engine)?;
    let sent = lab.line.feed.sent();
    lab.until("everything arrives", &mut engine, |lab| {
        lab.line.arrived().distinct >= sent
    })?;
    let (_, _, sums) = engine.drain()?;
    report.check_sums(&sums, 2);
    judge(
        settings,
        &lab,
        &server,
        Outage::Steady(Mode::Refuse),
        read_again,
        &mut report,
    )
}

//! The engine may have 64 descriptors, and 200 peers come.

use std::net::{SocketAddr, TcpListener};
use std::time::{Duration, Instant};

use crate::Result;
use crate::crowd::{Crowd, EVENTS, Tongue};
use crate::engine::Engine;
use crate::event::Series;
use crate::lab::{Lab, Settings};
use crate::report::Report;

const DESCRIPTORS: u64 = 64;
const PEERS: u64 = 200;
/// So many peers are served at least.
const SERVED: u64 = 10;
/// So long they stay.
const CROWDED: Duration = Duration::from_secs(3);
/// Within this time after they have left the next one is served.
const RESUMED: Duration = Duration::from_secs(2);
/// Events a second of the flow beside it, which reads and writes files.
const BYSTANDER_RATE: u64 = 1000;
const BYSTANDER: f64 = 0.9;
/// A core is used less than this much, the flow beside it included.
const SPIN: f64 = 0.3;
/// So many warnings a second, at most.
const WARNINGS: f64 = 2.0;
/// What a warning says that names the limit.
const LIMIT: &str = "raise the limit of open files";

/// Lets them come `count` times, with TCP and with HTTP.
pub(crate) fn run(settings: &Settings, count: u64) -> Result<Report> {
    let mut report = Report::new("emfile");
    report.rounds = count * 2;
    for round in 0..count * 2 {
        let tongue = [Tongue::Tcp, Tongue::Http][(round % 2) as usize];
        one(settings, tongue, &mut report)?;
    }
    Ok(report)
}

fn one(settings: &Settings, tongue: Tongue, report: &mut Report) -> Result<()> {
    let series = Series {
        seed: settings.seed,
    };
    // A port that was free a moment ago.
    let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let config = serde_json::json!({"url": address.to_string()});
    let source = match tongue {
        Tongue::Tcp => format!(
            "tcp_server with codec = \"json\", preprocessors = [\"separate\"],\n    config = {config}"
        ),
        Tongue::Http => format!("http_server with codec = \"json\",\n    config = {config}"),
    };
    let mut lab = Lab::with_source_and_bystander(settings, &source)?;
    lab.launch.before = format!("ulimit -n {DESCRIPTORS}");
    let mut engine = lab.start()?;
    lab.until("the flow beside it runs", &mut engine, |lab| {
        let line = lab.bystander.as_ref();
        let written = line.map(|line| line.feed.write(1));
        written.is_some() && line.is_some_and(|line| line.arrived().distinct > 0)
    })?;
    let crowd = Crowd::start(series, address, tongue, PEERS);
    let lasts = settings.lasts(CROWDED);
    crowded(&mut lab, &mut engine, &crowd, (tongue, lasts), report)?;
    crowd.leave();
    let next = next_peer(&mut lab, &mut engine, series, address, tongue)?;
    report.check(settings.is_soon(next, RESUMED), || {
        format!("{tongue:?}: the next peer was served after {next:?}")
    });
    let errors = crowd.end();
    report.check(errors.is_empty(), || {
        let (count, first) = (errors.len(), errors.first());
        format!("{tongue:?}: {count} peers were turned away, such as {first:?}")
    });
    let sent = (PEERS + 1) * EVENTS;
    lab.until("everything arrives", &mut engine, |lab| {
        lab.line.arrived().distinct >= sent
            && lab
                .bystander
                .as_ref()
                .is_none_or(|line| line.arrived().distinct >= line.feed.sent())
    })?;
    let (status, _, sums) = engine.drain()?;
    lab.look()?;
    report.check(status.success(), || {
        format!("{tongue:?}: it ended with {status}")
    });
    report.check_sums(&sums, 2);
    report.take(sent, 0, &lab.line.arrived());
    report.note(format!(
        "{tongue:?}: the next peer was served {next:?} after they had left"
    ));
    Ok(())
}

/// What holds while all of them are there.
fn crowded(
    lab: &mut Lab,
    engine: &mut Engine,
    crowd: &Crowd,
    (tongue, lasts): (Tongue, Duration),
    report: &mut Report,
) -> Result<()> {
    if let Some(line) = &lab.bystander {
        line.feed.set_rate(BYSTANDER_RATE);
    }
    lab.pass(lasts / 3)?;
    let (cpu, said) = (engine.cpu_seconds()?, warnings(engine)?);
    let beside = |lab: &Lab| -> Result<(u64, u64, u64)> {
        let line = lab.bystander.as_ref().ok_or("no flow beside it")?;
        let arrived = line.arrived().distinct;
        Ok((line.feed.sent(), arrived, lab.acked_of(line)?))
    };
    let (sent, arrived, acked) = beside(lab)?;
    lab.pass(lasts)?;
    engine.check()?;
    let used = (engine.cpu_seconds()? - cpu) / lasts.as_secs_f64();
    report.check(used < SPIN, || {
        format!("{tongue:?}: it used {used:.2} of a core meanwhile")
    });
    let (sent_after, arrived_after, acked_after) = beside(lab)?;
    if let Some(line) = &lab.bystander {
        line.feed.set_rate(0);
    }
    let kept = |now: u64, then: u64| (now - then) as f64 / (sent_after - sent).max(1) as f64;
    let (through, positions) = (kept(arrived_after, arrived), kept(acked_after, acked));
    report.check(through >= BYSTANDER, || {
        format!("{tongue:?}: the flow beside it kept {through:.2} of its rate")
    });
    report.check(positions >= BYSTANDER / 2.0, || {
        format!("{tongue:?}: its position kept {positions:.2} of its rate")
    });
    let all = warnings(engine)?;
    let said = (all - said) as f64 / lasts.as_secs_f64();
    report.check(all > 0 && said <= WARNINGS, || {
        format!("{tongue:?}: {all} warnings named the limit, {said:.1} a second")
    });
    let served = lab.line.arrived().distinct / EVENTS;
    report.check((SERVED..PEERS).contains(&served), || {
        format!("{tongue:?} is void: {served} of {PEERS} peers were served")
    });
    let (open, done) = (engine.descriptors()?, crowd.done());
    report.note(format!(
        "{tongue:?}: {open} descriptors, {done} peers had sent and {served} were served; {used:.2} of a core, \
         {said:.1} warnings a second; the flow beside it kept {through:.2} of its rate, its position {positions:.2}"
    ));
    Ok(())
}

fn warnings(engine: &Engine) -> Result<usize> {
    Ok(engine.said()?.matches(LIMIT).count())
}

/// Another peer comes; says how long it took from its coming until its events arrived.
fn next_peer(
    lab: &mut Lab,
    engine: &mut Engine,
    series: Series,
    address: SocketAddr,
    tongue: Tongue,
) -> Result<Duration> {
    let since = Instant::now();
    let peer = Crowd::start_at(series, address, tongue, PEERS);
    peer.leave();
    lab.wait_for((PEERS + 1) * EVENTS - 1, engine)?;
    let took = since.elapsed();
    match peer.end().first() {
        None => Ok(took),
        Some(error) => Err(error.as_str().into()),
    }
}

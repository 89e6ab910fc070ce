//! The peer of `tcp_client` ends the connection under load.

use std::time::{Duration, Instant};

use crate::Result;
use crate::engine::{Engine, LOOK};
use crate::event::Series;
use crate::lab::{Lab, Settings};
use crate::lines::{End, Heard, Lines};
use crate::metrics::Metrics;
use crate::report::Report;

/// A flow that has nothing to do with it keeps this much of its rate.
const BYSTANDER: f64 = 0.9;
const BYSTANDER_RATE: u64 = 5000;
/// A connection that has stood for longer than the longest wait is made anew after the first wait.
const STEADY: Duration = Duration::from_millis(1050);
/// Instants are drawn from so much time behind that.
const SPAN_MS: u64 = 300;
/// So long nobody listens, if that is the fault.
const AWAY: Duration = Duration::from_secs(1);
/// Within this time after the failure the breaker of the sink is open.
const PAUSED: Duration = Duration::from_millis(100);
/// Within this time events get through again.
const RESUMED: Duration = Duration::from_secs(1);
/// What is written and not known to be taken by the system is written again: a pull of the source at most.
const PULL_BYTES: u64 = 256 * 1024;

/// What the peer does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// It ends the connection, and can be connected to again.
    End(End),
    /// It resets the connection, and is away for a while.
    Away,
}

const FAULTS: [Fault; 4] = [
    Fault::End(End::Reset),
    Fault::End(End::Close),
    Fault::End(End::Half),
    Fault::Away,
];

/// Each fault `count` times.
pub(crate) fn run(settings: &Settings, count: u64) -> Result<Report> {
    let mut report = Report::new("tcp");
    report.rounds = count * FAULTS.len() as u64;
    let series = Series {
        seed: settings.seed,
    };
    let server = Lines::start(series)?;
    let config = serde_json::json!({"url": server.address.to_string()});
    let sink = format!(
        "tcp_client with codec = \"json\", postprocessors = [\"separate\"],\n    config = {config}"
    );
    let mut lab = Lab::with_bystander(settings, &sink, |_| String::new())?;
    server.report_to(lab.arrivals());
    let metrics = Metrics::ask_for(&mut lab.launch)?;
    let mut engine = lab.start()?;
    lab.fresh(&mut engine)?;
    let mut random = fastrand::Rng::with_seed(settings.seed);
    lab.line.feed.set_rate(settings.rate);
    if let Some(line) = &lab.bystander {
        line.feed.set_rate(BYSTANDER_RATE);
    }
    let since = beside(&lab);
    let (mut opened, mut resumed) = (Duration::ZERO, Duration::ZERO);
    for fault in FAULTS.repeat(usize::try_from(count)?) {
        lab.pass(STEADY + Duration::from_micros(random.u64(0..SPAN_MS * 1000)))?;
        if fault == Fault::Away {
            opened = opened.max(away(&mut lab, &server, metrics)?);
        }
        resumed = resumed.max(again(&mut lab, &server, &mut engine, fault)?);
    }
    let now = beside(&lab);
    let kept = (now.0 - since.0) as f64 / (now.1 - since.1).max(1) as f64;
    report.check(kept >= BYSTANDER, || {
        format!("the flow beside it kept {kept:.2} of its rate")
    });
    report.check(settings.is_soon(opened, PAUSED), || {
        format!("the breaker opened {opened:?} after the failure")
    });
    report.check(settings.is_soon(resumed, RESUMED), || {
        format!("events got through after {resumed:?}")
    });
    ends(&mut lab, engine, &mut report)?;
    judge(&lab, &server.heard(), &mut report);
    report.note(format!(
        "at {} events/s; the breaker opened at most {opened:?} after the failure, first event at most {resumed:?} \
         after the peer could be connected to, the flow beside it kept {kept:.2} of its rate",
        settings.rate
    ));
    Ok(report)
}

/// What arrived and what was sent beside it.
fn beside(lab: &Lab) -> (u64, u64) {
    let line = lab.bystander.as_ref();
    line.map_or((0, 0), |line| (line.arrived().distinct, line.feed.sent()))
}

/// The peer goes; returns how long it took until the breaker was open.
fn away(lab: &mut Lab, server: &Lines, metrics: Metrics) -> Result<Duration> {
    let since = Instant::now();
    server.set_away(true);
    server.end(End::Reset);
    let mut opened = None;
    while since.elapsed() < AWAY {
        if opened.is_none() {
            let open = metrics.of("temblor_sink_breaker_open", "main", "output", "")?;
            opened = (open > 0.0).then(|| since.elapsed());
        }
        lab.pass(LOOK)?;
    }
    Ok(opened.unwrap_or(AWAY))
}

/// Connections end, or the peer comes back; returns how long it took until an event came over a new connection.
fn again(lab: &mut Lab, server: &Lines, engine: &mut Engine, fault: Fault) -> Result<Duration> {
    let connections = server.heard().len();
    match fault {
        Fault::End(end) => server.end(end),
        Fault::Away => server.set_away(false),
    }
    lab.until("an event comes over a new connection", engine, |_| {
        let heard = server.heard();
        heard.iter().skip(connections).any(|new| new.last.is_some())
    })
}

/// Everything that was sent has its fate.
fn ends(lab: &mut Lab, mut engine: Engine, report: &mut Report) -> Result<()> {
    lab.line.feed.set_rate(0);
    if let Some(line) = &lab.bystander {
        line.feed.set_rate(0);
    }
    lab.fresh(&mut engine)?;
    lab.until("everything beside it arrives", &mut engine, |lab| {
        let (arrived, sent) = beside(lab);
        arrived >= sent
    })?;
    let (status, _, sums) = engine.drain()?;
    lab.look()?;
    report.check(status.success(), || format!("it ended with {status}"));
    report.check_sums(&sums, 2);
    // It counts what the system had taken: nobody told it that the peer did not read that.
    report.check_all_delivered(&sums, "main", lab.line.feed.sent(), 0);
    report.check_all_delivered(&sums, "bystander", beside(lab).1, 0);
    Ok(())
}

/// What is lost was in the buffers of the system when a connection broke off; what came twice was being written.
fn judge(lab: &Lab, heard: &[Heard], report: &mut Report) {
    let buffers = buffers();
    let (mut lost, mut twice) = (0, 0);
    let (mut lost_most, mut twice_most) = (0, 0);
    let mut next = 0;
    let mut ended = None;
    for connection in heard {
        let (Some(first), Some(last)) = (connection.first, connection.last) else {
            ended = ended.or(connection.end);
            continue;
        };
        let jumps = connection.jumps;
        report.check(jumps == 0, || {
            format!("{jumps} event(s) of one connection do not follow each other")
        });
        if first > next {
            let bytes = lab.line.feed.end_of(first) - lab.line.feed.end_of(next);
            let may_lose = matches!(ended, Some(End::Reset | End::Close)) && bytes <= buffers;
            report.check(may_lose, || {
                format!("{bytes} bytes were lost when a connection ended by {ended:?}")
            });
            lost += first - next;
            lost_most = lost_most.max(bytes);
        } else {
            let most = lab.pull_behind(first, PULL_BYTES);
            let again = next - first;
            report.check(again <= most, || {
                format!("{again} events came again when a connection ended, more than {most}")
            });
            twice += again;
            twice_most += if first < next { most } else { 0 };
        }
        next = next.max(last + 1);
        ended = connection.end;
    }
    report.take_with(
        lab.line.feed.sent(),
        (lost, twice_most),
        &lab.line.arrived(),
    );
    report.note(format!(
        "{} connections; {lost} events were lost in the buffers of the system, {} KiB at most at once, and {twice} came \
         again; the buffers take {} KiB",
        heard.len(),
        lost_most / 1024,
        buffers / 1024
    ));
}

/// What the system keeps at most of a connection, on both sides.
fn buffers() -> u64 {
    let most = |name: &str| -> Option<u64> {
        let text = std::fs::read_to_string(format!("/proc/sys/net/ipv4/{name}")).ok()?;
        text.split_whitespace().nth(2)?.parse().ok()
    };
    // The usual sizes, where the system does not say.
    most("tcp_wmem").unwrap_or(4 << 20) + most("tcp_rmem").unwrap_or(6 << 20)
}

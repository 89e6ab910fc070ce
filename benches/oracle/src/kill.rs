//! The engine is killed at random instants, and started again.

use std::time::Duration;

use crate::Result;
use crate::lab::{Lab, Settings};
use crate::report::Report;

/// A start takes at most so long, from the start of the process to the first new event that gets through.
const READY: Duration = Duration::from_secs(1);
/// The instants are drawn from so much time: behind the start, or behind the first new event.
const SPAN_MS: u64 = 300;

/// Kills it `count` times.
pub(crate) fn run(settings: &Settings, count: u64) -> Result<Report> {
    let mut report = Report::new("kill");
    report.rounds = count;
    let mut random = fastrand::Rng::with_seed(settings.seed);
    let mut lab = Lab::files(settings, None)?;
    lab.line.feed.set_rate(settings.rate);
    let (mut slowest, mut widest, mut in_flight, mut torn) = (Duration::ZERO, 0, 0, 0);
    for round in 0..count {
        let mut engine = match round % 4 < 2 {
            true => lab.start_eager()?,
            false => lab.start()?,
        };
        // Every other one is killed while it may still be starting.
        if round % 2 == 0 {
            let id = lab.line.feed.sent();
            lab.wait_for(id, &mut engine)?;
            slowest = slowest.max(engine.started.elapsed());
        }
        lab.pass(Duration::from_micros(random.u64(0..SPAN_MS * 1000)))?;
        engine.kill()?;
        torn += u64::from(lab.look()? > 0);
        let acked = lab.acked()?;
        let lost = lab.line.arrived().missing(acked);
        report.check(lost == 0, || {
            format!("round {round}: {lost} of {acked} acked event(s) had not arrived")
        });
        let window = lab.line.arrived().from(acked);
        widest = widest.max(window);
        in_flight += window;
    }
    let mut engine = lab.start()?;
    lab.line.feed.set_rate(0);
    let fresh = lab.fresh(&mut engine)?;
    let (status, _, sums) = engine.drain()?;
    lab.look()?;
    report.check_sums(&sums, 1);
    report.check(status.success(), || {
        format!("the last run ended with {status}")
    });
    report.check(settings.is_soon(slowest, READY), || {
        format!("a start took {slowest:?}, more than {READY:?}")
    });
    report.check(settings.is_soon(fresh, READY), || {
        format!("a fresh event took {fresh:?}")
    });
    let arrived = lab.line.arrived();
    report.take(lab.line.feed.sent(), in_flight, &arrived);
    // Otherwise nothing was read again, and the run shows nothing.
    report.check(arrived.duplicates > 0, || {
        "void: no kill came between a delivery and its position".into()
    });
    report.note(format!(
        "at {} events/s; slowest start until a new event got through {slowest:?}, most events delivered past the \
         position {widest}, half lines cut off {}",
        settings.rate, torn
    ));
    Ok(report)
}

//! The engine is asked to end while events come in.

use std::time::Duration;

use crate::Result;
use crate::lab::{Lab, Settings};
use crate::report::Report;

/// What is on its way is delivered within this time.
const DRAINED: Duration = Duration::from_secs(5);

/// Ends it `count` times.
pub(crate) fn run(settings: &Settings, count: u64) -> Result<Report> {
    let mut report = Report::new("term");
    report.rounds = count;
    let mut random = fastrand::Rng::with_seed(settings.seed);
    let mut lab = Lab::files(settings, None)?;
    lab.line.feed.set_rate(settings.rate);
    let mut slowest = Duration::ZERO;
    for round in 0..count {
        let before = lab.line.arrived().distinct;
        let mut engine = lab.start()?;
        let id = lab.line.feed.sent();
        lab.wait_for(id, &mut engine)?;
        lab.pass(Duration::from_millis(random.u64(50..300)))?;
        let (status, took, sums) = engine.drain()?;
        slowest = slowest.max(took);
        report.check(status.success(), || {
            format!("round {round}: it ended with {status}")
        });
        let half = lab.look()?;
        report.check(half == 0, || {
            format!("round {round}: {half} byte(s) of half an event are left")
        });
        let arrived = lab.line.arrived().distinct - before;
        let acked = lab.acked()?;
        report.check(acked == lab.line.arrived().end(), || {
            format!(
                "round {round}: the position is behind event {acked}, {} arrived",
                lab.line.arrived().end()
            )
        });
        let [sum] = &sums[..] else {
            report
                .findings
                .push(format!("round {round}: the engine gave no sum"));
            continue;
        };
        report.check(
            sum.adds_up() && sum.delivered == arrived && sum.in_flight == 0,
            || format!("round {round}: {arrived} events arrived, and the engine says {sum:?}"),
        );
        // Otherwise nothing was under way, and the round shows nothing.
        report.check(arrived > settings.rate / 40, || {
            format!("round {round} is void: {arrived} events are no load")
        });
    }
    let mut engine = lab.start()?;
    lab.line.feed.set_rate(0);
    lab.fresh(&mut engine)?;
    engine.drain()?;
    lab.look()?;
    report.check(settings.is_soon(slowest, DRAINED), || {
        format!("draining took {slowest:?}, more than {DRAINED:?}")
    });
    report.take(lab.line.feed.sent(), 0, &lab.line.arrived());
    let backwards = lab.line.arrived().backwards;
    report.check(backwards == 0, || {
        format!("{backwards} event(s) came out of order")
    });
    report.note(format!(
        "at {} events/s; slowest drain {slowest:?}",
        settings.rate
    ));
    Ok(report)
}

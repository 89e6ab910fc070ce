//! The engine is killed while clients post events: whoever was told that an event was taken can rely on it.

use std::net::TcpListener;
use std::time::Duration;

use crate::Result;
use crate::event::Series;
use crate::lab::{Lab, Settings};
use crate::posts::Posts;
use crate::report::Report;

/// Clients at the same time.
const CLIENTS: usize = 8;
/// The instants are drawn from so much time behind the first answer.
const SPAN_MS: u64 = 300;

/// Kills it `count` times.
pub(crate) fn run(settings: &Settings, count: u64) -> Result<Report> {
    let mut report = Report::new("post");
    report.rounds = count;
    let mut random = fastrand::Rng::with_seed(settings.seed);
    // A port that was free a moment ago.
    let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let config = serde_json::json!({"url": address.to_string()});
    let source = format!("http_server with codec = \"json\",\n    config = {config}");
    let mut lab = Lab::with_source(settings, &source)?;
    let series = Series {
        seed: settings.seed,
    };
    let mut posts = Posts::start(series, address, CLIENTS);
    for round in 0..count {
        let before = posts.acked().len();
        let mut engine = lab.start()?;
        lab.until("an event is taken", &mut engine, |_| {
            posts.acked().len() > before
        })?;
        lab.pass(Duration::from_micros(random.u64(0..SPAN_MS * 1000)))?;
        engine.kill()?;
        let acked = posts.acked();
        lab.look()?;
        let arrived = lab.line.arrived();
        let lost = acked.iter().filter(|id| !arrived.has(**id)).count();
        report.check(lost == 0, || {
            let acked = acked.len();
            format!("round {round}: {lost} of {acked} acked event(s) had not arrived")
        });
    }
    let engine = lab.start()?;
    posts.end();
    let (status, _, sums) = engine.drain()?;
    lab.look()?;
    report.check(status.success(), || {
        format!("the last run ended with {status}")
    });
    report.check_sums(&sums, 1);
    report.take(posts.sent(), posts.unanswered(), &lab.line.arrived());
    report.check(posts.unanswered() > 0, || {
        "void: no post was under way when it was killed".into()
    });
    report.note(format!(
        "{} answers, {} posts without one, {} refusals",
        posts.acked().len(),
        posts.unanswered(),
        posts.refused()
    ));
    Ok(report)
}

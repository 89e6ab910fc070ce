//! A generator of log events: newline-delimited JSON that is the same on every machine.

use std::fs::File;
use std::io::Write;

use crate::Result;

/// The numbers of splitmix64 (<https://prng.di.unimi.it/splitmix64.c>): the same input on every machine.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    fn of<'t>(&mut self, texts: &[&'t str]) -> &'t str {
        texts[self.below(texts.len() as u64) as usize]
    }
}

/// One log event of 11 to 14 fields, two levels deep.
fn log_event(numbers: &mut Numbers, at: u64) -> String {
    let level = numbers.of(&["debug", "info", "warn", "error"]);
    let message = numbers.of(&[
        "request served from the upstream cache after revalidation",
        "connection closed by the peer before the response was complete",
        "slow query: the plan fell back to a sequential scan of the table",
        "retrying the delivery of a message with exponential back-off",
    ]);
    let message = match numbers.below(25) {
        0 => r#"user said \"again\" and tried once more"#,
        _ => message,
    };
    let service = numbers.below(32);
    let (host, pid) = (numbers.below(200), 1000 + numbers.below(60_000));
    let (trace, span) = (numbers.next(), numbers.next());
    let (micros, bytes) = (numbers.below(5_000_000), numbers.below(1_000_000));
    let method = numbers.of(&["GET", "POST", "PUT", "DELETE"]);
    let status = [200, 200, 200, 304, 404, 500][numbers.below(6) as usize];
    let (user, item) = (numbers.below(1_000_000), numbers.below(100_000));
    let mut event = format!(
        r#"{{"timestamp":"2026-11-22T08:{:02}:{:02}.{:06}Z","level":"{level}","service":"service-{service:02}","host":"node-{host:03}.eu-central.example.net","pid":{pid},"message":"{message}","trace_id":"{trace:016x}{span:016x}","duration_ms":{}.{:03},"http":{{"method":"{method}","path":"/api/v1/accounts/{user}/items/{item}","status":{status},"bytes":{bytes}}},"user":{{"id":{user},"plan":"business","beta":{}}},"seq":{at}"#,
        at / 60 % 60,
        at % 60,
        at % 1_000_000,
        micros / 1000,
        micros % 1000,
        user % 7 == 0,
    );
    if at.is_multiple_of(2) {
        event.push_str(r#","tags":["edge","canary"]"#);
    }
    if at.is_multiple_of(3) {
        event.push_str(r#","retry":null"#);
    }
    if at.is_multiple_of(5) {
        event.push_str(r#","sampled":true"#);
    }
    event + "}\n"
}

/// Writes log events to a file until it has `bytes` bytes.
pub(crate) fn generate(bytes: u64, path: &str) -> Result<()> {
    let mut file = std::io::BufWriter::new(File::create(path)?);
    let (mut numbers, mut written, mut at) = (Numbers(1), 0, 0);
    while written < bytes {
        let event = log_event(&mut numbers, at);
        file.write_all(event.as_bytes())?;
        written += event.len() as u64;
        at += 1;
    }
    file.flush()?;
    println!(
        "{at} events, {written} bytes, {} bytes each",
        written / at.max(1)
    );
    Ok(())
}

//! Log records on the standard error stream, as text or as JSON lines.

use std::io::Write;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::{Args, ValueEnum};
use log::{Level, LevelFilter};
use temblor::LogRecord;

use super::output::secrets;

/// What is logged and how; valid before and after every command.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct LogOptions {
    /// The most detailed records that are shown
    #[arg(
        long,
        global = true,
        value_name = "LEVEL",
        default_value = "info",
        value_enum
    )]
    log_level: LogLevel,
    /// How records are written to the standard error stream
    #[arg(
        long,
        global = true,
        value_name = "FORMAT",
        default_value = "text",
        value_enum
    )]
    log_format: LogFormat,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum LogLevel {
    Off,
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum LogFormat {
    Text,
    Json,
}

/// One record, wherever it comes from.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Record<'r> {
    /// The connector that it is about.
    pub(crate) connector: Option<&'r str>,
    /// The pipeline that it is about.
    pub(crate) pipeline: Option<&'r str>,
    /// The flow of the connector.
    pub(crate) flow: Option<&'r str>,
    /// The plugin that it comes from.
    pub(crate) plugin: Option<&'r str>,
    /// The part of the code that wrote it.
    pub(crate) target: &'r str,
    /// What it says.
    pub(crate) message: &'r str,
}

/// Writes records to the standard error stream.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Log {
    level: LevelFilter,
    format: LogFormat,
}

impl Log {
    /// Makes the log that the options ask for.
    pub(crate) fn new(options: LogOptions) -> Log {
        Log {
            level: match options.log_level {
                LogLevel::Off => LevelFilter::Off,
                LogLevel::Error => LevelFilter::Error,
                LogLevel::Warn => LevelFilter::Warn,
                LogLevel::Info => LevelFilter::Info,
                LogLevel::Debug => LevelFilter::Debug,
                LogLevel::Trace => LevelFilter::Trace,
            },
            format: options.log_format,
        }
    }

    /// Makes this the log of libraries that use the crate `log`.
    pub(crate) fn install(self) {
        // Only the program itself sets one, and it does so once.
        if log::set_boxed_logger(Box::new(self)).is_ok() {
            log::set_max_level(self.level);
        }
    }

    /// Returns the most detailed level that is shown.
    pub(crate) fn level(&self) -> LevelFilter {
        self.level
    }

    /// Writes a record, if its level is shown.
    pub(crate) fn write(&self, level: Level, record: &Record<'_>) {
        if level > self.level {
            return;
        }
        let message = secrets().mask(record.message);
        let record = &Record {
            message: &message,
            ..*record
        };
        let time = timestamp(SystemTime::now());
        let line = match self.format {
            LogFormat::Text => text(&time, level, record),
            LogFormat::Json => json(&time, level, record),
        };
        // There is nobody to tell that the error stream is closed.
        let _ = std::io::stderr().lock().write_all(line.as_bytes());
    }

    /// Writes a record of the engine.
    pub(crate) fn take(&self, record: &LogRecord<'_>) {
        let of_engine = Record {
            connector: record.connector,
            pipeline: record.pipeline,
            plugin: record.plugin,
            flow: record.flow,
            target: record.target,
            message: record.message,
        };
        self.write(record.level, &of_engine);
    }

    /// Writes a warning of the program itself.
    pub(crate) fn warn(&self, message: &str) {
        let record = Record {
            target: "temblor",
            message,
            ..Record::default()
        };
        self.write(Level::Warn, &record);
    }
}

impl log::Log for Log {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        metadata.level() <= self.level
    }

    fn log(&self, record: &log::Record<'_>) {
        let message = record.args().to_string();
        let record_of = Record {
            target: record.target(),
            message: &message,
            ..Record::default()
        };
        self.write(record.level(), &record_of);
    }

    fn flush(&self) {}
}

fn text(time: &str, level: Level, record: &Record<'_>) -> String {
    let mut line = format!("{time} {level:<5} ");
    match (record.connector, record.pipeline, record.flow) {
        (Some(connector), ..) => line += &format!("connector `{connector}`: "),
        (None, Some(pipeline), _) => line += &format!("pipeline `{pipeline}`: "),
        (None, None, Some(flow)) => line += &format!("flow `{flow}`: "),
        (None, None, None) => {}
    }
    if let Some(plugin) = record.plugin {
        line += &format!("plugin `{plugin}`: ");
    }
    line += &printable(record.message);
    line.push('\n');
    line
}

/// Keeps control characters of a message from reaching a terminal.
fn printable(message: &str) -> String {
    let replaced = |c: char| match c {
        '\n' | '\t' => c,
        c if c.is_control() => char::REPLACEMENT_CHARACTER,
        c => c,
    };
    message.trim_end().chars().map(replaced).collect()
}

fn json(time: &str, level: Level, record: &Record<'_>) -> String {
    let mut object = serde_json::Map::new();
    let mut put = |key: &str, value: &str| {
        object.insert(key.to_owned(), value.into());
    };
    put("time", time);
    put("level", &level.as_str().to_ascii_lowercase());
    if let Some(flow) = record.flow {
        put("flow", flow);
    }
    if let Some(connector) = record.connector {
        put("connector", connector);
    }
    if let Some(pipeline) = record.pipeline {
        put("pipeline", pipeline);
    }
    if let Some(plugin) = record.plugin {
        put("plugin", plugin);
    }
    if !record.target.is_empty() {
        put("target", record.target);
    }
    put("message", record.message);
    serde_json::Value::Object(object).to_string() + "\n"
}

/// Writes a time as in `2026-11-23T01:38:05.123Z`.
fn timestamp(time: SystemTime) -> String {
    let since_epoch = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    let seconds = since_epoch.as_secs();
    let (year, month, day) = date(seconds / 86_400);
    let (hour, minute, second) = (seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60);
    let millis = since_epoch.subsec_millis();
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z")
}

/// Converts days since 1970-01-01 to year, month and day of the Gregorian calendar.
///
/// It counts in years that start in March, so that the leap day is the last of its year, and in cycles of 400 years.
fn date(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let cycle = shifted / 146_097;
    let day_of_cycle = shifted % 146_097;
    let leap_days = day_of_cycle / 1_460 - day_of_cycle / 36_524 + day_of_cycle / 146_096;
    let year_of_cycle = (day_of_cycle - leap_days) / 365;
    let start_of_year = 365 * year_of_cycle + year_of_cycle / 4 - year_of_cycle / 100;
    let day_of_year = day_of_cycle - start_of_year;
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = (month_from_march + 2) % 12 + 1;
    let year = cycle * 400 + year_of_cycle + u64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn times_are_written_in_utc() {
        let check = |seconds, expected| {
            let time = UNIX_EPOCH + Duration::from_secs(seconds);
            assert_eq!(timestamp(time), expected);
        };
        check(0, "1970-01-01T00:00:00.000Z");
        check(951_782_399, "2000-02-28T23:59:59.000Z");
        check(951_782_400, "2000-02-29T00:00:00.000Z");
        check(4_107_542_400, "2100-03-01T00:00:00.000Z");
        check(1_795_397_885, "2026-11-23T01:38:05.000Z");
    }

    #[test]
    fn records_name_connector_and_plugin() {
        let record = Record {
            connector: Some("in"),
            pipeline: None,
            flow: Some("f"),
            plugin: Some("p.so"),
            target: "t",
            message: "it \u{1b}[2J broke\n",
        };
        assert_eq!(
            text("NOW", Level::Warn, &record),
            "NOW WARN  connector `in`: plugin `p.so`: it \u{fffd}[2J broke\n"
        );
        let parsed: serde_json::Value =
            serde_json::from_str(&json("NOW", Level::Warn, &record)).unwrap();
        assert_eq!(parsed["level"], "warn");
        assert_eq!(parsed["connector"], "in");
        assert_eq!(parsed["plugin"], "p.so");
        assert_eq!(parsed["message"], "it \u{1b}[2J broke\n");
    }

    #[test]
    fn records_name_what_they_are_about() {
        let of_flow = Record {
            flow: Some("f"),
            message: "it ended",
            ..Record::default()
        };
        let of_pipeline = Record {
            pipeline: Some("p"),
            ..of_flow
        };
        let lines = [of_flow, of_pipeline].map(|record| text("NOW", Level::Info, &record));
        assert_eq!(
            lines,
            [
                "NOW INFO  flow `f`: it ended\n",
                "NOW INFO  pipeline `p`: it ended\n"
            ]
        );
    }
}

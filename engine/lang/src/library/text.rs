//! The texts of the modules that are written in the language.

use super::datetime::zone;

/// Lists files of the library with their texts. A macro, because a text is included at compile time.
macro_rules! files {
    ($($file:literal),* $(,)?) => {
        &[$(($file, include_str!(concat!("../../library/", $file)))),*]
    };
}

/// The files with their names and their texts, sorted by name. A module `a::b` is `a/b` with some suffix.
const FILES: &[(&str, &str)] = files![
    "aggr.tremor",
    "aggr/stats.tremor",
    "aggr/win.tremor",
    "axiom.troy",
    "cncf.tremor",
    "cncf/otel.tremor",
    "cncf/otel/logs.tremor",
    "cncf/otel/logs/severity.tremor",
    "cncf/otel/logs/traceflags.tremor",
    "cncf/otel/metrics.tremor",
    "cncf/otel/metrics/temporality.tremor",
    "cncf/otel/span_id.tremor",
    "cncf/otel/trace.tremor",
    "cncf/otel/trace/spankind.tremor",
    "cncf/otel/trace/status.tremor",
    "cncf/otel/trace/status/code.tremor",
    "cncf/otel/trace/status/deprecated.tremor",
    "cncf/otel/trace_id.tremor",
    "google.tremor",
    "google/cloud.tremor",
    "google/cloud/logging.tremor",
    "google/cloud/logging/severity.tremor",
    "http/content_types.tremor",
    "http/headers.tremor",
    "http/methods.tremor",
    "http/status.tremor",
    "std.tremor",
    "std/array.tremor",
    "std/base64.tremor",
    "std/binary.tremor",
    "std/datetime.tremor",
    "std/datetime/formats.tremor",
    "std/float.tremor",
    "std/integer.tremor",
    "std/integer/signed.tremor",
    "std/integer/unsigned.tremor",
    "std/json.tremor",
    "std/math.tremor",
    "std/path.tremor",
    "std/random.tremor",
    "std/range.tremor",
    "std/re.tremor",
    "std/record.tremor",
    "std/size.tremor",
    "std/string.tremor",
    "std/test.tremor",
    "std/time.tremor",
    "std/time/nanos.tremor",
    "std/type.tremor",
    "std/url.tremor",
    "std/win.tremor",
    "tremor.tremor",
    "tremor/chash.tremor",
    "tremor/connectors.troy",
    "tremor/mime.tremor",
    "tremor/origin.tremor",
    "tremor/pipelines.troy",
    "tremor/system.tremor",
    "tremor/windows.tremor",
];

/// The module whose text is made, from the list of time zones.
const TIMEZONES: (&str, &str) = ("std::datetime::timezones", "std/datetime/timezones.tremor");

/// What modules were called before, which guides to Tremor 0.12 still write.
const FORMER: [(&str, &str); 2] = [
    ("troy::connectors", "tremor::connectors"),
    ("troy::pipelines", "tremor::pipelines"),
];

/// Returns the text of a module of the library, such as `std::string`, and the name of its file for messages.
pub(crate) fn module_text(path: &str) -> Option<(&'static str, &'static str)> {
    if path == TIMEZONES.0 {
        return Some((TIMEZONES.1, &zone::MODULE));
    }
    let former = FORMER.iter().find(|(former, _)| *former == path);
    let path = former.map_or(path, |(_, now)| now);
    let found = FILES.iter().find(|(file, _)| is_file_of(file, path));
    found.copied()
}

/// The paths of all modules of the library.
pub(crate) fn module_paths() -> impl Iterator<Item = String> {
    let files = FILES.iter().map(|(file, _)| stem(file).replace('/', "::"));
    files.chain(std::iter::once(TIMEZONES.0.to_owned()))
}

fn is_file_of(file: &str, path: &str) -> bool {
    stem(file).split('/').eq(path.split("::"))
}

/// The name of a file without its suffix.
fn stem(file: &str) -> &str {
    file.rsplit_once('.').map_or(file, |(stem, _)| stem)
}

//! What the configuration of a sliding window means.

use super::window::Settings;
use crate::ast::WindowDefinition;
use crate::code::Code;
use crate::finding::Finding;
use crate::suggest::one_of;
use crate::window::Slide;

/// How many panes a window can span; each group keeps that many.
const MAX_PANES: u64 = 65_536;

/// The keys of windows that slide.
const KEYS: [&str; 6] = [
    "size",
    "interval",
    "slide",
    "max_groups",
    "eviction_period",
    "emit_empty_windows",
];

/// The keys of windows that do not slide.
const TUMBLING_KEYS: [&str; 3] = ["size", "interval", "max_groups"];

/// Looks for keys that mean nothing. Windows that do not slide ignore them, as always, which is hardly ever meant.
pub(super) fn check_keys(definition: &WindowDefinition, is_sliding: bool) -> Vec<Finding> {
    let keys = definition.with.assigns.iter().map(|assign| &assign.key);
    let unknown = keys.filter(|key| {
        let name = &*key.name;
        !KEYS.contains(&name) || !is_sliding && name == "slide"
    });
    unknown
        .map(|key| {
            let name = &key.name;
            let (finding, help) = if is_sliding {
                let message = format!("sliding windows have no `{name}`");
                let help = one_of(name, "keys of a sliding window", &KEYS);
                (Finding::error(Code::UnknownKey, key.span, message), help)
            } else {
                let message = format!("tumbling windows have no `{name}`; it is ignored");
                let help = match &**name {
                    "slide" => format!(
                        "write `define window {} from sliding` to have it slide",
                        definition.name.name
                    ),
                    _ => one_of(name, "keys of a tumbling window", &TUMBLING_KEYS),
                };
                (Finding::warning(Code::UnknownKey, key.span, message), help)
            };
            finding.context(definition.span).help(help)
        })
        .collect()
}

/// The panes of a sliding window.
///
/// # Errors
/// Returns what is wrong with the configuration.
pub(super) fn slide(settings: &Settings) -> Result<Slide, String> {
    let (key, length) = match (settings.size, settings.interval_ns) {
        (Some(size), _) => ("size", size),
        (None, Some(interval_ns)) => ("interval", interval_ns),
        (None, None) => {
            return Err("a sliding window needs a `size` or an `interval`".to_owned());
        }
    };
    let slide = match settings.slide {
        Some(slide) => slide,
        None if key == "size" => 1,
        None => {
            return Err(
                "a sliding window by `interval` needs a `slide`: after how many nanoseconds it closes again"
                    .to_owned(),
            );
        }
    };
    if length == 0 {
        return Err(format!("its `{key}` is 0"));
    }
    if slide == 0 {
        return Err("its `slide` is 0, expected at least 1".to_owned());
    }
    if slide > length {
        return Err(format!(
            "its `slide` of {slide} is larger than its `{key}` of {length}, so that no window would have what is between them; \
             use a `slide` of at most {length}, or a larger `{key}`"
        ));
    }
    if key == "interval" && !length.is_multiple_of(slide) {
        return Err(format!(
            "its `slide` of {slide} does not divide its `interval` of {length}; {}",
            divisors(length, slide)
        ));
    }
    let pane = greatest_divisor(length, slide);
    let span = length / pane;
    if span > MAX_PANES {
        return Err(format!(
            "its `{key}` of {length} and its `slide` of {slide} make {span} parts, more than {MAX_PANES}; \
             use a larger `slide` that divides the `{key}`"
        ));
    }
    Ok(Slide {
        pane,
        span: span as usize,
        step: (slide / pane) as usize,
    })
}

/// Names the divisors of a length that are closest to a slide.
fn divisors(length: u64, slide: u64) -> String {
    let parts = length / slide;
    let is_divisor = |parts: &u64| length.is_multiple_of(*parts);
    let above = (1..=parts.min(MAX_PANES)).rev().find(is_divisor);
    let below = (parts.saturating_add(1)..=MAX_PANES).find(is_divisor);
    let names = [below, above].into_iter().flatten();
    let names: Vec<String> = names
        .map(|parts| format!("`slide = {}`", length / parts))
        .collect();
    format!("{} would do", names.join(" or "))
}

fn greatest_divisor(mut a: u64, mut b: u64) -> u64 {
    while b > 0 {
        (a, b) = (b, a % b);
    }
    a
}

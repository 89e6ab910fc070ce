//! The modules that are written in the language, as far as it shows without compiling them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::lexer::lex;
use crate::library::{module_paths, module_text, native, native_modules};
use crate::source::Source;

fn texts() -> Vec<(String, &'static str, &'static str)> {
    let text = |path: String| {
        let (file, text) = module_text(&path).expect("a module has a text");
        (path, file, text)
    };
    module_paths().map(text).collect()
}

#[test]
fn every_file_is_a_module() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("library");
    let mut open = vec![root.clone()];
    let mut found = BTreeSet::new();
    while let Some(directory) = open.pop() {
        for entry in std::fs::read_dir(directory).expect("a directory") {
            let path: PathBuf = entry.expect("an entry").path();
            if path.is_dir() {
                open.push(path);
            } else {
                let name = path.strip_prefix(&root).expect("a file of the library");
                found.insert(name.to_string_lossy().replace('\\', "/"));
            }
        }
    }
    found.insert("std/datetime/timezones.tremor".to_owned());
    let known = texts()
        .iter()
        .map(|(_, file, _)| (*file).to_owned())
        .collect();
    assert_eq!(found, known);
}

#[test]
fn paths_lead_to_texts() {
    let file = |path| module_text(path).map(|(file, _)| file);
    assert_eq!(file("std"), Some("std.tremor"));
    assert_eq!(file("std::string"), Some("std/string.tremor"));
    assert_eq!(file("tremor::connectors"), Some("tremor/connectors.troy"));
    assert_eq!(
        file("std::datetime::timezones"),
        Some("std/datetime/timezones.tremor")
    );
    assert_eq!(file("http::status"), Some("http/status.tremor"));
    for missing in [
        "",
        "http",
        "std::",
        "::std",
        "std/string",
        "string",
        "std::String",
    ] {
        assert_eq!(file(missing), None, "{missing}");
    }
}

/// A module is known by its content, so that two of one content would be a circle.
#[test]
fn no_two_texts_are_equal() {
    let mut seen = BTreeMap::new();
    for (path, _, text) in texts() {
        if let Some(other) = seen.insert(text, path.clone()) {
            panic!("{path} and {other} have one text");
        }
    }
}

#[test]
fn texts_are_well_formed_and_documented() {
    for (_, file, text) in texts() {
        let source = Source::new(file, text);
        assert!(lex(&source).is_ok(), "{file} has tokens that are malformed");
        assert!(text.starts_with("### "), "{file} does not say what it is");
        let lines: Vec<&str> = text.lines().collect();
        for (at, line) in lines.iter().enumerate() {
            let place = format!("{file}:{}", at + 1);
            assert!(
                line.len() <= 120 && line.trim_end() == *line,
                "{place}: {line}"
            );
            let is_definition = ["fn ", "intrinsic ", "const ", "define "]
                .iter()
                .any(|word| line.starts_with(word));
            if is_definition {
                let before = lines[at - 1];
                assert!(before.starts_with("## "), "{place}: {line}");
            }
            if is_last_of_item(line, lines.get(at + 1)) {
                assert!(line.ends_with(';'), "{place}: {line}");
            }
        }
    }
}

/// Whether a line is the last of something that begins at the start of a line.
fn is_last_of_item(line: &str, next: Option<&&str>) -> bool {
    !line.is_empty() && !line.starts_with('#') && next.is_none_or(|next| next.is_empty())
}

#[test]
fn intrinsics_and_natives_belong_together() {
    let mut bound = BTreeSet::new();
    for (path, file, text) in texts() {
        for line in text.lines().filter(|line| line.starts_with("intrinsic ")) {
            let line = line.strip_suffix(';').expect("a definition ends with `;`");
            let (head, target) = line.split_once(" as ").expect("an intrinsic has a target");
            let (module, function) = target.split_once("::").expect("a target has two parts");
            let found = native(module, function);
            let found = found.unwrap_or_else(|| panic!("{file}: no native function {target}"));
            let name = head["intrinsic fn ".len()..].split('(').next();
            assert_eq!(name, Some(function), "{file}");
            let params = head.split_once('(').map_or("", |(_, params)| params);
            let params = params.trim_end_matches(')');
            let is_variadic = params.ends_with("...");
            let count = params
                .split(", ")
                .filter(|p| !p.is_empty() && *p != "...")
                .count();
            assert_eq!(usize::from(found.min_args), count, "{file}: {line}");
            assert_eq!(
                found.max_args != found.min_args,
                is_variadic,
                "{file}: {line}"
            );
            let last = path.rsplit("::").next();
            if module != "otel" {
                assert_eq!(last, Some(module), "{file}: {line}");
            }
            bound.insert(target.to_owned());
        }
    }
    let natives = native_modules().iter().flat_map(|module| {
        let functions = module.functions.iter();
        functions.map(|function| format!("{}::{}", module.name, function.name))
    });
    assert_eq!(bound, natives.collect());
}

#[test]
fn modules_use_modules_that_are_there() {
    let mut uses = 0;
    for (_, file, text) in texts() {
        for statement in text.split(';') {
            let Some(at) = statement
                .find("use ")
                .filter(|at| is_line_start(statement, *at))
            else {
                continue;
            };
            let target: String = statement[at + 4..].split_whitespace().collect();
            let (base, names) = match target.split_once('{') {
                Some((base, names)) => (base, names.trim_end_matches('}')),
                None => ("", &*target),
            };
            for name in names.split(',') {
                uses += 1;
                let path = format!("{base}{name}");
                assert!(module_text(&path).is_some(), "{file} uses {path}");
            }
        }
    }
    assert!(uses > 50, "{uses}");
}

fn is_line_start(text: &str, at: usize) -> bool {
    text[..at].is_empty() || text[..at].ends_with('\n')
}

/// The wildcard modules: what they use is what the reference says, no more and no less.
#[test]
fn modules_that_collect_others_use_these() {
    for (path, names) in [
        (
            "std",
            "array base64 binary datetime float integer json math path random range re record size string test type url",
        ),
        (
            "tremor",
            "chash connectors mime origin pipelines system windows",
        ),
        ("aggr", "stats win"),
        ("std::time", "nanos"),
        ("std::integer", "signed unsigned"),
        ("std::datetime", "formats timezones"),
    ] {
        let (_, text) = module_text(path).expect("a module");
        let line = text.split("\nuse ").nth(1).expect("it uses others");
        let target = line.split(';').next().unwrap_or_default();
        let last = target.rsplit("::").next().unwrap_or_default();
        let found: Vec<_> = last
            .split(|c: char| !c.is_ascii_alphanumeric())
            .filter(|name| !name.is_empty())
            .collect();
        assert_eq!(found.join(" "), names, "{path}");
    }
}

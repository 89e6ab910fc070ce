//! Formatting changes white space and nothing else, and what is formatted stays as it is.

#[path = "conformance/case.rs"]
#[allow(dead_code, reason = "only texts are of interest")]
mod case;
mod common;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use case::{Kind, parse_cases, parse_rows};
use common::case_files;
use proptest::prelude::*;
use temblor_lang::{Source, SourceKind, format};

fn formatted(text: &str, kind: SourceKind) -> Option<String> {
    format(&Arc::new(Source::new("a", text)), kind).ok()
}

/// Checks a text; those with errors of syntax are left alone.
fn check(place: &str, text: &str, kind: SourceKind) -> bool {
    let Some(once) = formatted(text, kind) else {
        return false;
    };
    let bare = |text: &str| {
        let chars = text.chars().filter(|c| !c.is_whitespace());
        chars.collect::<String>()
    };
    assert_eq!(bare(&once), bare(text), "{place} is another text");
    let twice = formatted(&once, kind).expect("a formatted text can be parsed");
    assert_eq!(twice, once, "{place} is not stable");
    true
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("the folder exists") {
        let path = entry.expect("the folder can be read").path();
        if path.is_dir() {
            files(&path, found);
        } else {
            found.push(path);
        }
    }
}

#[test]
fn all_files_of_the_project_can_be_formatted() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut found = Vec::new();
    for folder in [
        "engine/lang/library",
        "engine/examples",
        "benches/pipelines",
    ] {
        files(&root.join(folder), &mut found);
    }
    let mut checked = 0;
    for path in found {
        let suffix = path.extension().and_then(|suffix| suffix.to_str());
        let Some(kind) = suffix.and_then(SourceKind::of) else {
            continue;
        };
        let text = std::fs::read_to_string(&path).expect("the file can be read");
        assert!(check(&path.display().to_string(), &text, kind));
        checked += 1;
    }
    assert!(checked > 60, "{checked}");
}

#[test]
fn definitions_within_definitions_stand_deeper() {
    let text = "\
define flow main
flow
  define pipeline count
  pipeline
    define script answer
    args
      limit = 1
    state
      0
    script from reset
      drop
    script
      let state = state + 1;
      event
    end;
    define window two from tumbling
    with
      size = 2
    end;
    create script answer;
    select event from in[two] into answer;
    select event from answer into out;
  end;
  create pipeline count;
end;
deploy flow main;
";
    let formatted = formatted(text, SourceKind::Deployment);
    assert_eq!(formatted.as_deref(), Some(text));
}

/// The texts of the conformance suite.
fn texts() -> Vec<(String, String, SourceKind)> {
    let mut texts = Vec::new();
    for (file, text) in case_files("conformance/rows") {
        for case in parse_rows(&file, &text) {
            texts.push((case.place, case.text, SourceKind::Script));
        }
    }
    for (file, text) in case_files("conformance/cases") {
        for case in parse_cases(&file, &text) {
            let kind = match case.kind {
                Kind::Script => SourceKind::Script,
                Kind::Query => SourceKind::Query,
                Kind::Deployment => SourceKind::Deployment,
            };
            texts.push((case.place, case.text, kind));
        }
    }
    texts
}

#[test]
fn all_texts_of_the_conformance_suite_can_be_formatted() {
    let texts = texts();
    let done = texts
        .iter()
        .filter(|(place, text, kind)| check(place, text, *kind))
        .count();
    assert!(done > texts.len() / 2, "{done} of {}", texts.len());
}

/// What the other tests cannot see, since they look past all blanks.
#[test]
fn blanks_within_tokens_are_kept() {
    for (token, is_pattern) in [
        ("\"a  b\"", false),
        ("\"  #{ \"c   d\" }  \"", false),
        ("\"\"\"\n   a\n\n\n  \"\"  b  \n\"\"\"", false),
        ("\"\"\"\n\ta  \n #{ event } \n   \"\"\"", false),
        ("event.`a  b`", false),
        ("{ \"  k  \": 1 }", false),
        ("~ re|a  b|", true),
        ("~ re|\\\n   a  \\\n     b|", true),
    ] {
        let expr = match is_pattern {
            true => format!("match event of case {token} => 1 case _ => 2 end"),
            false => format!("[{token}]"),
        };
        let query = format!("select {expr} from in into out");
        let flow = format!(
            "define flow f flow define pipeline p pipeline {query} end; create pipeline p end; deploy flow f"
        );
        for (text, kind) in [
            (format!("let x = {expr}; x"), SourceKind::Script),
            (query, SourceKind::Query),
            (flow, SourceKind::Deployment),
        ] {
            let formatted = formatted(&text, kind).expect("the text can be parsed");
            // Records may get other blanks around their braces.
            let token = token.trim_matches(['{', '}', ' ']);
            assert!(formatted.contains(token), "{token}\n{formatted}");
            check(token, &text, kind);
        }
    }
}

proptest! {
    /// Line ends, blanks and comments at any places of a text that means something.
    #[test]
    fn broken_lines_and_comments_are_kept(pick in any::<prop::sample::Index>(), places in prop::collection::vec((any::<prop::sample::Index>(), 0..4usize), 0..12)) {
        let texts = texts();
        let (place, text, kind) = &texts[pick.index(texts.len())];
        let mut text = text.clone();
        for (at, what) in places {
            let blanks: Vec<usize> = text.match_indices(' ').map(|(at, _)| at).collect();
            if blanks.is_empty() {
                break;
            }
            let at = blanks[at.index(blanks.len())];
            text.insert_str(at, ["\n", "  ", "\n\n\n", " # note\n"][what]);
        }
        check(place, &text, *kind);
    }
}

//! What the documentation shows is what happens: commands run, files parse, code is the code.

mod evaluate;
mod letters;
mod library;
mod page;
mod programs;
mod tables;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

#[track_caller]
fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path))
        .unwrap_or_else(|error| panic!("cannot read `{path}`: {error}"))
}

fn temblor(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_temblor"))
        .args(arguments)
        .current_dir(root())
        .output()
        .expect("temblor runs")
}

/// The text of all blocks of a language, one behind the other.
fn blocks(markdown: &str, language: &str) -> String {
    let blocks = page::blocks(markdown).into_iter();
    blocks
        .filter(|block| block.info == language)
        .map(|block| block.text)
        .collect()
}

/// The commands of the program in a page, as lists of arguments.
fn commands(page: &str) -> Vec<Vec<String>> {
    let text = blocks(&read(page), "sh");
    let own = text.lines().filter_map(|line| {
        let from_source = line.strip_prefix("cargo run --release -- ");
        from_source.or_else(|| line.strip_prefix("temblor "))
    });
    own.map(|line| line.split_whitespace().map(str::to_owned).collect())
        .collect()
}

/// Whether a command builds nothing, needs no plugin and ends soon.
fn is_cheap(command: &[String]) -> bool {
    let plugin = command
        .iter()
        .any(|word| word == "--connectors" || word == "plugin");
    !plugin && command[0] != "bench"
}

#[test]
fn commands_of_the_documentation_work() {
    let mut ran = 0;
    for page in ["README.md", "docs/operating.md", "docs/testing.md"] {
        for command in commands(page) {
            let words: Vec<&str> = command.iter().map(String::as_str).collect();
            if is_cheap(&command) {
                let output = temblor(&words);
                let error = String::from_utf8_lossy(&output.stderr);
                assert!(
                    output.status.success(),
                    "{page}: `temblor {}`: {error}",
                    words.join(" ")
                );
                ran += 1;
            }
        }
    }
    assert!(ran >= 4, "only {ran} commands were found");
}

#[test]
fn commands_that_take_long_are_at_least_understood() {
    for page in ["README.md", "docs/operating.md", "docs/testing.md"] {
        for command in commands(page).iter().filter(|command| !is_cheap(command)) {
            // The help of a command names every option that it has.
            let words = command.iter().map(String::as_str);
            let two_words = usize::from(command[0] == "plugin") + 1;
            let mut help: Vec<&str> = words.clone().take(two_words).collect();
            help.push("--help");
            let output = temblor(&help);
            let text = String::from_utf8_lossy(&output.stdout);
            assert!(
                output.status.success(),
                "{page}: there is no `temblor {}`",
                help.join(" ")
            );
            for option in words.filter(|word| word.starts_with("--")) {
                assert!(
                    text.contains(option),
                    "{page}: `{}` has no `{option}`",
                    help.join(" ")
                );
            }
        }
    }
}

#[test]
fn the_quickstart_tells_what_ran_during_a_build() {
    let output = temblor(&["run", "engine/examples/quickstart.troy"]);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{error}");
    let text = String::from_utf8(output.stdout).unwrap();

    // The same questions, asked of the file in another way.
    let messages = read("engine/examples/data/cargo-build.jsonl");
    let messages = messages
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let expected: Vec<String> = messages.filter_map(|m| answer(&m)).collect();
    assert!(
        expected.len() > 10,
        "the file holds something to find: {expected:?}"
    );
    assert_eq!(text.lines().collect::<Vec<_>>(), expected);
}

fn answer(message: &serde_json::Value) -> Option<String> {
    let target = &message["target"];
    match message["reason"].as_str()? {
        "compiler-artifact" if target["kind"] == serde_json::json!(["proc-macro"]) => {
            Some(format!(
                "the compiler ran the macros of {} (edition {}, features {})",
                target["name"].as_str()?,
                target["edition"].as_str()?,
                message["features"]
            ))
        }
        "build-script-executed" => Some(format!(
            "cargo ran the build script of {}, which set {}",
            message["package_id"].as_str()?,
            message["cfgs"]
        )),
        "build-finished" => Some(format!(
            "the build has finished, success: {}",
            message["success"]
        )),
        _ => None,
    }
}

#[test]
fn the_code_in_the_book_is_the_code_in_the_repository() {
    let book = read("docs/connector.md");
    let (connectors, rest) = book.split_once("## Operators\n").expect("a section");
    let (operators, functions) = rest.split_once("## Functions\n").expect("a section");
    assert_eq!(
        blocks(connectors, "rust"),
        read("connectors/null/src/lib.rs")
    );
    for (section, file) in [
        (operators, "engine/lang/src/operators/counter.rs"),
        (functions, "engine/tests/fixtures/faulty/src/functions.rs"),
    ] {
        let (excerpt, source) = (blocks(section, "rust"), read(file));
        assert!(!excerpt.is_empty());
        assert!(source.contains(&excerpt), "{file} is not as the book says");
    }
}

#[test]
fn the_readme_names_the_command_that_ci_runs() {
    let readme = blocks(&read("README.md"), "sh");
    let tests = readme
        .lines()
        .filter(|line| line.starts_with("cargo test "));
    assert_eq!(tests.collect::<Vec<_>>(), ["cargo test --workspace"]);
}

#[test]
fn links_between_pages_lead_somewhere() {
    let mut broken = Vec::new();
    for page in [
        "README.md",
        "ARCHITECTURE.md",
        "docs/README.md",
        "docs/operating.md",
        "docs/configuration.md",
        "docs/processors.md",
        "docs/language.md",
        "docs/library.md",
        "docs/connector.md",
        "docs/http.md",
        "docs/testing.md",
        "docs/dead-letters.md",
        "docs/limits.md",
    ] {
        let folder = root().join(page);
        let folder = folder.parent().expect("a page lies in a folder");
        for target in links(&read(page)) {
            if !target.contains("://") && !leads_somewhere(folder, page, &target) {
                broken.push(format!("{page}: {target}"));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:?}");
}

/// Whether a file exists, and the heading in it.
fn leads_somewhere(folder: &Path, page: &str, target: &str) -> bool {
    let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
    let path = match file {
        "" => root().join(page),
        file => folder.join(file),
    };
    if anchor.is_empty() {
        return path.exists();
    }
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let headings = text.lines().filter(|line| line.starts_with('#'));
    let mut anchors = headings.map(|line| {
        let words = line.trim_start_matches('#').trim().to_lowercase();
        words
            .replace(' ', "-")
            .replace(|c: char| !c.is_alphanumeric() && c != '-', "")
    });
    anchors.any(|found| found == anchor)
}

/// The targets of `[text](target)` in a page.
fn links(markdown: &str) -> Vec<String> {
    let parts = markdown.split("](").skip(1);
    let targets = parts.filter_map(|part| part.split_once(')'));
    targets.map(|(target, _)| target.to_owned()).collect()
}

#[test]
fn the_connectors_toml_of_the_book_is_understood() {
    let book = blocks(&read("docs/configuration.md"), "toml");
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("connectors.toml");
    // Its directory is made, so that only the text is judged.
    std::fs::create_dir(directory.path().join("plugins")).unwrap();
    std::fs::write(&path, book).unwrap();
    for file in [path.as_path(), Path::new("engine/examples/connectors.toml")] {
        let file = file.to_str().unwrap();
        let output = temblor(&["connectors", "--connectors", file, "--json"]);
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{file}: {error}");
    }
}

//! The programs that the pages show: each is run over the input that stands behind it, or at least checked.
//!
//! A block `tremor`, `trickle` or `troy` is a program, or with a name behind that word a module for the programs that
//! follow. Blocks `json input`, `json output` and `text error` belong to the program above them.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value as Json;

use crate::page::{Block, Row, blocks, code, rows};
use crate::{evaluate, read};

/// The pages whose programs run.
const PAGES: [&str; 3] = ["docs/language.md", "docs/library.md", "docs/processors.md"];

#[derive(Default)]
struct Program {
    place: String,
    file: String,
    text: String,
    input: Option<String>,
    output: String,
    error: String,
}

#[test]
fn programs_do_what_the_page_says() {
    let (mut wrong, mut ran) = (Vec::new(), 0);
    for page in PAGES {
        let folder = tempfile::tempdir().expect("a temporary directory");
        for program in programs(page, folder.path()) {
            ran += 1;
            if let Err(found) = check(&program, folder.path()) {
                wrong.push(format!("{}: {found}", program.place));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    assert!(ran >= 15, "only {ran} programs were found");
}

/// The programs of a page. Its modules are written into the folder.
fn programs(page: &str, folder: &Path) -> Vec<Program> {
    let mut programs: Vec<Program> = Vec::new();
    for Block { info, text, line } in blocks(&read(page)) {
        let place = format!("{page}:{line}");
        let (first, rest) = info.split_once(' ').unwrap_or((&info, ""));
        match (first, rest, programs.last_mut()) {
            ("tremor" | "trickle" | "troy", "", _) => programs.push(Program {
                place,
                file: format!("program.{first}"),
                text,
                ..Program::default()
            }),
            ("tremor" | "trickle" | "troy", name, _) => {
                let path = folder.join(name);
                std::fs::create_dir_all(path.parent().expect("a folder"))
                    .expect("a folder is made");
                std::fs::write(path, text).expect("a module is written");
            }
            ("json", "input", Some(program)) => program.input = Some(text),
            ("json", "output", Some(program)) => program.output = text,
            ("text", "error", Some(program)) => program.error = text,
            ("sh" | "text", "", _) => {}
            _ => panic!("{place}: nothing is known of `{info}`"),
        }
    }
    programs
}

fn check(program: &Program, folder: &Path) -> Result<(), String> {
    std::fs::write(folder.join(&program.file), &program.text).map_err(|e| e.to_string())?;
    let file = program.file.as_str();
    let ran = match &program.input {
        Some(input) => {
            let arguments = ["run", file, "-I", ".", "--clock", "logical"];
            temblor(&arguments, folder, input)
        }
        None => temblor(&["check", file, "-I", "."], folder, ""),
    };
    let error = String::from_utf8_lossy(&ran.stderr).into_owned();
    if let Some(missing) = program.error.lines().find(|line| !error.contains(line)) {
        return Err(format!("`{missing}` is not among what it says:\n{error}"));
    }
    if ran.status.success() != program.error.is_empty() {
        return Err(format!("it ends with {}:\n{error}", ran.status));
    }
    let styled = temblor(&["fmt", "--check", file], folder, "");
    if program.error.is_empty() && !styled.status.success() {
        return Err("it is not in the style of `temblor fmt`".to_owned());
    }
    let output = String::from_utf8_lossy(&ran.stdout).into_owned();
    match program.input.is_some() && lines(&output) != lines(&program.output) {
        true => Err(format!("what comes out is\n{output}")),
        false => Ok(()),
    }
}

/// Lines as data, so that blanks do not matter.
fn lines(text: &str) -> Vec<Result<Json, String>> {
    let parse = |line| serde_json::from_str(line).map_err(|_| String::from(line));
    text.lines().map(parse).collect()
}

fn temblor(arguments: &[&str], folder: &Path, input: &str) -> Output {
    // A file and not a pipe: a program that does not read its input cannot get in the way.
    std::fs::write(folder.join("input"), input).expect("the input is written");
    let stdin = std::fs::File::open(folder.join("input")).expect("the input is read");
    Command::new(env!("CARGO_BIN_EXE_temblor"))
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::from(stdin))
        .output()
        .expect("temblor runs")
}

#[test]
fn examples_in_tables_have_the_results_beside_them() {
    let (mut wrong, mut ran) = (Vec::new(), 0);
    for row in rows(&read("docs/language.md")) {
        let (Some(example), Some(result)) = (row.cell("example"), row.cell("result")) else {
            continue;
        };
        ran += 1;
        let found = evaluate::script(code(example));
        wrong.extend(difference(&row, code(result), found));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(ran >= 20, "only {ran} examples were found");
}

/// What is wrong with a result: it is JSON, or `error: ` and a part of the message.
pub(crate) fn difference(row: &Row, result: &str, found: Result<Json, String>) -> Option<String> {
    let is_right = match (&found, result.strip_prefix("error: ")) {
        (Ok(found), None) => {
            serde_json::from_str(result).is_ok_and(|wanted: Json| *found == wanted)
        }
        (Err(error), Some(part)) => error.contains(part),
        _ => false,
    };
    (!is_right).then(|| {
        let found = found.map_or_else(|error| error, |json| json.to_string());
        format!("line {}: `{result}` is in truth {found}", row.line)
    })
}

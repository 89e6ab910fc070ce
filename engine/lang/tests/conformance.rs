//! The conformance suite: what the specification of the language says, case by case; see `conformance/README.md`.

#[path = "conformance/case.rs"]
mod case;
mod common;
#[path = "conformance/run.rs"]
mod run;

use case::{Case, parse_cases, parse_rows};
use common::case_files;

#[test]
fn the_language_does_what_its_specification_says() {
    let mut cases: Vec<Case> = Vec::new();
    for (file, text) in case_files("conformance/rows") {
        cases.extend(parse_rows(&file, &text));
    }
    for (file, text) in case_files("conformance/cases") {
        cases.extend(parse_cases(&file, &text));
    }
    let mut wrong = Vec::new();
    for case in &cases {
        if let Err(found) = run::check(case) {
            wrong.push(format!("{}: {}\n{found}", case.place, case.name));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {} cases are wrong:\n\n{}",
        wrong.len(),
        cases.len(),
        wrong.join("\n\n")
    );
    assert!(cases.len() >= 600, "there are only {} cases", cases.len());
}

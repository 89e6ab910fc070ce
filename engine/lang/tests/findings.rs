//! What is reported for texts that are wrong, or look wrong: the cases in `findings/`.
//!
//! A case is `=== name`, where the name ends in `.troy` or `.trickle`, the text, `---`, and everything that is
//! reported, as it is shown to people. With `BLESS=1` in the environment the files are rewritten instead, to be read
//! through and committed.

mod common;

use common::{case_files, case_path, rendered, shown, source};
use temblor_lang::{Options, Source, compile_deployment, compile_query};

fn report(source: &std::sync::Arc<Source>) -> String {
    let options = Options::default();
    let warnings = if source.name().ends_with(".trickle") {
        compile_query(source, &options).map(|query| (query.warnings, query.sources))
    } else {
        compile_deployment(source, &options)
            .map(|deployment| (deployment.warnings, deployment.sources))
    };
    match warnings {
        Ok((warnings, sources)) => shown(&warnings, &sources),
        Err(rejected) => rendered(&rejected),
    }
}

#[test]
fn findings_are_reported_as_the_cases_say() {
    let bless = std::env::var_os("BLESS").is_some();
    let mut wrong = Vec::new();
    for (file, text) in case_files("findings") {
        let mut blessed = Vec::new();
        for case in text
            .split("\n=== ")
            .map(|case| case.trim_start_matches("=== "))
        {
            let (name, case) = case.split_once('\n').expect("a case has a name and a text");
            let (text, expected) = case
                .split_once("\n---\n")
                .expect("a case has a text and a report");
            let found = report(&source(name, text));
            let found = format!("=== {name}\n{text}\n---\n{found}");
            if found.trim() != format!("=== {name}\n{text}\n---\n{expected}").trim() {
                wrong.push(format!("in {file}:\n{found}"));
            }
            blessed.push(found);
        }
        if bless {
            std::fs::write(case_path("findings").join(file), blessed.join("\n"))
                .expect("the file can be written");
        }
    }
    assert!(bless || wrong.is_empty(), "{}", wrong.join("\n"));
}

//! The page of the library: it lists what there is, with the words of the library, and its examples run.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::json;

use crate::page::{Row, blocks, code, rows};
use crate::programs::difference;
use crate::{evaluate, read, root};

const PAGE: &str = "docs/library.md";

/// A function with the module it is in: heading, function, what it does.
type Listed = (String, String, String);

#[test]
fn each_function_of_the_library_is_listed_and_no_other() {
    let mut known = BTreeSet::new();
    let library = root().join("engine/lang/library");
    collect(&library, &library, &mut known);
    assert!(
        known.len() > 150,
        "only {} functions were found",
        known.len()
    );

    let functions = rows(&read(PAGE));
    let functions = functions.iter().filter_map(|row| {
        let function = code(row.cell("function")?).to_owned();
        Some((row.heading.clone(), function, row.cell("what")?.to_owned()))
    });
    let listed: BTreeSet<Listed> = functions.collect();
    let show = |(module, function, what): &Listed| format!("{module}: | `{function}` | {what} |");
    let missing: Vec<String> = known.difference(&listed).map(show).collect();
    let wrong: Vec<String> = listed.difference(&known).map(show).collect();
    assert!(
        missing.is_empty() && wrong.is_empty(),
        "{PAGE} lacks\n{}\nand has, where there is no such thing,\n{}",
        missing.join("\n"),
        wrong.join("\n")
    );
}

/// Adds the functions of all modules below a folder.
fn collect(library: &Path, folder: &Path, known: &mut BTreeSet<Listed>) {
    for entry in std::fs::read_dir(folder).expect("the folder is read") {
        let path = entry.expect("the folder is read").path();
        if path.is_dir() {
            collect(library, &path, known);
            continue;
        }
        let name = path.strip_prefix(library).expect("it lies in the library");
        let name = name.with_extension("").display().to_string();
        let text = std::fs::read_to_string(&path).expect("the module is read");
        known.extend(functions(&name.replace('/', "::"), &text));
    }
}

/// The functions that a module defines, with the words above them.
fn functions(module: &str, text: &str) -> Vec<Listed> {
    let (mut found, mut words) = (Vec::new(), Vec::new());
    for line in text.lines() {
        if let Some(more) = line.strip_prefix("## ") {
            words.push(more);
            continue;
        }
        let head = line.strip_prefix("intrinsic ").unwrap_or(line);
        if let Some((head, _)) = head.strip_prefix("fn ").and_then(|f| f.split_once(')')) {
            found.push((module.to_owned(), format!("{head})"), words.join(" ")));
        }
        words.clear();
    }
    found
}

#[test]
fn each_example_of_the_library_has_the_result_beside_it() {
    let page = read(PAGE);
    let preamble = blocks(&page);
    let preamble = preamble.iter().find(|block| block.info == "tremor");
    let preamble = &preamble.expect("a block says what is used").text;
    let mut wrong = Vec::new();
    for row in rows(&page) {
        let Some((example, result)) = row.cell("example").zip(row.cell("result")) else {
            continue;
        };
        let name = row.cells.first().map(|cell| code(cell)).unwrap_or_default();
        let name = name.split('(').next().unwrap_or_default();
        let name = name.rsplit("::").next().unwrap_or_default();
        let example = code(example);
        if !example.contains(name) {
            wrong.push(format!("line {}: `{name}` is not in its example", row.line));
        }
        wrong.extend(difference(
            &row,
            code(result),
            outcome(&row, example, preamble),
        ));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Runs an example: as a script, or as the target of a select where only that makes sense.
fn outcome(row: &Row, example: &str, preamble: &str) -> Result<serde_json::Value, String> {
    let module = row.heading.as_str();
    if module.starts_with("aggr::") || module == "std::win" {
        let text = format!(
            "use std::win;\ndefine window all from tumbling with size = 3 end;\n\
             select {example} from in[all] into out"
        );
        return evaluate::query(&text, &[json!(1), json!(2), json!(3)]);
    }
    if row.cell("extractor").is_some() {
        return evaluate::script(example);
    }
    // Modules with equal names take turns: the one of the row comes last.
    let module = row.cell("module").map_or(module, code);
    evaluate::script(&format!("{preamble}use {module};\n{example}"))
}

#[test]
fn each_extractor_and_each_operator_is_listed_and_no_other() {
    let page = read(PAGE);
    let column = |name: &str| -> BTreeSet<String> {
        let rows = rows(&page);
        let cells = rows.iter().filter_map(|row| row.cell(name));
        cells.map(|cell| code(cell).to_owned()).collect()
    };
    let operators: BTreeSet<String> = temblor_lang::OPERATORS.map(str::to_owned).into();
    assert_eq!(column("operator"), operators);
    // The compiler names all extractors to whoever asks for one that does not exist.
    let error = evaluate::script("match 1 of case ~ nothing_like_it|| => 1 case _ => 2 end");
    let error = error.expect_err("there is no such extractor");
    let (_, list) = error
        .split_once("the extractors are")
        .expect("it lists them");
    let known = list
        .lines()
        .next()
        .unwrap_or_default()
        .split('`')
        .skip(1)
        .step_by(2);
    assert_eq!(column("extractor"), known.map(str::to_owned).collect());
}

#[test]
fn each_operator_stands_in_a_program_of_the_page() {
    let page = read(PAGE);
    let (programs, _): (Vec<_>, Vec<_>) =
        blocks(&page).into_iter().partition(|b| b.info == "trickle");
    for operator in temblor_lang::OPERATORS {
        // This one is what streams are, and cannot be named.
        let is_shown = programs
            .iter()
            .any(|block| block.text.contains(&format!("from {operator}")));
        assert!(
            is_shown || operator == "passthrough",
            "{operator} is not shown"
        );
    }
}

//! Bounds: a constant in a crate's table of limits is what the crate's code uses.

use crate::rust::{tokens, words};
use crate::workspace::{none, rust_files};

/// The crates that have a table, by the folder of their source.
const TABLES: [&str; 3] = ["engine/src", "engine/lang/src", "engine/codecs/src"];

#[test]
fn what_is_in_a_table_is_used_by_the_code() {
    let mut findings = Vec::new();
    for folder in TABLES {
        let table = format!("{folder}/limits.rs");
        let constants = constants(&table);
        assert!(constants.len() > 3, "{table}: {constants:?}");
        let others = rust_files().into_iter();
        let others = others.filter(|path| path.starts_with(folder) && *path != table);
        let used: Vec<String> = others
            .flat_map(|path| words(tokens(&path)))
            .map(|word| word.text)
            .collect();
        let unused = constants.iter().filter(|name| !used.contains(name));
        findings.extend(unused.map(|name| format!("{table}: `{name}`")));
    }
    none(&findings, "nothing keeps to these bounds");
}

/// The constants that a table of limits offers to the rest of its crate.
fn constants(path: &str) -> Vec<String> {
    let words: Vec<String> = words(tokens(path)).into_iter().map(|w| w.text).collect();
    let offered = words
        .windows(4)
        .filter(|w| w[..3] == ["pub", "crate", "const"]);
    offered.map(|w| w[3].clone()).collect()
}

//! The page about dead letters: its files and commands, one after the other, say what the page says.

use std::path::Path;
use std::process::Command;

use crate::page;
use crate::read;

#[test]
fn the_example_of_dead_letters_goes_as_it_is_told() {
    let place = tempfile::tempdir().unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_temblor"));
    let path = std::env::var("PATH").unwrap_or_default();
    let path = format!("{}:{path}", program.parent().unwrap().display());
    let mut said = None;
    let mut compared = 0;
    for block in page::blocks(&read("docs/dead-letters.md")) {
        let words: Vec<&str> = block.info.split_whitespace().collect();
        match *words {
            [_, name] => std::fs::write(place.path().join(name), &block.text).unwrap(),
            ["sh"] => {
                let mut command = Command::new("sh");
                let command = command.args(["-c", &format!("exec 2>&1\n{}", block.text)]);
                let command = command.current_dir(place.path()).env("PATH", &path);
                said = Some(String::from_utf8(command.output().unwrap().stdout).unwrap());
            }
            ["text"] => {
                let line = block.line;
                assert_eq!(said.take(), Some(block.text), "line {line}");
                compared += 1;
            }
            _ => {}
        }
    }
    assert_eq!(compared, 3);
}

//! Replays what the fuzzer has found: no text makes the compiler or a running pipeline panic, hang or overflow the stack.

#[path = "common/exercise.rs"]
mod exercise;

use std::path::Path;

#[test]
fn the_corpus_of_the_fuzzer_is_survived() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/program");
    let mut replayed = 0;
    for entry in std::fs::read_dir(folder).expect("the corpus exists") {
        let path = entry.expect("the corpus can be read").path();
        let bytes = std::fs::read(&path).expect("the file can be read");
        println!("{}", path.display());
        exercise::exercise(&bytes);
        replayed += 1;
    }
    assert!(replayed > 0);
}

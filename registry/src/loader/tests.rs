//! What the loader promises: the bytes that were checked run, and every library is its own.

use std::fs;
use std::process::Command;

use super::*;

/// Builds a library whose `answer` returns `number`.
fn library(dir: &Path, name: &str, number: u32) -> PathBuf {
    let code = format!("unsigned answer(void) {{ return {number}; }}");
    build(dir, name, &code)
}

fn build(dir: &Path, name: &str, code: &str) -> PathBuf {
    let source = dir.join(format!("{name}.c"));
    let path = dir.join(format!("{name}.so"));
    fs::write(&source, code).unwrap();
    let status = Command::new("cc")
        .args(["-shared", "-fPIC", "-o"])
        .arg(&path)
        .arg(&source)
        .status();
    assert!(status.unwrap().success());
    path
}

fn load(path: &Path, mode: MapMode) -> Result<Library, Refusal> {
    Library::load(&fs::read(path).unwrap(), path, mode)
}

fn answer(library: Library) -> u32 {
    let symbol = library.symbol(c"answer").unwrap();
    // SAFETY: the library was built from the text above, where the function has this type.
    let answer: extern "C" fn() -> u32 = unsafe { std::mem::transmute(symbol.as_ptr()) };
    answer()
}

#[test]
fn two_libraries_are_two() {
    let dir = tempfile::tempdir().unwrap();
    for mode in [MapMode::Memfd, MapMode::Path] {
        let one = load(&library(dir.path(), &format!("one{mode:?}"), 1), mode).unwrap();
        let two = load(&library(dir.path(), &format!("two{mode:?}"), 2), mode).unwrap();
        assert_eq!((answer(one), answer(two)), (1, 2));
    }
}

#[test]
fn what_was_checked_is_what_runs() {
    let dir = tempfile::tempdir().unwrap();
    let path = library(dir.path(), "p", 1);
    let checked = fs::read(&path).unwrap();
    library(dir.path(), "p", 666);
    let loaded = Library::load(&checked, &path, MapMode::Memfd).unwrap();
    assert_eq!(answer(loaded), 1);
}

#[test]
fn the_memory_cannot_be_changed() {
    let mut file = sealed(b"content", Path::new("plugins/libp.so")).unwrap();
    let error = file.write_all(b"other").unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
    assert_eq!(
        file.set_len(0).unwrap_err().kind(),
        io::ErrorKind::PermissionDenied
    );
}

#[test]
fn the_maps_name_the_plugin() {
    let dir = tempfile::tempdir().unwrap();
    let path = library(dir.path(), "named", 1);
    load(&path, MapMode::Memfd).unwrap();
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    assert!(maps.contains(&format!("/memfd:{}", path.display())));
    let long = format!("/{}/libp.so", "d".repeat(300));
    assert!(
        memory_name(Path::new(&long))
            .to_bytes()
            .ends_with(b"dd/libp.so")
    );
}

#[test]
fn a_missing_symbol_is_an_error_with_the_path_of_the_plugin() {
    let dir = tempfile::tempdir().unwrap();
    let code = "extern int nowhere(void); int f(void) { return nowhere(); }";
    let path = build(dir.path(), "lacking", code);
    for mode in [MapMode::Memfd, MapMode::Path] {
        let why = load(&path, mode).unwrap_err();
        let expected = format!(
            "the system's loader refused it: {}: undefined symbol: nowhere",
            path.display()
        );
        assert_eq!(why.to_string(), expected);
    }
}

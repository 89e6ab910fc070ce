//! A real plugin, built once for all tests by `temblor plugin build`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::{Place, Ran, root};

/// The directory into which cargo has put this test, `debug` or `release`.
fn profile_dir() -> PathBuf {
    let test = std::env::current_exe().expect("the test is a file");
    test.ancestors()
        .nth(2)
        .expect("it lies in a target directory")
        .to_owned()
}

/// Builds a crate of the workspace as a plugin, in the profile of this test, and into `out`.
pub(crate) fn build(package: &str, out: &Path) -> Ran {
    build_with(package, out, &[])
}

/// The same, with more options.
pub(crate) fn build_with(package: &str, out: &Path, more: &[&str]) -> Ran {
    let dir = profile_dir();
    let profile = match dir.ends_with("release") {
        true => "release",
        false => "dev",
    };
    let mut command = Command::new(env!("CARGO_BIN_EXE_temblor"));
    command
        .args(["plugin", "build", package, "--profile", profile, "--out"])
        .arg(out)
        .args(more)
        .env("CARGO", env!("CARGO"))
        .env("CARGO_NET_OFFLINE", "true")
        .env(
            "CARGO_TARGET_DIR",
            dir.parent().expect("a target directory"),
        )
        .current_dir(root());
    Ran::of(command.output().expect("temblor runs"))
}

/// The connector `null` as a plugin without debug information, which makes it a tenth of the size.
pub(crate) fn null() -> &'static [u8] {
    static NULL: OnceLock<Vec<u8>> = OnceLock::new();
    NULL.get_or_init(|| {
        let place = Place::new();
        let ran = build("temblor-connector-null", &place.path("plugins"));
        let path = place.path("plugins/libtemblor_connector_null.so");
        assert_eq!(ran.exits(0), format!("{}\n", path.display()));
        let strip = Command::new("strip")
            .arg("--strip-debug")
            .arg(&path)
            .status();
        assert!(strip.expect("strip runs").success());
        std::fs::read(&path).expect("the plugin is there")
    })
}

/// A place with the plugin `null.so` and a `connectors.toml` that lists it with further lines.
pub(crate) fn with_null(lines: &str) -> Place {
    let place = Place::new();
    place.write("null.so", null());
    place.write(
        "connectors.toml",
        format!("[[plugin]]\npath = \"null.so\"\n{lines}"),
    );
    place
}

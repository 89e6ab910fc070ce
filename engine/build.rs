//! Hands on the profile of cargo that the program is built with, for `temblor version --verbose` and for reports.

use std::env;
use std::path::Path;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // The directory is `<target>/<profile>/build/<package>/out`. Cargo's own variable knows `debug` and `release` only.
    let out = env::var_os("OUT_DIR").unwrap_or_default();
    let profile = Path::new(&out).ancestors().nth(3).and_then(Path::file_name);
    let profile = profile.and_then(|name| name.to_str()).unwrap_or("unknown");
    let level = env::var("OPT_LEVEL").unwrap_or_default();
    println!("cargo::rustc-env=TEMBLOR_PROFILE={profile}");
    println!("cargo::rustc-env=TEMBLOR_OPT_LEVEL={level}");
}

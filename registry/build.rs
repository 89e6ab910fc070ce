//! Hands on the target triple, which a plugin's record is compared with.

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let target = env::var("TARGET").unwrap_or_default();
    println!("cargo::rustc-env=TEMBLOR_TARGET={target}");
}

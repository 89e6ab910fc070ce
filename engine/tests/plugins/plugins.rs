//! Plugins built by the plain command, and the registries that tests use.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, OnceLock};

use temblor::Secrets;
use temblor_pdk::log::{Level, LevelFilter};
use temblor_registry::{Config, LinkMode, Registry};

/// The connector crates that tests load.
pub(crate) const CRATES: [&str; 6] = [
    "blackhole",
    "blaster",
    "faulty",
    "file",
    "metronome",
    "null",
];

/// All three ways of calling a connector.
pub(crate) const MODES: [LinkMode; 3] = [LinkMode::Native, LinkMode::Abi, LinkMode::Dylib];

/// What plugins said before or beside their connectors: plugin, level, message.
pub(crate) type Said = Arc<Mutex<Vec<(String, Level, String)>>>;

/// The file name of a crate's plugin.
pub(crate) fn file_name(name: &str) -> String {
    format!("libtemblor_connector_{name}.so")
}

/// Builds the crate as users do; returns the library.
fn build(name: &str) -> PathBuf {
    let exe = std::env::current_exe().unwrap();
    let profile = exe.ancestors().nth(2).unwrap();
    let mut command = Command::new(env!("CARGO"));
    command
        .args(["rustc", "--offline", "--quiet", "--package"])
        .arg(format!("temblor-connector-{name}"))
        .args(["--lib", "--crate-type", "cdylib"])
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap());
    // The target directory of this test; the folder of a triple, where one was asked for, is made by cargo again.
    let target = profile.parent().unwrap();
    let triple = std::env::var("CARGO_BUILD_TARGET").unwrap_or_default();
    let target = match !triple.is_empty() && target.ends_with(&triple) {
        true => target.parent().unwrap(),
        false => target,
    };
    command.env("CARGO_TARGET_DIR", target);
    if profile.ends_with("release") {
        command.arg("--release");
    }
    let done = command.output().unwrap();
    assert!(
        done.status.success(),
        "{}",
        String::from_utf8_lossy(&done.stderr)
    );
    profile.join(file_name(name))
}

/// A directory with all plugins, built once a run. It goes when the system clears its temporary files: what is loaded
/// from it stays in memory.
pub(crate) fn directory() -> &'static Path {
    static DIRECTORY: OnceLock<PathBuf> = OnceLock::new();
    DIRECTORY.get_or_init(|| {
        let target = build(CRATES[0]).parent().unwrap().join("test-plugins");
        std::fs::create_dir_all(&target).unwrap();
        for name in CRATES {
            let built = build(name);
            // Replaced in one step, for another process may be reading it; and without what only a debugger reads,
            // which is most of it.
            let fresh = target.join(format!("{}.{}", file_name(name), std::process::id()));
            let mut strip = Command::new("strip");
            strip.args(["--strip-debug", "-o"]).args([&fresh, &built]);
            assert!(strip.status().unwrap().success());
            std::fs::rename(&fresh, target.join(file_name(name))).unwrap();
        }
        target
    })
}

/// A registry of what is built in and of these plugins, with nothing settled between the two.
pub(crate) fn unsettled(crates: &[&str], map: &str) -> (Registry, Said) {
    let said = Said::default();
    let mut toml = format!("[defaults]\nmap = '{map}'\n");
    for name in crates {
        toml += &format!("[[plugin]]\npath = '{}'\n", file_name(name));
    }
    let config = Config::parse(&toml, &directory().join("connectors.toml")).unwrap();
    let mut registry = temblor::builtin_registry().unwrap();
    // One after the other, so that each has a host of its own name.
    for (plugin, name) in config.plugins.iter().zip(crates) {
        let mut one = config.clone();
        one.plugins = vec![plugin.clone()];
        let name = file_name(name);
        let (keep, plugin) = (Arc::clone(&said), name.clone());
        let host =
            temblor::host_for_plugin(&name, LevelFilter::Trace, &Secrets::new(), move |record| {
                assert_eq!(record.plugin, Some(plugin.as_str()));
                let said = (plugin.clone(), record.level, record.message.to_owned());
                keep.lock().unwrap().push(said);
            });
        registry.add_plugins(&one, &host);
    }
    let refused: Vec<_> = registry.refused().map(|r| r.why.to_string()).collect();
    assert!(refused.is_empty(), "{refused:?}");
    (registry, said)
}

/// A registry in which the test connectors are called in this way; plugins are loaded once.
pub(crate) fn linked(mode: LinkMode) -> Arc<Registry> {
    static LINKED: [OnceLock<Arc<Registry>>; 3] = [const { OnceLock::new() }; 3];
    let at = MODES.iter().position(|other| *other == mode).unwrap();
    let made = LINKED[at].get_or_init(|| {
        let mut registry = match mode {
            LinkMode::Dylib => unsettled(&CRATES, "memfd").0,
            _ => temblor::builtin_registry().unwrap(),
        };
        let others = [
            "emitter",
            "fixture",
            "fixture::delay",
            "keeper",
            "laned",
            "partitioned",
        ];
        for name in CRATES.iter().chain(&others) {
            registry.link(name, mode);
        }
        registry.check(&[]).unwrap();
        Arc::new(registry)
    });
    Arc::clone(made)
}

//! Plugins that are really loaded, beside the same code built in.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "plugins/pair.rs"]
mod built_in;
mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use support::build::{connector, fixture, strip};
use support::host::{Log, host};
use temblor_pdk::{Context, Host, Kind};
use temblor_registry::{
    Config, Contract, Digest, Expected, LinkMode, Provider, Registry, RegistryError, Status,
};

const DRAIN: Expected = Expected {
    kind: Kind::Connector,
    name: "drain",
    crate_name: "temblor-registry",
    feature: Some("static-drain"),
};

/// A directory with copies of plugins and a `connectors.toml`.
struct Setup {
    dir: tempfile::TempDir,
    host: Host,
    log: Log,
}

impl Setup {
    fn new(fixtures: &[&str]) -> Setup {
        let dir = tempfile::tempdir().unwrap();
        for name in fixtures {
            strip(&fixture(name), &dir.path().join(format!("{name}.so")));
        }
        let (host, log) = host();
        Setup { dir, host, log }
    }

    /// A registry of these plugins, and of what is built in if that is asked for.
    fn registry(&self, toml: &str, built_in: bool) -> Registry {
        let config = Config::parse(toml, &self.dir.path().join("connectors.toml")).unwrap();
        let mut registry = Registry::new();
        if built_in {
            registry.add_builtins(&[DRAIN]).unwrap();
        }
        registry.add_plugins(&config, &self.host);
        registry
    }

    /// The refusal of the only plugin.
    fn refusal(&self, toml: &str) -> String {
        let registry = self.registry(toml, false);
        let refused: Vec<_> = registry.refused().collect();
        assert_eq!(refused.len(), 1, "{refused:?}");
        assert!(
            registry
                .listing()
                .iter()
                .all(|row| row.status == Status::Refused)
        );
        refused[0].why.to_string()
    }

    /// Replaces bytes of a plugin that are there exactly once.
    fn patch(&self, name: &str, from: &str, to: &str) {
        let path = self.dir.path().join(format!("{name}.so"));
        let mut bytes = fs::read(&path).unwrap();
        let from = from.as_bytes();
        let mut found = bytes
            .windows(from.len())
            .enumerate()
            .filter(|(_, w)| *w == from);
        let at = found.next().unwrap().0;
        assert!(found.next().is_none());
        bytes[at..at + from.len()].copy_from_slice(to.as_bytes());
        fs::write(&path, bytes).unwrap();
    }
}

/// Engines share a registry between threads.
const fn shared<T: Send + Sync>() {}
const _: () = shared::<Registry>();

fn plugin(name: &str, rest: &str) -> String {
    format!("[[plugin]]\npath = '{name}.so'\n{rest}\n")
}

/// What a postprocessor makes of `abc`.
fn process(registry: &Registry, selector: &str) -> String {
    let entry = registry.find(Kind::Postprocessor, selector).unwrap();
    let mut out = Vec::new();
    entry
        .make_postprocessor("{}")
        .unwrap()
        .process(b"abc", &mut out)
        .unwrap();
    String::from_utf8(out).unwrap()
}

fn mode(registry: &Registry, name: &str) -> LinkMode {
    registry
        .find(Kind::Postprocessor, name)
        .unwrap()
        .link_mode()
}

#[test]
fn two_plugins_in_one_directory_are_both_there() {
    let setup = Setup::new(&["pair", "single"]);
    for map in ["memfd", "path"] {
        let toml = format!("[defaults]\ndirectories = ['.']\nmap = '{map}'\n");
        let registry = setup.registry(&toml, false);
        assert_eq!(registry.refused().count(), 0);
        registry.check(&[]).unwrap();
        assert_eq!(process(&registry, "reverse"), "cba");
        assert_eq!(process(&registry, "double"), "abcabc");
        let drain = registry.find(Kind::Connector, "drain").unwrap();
        assert_eq!(drain.summary(), "Takes everything.");
        assert!(drain.sink().is_some() && drain.source().is_none());
        assert!(drain.schema().contains("\"panic\""));
        assert_eq!(drain.link_mode(), LinkMode::Dylib);
    }
}

#[test]
fn the_same_code_is_there_in_all_three_modes() {
    let setup = Setup::new(&["pair"]);
    let mut registry = setup.registry(&plugin("pair", "prefer = 'builtin'"), true);
    for (set, selector, expected) in [
        (None, "reverse", LinkMode::Native),
        (None, "reverse@plugin", LinkMode::Dylib),
        (Some(LinkMode::Abi), "reverse", LinkMode::Abi),
        (Some(LinkMode::Abi), "reverse@plugin", LinkMode::Dylib),
        (Some(LinkMode::Dylib), "reverse", LinkMode::Dylib),
        (Some(LinkMode::Dylib), "reverse@builtin", LinkMode::Native),
    ] {
        if let Some(mode) = set {
            registry.link("reverse", mode);
        }
        assert_eq!(mode(&registry, selector), expected);
        assert_eq!(process(&registry, selector), "cba");
    }
}

#[test]
fn a_duplicate_is_an_error_that_names_both() {
    let setup = Setup::new(&["pair"]);
    let registry = setup.registry(&plugin("pair", ""), true);
    let error = registry.find(Kind::Connector, "drain").unwrap_err();
    let path = setup.dir.path().join("pair.so");
    assert_eq!(
        error.to_string(),
        format!(
            "connector `drain` comes from built-in crate `temblor-registry` and from plugin `{}`",
            path.display()
        )
    );
    assert_eq!(registry.check(&[]), Err(error));
    registry
        .check(&["drain@plugin", "reverse@builtin"])
        .unwrap();
}

#[test]
fn the_listing_says_where_everything_comes_from() {
    let setup = Setup::new(&["pair", "single"]);
    setup.patch(
        "single",
        "\"panic\":\"unwind\",\"capabilities\"",
        "\"panic\":\"abort\" ,\"capabilities\"",
    );
    let toml = plugin("pair", "prefer = 'plugin'") + &plugin("single", "");
    let listing = setup.registry(&toml, true).listing();
    let rows: Vec<String> = listing
        .iter()
        .map(|row| format!("{} {:?}", row.name.as_deref().unwrap_or("-"), row.status))
        .collect();
    let expected = [
        "drain Shadowed",
        "drain Ok",
        "reverse Shadowed",
        "reverse Ok",
        "double Refused",
    ];
    assert_eq!(rows, expected);
    let json = serde_json::to_value(&listing[0]).unwrap();
    assert_eq!(json["kind"], "connector");
    assert_eq!(
        json["provider"],
        serde_json::json!({
            "type": "builtin", "crate": "temblor-registry", "feature": "static-drain",
            "collector": temblor_pdk::COLLECTOR,
        })
    );
    let Provider::Plugin {
        sha256: Some(_),
        pdk: Some(pdk),
        version: Some(_),
        ..
    } = &listing[1].provider
    else {
        panic!("{:?}", listing[1].provider)
    };
    assert_eq!(*pdk, Contract::of_this_program().pdk);
    assert_eq!(
        listing[4].reason.as_deref(),
        Some("crate `temblor-registry` was built with panic = \"abort\"")
    );
}

#[test]
fn records_that_differ_from_the_code_are_refused() {
    let setup = Setup::new(&["single"]);
    setup.patch("single", "{\"record\":\"_ntry\"", "{\"record\":\"entry\"");
    assert_eq!(
        setup.refusal(&plugin("single", "")),
        "its record lists codec `ghost`, which it does not register"
    );
    let setup = Setup::new(&["single"]);
    setup.patch(
        "single",
        "\"postprocessor\",\"name\":\"double\"",
        "\"postprocessor\",\"name\":\"triple\"",
    );
    assert_eq!(
        setup.refusal(&plugin("single", "")),
        "it registers postprocessor `double`, which its record does not list"
    );
}

#[test]
fn provides_is_what_a_plugin_may_register() {
    let setup = Setup::new(&["pair"]);
    assert_eq!(
        setup.refusal(&plugin("pair", "provides = ['drain']")),
        "it registers `reverse`, which `provides` does not list"
    );
    assert_eq!(
        setup.refusal(&plugin("pair", "provides = ['drain', 'reverse', 'kafka']")),
        "it does not register `kafka`, which `provides` lists"
    );
    let toml = plugin("pair", "provides = ['drain', 'reverse']");
    assert_eq!(setup.registry(&toml, false).refused().count(), 0);
}

#[test]
fn plugins_of_another_build_are_refused_before_they_are_loaded() {
    let setup = Setup::new(&["pair"]);
    let host = Contract::of_this_program();
    let changed = "f".repeat(16);
    let quoted = |text: &str| format!("\"layout\":\"{text}\"");
    setup.patch("pair", &quoted(&host.layout), &quoted(&changed));
    assert_eq!(
        setup.refusal(&plugin("pair", "")),
        format!(
            "its layout fingerprint is {changed}, epoch {} has {}: its temblor-pdk {} is no released one",
            host.epoch, host.layout, host.pdk
        )
    );
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    assert!(
        !maps.contains(setup.dir.path().to_str().unwrap()),
        "it was mapped"
    );
}

#[test]
fn plugins_of_another_epoch_are_refused_before_they_are_loaded() {
    for epoch in ["0", "2"] {
        let setup = Setup::new(&["pair"]);
        setup.patch("pair", "\"epoch\":1,", &format!("\"epoch\":{epoch},"));
        let registry = setup.registry(&plugin("pair", ""), false);
        let refused: Vec<_> = registry.refused().collect();
        let pdk = Contract::of_this_program().pdk;
        assert_eq!(
            refused[0].why.to_string(),
            format!(
                "it was built with temblor-pdk {pdk} for plugin contract epoch {epoch}, this host has epoch 1"
            )
        );
        assert_eq!(
            refused[0].help(),
            "build the plugin with any temblor-pdk of this host's epoch, or use a temblor release of the plugin's epoch"
        );
        let maps = fs::read_to_string("/proc/self/maps").unwrap();
        assert!(
            !maps.contains(setup.dir.path().to_str().unwrap()),
            "it was mapped"
        );
    }
}

#[test]
fn a_library_with_records_and_no_root_is_refused() {
    let setup = Setup::new(&[]);
    let Contract {
        epoch,
        pdk,
        layout,
        target,
    } = Contract::of_this_program();
    let record = format!(
        "{{\"record\":\"pdk\",\"epoch\":{epoch},\"pdk\":\"{pdk}\",\"layout\":\"{layout}\",\
         \"target\":\"{target}\"}}\n{}\n",
        support::ENTRY
    );
    support::library(setup.dir.path(), "bare", &record);
    assert_eq!(
        setup.refusal(&plugin("libbare", "")),
        "it exports no root module"
    );
}

#[test]
fn a_changed_file_is_refused_and_its_names_say_why() {
    let setup = Setup::new(&["pair"]);
    let registry = setup.registry(
        &plugin("pair", &format!("sha256 = '{}'", "0".repeat(64))),
        false,
    );
    let error = registry.find(Kind::Connector, "drain").unwrap_err();
    assert!(matches!(error, RegistryError::Unknown { .. }));
    assert!(
        error.help().contains("is refused: its sha256 is "),
        "{}",
        error.help()
    );
}

#[test]
fn a_panic_in_a_plugin_is_an_error_and_goes_to_the_hosts_log() {
    let setup = Setup::new(&["pair"]);
    let registry = setup.registry(&plugin("pair", ""), false);
    let drain = registry.find(Kind::Connector, "drain").unwrap();
    let make = |config: &str| {
        let context = Context::new("sink-1", setup.host.clone());
        drain
            .make_connector(config, context)
            .map(|_| ())
            .unwrap_err()
            .message()
            .to_owned()
    };
    assert_eq!(
        make(r#"{"panic": true}"#),
        "panicked: asked to panic as `sink-1`"
    );
    assert_eq!(make(r#"{"say": "hello"}"#), "`hello` was said");
    assert!(make(r#"{"pnic": true}"#).contains("unknown field `pnic`"));
    let log = setup.log.lock().unwrap();
    assert!(
        log.iter()
            .any(|line| line.contains("asked to panic as `sink-1`")),
        "{log:?}"
    );
    assert!(
        log.iter().any(|line| line == "WARN: said: hello"),
        "{log:?}"
    );
}

#[test]
fn a_plugin_that_everybody_can_write_is_refused_unless_it_is_locked() {
    let setup = Setup::new(&["single"]);
    let library = setup.dir.path().join("single.so");
    let allow = |path: &Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    allow(&library, 0o666);
    let expected = format!(
        "every user can write `{}`",
        library.canonicalize().unwrap().display()
    );
    assert_eq!(setup.refusal(&plugin("single", "")), expected);
    let sha256 = Digest::of(&fs::read(&library).unwrap());
    let locked = plugin("single", &format!("sha256 = '{sha256}'"));
    assert_eq!(setup.registry(&locked, false).refused().count(), 0);
    let mapped_again = format!("[defaults]\nmap = 'path'\n{locked}");
    assert_eq!(setup.refusal(&mapped_again), expected);

    allow(&library, 0o644);
    allow(setup.dir.path(), 0o777);
    assert!(
        setup
            .refusal(&plugin("single", ""))
            .starts_with("every user can write")
    );
    allow(setup.dir.path(), 0o1777);
    assert_eq!(
        setup
            .registry(&plugin("single", ""), false)
            .refused()
            .count(),
        0
    );
}

#[test]
fn what_the_linker_dropped_is_named() {
    let missing = Expected {
        name: "kafka",
        feature: Some("static-kafka"),
        ..DRAIN
    };
    let error = Registry::new().add_builtins(&[DRAIN, missing]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "not in this program, although its features say so: \
         connector `kafka` of crate `temblor-registry` (feature `static-kafka`)"
    );
}

#[test]
fn a_connector_crate_is_a_plugin_as_it_is() {
    let path = connector("null");
    let setup = Setup::new(&[]);
    let toml = format!(
        "[[plugin]]\npath = '{}'\nprovides = ['null']\n",
        path.display()
    );
    let registry = setup.registry(&toml, false);
    assert_eq!(
        registry
            .refused()
            .map(ToString::to_string)
            .collect::<Vec<_>>(),
        [""; 0]
    );
    let null = registry.find(Kind::Connector, "null").unwrap();
    let Provider::Plugin { path: from, .. } = null.provider() else {
        panic!("{null:?}")
    };
    assert_eq!(from, Path::new(&path));
    assert!(
        null.make_connector("{}", Context::new("n", setup.host.clone()))
            .is_ok()
    );
}

//! Words that have no place in the repository: paths of one machine, hosts of package mirrors, how it was made.

use crate::workspace::{files, none, root};

/// Whole words, in any case. Each is written in two halves, so that this file does not hold it.
const WORDS: [&str; 9] = [
    concat!("ses", "sion"),
    concat!("ses", "sions"),
    concat!("ag", "ent"),
    concat!("ag", "ents"),
    concat!("suba", "gent"),
    concat!("chat", "bot"),
    concat!("ll", "m"),
    concat!("cla", "ude"),
    concat!("anth", "ropic"),
];

/// The beginnings of paths that exist on one machine only.
const PATHS: [&str; 5] = [
    concat!("/wo", "rk/"),
    concat!("/ro", "ot/"),
    concat!("/ho", "me/"),
    concat!("/tmp/", "target"),
    concat!("/Us", "ers/"),
];

/// Hosts from which packages come: a build names none, so that mirrors work.
const HOSTS: [&str; 7] = [
    concat!("index.", "crates.io"),
    concat!("static.", "crates.io"),
    concat!("deb.", "debian.org"),
    concat!("py", "pi.org"),
    concat!("registry.", "npmjs.org"),
    concat!("proxy.", "golang.org"),
    concat!("arti", "factory"),
];

/// Uses that are meant, as (file, word, reason).
const MEANT: [(&str, &str, &str); 1] = [(
    "engine/lang/library/http/headers.tremor",
    concat!("ag", "ent"),
    "part of the name of a header of HTTP",
)];

/// Names of Kafka that hold such a word.
const NAMES: [&str; 3] = [
    concat!("fetch_ses", "sion"),
    concat!("ses", "sion.timeout.ms"),
    concat!("ses", "sion_timeout"),
];

#[test]
fn nothing_of_the_workplace_is_in_the_repository() {
    let mut findings = Vec::new();
    for path in files() {
        // What is not text holds no words.
        let Ok(text) = std::fs::read_to_string(root().join(&path)) else {
            continue;
        };
        for (number, line) in text.lines().enumerate() {
            for word in forbidden(line) {
                let meant = MEANT.iter().any(|(f, w, _)| *f == path && *w == word);
                if !meant {
                    findings.push(format!("{path}:{}: `{word}`", number + 1));
                }
            }
        }
    }
    none(&findings, "these words have no place here");
}

fn forbidden(line: &str) -> Vec<&'static str> {
    let mut lower = line.to_lowercase();
    for name in NAMES {
        lower = lower.replace(name, "");
    }
    let words = WORDS
        .into_iter()
        .filter(|word| stands(&lower, word, |c| !c.is_alphanumeric()));
    let paths = PATHS
        .into_iter()
        .filter(|path| stands_after(line, path, |c| !c.is_alphanumeric() && c != '.'));
    let hosts = HOSTS.into_iter().filter(|host| lower.contains(host));
    words.chain(paths).chain(hosts).collect()
}

/// Whether a word stands in a line with an edge on both sides.
fn stands(line: &str, word: &str, edge: impl Fn(char) -> bool) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + word.len()..].chars().next();
        before.is_none_or(&edge) && after.is_none_or(&edge)
    })
}

/// Whether a beginning stands in a line with an edge before it.
fn stands_after(line: &str, beginning: &str, edge: impl Fn(char) -> bool) -> bool {
    line.match_indices(beginning)
        .any(|(at, _)| line[..at].chars().next_back().is_none_or(&edge))
}

#[test]
fn words_are_told_from_parts_of_words() {
    let word = WORDS[2];
    assert_eq!(forbidden(&format!("an {word}.")), [word]);
    assert_eq!(forbidden(&format!("re{word}")), [""; 0]);
    let path = PATHS[0];
    assert_eq!(forbidden(&format!("see `{path}x`")), [path]);
    assert_eq!(forbidden(&format!("frame{path}x")), [""; 0]);
    assert_eq!(forbidden(&format!("https://{}/x", HOSTS[0])), [HOSTS[0]]);
}

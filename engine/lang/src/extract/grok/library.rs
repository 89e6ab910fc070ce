//! The named patterns that a grok pattern can refer to.

use std::collections::HashMap;
use std::path::Path;

use crate::suggest;

/// Files with further patterns: lines of a name and a pattern, and comments that begin with `#`.
const FILES: [&str; 2] = ["/etc/tremor/grok.patterns", "/etc/temblor/grok.patterns"];

/// `IPV4` of the usual set with long numbers first, so that a match rarely breaks the condition at its end.
const IPV4: &str = r"(?<![0-9])(?:(?:25[0-5]|2[0-4][0-9]|[01]?[0-9]{1,2})\.){3}(?:25[0-5]|2[0-4][0-9]|[01]?[0-9]{1,2})(?![0-9])";
/// A look ahead of the usual set that captures the rest of the line. A group around the rest does the same.
const REST: (&str, &str) = ("(?=%{GREEDYDATA:message})", "(?<message>");

/// Named patterns, of which later ones hide earlier ones.
#[derive(Debug)]
pub(in crate::extract) struct Library {
    patterns: HashMap<Box<str>, Box<str>>,
}

impl Library {
    /// The usual set.
    pub(in crate::extract) fn builtin() -> Library {
        let mut library = Library {
            patterns: HashMap::new(),
        };
        for (name, text) in grok::patterns() {
            match text.split_once(REST.0) {
                Some((before, rest)) => {
                    library.define(name, &format!("{before}{}{rest}.*)", REST.1))
                }
                None => library.define(name, text),
            }
        }
        library.define("IPV4", IPV4);
        library
    }

    /// The usual set and what the files of this machine add; none if there are no files.
    pub(super) fn with_files() -> Option<Library> {
        let mut library = None;
        for file in FILES {
            if let Ok(text) = std::fs::read_to_string(Path::new(file)) {
                library.get_or_insert_with(Library::builtin).add(&text);
            }
        }
        library
    }

    /// Adds the lines of a file.
    pub(in crate::extract) fn add(&mut self, text: &str) {
        let lines = text.lines().map(str::trim);
        for line in lines.filter(|line| !line.starts_with('#')) {
            if let Some((name, pattern)) = line.split_once([' ', '\t']) {
                self.define(name, pattern.trim_start());
            }
        }
    }

    pub(super) fn define(&mut self, name: &str, pattern: &str) {
        self.patterns.insert(name.into(), pattern.into());
    }

    /// What a name stands for.
    ///
    /// # Errors
    /// Names a similar one that there is.
    pub(super) fn get(&self, name: &str) -> Result<&str, String> {
        if let Some(pattern) = self.patterns.get(name) {
            return Ok(pattern);
        }
        let mut message = format!("there is no grok pattern `{name}`");
        match suggest::did_you_mean(name, self.names()) {
            Some(help) => message.push_str(&format!("; {help}")),
            None => message.push_str(&format!(
                "; define it in place, as in `%{{{name}=[a-z]+}}`, or in {}",
                FILES[1]
            )),
        }
        Err(message)
    }

    pub(in crate::extract) fn names(&self) -> impl Iterator<Item = &str> {
        self.patterns.keys().map(|name| &**name)
    }
}

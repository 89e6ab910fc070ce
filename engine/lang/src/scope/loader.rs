//! Finding modules, reading them, and keeping each once.

use std::collections::HashMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Scope, module};
use crate::ast::{Ident, Import};
use crate::catalogue::{Builtin, Catalogue};
use crate::code::Code;
use crate::compile::{Compiled, Reported};
use crate::finding::{Finding, Phase, Severity};
use crate::library;
use crate::limits::MODULE_CHAIN as MAX_CHAIN;
use crate::options::Options;
use crate::parser;
use crate::source::{Source, Sources};
use crate::span::Span;
use crate::suggest::nearest;

/// The suffixes that the file of a module can have, in the order in which they are tried.
const SUFFIXES: [&str; 3] = ["tremor", "trickle", "troy"];

/// Loads the modules of one program.
#[derive(Debug)]
pub(crate) struct Loader {
    /// The directories that are searched, in this order.
    path: Vec<PathBuf>,
    sources: Sources,
    /// Where operators come from.
    catalogue: Arc<dyn Catalogue>,
    /// What came of each text. A module is its text: two files with the same text are one module.
    loaded: HashMap<Box<str>, Option<Arc<Scope>>>,
    /// The modules that are being loaded, outermost first.
    chain: Vec<Loading>,
}

/// A module that is being loaded.
#[derive(Debug)]
struct Loading {
    source: Arc<Source>,
    /// The `use` in it that is being processed.
    using: Span,
}

/// A text that was found.
struct Text {
    name: String,
    text: String,
    is_library: bool,
}

impl Loader {
    /// Starts with the text that was handed over.
    pub(crate) fn new(main: &Arc<Source>, options: &Options) -> Self {
        Loader {
            path: options.module_path.clone(),
            sources: Sources::new(Arc::clone(main)),
            catalogue: match &options.catalogue {
                Some(catalogue) => Arc::clone(catalogue),
                None => Arc::new(Builtin),
            },
            loaded: HashMap::new(),
            chain: Vec::new(),
        }
    }

    /// Where operators come from.
    pub(crate) fn catalogue(&self) -> &Arc<dyn Catalogue> {
        &self.catalogue
    }

    /// All texts that were loaded by now.
    pub(crate) fn sources(&self) -> &Sources {
        &self.sources
    }

    /// Ends the compilation and returns all texts that were loaded.
    pub(crate) fn into_sources(self) -> Arc<Sources> {
        Arc::new(self.sources)
    }

    /// Loads a module, or returns it if it was loaded before.
    ///
    /// # Errors
    /// Reports that it is not there, what is wrong with it, or that it uses itself.
    pub(super) fn load(
        &mut self,
        import: &Import,
        using: Span,
        findings: &mut Vec<Finding>,
    ) -> Compiled<Arc<Scope>> {
        if let Some(loading) = self.chain.last_mut() {
            loading.using = using;
        }
        let found = self
            .find(&import.path)
            .ok_or_else(|| self.not_found(import));
        let text = found.or_else(|finding| report(findings, finding))?;
        if self.chain.iter().any(|l| l.source.text() == text.text) {
            return report(findings, self.cycle(using, &text.name));
        }
        if let Some(known) = self.loaded.get(text.text.as_str()) {
            return known.clone().ok_or(Reported);
        }
        let Some(source) = self.sources.add(&text.name, &text.text) else {
            let message = format!("`{}` makes the program longer than 4 GiB", text.name);
            return report(
                findings,
                Finding::error(Code::TooLarge, import.target, message),
            );
        };
        if self.chain.len() == MAX_CHAIN {
            let message = format!("modules use each other more than {MAX_CHAIN} levels deep");
            return report(
                findings,
                Finding::error(Code::TooLarge, import.target, message),
            );
        }
        self.chain.push(Loading {
            source: Arc::clone(&source),
            using: Span::default(),
        });
        let scope = self.build(&source, text.is_library, findings);
        self.chain.pop();
        let scope = scope.map(Arc::new);
        self.loaded
            .insert(text.text.into(), scope.as_ref().ok().cloned());
        scope
    }

    /// Makes the scope of a module. Whatever is wrong with it counts as wrong with the name that it is used under.
    fn build(
        &mut self,
        source: &Source,
        is_library: bool,
        findings: &mut Vec<Finding>,
    ) -> Compiled<Scope> {
        let mut inner = Vec::new();
        let scope = match parser::parse_module(source) {
            Ok(tree) => Ok(module::build(&tree, is_library, self, &mut inner)),
            Err(syntax) => {
                inner = syntax;
                Err(Reported)
            }
        };
        inner.retain(|finding| finding.severity == Severity::Error);
        inner.sort_by_key(|finding| finding.phase);
        let failed = !inner.is_empty();
        findings.extend(inner.into_iter().map(|finding| finding.phase(Phase::Names)));
        scope.and_then(|scope| if failed { Err(Reported) } else { Ok(scope) })
    }

    fn find(&self, path: &[Ident]) -> Option<Text> {
        if let Some(file) = self.file(path) {
            return Some(Text {
                name: file.display().to_string(),
                text: std::fs::read_to_string(&file).ok()?,
                is_library: false,
            });
        }
        let (name, text) = library::module_text(&joined(path))?;
        Some(Text {
            name: name.to_owned(),
            text: text.to_owned(),
            is_library: true,
        })
    }

    /// The file of a module.
    fn file(&self, path: &[Ident]) -> Option<PathBuf> {
        // A quoted name can hold anything; one that leaves the directories finds nothing.
        if !path.iter().all(|ident| is_file_name(&ident.name)) {
            return None;
        }
        let of = |suffix| self.path.iter().map(move |directory| (directory, suffix));
        let files = SUFFIXES.into_iter().flat_map(of);
        let mut files = files.map(|(directory, suffix)| {
            let mut file = directory.clone();
            file.extend(path.iter().map(|ident| &*ident.name));
            with_suffix(file, suffix)
        });
        files.find(|file| file.is_file())
    }

    fn not_found(&self, import: &Import) -> Finding {
        let name = joined(&import.path);
        let mut message = format!("module `{name}` not found or unreadable");
        if !self.path.is_empty() {
            message.push_str(", looked in:");
        }
        for directory in &self.path {
            message.push_str("\n  ");
            message.push_str(&directory.display().to_string());
        }
        let help = match (self.unread(&import.path), self.similar(&import.path)) {
            (Some(unread), _) => unread,
            (None, Some(similar)) => format!("did you mean `{similar}`?"),
            (None, None) => format!(
                "a module `{name}` is a file `{}.tremor` in one of the directories of the module path",
                name.replace("::", "/")
            ),
        };
        Finding::error(Code::Module, import.target, message)
            .margin(2)
            .help(help)
    }

    /// Why the file of a module cannot be read, if there is one.
    fn unread(&self, path: &[Ident]) -> Option<String> {
        let file = self.file(path)?;
        let error = std::fs::read_to_string(&file).err()?;
        let what_to_do = match error.kind() {
            ErrorKind::InvalidData => "save it as UTF-8 text",
            _ => "mend that, or use another module",
        };
        let file = file.display();
        Some(format!("`{file}` cannot be read: {error}; {what_to_do}"))
    }

    /// The module with the most similar name.
    fn similar(&self, path: &[Ident]) -> Option<String> {
        let (last, parents) = path.split_last()?;
        let parents: Vec<&str> = parents.iter().map(|ident| &*ident.name).collect();
        let mut names: Vec<String> = Vec::new();
        if parents.iter().all(|name| is_file_name(name)) {
            for directory in &self.path {
                let mut directory = directory.clone();
                directory.extend(&parents);
                names.extend(modules_in(&directory));
            }
        }
        names.extend(library::module_paths().filter_map(|path| {
            let (above, name) = path.rsplit_once("::").unwrap_or(("", &path));
            (above == parents.join("::")).then(|| name.to_owned())
        }));
        // What has the very name and is not found is no file.
        let names = names.iter().filter(|name| **name != *last.name);
        let similar = nearest(&last.name, names.map(String::as_str))?;
        let whole = parents.into_iter().chain([similar]);
        Some(whole.collect::<Vec<_>>().join("::"))
    }

    /// Says that a module uses itself. The place is in the module that the main text uses.
    fn cycle(&self, using: Span, name: &str) -> Finding {
        let at = self.chain.first().map_or(using, |first| first.using);
        let files = self.chain.iter().map(|loading| loading.source.name());
        let files: Vec<&str> = files.chain([name]).collect();
        let message = format!("cyclic dependency: {}", files.join(" -> "));
        let help =
            "modules cannot use each other in a circle; move what both need into a third one";
        Finding::error(Code::Module, at, message).help(help)
    }
}

fn report<T>(findings: &mut Vec<Finding>, finding: Finding) -> Compiled<T> {
    findings.push(finding);
    Err(Reported)
}

/// The name of a module with its parents.
fn joined(path: &[Ident]) -> String {
    let names: Vec<&str> = path.iter().map(|ident| &*ident.name).collect();
    names.join("::")
}

/// Whether a name means a file or directory of that name, not a way to somewhere else.
fn is_file_name(name: &str) -> bool {
    let mut components = Path::new(name).components();
    matches!(
        (components.next(), components.next()),
        (Some(std::path::Component::Normal(only)), None) if only == name
    ) && !name.contains('\0')
}

/// The names of the modules whose files lie in a directory.
fn modules_in(directory: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(directory) else {
        return Vec::new();
    };
    let name = |entry: std::io::Result<std::fs::DirEntry>| {
        let path = entry.ok()?.path();
        let suffix = path.extension()?.to_str()?;
        let is_module = SUFFIXES.contains(&suffix);
        is_module.then(|| path.file_stem()?.to_str().map(str::to_owned))?
    };
    entries.filter_map(name).collect()
}

/// Adds a suffix to the name of a file, which may hold dots of its own.
fn with_suffix(file: PathBuf, suffix: &str) -> PathBuf {
    let mut name = file.into_os_string();
    name.push(".");
    name.push(suffix);
    PathBuf::from(name)
}

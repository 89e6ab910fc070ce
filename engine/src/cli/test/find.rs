//! Finding cases: which directories are one.

use std::fs;
use std::path::{Path, PathBuf};

use super::super::failure::Failure;

/// The file of settings.
pub(super) const SETTINGS: &str = "test.toml";
/// The name of the input, before its ending.
pub(super) const INPUT: &str = "in";

/// A directory with a program, its input and what is expected of it.
#[derive(Debug)]
pub(super) struct Case {
    /// Its path below the directory that was named; the name of that directory if it is the case itself.
    pub(super) name: String,
    /// Its path.
    pub(super) directory: PathBuf,
    /// The names of its files, in order.
    pub(super) files: Vec<String>,
}

impl Case {
    /// Returns the path of one of its files.
    pub(super) fn path(&self, file: impl AsRef<Path>) -> PathBuf {
        match self.directory.as_os_str() == "." {
            true => file.as_ref().to_owned(),
            false => self.directory.join(file),
        }
    }

    /// Shows the path of one of its files.
    pub(super) fn shown(&self, file: impl AsRef<Path>) -> String {
        self.path(file).display().to_string()
    }

    /// Returns the files of events that have this name, whatever codec their ending names.
    pub(super) fn events<'a>(
        &'a self,
        name: &'a str,
        scope: &'a Scope,
    ) -> impl Iterator<Item = (&'a str, &'a str)> {
        let files = self.files.iter().map(String::as_str);
        files.filter_map(move |file| {
            let (stem, codec) = file.rsplit_once('.')?;
            (stem == name && scope.is_codec(codec)).then_some((file, codec))
        })
    }
}

/// Where cases are looked for, and which of them are meant.
pub(super) struct Scope {
    directories: Vec<PathBuf>,
    filters: Vec<String>,
    codecs: Vec<String>,
}

impl Scope {
    /// Tells directories from parts of names. Within a directory that was named before, everything is a name.
    pub(super) fn new(places: &[PathBuf], codecs: Vec<String>) -> Result<Scope, Failure> {
        let mut scope = Scope {
            directories: Vec::new(),
            filters: Vec::new(),
            codecs,
        };
        for place in places {
            let full = match place.canonicalize() {
                Ok(full) if full.is_dir() => full,
                Ok(_) if scope.directories.is_empty() => {
                    let message = format!("`{}` is no directory", place.display());
                    return Err(Failure::wrong(message)
                        .help("name the directory that holds the case, or many of them"));
                }
                Err(error) if scope.directories.is_empty() => {
                    let message = format!("`{}` cannot be read: {error}", place.display());
                    return Err(Failure::wrong(message).help("name a directory that holds cases"));
                }
                _ => {
                    scope.filters.push(place.display().to_string());
                    continue;
                }
            };
            match scope.within(&full) {
                None => scope.directories.push(place.clone()),
                // The same directory once more.
                Some(below) if below.is_empty() => {}
                Some(below) => scope.filters.push(below),
            }
        }
        Ok(scope)
    }

    /// Returns the path below a directory that was named before.
    fn within(&self, full: &Path) -> Option<String> {
        let known = self.directories.iter();
        let mut known = known.filter_map(|known| known.canonicalize().ok());
        let below = known.find_map(|known| full.strip_prefix(known).ok().map(Path::to_owned))?;
        Some(below.display().to_string())
    }

    /// Returns the directories.
    pub(super) fn directories(&self) -> impl Iterator<Item = String> {
        self.directories
            .iter()
            .map(|path| path.display().to_string())
    }

    /// Returns the parts of names.
    pub(super) fn filters(&self) -> impl Iterator<Item = &str> {
        self.filters.iter().map(String::as_str)
    }

    /// Whether a case is meant.
    pub(super) fn names(&self, case: &Case) -> bool {
        self.filters.is_empty() || self.filters().any(|part| case.name.contains(part))
    }

    /// Whether a codec has this name.
    pub(super) fn is_codec(&self, name: &str) -> bool {
        self.codecs.iter().any(|codec| codec == name)
    }

    /// Returns the names of all codecs.
    pub(super) fn codecs(&self) -> impl Iterator<Item = &str> {
        self.codecs.iter().map(String::as_str)
    }

    /// Finds all cases, in the order of their paths.
    pub(super) fn cases(&self) -> Result<Vec<Case>, Failure> {
        let mut cases = Vec::new();
        for directory in &self.directories {
            self.walk(directory, "", &mut cases)?;
        }
        Ok(cases)
    }

    fn walk(&self, directory: &Path, name: &str, cases: &mut Vec<Case>) -> Result<(), Failure> {
        let (mut files, mut below) = (Vec::new(), Vec::new());
        let unreadable = |error: std::io::Error| {
            Failure::wrong(format!("`{}` cannot be read: {error}", directory.display()))
        };
        for entry in fs::read_dir(directory).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            let file = entry.file_name().to_string_lossy().into_owned();
            // Links to directories are not followed: they can lead in a circle.
            match entry.file_type().map_err(unreadable)?.is_dir() {
                true if file.starts_with('.') => {}
                true => below.push(file),
                false => files.push(file),
            }
        }
        files.sort();
        below.sort();
        if files.iter().any(|file| self.marks_a_case(file)) {
            cases.push(Case {
                name: match name {
                    "" => name_of(directory),
                    name => name.to_owned(),
                },
                directory: directory.to_owned(),
                files,
            });
        }
        for file in below {
            let name = match name {
                "" => file.clone(),
                name => format!("{name}/{file}"),
            };
            self.walk(&directory.join(&file), &name, cases)?;
        }
        Ok(())
    }

    /// Whether a directory with this file is meant as a case, though something may be missing.
    fn marks_a_case(&self, file: &str) -> bool {
        match file.rsplit_once('.') {
            None => file == INPUT,
            Some((INPUT | "out", codec)) => self.is_codec(codec),
            Some(_) => file == SETTINGS,
        }
    }
}

/// Returns the name of a directory, also of `.`.
fn name_of(path: &Path) -> String {
    let full = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let name = full.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

//! `temblor plugin build`: a crate becomes a plugin file that carries its schemas.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use cargo_metadata::{Message, TargetKind};
use clap::Args;
use temblor_registry::{Contract, PluginFile};

use super::{of_refused, section};
use crate::cli::failure::{Exit, Failure, Outcome};
use crate::cli::log::Log;
use crate::cli::output::print;

/// The section that holds the schemas.
const SECTION: &str = ".temblor.schema";

/// What to build, and where to put it.
#[derive(Args, Debug)]
pub(crate) struct BuildOptions {
    /// A package of the current workspace, or the directory of a crate
    #[arg(value_name = "PACKAGE_OR_DIR")]
    package: String,
    /// Where to put the plugin
    #[arg(long, value_name = "DIR", default_value = "plugins")]
    out: PathBuf,
    /// The profile of cargo that it is built with
    #[arg(long, value_name = "NAME", default_value = "release")]
    profile: String,
    /// Features of the crate to switch on, separated by commas
    #[arg(long, value_name = "LIST")]
    features: Option<String>,
}

/// Runs the command.
pub(crate) fn run(options: &BuildOptions, log: Log) -> Outcome {
    let library = build(options)?;
    let file = PluginFile::read(&library).map_err(|refused| of_refused(&refused))?;
    file.check_contract(&Contract::of_this_program())
        .map_err(|refused| of_refused(&refused))?;
    let schemas = schemas_of(&library)?;
    let bytes = match section::add(file.bytes(), SECTION, &schemas) {
        Ok(bytes) => bytes,
        // A plugin without the section works: its schemas are then known once it is loaded.
        Err(reason) => {
            log.warn(&format!("the schemas are not in the plugin file: {reason}"));
            file.bytes().to_vec()
        }
    };
    let name = library.file_name().unwrap_or_default();
    let path = write(&options.out, name, &bytes).map_err(|error| {
        let (name, out) = (Path::new(name).display(), options.out.display());
        Failure::failed(format!("`{name}` cannot be written into `{out}`: {error}"))
            .help("choose a directory that can be written with `--out DIR`")
    })?;
    print(&format!("{}\n", path.display()))?;
    Ok(Exit::Done)
}

/// Has cargo build the library, and returns where it is.
fn build(options: &BuildOptions) -> Result<PathBuf, Failure> {
    let package = &options.package;
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["rustc", "--lib", "--crate-type", "cdylib"]);
    cargo.args(["--profile", &options.profile]);
    cargo.arg("--message-format=json-render-diagnostics");
    if let Some(features) = &options.features {
        cargo.args(["--features", features]);
    }
    match manifest_in(package)? {
        Some(manifest) => cargo.arg("--manifest-path").arg(manifest),
        None => cargo.args(["--package", package]),
    };
    let mut child = cargo.stdout(Stdio::piped()).spawn().map_err(|error| {
        Failure::failed(format!("cargo cannot be started: {error}"))
            .help("install Rust, or name the program in the variable CARGO")
    })?;
    let mut library = None;
    if let Some(output) = child.stdout.take() {
        for message in Message::parse_stream(BufReader::new(output)) {
            library = message.ok().and_then(library_of).or(library);
        }
    }
    let status = child
        .wait()
        .map_err(|error| Failure::failed(format!("cargo was lost: {error}")))?;
    match library {
        Some(library) if status.success() => Ok(library),
        _ => Err(
            Failure::failed(format!("cargo did not build `{package}` as a plugin"))
                .help("cargo says above why; the package must be a library that calls `register!`"),
        ),
    }
}

/// Returns the manifest of a crate that is named by its directory.
fn manifest_in(package: &str) -> Result<Option<PathBuf>, Failure> {
    let directory = Path::new(package);
    let manifest = directory.join("Cargo.toml");
    if manifest.is_file() {
        return Ok(Some(manifest));
    }
    // No package name has a separator or a dot.
    if package.contains(['/', '.', std::path::MAIN_SEPARATOR]) {
        let reason = match directory.is_dir() {
            true => "it has no Cargo.toml",
            false => "there is no such directory",
        };
        return Err(Failure::wrong(format!("`{package}` is no crate: {reason}"))
            .help("name a package of the workspace, or the directory of its Cargo.toml"));
    }
    Ok(None)
}

/// Returns the shared library that a message of cargo announces. Packages that were built on the way are no cdylibs,
/// or come earlier.
fn library_of(message: Message) -> Option<PathBuf> {
    let Message::CompilerArtifact(artifact) = message else {
        return None;
    };
    if !artifact.target.kind.contains(&TargetKind::CDyLib) {
        return None;
    }
    let is_library =
        |path: &PathBuf| path.extension() == Some(OsStr::new(std::env::consts::DLL_EXTENSION));
    let files = artifact.filenames.into_iter().map(PathBuf::from);
    files.into_iter().find(is_library)
}

/// Loads the library in a process of its own and returns what that says about the schemas.
fn schemas_of(library: &Path) -> Result<Vec<u8>, Failure> {
    let lost = |error: io::Error| {
        Failure::failed(format!(
            "`{}` cannot be asked for its schemas: {error}",
            library.display()
        ))
    };
    let program = std::env::current_exe().map_err(lost)?;
    let output = Command::new(program)
        .args(["plugin", "schema"])
        .arg(library)
        .stderr(Stdio::inherit())
        .output()
        .map_err(lost)?;
    match output.status.success() {
        true => Ok(output.stdout),
        false => Err(Failure::not_started(format!(
            "`{}` was built, but it cannot be loaded ({})",
            library.display(),
            output.status
        ))
        .help("the reason stands above")),
    }
}

/// Writes a new file beside the old one and renames it, so that a program that is starting sees one or the other.
fn write(directory: &Path, name: &OsStr, bytes: &[u8]) -> io::Result<PathBuf> {
    fs::create_dir_all(directory)?;
    let path = directory.join(name);
    let mut new_name = name.to_owned();
    new_name.push(format!(".{}.new", std::process::id()));
    let new_path = directory.join(new_name);
    let written = File::create(&new_path)
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&new_path, &path));
    if let Err(error) = written {
        // The error that is reported is the first one.
        let _ = fs::remove_file(&new_path);
        return Err(error);
    }
    Ok(path)
}

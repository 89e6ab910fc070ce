//! Where modules are looked for: `-I`, then the directories that the environment names.

use std::env;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use temblor::RegistryCatalogue;
use temblor_lang::Options;
use temblor_registry::Registry;

/// The variables that name directories of modules, in the order in which they are read.
const VARIABLES: [&str; 2] = ["TEMBLOR_PATH", "TREMOR_PATH"];

/// Where modules are looked for.
#[derive(Args, Debug, Default)]
pub(crate) struct ModuleOptions {
    /// A directory in which modules are looked for, before those of TEMBLOR_PATH and TREMOR_PATH; can be repeated
    #[arg(short = 'I', long = "include", value_name = "DIR")]
    include: Vec<PathBuf>,
}

impl ModuleOptions {
    /// Returns what the compiler is to know, which finds operators and functions in the registry.
    pub(crate) fn options(&self, registry: &Arc<Registry>) -> Options {
        Options {
            module_path: self.path(),
            catalogue: Some(Arc::new(RegistryCatalogue::new(Arc::clone(registry)))),
            ..Options::default()
        }
    }

    /// Returns the directories in which modules are looked for, in that order.
    pub(crate) fn path(&self) -> Vec<PathBuf> {
        let mut path = self.include.clone();
        for variable in VARIABLES {
            let directories = env::var_os(variable).unwrap_or_default();
            let directories = env::split_paths(&directories);
            path.extend(directories.filter(|directory| !directory.as_os_str().is_empty()));
        }
        path
    }
}

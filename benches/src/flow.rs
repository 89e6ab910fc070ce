//! The flow that measured queries run in.

use std::path::{Path, PathBuf};

use crate::process::Result;

/// Writes a flow in which `blaster` replays a file from memory, each event is decoded, goes through a query, is
/// encoded and measured by `blackhole`.
pub(crate) fn write_flow(name: &str, query: &str, file: &Path, passes: usize) -> Result<PathBuf> {
    let file = std::fs::canonicalize(file)?;
    let file = file.to_str().ok_or("the file's name is not UTF-8")?;
    let text = format!(
        r#"define flow measured
flow
  define connector blaster from blaster
  with codec = "json", config = {{ "file": {file:?}, "iterations": {passes} }} end;
  define connector blackhole from blackhole
  with codec = "json", config = {{ "report": "none" }} end;
  define pipeline measured pipeline
{query}
  end;
  create connector blaster;
  create connector blackhole;
  create pipeline measured;
  connect /connector/blaster to /pipeline/measured;
  connect /pipeline/measured to /connector/blackhole;
end;
deploy flow measured;
"#
    );
    let path = std::env::temp_dir().join(format!("{name}-{}.troy", std::process::id()));
    std::fs::write(&path, text)?;
    Ok(path)
}

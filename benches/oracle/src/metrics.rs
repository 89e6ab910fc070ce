//! What the engine shows of itself over HTTP: metrics, and whether it is ready.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use crate::Result;
use crate::engine::Launch;

/// How long an answer may take.
const ANSWER: Duration = Duration::from_secs(5);

/// Where an engine shows them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Metrics(SocketAddr);

impl Metrics {
    /// Has the engine show them at a port that was free a moment ago.
    pub(crate) fn ask_for(launch: &mut Launch) -> Result<Self> {
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let arguments = ["--metrics".to_owned(), address.to_string()];
        launch.arguments.extend(arguments);
        Ok(Metrics(address))
    }

    /// The status and the body of what is at a path.
    pub(crate) fn get(self, path: &str) -> Result<(u16, String)> {
        let mut stream = TcpStream::connect_timeout(&self.0, ANSWER)?;
        stream.set_read_timeout(Some(ANSWER))?;
        write!(stream, "GET {path} HTTP/1.1\r\nhost: {}\r\n\r\n", self.0)?;
        let mut answer = String::new();
        // The server closes the connection behind its answer.
        stream.read_to_string(&mut answer)?;
        let (head, body) = answer.split_once("\r\n\r\n").ok_or("half an answer")?;
        let status = head.split(' ').nth(1).ok_or("no status in the answer")?;
        Ok((status.parse()?, body.to_owned()))
    }

    /// What a metric says of a connector of a flow, with further labels as they are written; 0 if it is not there.
    pub(crate) fn of(self, name: &str, flow: &str, connector: &str, more: &str) -> Result<f64> {
        let (_, text) = self.get("/metrics")?;
        Ok(value(
            &text,
            name,
            &[
                &format!("flow=\"{flow}\""),
                &format!("connector=\"{connector}\""),
                more,
            ],
        ))
    }
}

/// The value of the first line of that metric that has all of these labels; 0 if there is none.
fn value(text: &str, name: &str, labels: &[&str]) -> f64 {
    let found = text.lines().find_map(|line| {
        let rest = line.strip_prefix(name)?.strip_prefix('{')?;
        let (shown, value) = rest.rsplit_once("} ")?;
        let has_all = labels.iter().all(|label| shown.contains(label));
        has_all.then(|| value.trim().parse().ok())?
    });
    found.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::value;

    #[test]
    fn a_metric_is_found_by_its_labels() {
        let text = "# HELP a_total x\na_total{flow=\"f\",connector=\"c\"} 3\n\
                    a_total{flow=\"f\",connector=\"d\"} 4\nb{flow=\"f\",connector=\"d\"} 0.5\n";
        assert_eq!(
            value(text, "a_total", &["flow=\"f\"", "connector=\"d\""]),
            4.0
        );
        assert_eq!(value(text, "b", &[]), 0.5);
        assert_eq!(value(text, "a", &[]), 0.0);
    }
}

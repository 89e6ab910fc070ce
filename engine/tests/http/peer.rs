//! The other side of a connection, as a test plays it: a client that sends what it likes, and a flow to send it to.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::{Value, json};
use temblor::{Engine, FlowHandle};

use crate::support::{Records, coded, engine, start, text, until};

/// Far longer than anything here can take.
const PATIENCE: Duration = Duration::from_secs(30);

/// A flow from a server back to it.
pub(crate) struct Served {
    pub(crate) flow: FlowHandle,
    pub(crate) address: SocketAddr,
    pub(crate) records: Records,
    _engine: Engine,
}

/// Where a connector listens, from its log.
pub(crate) fn address(records: &Records, connector: &str) -> SocketAddr {
    let mut found = None;
    until("the server listens", || {
        let records = records.lock().unwrap();
        let mut said = records
            .iter()
            .filter(|(_, about, _)| about.as_deref() == Some(connector))
            .filter_map(|(_, _, message)| message.strip_prefix("listening at "));
        found = said.next_back().map(|address| address.parse().unwrap());
        found.is_some()
    });
    found.unwrap()
}

/// Serves a pipeline with codec `json`: what it sends to `out` is the answer.
pub(crate) fn serve(pipeline: &str, config: Value) -> Served {
    let sends_back = [
        "connector/http -> pipeline/p",
        "pipeline/p -> connector/http",
    ];
    serve_as(pipeline, config, "codec = \"json\"", &[], &sends_back)
}

/// Serves with more connectors and other links.
pub(crate) fn serve_as(
    pipeline: &str,
    mut config: Value,
    more: &str,
    connectors: &[&str],
    links: &[&str],
) -> Served {
    let (engine, records) = engine();
    config["url"] = json!("127.0.0.1:0");
    let http = coded("http", "http_server", &config, more);
    let all: Vec<&str> = [http.as_str()].iter().chain(connectors).copied().collect();
    let flow = start(&engine, &text(&all, &[("p", pipeline)], links));
    Served {
        address: address(&records, "http"),
        flow,
        records,
        _engine: engine,
    }
}

/// Sends everything back as it is.
pub(crate) const ECHO: &str = "select event from in into out;";

impl Served {
    pub(crate) fn connect(&self) -> Client {
        Client::connect(self.address)
    }

    /// One request with a body, over a connection of its own.
    pub(crate) fn post(&self, body: &str) -> Response {
        let mut client = self.connect();
        client.post("/", body);
        client.response().unwrap()
    }
}

/// A client.
pub(crate) struct Client {
    stream: BufReader<TcpStream>,
}

/// A response.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Response {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut named = self.headers.iter().filter(|(known, _)| known == name);
        named.next().map(|(_, value)| value.as_str())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

impl Client {
    pub(crate) fn connect(address: SocketAddr) -> Self {
        Client::new(TcpStream::connect(address).unwrap())
    }

    pub(crate) fn new(stream: TcpStream) -> Self {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        Client {
            stream: BufReader::new(stream),
        }
    }

    /// Sends bytes; a server that has closed the connection does not take them.
    pub(crate) fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> std::io::Result<()> {
        self.stream.get_mut().write_all(bytes.as_ref())
    }

    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.try_send(bytes).unwrap();
    }

    pub(crate) fn post(&mut self, path: &str, body: &str) {
        let length = body.len();
        self.send(format!(
            "POST {path} HTTP/1.1\r\nhost: test\r\ncontent-length: {length}\r\n\r\n{body}"
        ));
    }

    /// Reads nothing from now on, and has the system keep little of what comes.
    pub(crate) fn takes_little(&self) {
        let socket = socket2::SockRef::from(self.stream.get_ref());
        socket.set_recv_buffer_size(4096).unwrap();
    }

    /// Says that it will send nothing more.
    pub(crate) fn finish(&mut self) {
        self.stream.get_mut().shutdown(Shutdown::Write).unwrap();
    }

    fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        match self.stream.read_line(&mut line) {
            Ok(0) => None,
            Ok(_) => Some(line.trim_end().to_owned()),
            Err(reason) if reason.kind() == ErrorKind::ConnectionReset => None,
            Err(reason) => panic!("nothing more comes: {reason}"),
        }
    }

    /// The first line and the headers of a message; none at the end.
    pub(crate) fn head(&mut self) -> Option<(String, Vec<(String, String)>)> {
        let first = self.line()?;
        let mut headers = Vec::new();
        loop {
            let line = self.line()?;
            let Some((name, value)) = line.split_once(": ") else {
                return Some((first, headers));
            };
            headers.push((name.to_ascii_lowercase(), value.to_owned()));
        }
    }

    pub(crate) fn exactly(&mut self, count: usize) -> String {
        let mut body = vec![0; count];
        self.stream.read_exact(&mut body).unwrap();
        String::from_utf8(body).unwrap()
    }

    /// The next response; none when the connection has ended.
    pub(crate) fn response(&mut self) -> Option<Response> {
        self.response_to("POST")
    }

    pub(crate) fn response_to(&mut self, method: &str) -> Option<Response> {
        let (first, headers) = self.head()?;
        let status = first.split(' ').nth(1).unwrap().parse().unwrap();
        let mut response = Response {
            status,
            headers,
            body: String::new(),
        };
        let length = response
            .header("content-length")
            .map(|l| l.parse().unwrap());
        if method != "HEAD" && status >= 200 {
            response.body = self.exactly(length.unwrap_or(0));
        }
        Some(response)
    }

    /// Whether the connection ends without another byte.
    pub(crate) fn is_ended(&mut self) -> bool {
        self.line().is_none()
    }
}

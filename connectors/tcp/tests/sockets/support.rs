//! Running sides, sockets on the other end, and waiting for what has to happen.

use std::io::Read;
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use temblor_connector_tcp as _;
use temblor_pdk::serde_json::{Value as Json, json};
use temblor_pdk::testing::{FateLog, Running, Side, Subject, TestHost};
use temblor_pdk::{
    Batch, BatchBuilder, Command, Event, Outcome, OwnedValue, StreamEnd, Value, log,
};

/// Far longer than anything takes.
pub(crate) const LONG: Duration = Duration::from_secs(20);

/// A running `tcp_server`.
pub(crate) struct Server {
    pub(crate) host: TestHost,
    pub(crate) connector: Running,
    pub(crate) source: Running,
    pub(crate) sink: Option<Running>,
    pub(crate) address: SocketAddr,
}

/// Starts a server with a source, and with a sink if it is to answer.
pub(crate) fn server(more: &Json, answers: bool) -> Server {
    let host = TestHost::new();
    let mut config = json!({"url": "tcp://127.0.0.1:0"});
    let fields = more.as_object().unwrap().clone();
    config.as_object_mut().unwrap().extend(fields);
    let subject = Subject::named("tcp_server");
    let mut connector = subject.makers()[0]
        .open(&config.to_string(), &host)
        .unwrap();
    connector.tell(Command::Connect).unwrap();
    let sink = answers.then(|| connector.create(Side::Sink).unwrap());
    let source = connector.create(Side::Source).unwrap();
    connector.tell(Command::Start).unwrap();
    let logs = host.logs();
    let address = logs
        .iter()
        .find_map(|(_, message)| message.strip_prefix("listening at "));
    Server {
        address: address.unwrap().parse().unwrap(),
        host,
        connector,
        source,
        sink,
    }
}

impl Server {
    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(LONG)).unwrap();
        stream
    }

    /// The next pull that is not empty.
    pub(crate) fn pull(&mut self) -> Batch {
        pull(&mut self.source).unwrap()
    }

    /// Pulls until `count` ends of streams have come; returns what each stream sent and how it ended.
    pub(crate) fn until_ended(&mut self, count: usize) -> Vec<(u64, Vec<u8>, StreamEnd)> {
        let mut open: Vec<(u64, Vec<u8>)> = Vec::new();
        let mut ended = Vec::new();
        while ended.len() < count {
            let batch = self.pull();
            for event in batch.events() {
                let stream = event.id.stream;
                if !open.iter().any(|(known, _)| *known == stream) {
                    open.push((stream, Vec::new()));
                }
                let at = open.iter().position(|(known, _)| *known == stream).unwrap();
                match event.stream_end() {
                    Some(end) => {
                        let (_, bytes) = open.remove(at);
                        ended.push((stream, bytes, end));
                    }
                    None => open[at].1.extend_from_slice(event.data.as_bytes().unwrap()),
                }
            }
        }
        ended
    }

    /// Writes a batch; returns the reasons of what was refused, by place.
    pub(crate) fn write(&mut self, batch: Batch) -> Vec<(usize, String)> {
        let (count, fates) = (batch.len(), Arc::new(FateLog::default()));
        self.sink.as_mut().unwrap().write(batch, &fates).unwrap();
        let mut refused = Vec::new();
        let mut told = 0;
        for (_, range, error) in fates.settled() {
            told += range.len();
            refused.extend(error.map(|error| (range.start, error.to_string())));
        }
        assert_eq!(told, count, "every event has one fate");
        refused
    }

    pub(crate) fn logged(&self, text: &str) -> Option<String> {
        let logs = self.host.logs();
        let warned = logs
            .into_iter()
            .filter(|(level, _)| *level <= log::Level::Warn);
        warned
            .map(|(_, message)| message)
            .find(|message| message.contains(text))
    }
}

/// The next pull that is not empty.
pub(crate) fn pull(source: &mut Running) -> temblor_pdk::Result<Batch> {
    loop {
        match source.pull()? {
            Outcome::Batch(batch, _) => return Ok(batch),
            Outcome::Idle => {}
            other => panic!("a batch expected, got {other:?}"),
        }
    }
}

/// One event with metadata.
pub(crate) fn event(text: &str, meta: &Json) -> Batch {
    let meta: OwnedValue = temblor_pdk::serde_json::from_value(meta.clone()).unwrap();
    let mut builder = BatchBuilder::new();
    builder.push(|arena| {
        let mut event = Event::new(Value::bytes(arena.copy_bytes(text.as_bytes())));
        event.meta = arena.value(&meta);
        event.id.source = 99;
        event
    });
    builder.seal()
}

/// The marker that the engine writes when no more replies can come of a stream.
pub(crate) fn end_of(stream: u64) -> Batch {
    let mut builder = BatchBuilder::new();
    builder.push(|_| {
        let mut event = Event::new(Value::NULL);
        event.id.stream = stream;
        event.with_stream_end(StreamEnd::Ended)
    });
    builder.seal()
}

/// Everything until the other side closes.
pub(crate) fn rest(stream: &mut impl Read) -> String {
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}

/// Waits until something is so.
pub(crate) fn until(what: &str, mut done: impl FnMut() -> bool) {
    let started = Instant::now();
    while !done() {
        assert!(started.elapsed() < LONG, "never happened: {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Closes a connection so that the other side sees a reset.
pub(crate) fn reset(stream: TcpStream) {
    let socket = socket2::SockRef::from(&stream);
    socket.set_linger(Some(Duration::ZERO)).unwrap();
}

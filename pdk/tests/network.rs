//! Tasks beside a connector, and the system's network, on a host for tests.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::Duration;

use temblor_pdk::io::{Connection, sleep, spawn};
use temblor_pdk::testing::TestHost;

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut cx = Context::from_waker(&waker);
    loop {
        if let Poll::Ready(done) = future.as_mut().poll(&mut cx) {
            return done;
        }
        std::thread::park_timeout(Duration::from_secs(10));
    }
}

async fn write_all(connection: &mut dyn Connection, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        let count = poll_fn(|cx| Pin::new(&mut *connection).poll_write(cx, bytes)).await;
        bytes = &bytes[count.expect("it is written")..];
    }
}

async fn close(connection: &mut dyn Connection) {
    let closed = poll_fn(|cx| Pin::new(&mut *connection).poll_close(cx)).await;
    closed.expect("it is closed");
}

async fn read_to_end(connection: &mut dyn Connection) -> Vec<u8> {
    let mut all = Vec::new();
    let mut room = [0; 4096];
    loop {
        let count = poll_fn(|cx| Pin::new(&mut *connection).poll_read(cx, &mut room)).await;
        match count.expect("it is read") {
            0 => return all,
            count => all.extend_from_slice(&room[..count]),
        }
    }
}

#[test]
fn a_task_runs_beside_and_yields_its_result() {
    let test = TestHost::new();
    let host = test.host();
    let task = spawn(&test.host(), async move {
        sleep(&host, Duration::from_millis(5)).await;
        7
    });
    assert_eq!(block_on(task), Some(7));
}

#[test]
fn a_task_that_panics_yields_nothing() {
    let test = TestHost::new();
    let task = spawn(&test.host(), async {
        assert!(std::hint::black_box(false), "on purpose");
    });
    assert_eq!(block_on(task), None);
    assert_eq!(test.wait_for_panics(1).len(), 1);
}

#[test]
fn dropping_the_handle_cancels() {
    let test = TestHost::new();
    let (sender, receiver) = std::sync::mpsc::channel::<()>();
    let task = spawn(&test.host(), async move {
        let _sender = sender;
        std::future::pending::<()>().await;
    });
    drop(task);
    // The task's content is dropped, so that the channel ends.
    let ended = receiver.recv_timeout(Duration::from_secs(10));
    assert_eq!(ended, Err(std::sync::mpsc::RecvTimeoutError::Disconnected));
}

#[test]
fn bytes_go_both_ways_and_each_way_ends_on_its_own() {
    let test = TestHost::new();
    let context = test.context("net");
    let network = Arc::clone(context.network());
    // More than the system keeps for a connection, so that both sides have to wait.
    let sent = vec![b'x'; 8 * 1024 * 1024];
    let expected = sent.len();
    let mut listener = block_on(network.listen("127.0.0.1:0", 16)).expect("it listens");
    let address = listener.local_addr().expect("there is an address");
    let server = spawn(&test.host(), async move {
        let mut connection = listener.accept().await.expect("somebody comes");
        let got = read_to_end(&mut *connection).await;
        write_all(&mut *connection, b"thanks").await;
        close(&mut *connection).await;
        got.len()
    });
    let reply = block_on(async {
        let connected = network.connect(&address.to_string()).await;
        let mut connection = connected.expect("it connects");
        assert_eq!(connection.peer_addr().expect("there is a peer"), address);
        write_all(&mut *connection, &sent).await;
        close(&mut *connection).await;
        read_to_end(&mut *connection).await
    });
    assert_eq!(reply, b"thanks");
    assert_eq!(block_on(server), Some(expected));
}

#[test]
fn what_cannot_be_reached_says_why() {
    let test = TestHost::new();
    let context = test.context("net");
    let network = context.network();
    let listener = block_on(network.listen("127.0.0.1:0", 1)).expect("it listens");
    let address = listener.local_addr().expect("there is an address");
    let taken = block_on(network.listen(&address.to_string(), 1)).err();
    assert_eq!(
        taken.map(|reason| reason.kind()),
        Some(std::io::ErrorKind::AddrInUse)
    );
    drop(listener);
    let refused = block_on(network.connect(&address.to_string())).err();
    assert_eq!(
        refused.map(|reason| reason.kind()),
        Some(std::io::ErrorKind::ConnectionRefused)
    );
    assert!(block_on(network.connect("no.such.host.invalid:1")).is_err());
    assert!(block_on(network.connect("without-a-port")).is_err());
}

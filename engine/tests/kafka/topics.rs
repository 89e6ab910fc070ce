//! Topics with as many partitions as a test wants. A broker is asked in its own protocol, which is less than a client.

use std::io::{Read, Write};
use std::net::TcpStream;

/// `CreateTopics` in version 2, which every broker from 0.11 to today's takes.
const CREATE_TOPICS: [u8; 4] = [0, 19, 0, 2];

/// Makes a topic at the first of the brokers that answers; it must not exist.
pub(crate) fn create(bootstrap: &str, name: &str, partitions: i32) {
    let address = bootstrap.split(',').next().unwrap();
    let mut request = CREATE_TOPICS.to_vec();
    request.extend(7_i32.to_be_bytes());
    text(&mut request, "temblor-test");
    request.extend(1_i32.to_be_bytes());
    text(&mut request, name);
    request.extend(partitions.to_be_bytes());
    // One replica; neither chosen brokers nor settings.
    request.extend(1_i16.to_be_bytes());
    request.extend([0; 8]);
    let (timeout_ms, only_checks) = (30_000_i32, 0);
    request.extend(timeout_ms.to_be_bytes());
    request.push(only_checks);
    let answer = ask(address, &request);
    // Number of the request, throttling, count of topics, name, and then the code of the error.
    let at = 4 + 4 + 4 + 2 + name.len();
    let code = answer
        .get(at..at + 2)
        .unwrap_or_else(|| panic!("{answer:?}"));
    assert_eq!(code, [0, 0], "topic `{name}` at {address}: {answer:?}");
}

fn text(request: &mut Vec<u8>, text: &str) {
    request.extend((text.len() as i16).to_be_bytes());
    request.extend(text.as_bytes());
}

fn ask(address: &str, request: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).unwrap();
    stream
        .write_all(&(request.len() as i32).to_be_bytes())
        .unwrap();
    stream.write_all(request).unwrap();
    let mut length = [0; 4];
    stream.read_exact(&mut length).unwrap();
    let mut answer = vec![0; i32::from_be_bytes(length) as usize];
    stream.read_exact(&mut answer).unwrap();
    answer
}

//! `http_server`: requests that come in are events, and events that go back are their answers.
//! `http_client`: events are requests, and responses can be events.

mod client;
mod headers;
mod message;
mod server;
mod time;
mod tls;
mod wire;

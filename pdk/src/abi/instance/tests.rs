//! What a plugin answers that was not made as it should be: the host takes none of it for anything else.

use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use super::super::text::RawError;
use super::super::waker::HostWaker;
use super::{Imported, InstanceVtable, RawCommand, RawInstance, RawReply, reply};
use crate::{Command, Error, ErrorKind, Instance};

/// Gives away the reply that it is made of, once.
struct Answering(Option<RawReply>);

/// # Safety
/// `this` is an `Answering`, and `out` may be written to.
unsafe extern "C" fn poll(this: *mut (), _: *mut RawCommand, out: *mut RawReply) -> u32 {
    // SAFETY: the caller's contract; nobody else uses it meanwhile.
    let answering = unsafe { &mut *this.cast::<Answering>() };
    let reply = answering.0.take().expect("it is polled once");
    // SAFETY: the caller's contract.
    unsafe { out.write(reply) };
    1
}

unsafe extern "C" fn interrupt(_: *const ()) {}

/// # Safety
/// `this` is a boxed `Answering` that nobody uses any more.
unsafe extern "C" fn release(this: *mut ()) {
    // SAFETY: the caller's contract.
    drop(unsafe { Box::from_raw(this.cast::<Answering>()) });
}

static VTABLE: InstanceVtable = InstanceVtable {
    poll,
    interrupt,
    release,
};

/// What the host makes of a reply.
fn made_of(code: u32, error: RawError) -> Error {
    let reply = RawReply {
        code,
        error,
        ..RawReply::EMPTY
    };
    let raw = RawInstance {
        data: Box::into_raw(Box::new(Answering(Some(reply)))).cast(),
        vtable: &raw const VTABLE,
    };
    // SAFETY: the functions above go with the object, which is taken once; they use no waker.
    let imported = unsafe { Imported::new(raw, HostWaker::new()) };
    let mut imported = imported.expect("there is an instance");
    let waker = Waker::from(Arc::new(Silent));
    match imported.poll(Some(Command::Flush), &mut Context::from_waker(&waker)) {
        Poll::Ready(Err(error)) => error,
        _ => panic!("code {code} was taken for an answer"),
    }
}

struct Silent;

impl std::task::Wake for Silent {
    fn wake(self: Arc<Self>) {}
}

#[test]
fn answers_that_are_none_are_bugs_of_the_plugin() {
    for (code, said) in [
        (9, "what is no reply: code 9"),
        (u32::MAX, "what is no reply: code 4294967295"),
        (reply::BATCH, "what is no reply: code 3"),
        (reply::INSTANCE, "an instance that is none"),
        (reply::FAILED, "a failure without a reason"),
    ] {
        let error = made_of(code, RawError::NONE);
        assert_eq!(error.kind(), ErrorKind::Bug, "{code}");
        assert_eq!(
            error.message(),
            format!("the plugin answered with {said}"),
            "{code}"
        );
    }
}

#[test]
fn a_reason_that_is_no_text_and_of_no_kind_is_still_a_reason() {
    let error = made_of(
        reply::FAILED,
        RawError::of(4096, b"it \xff\xfe broke".to_vec()),
    );
    assert_eq!(error.message(), "it \u{fffd}\u{fffd} broke");
    assert_eq!(error.kind(), ErrorKind::from_code(4096));
}

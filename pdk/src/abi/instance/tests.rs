//! What a plugin answers that was not made as it should be: the host takes none of it for anything else.

use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use super::super::fates::Fates;
use super::super::text::RawError;
use super::super::waker::HostWaker;
use super::{Imported, InstanceVtable, RawCommand, RawInstance, RawReply, export, reply};
use crate::{Command, Error, ErrorKind, Instance, Reply};

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
        (10, "what is no reply: code 10"),
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

/// Answers nothing.
struct Mute;

impl Instance for Mute {
    fn poll(&mut self, command: Option<Command>, _: &mut Context<'_>) -> Poll<Reply> {
        assert!(command.is_none(), "it was given {command:?}");
        Poll::Pending
    }

    fn interrupt(&self) {}
}

#[test]
fn a_command_of_a_later_version_is_answered_and_takes_nothing() {
    let raw = export(Box::new(Mute), Waker::noop().clone());
    let (fates, kept) = (Arc::new(Deaf), Arc::new(()));
    let mut command = RawCommand {
        code: 4096,
        lane: 7,
        bytes: 0,
        reserved: 0,
        a: 1,
        b: 2,
        data: Arc::as_ptr(&kept).cast(),
        len: 3,
        fates: Fates::new(Arc::clone(&fates), 0, 1),
    };
    let mut out = std::mem::MaybeUninit::<RawReply>::uninit();
    // SAFETY: an instance that was just made, with a command and a place for the reply that live for the call.
    let ready = unsafe { ((*raw.vtable).poll)(raw.data, &raw mut command, out.as_mut_ptr()) };
    assert_eq!(ready, 1);
    // SAFETY: the reply is written.
    let reply = unsafe { out.assume_init() };
    assert_eq!(reply.code, reply::UNSUPPORTED);
    assert_eq!(
        Arc::strong_count(&fates),
        2,
        "the command still has its handle"
    );
    drop(command);
    assert_eq!(Arc::strong_count(&fates), 1);
    // SAFETY: the object is released once.
    unsafe { ((*raw.vtable).release)(raw.data) }
}

#[test]
fn a_host_hears_that_a_plugin_does_not_know_a_command() {
    let error = made_of(reply::UNSUPPORTED, RawError::NONE);
    assert_eq!(error.kind(), ErrorKind::Failed);
    assert_eq!(
        error.message(),
        "the plugin does not know this command: build it with the temblor-pdk of this host"
    );
}

struct Deaf;

impl crate::abi::FateSink for Deaf {
    fn settle(&self, _: u64, _: std::ops::Range<usize>, _: Option<Error>) {}
}

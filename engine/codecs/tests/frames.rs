//! `base64` and `remove-empty`, seen from outside.

#![allow(clippy::unwrap_used, reason = "a test fails by panic")]

mod properties;

use properties::{Frames, frames_of, made, postprocessor, preprocessors};
use proptest::prelude::*;

fn run(name: &str, pieces: &[&[u8]]) -> Frames {
    let [mut native, mut abi] = preprocessors(name, "{}");
    let found = frames_of(native.as_mut(), pieces);
    assert_eq!(frames_of(abi.as_mut(), pieces), found);
    found
}

#[test]
fn base64_as_in_the_standard() {
    let table = [
        ("", ""),
        ("f", "Zg=="),
        ("fo", "Zm8="),
        ("foo", "Zm9v"),
        ("foob", "Zm9vYg=="),
    ];
    let mut writer = postprocessor("base64", "{}");
    for (event, encoded) in table {
        assert_eq!(made(writer.as_mut(), event.as_bytes()), encoded.as_bytes());
        assert_eq!(
            run("base64", &[encoded.as_bytes()]),
            [Ok(event.as_bytes().to_vec())]
        );
    }
}

#[test]
fn base64_that_is_none() {
    let table = [
        ("Zg", "at byte 2: it is not padded with `=`"),
        ("Zg=", "at byte 3: it is not padded with `=`"),
        ("Zm9v\n", "at byte 4: '\\n' is not base64"),
        ("Zm 9v", "at byte 2: ' ' is not base64"),
        ("Zm9-", "at byte 3: '-' is not base64"),
        ("Zg==Zg==", "at byte 2: '=' is not base64"),
        (
            "Zh==",
            "at byte 1: 'h' says more than the bytes before it leave room for",
        ),
        ("Zm9vZ", "at byte 5: it ends too early"),
    ];
    for (frame, expected) in table {
        // The next frame is not its victim.
        let found = run("base64", &[frame.as_bytes(), b"Zm9v"]);
        assert_eq!(found, [Err(expected.to_owned()), Ok(b"foo".to_vec())]);
    }
}

#[test]
fn empty_frames_are_left_out() {
    assert_eq!(
        run("remove-empty", &[b"", b"a", b"", b" ", b""]),
        [Ok(b"a".to_vec()), Ok(b" ".to_vec())]
    );
}

proptest! {
    #[test]
    fn base64_comes_back(event: Vec<u8>) {
        let encoded = made(postprocessor("base64", "{}").as_mut(), &event);
        prop_assert_eq!(run("base64", &[&encoded]), [Ok(event)]);
    }

    #[test]
    fn base64_survives_any_bytes(bytes: Vec<u8>, text in "[A-Za-z0-9+/= ]{0,20}") {
        for frame in [&bytes[..], text.as_bytes()] {
            let found = run("base64", &[frame]);
            prop_assert_eq!(found.len(), 1);
            if let Ok(decoded) = &found[0] {
                prop_assert_eq!(made(postprocessor("base64", "{}").as_mut(), decoded), frame);
            }
        }
    }
}

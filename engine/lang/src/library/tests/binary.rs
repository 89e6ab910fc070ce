//! Binary values and base64.

use super::check;

#[test]
fn binaries() {
    check(
        r#"
        binary::len({"$bytes": []}) ==> 0
        binary::len({"$bytes": [1, 2]}) ==> 2
        binary::len("ab") ==> bad type
        binary::from_bytes([]) ==> bytes []
        binary::from_bytes([0, 255]) ==> bytes [0, 255]
        binary::from_bytes([0, 256]) ==> error: element 1 is no byte, expected an integer from 0 to 255
        binary::from_bytes([-1]) ==> error: element 0 is no byte, expected an integer from 0 to 255
        binary::from_bytes([1.0]) ==> error: element 0 is no byte, expected an integer from 0 to 255
        binary::from_bytes("a") ==> bad type
        binary::into_bytes({"$bytes": [0, 255]}) ==> [0,255]
        binary::into_bytes({"$bytes": []}) ==> []
        binary::into_bytes("a") ==> error: the argument is of type string, expected bytes
        "#,
    );
}

#[test]
fn base64() {
    check(
        r#"
        base64::encode({"$bytes": []}) ==> ""
        base64::encode({"$bytes": [1]}) ==> "AQ=="
        base64::encode({"$bytes": [255, 239, 190]}) ==> "/+++"
        base64::encode("a") ==> bad type
        base64::decode("AQ==") ==> bytes [1]
        base64::decode("AQ") ==> bytes [1]
        base64::decode("") ==> bytes []
        base64::decode("/+++") ==> bytes [255, 239, 190]
        base64::decode(1) ==> bad type
        base64::decode({"$bytes": [65]}) ==> bad type
        base64::decode("A*") ==> error: the text is not base64: Invalid symbol 42, offset 1.
        base64::decode("A") ==> error: the text is not base64: Invalid input length: 1
        "#,
    );
}

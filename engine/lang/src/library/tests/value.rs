//! Types, assertions and what has no arguments.

use super::check;

#[test]
fn types() {
    check(
        r#"
        type::as_string(null) ==> "null"
        type::as_string(true) ==> "bool"
        type::as_string(1) ==> "integer"
        type::as_string(18446744073709551615) ==> "integer"
        type::as_string(1.0) ==> "float"
        type::as_string("") ==> "string"
        type::as_string({"$bytes": []}) ==> "bytes"
        type::as_string([]) ==> "array"
        type::as_string({}) ==> "record"
        type::is_null(null) ==> true
        type::is_null(0) ==> false
        type::is_bool(false) ==> true
        type::is_bool("false") ==> false
        type::is_integer(9223372036854775807) ==> true
        type::is_integer(9223372036854775808) ==> false
        type::is_integer(1.0) ==> false
        type::is_float(1.0) ==> true
        type::is_float(1) ==> false
        type::is_number(1) ==> true
        type::is_number(18446744073709551615) ==> true
        type::is_number(1.5) ==> true
        type::is_number("1") ==> false
        type::is_string("") ==> true
        type::is_string({"$bytes": []}) ==> false
        type::is_array([]) ==> true
        type::is_array({}) ==> false
        type::is_record({}) ==> true
        type::is_record([]) ==> false
        type::is_binary({"$bytes": []}) ==> true
        type::is_binary("") ==> false
        type::is_null() ==> bad arity
        "#,
    );
}

#[test]
fn assertions() {
    check(
        r#"
        test::assert("name", 1, 1) ==> true
        test::assert("name", 1, 1.0) ==> true
        test::assert("name", "a", {"$bytes": [97]}) ==> true
        test::assert("name", {"a": 1, "b": 2}, {"b": 2, "a": 1}) ==> true
        test::assert("name", 1, 2) ==> [1,2]
        test::assert(null, [1], [2]) ==> [[1],[2]]
        test::assert("name", 1) ==> bad arity
        test::suite({"name": "x"}) ==> null
        test::test() ==> null
        test::test(1, 2, 3) ==> null
        "#,
    );
}

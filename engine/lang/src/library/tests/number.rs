//! Functions on numbers.

use super::check;

#[test]
fn rounding() {
    check(
        r#"
        math::floor(1.9) ==> 1
        math::floor(-1.1) ==> -2
        math::ceil(1.1) ==> 2
        math::ceil(-1.9) ==> -1
        math::round(0.5) ==> 1
        math::round(-0.5) ==> -1
        math::round(2.5) ==> 3
        math::round(2.4) ==> 2
        math::trunc(1.9) ==> 1
        math::trunc(-1.9) ==> -1
        math::trunc(-0.5) ==> 0
        math::floor(18446744073709551615) ==> 18446744073709551615
        math::round(-7) ==> -7
        math::ceil(0) ==> 0
        math::trunc(1.0e300) ==> 18446744073709551615
        math::trunc(-1.0e300) ==> -9223372036854775808
        math::floor({"$float": "inf"}) ==> 18446744073709551615
        math::floor({"$float": "NaN"}) ==> 0
        math::floor("1") ==> bad type
        math::ceil(null) ==> bad type
        math::round([]) ==> bad type
        math::trunc(true) ==> bad type
        "#,
    );
}

#[test]
fn extremes() {
    check(
        r#"
        math::max(1, 2) ==> 2
        math::max(-1, 18446744073709551615) ==> 18446744073709551615
        math::min(-1, 18446744073709551615) ==> -1
        math::max(2, 1.5) ==> 2.0
        math::max(1.5, 2) ==> 2.0
        math::min(2, 1.5) ==> 1.5
        math::min(1, 1.5) ==> 1.0
        math::max(1.0, 2.0) ==> 2.0
        math::max("a", 1) ==> bad type
        math::min(1, null) ==> bad type
        math::min(1) ==> bad arity
        "#,
    );
}

#[test]
fn floats() {
    check(
        r#"
        float::parse("1.5") ==> 1.5
        float::parse("1") ==> 1.0
        float::parse("-1.5e3") ==> -1500.0
        float::parse("inf") ==> inf
        float::parse("NaN") ==> NaN
        float::parse("") ==> error: "" is not a float
        float::parse("1x") ==> error: "1x" is not a float
        float::parse(1) ==> bad type
        float::is_finite(1.5) ==> true
        float::is_finite(1) ==> true
        float::is_finite({"$float": "inf"}) ==> false
        float::is_nan({"$float": "NaN"}) ==> true
        float::is_nan(7) ==> false
        float::is_infinite({"$float": "-inf"}) ==> true
        float::is_infinite({"$float": "NaN"}) ==> false
        float::is_infinite(1.0) ==> false
        float::is_finite("1") ==> error: the argument is of type string, expected a number
        float::is_nan(null) ==> error: the argument is of type null, expected a number
        float::is_infinite([]) ==> error: the argument is of type array, expected a number
        "#,
    );
}

#[test]
fn integers() {
    check(
        r#"
        integer::parse("42") ==> 42
        integer::parse("-42") ==> -42
        integer::parse("+42") ==> 42
        integer::parse("007") ==> 7
        integer::parse("9223372036854775807") ==> 9223372036854775807
        integer::parse("-9223372036854775808") ==> -9223372036854775808
        integer::parse("9223372036854775808") ==> error: "9223372036854775808" is not an integer: number too large to fit in target type
        integer::parse("1.0") ==> error: "1.0" is not an integer: invalid digit found in string
        integer::parse(" 1") ==> error: " 1" is not an integer: invalid digit found in string
        integer::parse("") ==> error: "" is not an integer: cannot parse integer from empty string
        integer::parse(42) ==> bad type
        "#,
    );
}

//! Functions on arrays and ranges.

use super::check;

#[test]
fn arrays() {
    check(
        r#"
        array::len([]) ==> 0
        array::len([1, [2, 3]]) ==> 2
        array::len("abc") ==> bad type
        array::len({}) ==> bad type
        array::is_empty([]) ==> true
        array::is_empty([null]) ==> false
        array::is_empty(null) ==> bad type

        array::contains([1, "a", [2]], "a") ==> true
        array::contains([1, "a", [2]], [2]) ==> true
        array::contains([1, "a", [2]], [2, 3]) ==> false
        array::contains([1.0], 1) ==> false
        array::contains([1], 1.0) ==> false
        array::contains([[1]], [1.0]) ==> false
        array::contains(["a"], {"$bytes": [97]}) ==> false
        array::contains([{"$bytes": [97]}], {"$bytes": [97]}) ==> true
        array::contains([{"a": 1, "b": 2}], {"b": 2, "a": 1}) ==> true
        array::contains([{"a": 1, "b": 2}], {"a": 1}) ==> false
        array::contains([{"a": 1}], {"a": 1, "b": 2}) ==> false
        array::contains([{"a": 1}], {"b": 1}) ==> false
        array::contains([1.0e-20], 2.0e-20) ==> true
        array::contains([null], null) ==> true
        array::contains([18446744073709551615], 18446744073709551615) ==> true
        array::contains("a", "a") ==> bad type

        array::push([1], [2]) ==> [1,[2]]
        array::push([], null) ==> [null]
        array::push({}, 1) ==> bad type
        array::concatenate([1], [2, 3]) ==> [1,2,3]
        array::concatenate([], []) ==> []
        array::concatenate([1], 2) ==> bad type
        array::concatenate(1, [2]) ==> bad type

        array::zip([1, 2], ["a", "b"]) ==> [[1,"a"],[2,"b"]]
        array::zip([], []) ==> []
        array::zip([1], []) ==> error: the arrays have 1 and 0 elements, but zip needs as many in one as in the other
        array::zip([1], 1) ==> bad type
        array::unzip([[1, "a"], [2, "b"]]) ==> [[1,2],["a","b"]]
        array::unzip([]) ==> [[],[]]
        array::unzip([[1, 2], 3]) ==> error: element 1 is of type integer, expected an array of length 2
        array::unzip([[1]]) ==> error: element 0 is an array of length 1, expected an array of length 2
        array::unzip({}) ==> bad type

        array::flatten([1, [2, [3, []], [[4]]], []]) ==> [1,2,3,4]
        array::flatten([[]]) ==> []
        array::flatten(7) ==> [7]
        array::flatten({"a": [1]}) ==> [{"a":[1]}]
        array::flatten(null) ==> [null]

        array::coalesce([null, 1, null, [null]]) ==> [1,[null]]
        array::coalesce("x") ==> bad type
        array::reverse([1, 2, 3]) ==> [3,2,1]
        array::reverse([]) ==> []
        array::reverse("abc") ==> bad type
        array::len() ==> bad arity
        array::push([1]) ==> bad arity
        "#,
    );
}

#[test]
fn joined_elements_are_plain() {
    check(
        r#"
        array::join([], ",") ==> ""
        array::join(["a"], ",") ==> "a"
        array::join(["a", "b"], ", ") ==> "a, b"
        array::join([1, -2, 18446744073709551615], "") ==> "1-218446744073709551615"
        array::join([1.0, 1.5, 1.0e16], "|") ==> "1|1.5|10000000000000000"
        array::join([true, false, null], " ") ==> "true false null"
        array::join([[1], {"a": 1}], ";") ==> "[1];{\"a\":1}"
        array::join(["a"], 1) ==> bad type
        array::join("a", ",") ==> bad type
        "#,
    );
}

#[test]
fn ranges() {
    check(
        r#"
        range::range(1, 4) ==> [1,2,3]
        range::range(-2, 1) ==> [-2,-1,0]
        range::range(4, 4) ==> []
        range::range(4, 1) ==> []
        range::range(18446744073709551614, 18446744073709551615) ==> [18446744073709551614]
        range::range(1.0, 4) ==> bad type
        range::range(1, "4") ==> bad type
        range::range(0, 100000000) ==> error: a range of 100000000 integers is too long, the longest has 10000000
        range::range(-9223372036854775808, 18446744073709551615) ==> error: a range of 27670116110564327423 integers is too long, the longest has 10000000

        range::contains([], 1) ==> false
        range::contains([1, 2, 3], 1) ==> true
        range::contains([1, 2, 3], 3) ==> true
        range::contains([1, 2, 3], 4) ==> false
        range::contains([1, 2, 3], 0) ==> false
        range::contains([1, 2, 3], 2.5) ==> true
        range::contains([1, 2, 3], 3.5) ==> false
        range::contains([1], "a") ==> bad type
        range::contains(1, 1) ==> bad type
        "#,
    );
}

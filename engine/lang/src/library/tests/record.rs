//! Functions on records, and computed paths.

use super::check;

#[test]
fn records() {
    check(
        r#"
        record::len({}) ==> 0
        record::len({"a": 1, "b": {}}) ==> 2
        record::len([]) ==> bad type
        record::is_empty({}) ==> true
        record::is_empty({"a": null}) ==> false
        record::is_empty("") ==> bad type
        record::contains({"a": null}, "a") ==> true
        record::contains({"a": null}, "b") ==> false
        record::contains({"a": 1}, 1) ==> bad type
        record::contains([], "a") ==> bad type
        record::keys({"b": 1, "a": 2}) ==> ["b","a"]
        record::keys([]) ==> bad type
        record::values({"b": 1, "a": [2]}) ==> [1,[2]]
        record::values(1) ==> bad type
        record::to_array({"a": 1, "b": 2}) ==> [["a",1],["b",2]]
        record::to_array({}) ==> []
        record::to_array([]) ==> bad type
        record::from_array([["a", 1], ["b", 2], ["a", 3]]) ==> {"a":3,"b":2}
        record::from_array([]) ==> {}
        record::from_array({}) ==> bad type
        record::from_array([["a", 1], 2]) ==> error: element 1 is of type integer, expected an array of length 2
        record::from_array([["a", 1, 2]]) ==> error: element 0 is an array of length 3, expected an array of length 2
        record::from_array([[1, 2]]) ==> error: the key of element 0 is of type integer, expected a string
        record::extract({"a": 1, "b": 2, "c": 3}, ["a", "c", "x", 7]) ==> {"a":1,"c":3}
        record::extract({"a": 1}, ["a", "a"]) ==> {"a":1}
        record::extract({"a": 1}, []) ==> {}
        record::extract({"a": 1}, "a") ==> bad type
        record::extract([], []) ==> bad type
        record::combine({"a": 1, "b": 2}, {"b": 3, "c": 4}) ==> {"a":1,"b":3,"c":4}
        record::combine({"a": {"x": 1}}, {"a": {"y": 2}}) ==> {"a":{"y":2}}
        record::combine({}, []) ==> bad type
        record::combine(null, {}) ==> bad type
        record::rename({"a": 1, "b": 2}, {"a": "x", "c": "y"}) ==> {"x":1,"b":2}
        record::rename({"a": 1, "b": 2}, {"a": 7}) ==> {"a":1,"b":2}
        record::rename({"a": 1, "b": 2}, {"a": "b", "b": "a"}) ==> {"b":1,"a":2}
        record::rename({"a": 1, "b": 2}, {"a": "b"}) ==> {"b":2}
        record::rename({}, []) ==> bad type
        record::rename([], {}) ==> bad type
        "#,
    );
}

#[test]
fn paths_with_a_default() {
    check(
        r#"
        path::try_default({"a": {"b": [1, 2]}}, ["a", "b", 1], 9) ==> 2
        path::try_default([{"a": 1}], [0, "a"], 9) ==> 1
        path::try_default({"a": 1}, ["b"], 9) ==> 9
        path::try_default({"a": 1}, ["a", "b"], 9) ==> 9
        path::try_default({"a": [1]}, ["a", 1], 9) ==> 9
        path::try_default({"a": [1]}, ["a", "b"], 9) ==> 9
        path::try_default({"a": {"b": 1}}, ["a", 0], 9) ==> 9
        path::try_default({"a": null}, ["a"], 9) ==> null
        path::try_default(null, ["a"], 9) ==> 9
        path::try_default({"a": 1}, [], 9) ==> {"a":1}
        path::try_default([1], [], 9) ==> [1]
        # A first segment that cannot be a step at all is skipped.
        path::try_default({"a": 1}, [0], 9) ==> {"a":1}
        path::try_default([1], ["a"], 9) ==> [1]
        path::try_default({"a": 1}, [0, "a"], 9) ==> 1
        path::try_default([1], [-1], 9) ==> [1]
        path::try_default(1, ["a"], 9) ==> error: the base is of type integer, expected a record, an array or null
        path::try_default({}, "a", 9) ==> error: the path is of type string, expected an array
        path::try_default({}, []) ==> bad arity
        "#,
    );
}

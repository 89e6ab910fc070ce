//! The total order, and sorting by it.

use super::check;

#[test]
fn sorted() {
    check(
        r#"
        array::sort([]) ==> []
        array::sort([3, 1, 2]) ==> [1,2,3]
        array::sort([null, true, false, 1, "a", [], {}]) ==> [{},[],"a",1,false,true,null]
        array::sort(["b", "a", "ab", ""]) ==> ["","a","ab","b"]
        array::sort([18446744073709551615, -1, 0, -9223372036854775808]) ==> [-9223372036854775808,-1,0,18446744073709551615]
        array::sort([2.5, 1.5, 2.0]) ==> [1.5,2.0,2.5]
        # A float is truncated when it meets an integer; equal elements keep their order.
        array::sort([1.5, 1]) ==> [1.5,1]
        array::sort([1, 1.5]) ==> [1,1.5]
        array::sort([2, 1.5]) ==> [1.5,2]
        array::sort([-1.5, -1]) ==> [-1.5,-1]
        array::sort([1.0e300, 18446744073709551615, -1.0e300, -9223372036854775808]) ==> [-1e300,-9223372036854775808,18446744073709551615,1e300]
        array::sort([[2], [1, 5], [1], []]) ==> [[],[1],[1,5],[2]]
        # Records: by number of keys, then by keys, then by values in the order of the keys.
        array::sort([{"a": 1, "b": 1}, {"z": 1}]) ==> [{"z":1},{"a":1,"b":1}]
        array::sort([{"b": 1}, {"a": 2}]) ==> [{"a":2},{"b":1}]
        array::sort([{"b": 1, "a": 2}, {"a": 1, "b": 9}]) ==> [{"a":1,"b":9},{"b":1,"a":2}]
        array::sort([{"a": [2]}, {"a": [1, 1]}]) ==> [{"a":[1,1]},{"a":[2]}]
        array::sort("abc") ==> bad type
        "#,
    );
}

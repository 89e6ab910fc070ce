//! What functions know of their surroundings.

use super::{check, run};

#[test]
fn surroundings() {
    check(
        r#"
        system::ingest_ns() ==> 1700000000000000000
        system::instance() ==> "tremor"
        system::instance(1) ==> bad arity
        win::cardinality() ==> 7
        win::cardinality(1) ==> bad arity
        origin::as_uri_string() ==> null
        origin::as_uri_record() ==> null
        origin::scheme() ==> null
        origin::host() ==> null
        origin::port() ==> null
        origin::path() ==> null
        origin::path(1) ==> bad arity
        "#,
    );
    let host = run("system::hostname()");
    assert!(host.len() > 2 && host.starts_with('"'), "{host}");
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(run("system::version()"), format!("{version:?}"));
    let first: u64 = run("system::nanotime()").parse().expect("a time");
    let second: u64 = run("system::nanotime()").parse().expect("a time");
    assert!(1_700_000_000_000_000_000 < first && first <= second);
}

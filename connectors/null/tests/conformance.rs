//! `null` keeps to the contract, whatever its link mode.

use temblor_connector_null as _;
use temblor_pdk::testing::{Side, Subject, check};

#[test]
fn conforms() {
    check("temblor-connector-null");
    Subject::named("null").check_life("{}", Side::Sink);
}

//! `exit` keeps to the contract, whatever its link mode.

use temblor_connector_exit as _;
use temblor_pdk::testing::{Side, Subject, check};

#[test]
fn conforms() {
    check("temblor-connector-exit");
    Subject::named("exit").check_life("{}", Side::Sink);
}

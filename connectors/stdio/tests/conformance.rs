//! `stdio` keeps to the contract, whatever its link mode. What it reads and writes is tested where a process can be
//! started: in the tests of the engine.

use temblor_connector_stdio as _;
use temblor_pdk::testing::{Side, Subject, check};

#[test]
fn conforms() {
    check("temblor-connector-stdio");
    Subject::named("stdio").check_life("{}", Side::Source);
}

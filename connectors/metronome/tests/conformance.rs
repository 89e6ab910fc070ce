//! `metronome` keeps to the contract, whatever its link mode, and ticks as it says.

use temblor_connector_metronome as _;
use temblor_pdk::testing::{Maker, Side, Subject, TestHost, check, payloads};
use temblor_pdk::{Command, ErrorKind, Outcome};

fn native() -> Subject {
    Subject::named("metronome")
}

fn first(subject: &Subject) -> &Maker {
    &subject.makers()[0]
}

#[test]
fn conforms() {
    check("temblor-connector-metronome");
    native().check_life(r#"{"interval_ms": 1}"#, Side::Source);
    native().check_life(r#"{"interval_ms": 3600000}"#, Side::Source);
}

#[test]
fn it_emits_so_many_events_at_its_interval_and_ends() {
    let pulled = native().check_same(r#"{"interval_ms": 250, "count": 3}"#, 100);
    let expected: Vec<(Vec<u8>, u64)> = (0..3)
        .map(|id| {
            let ns = 1_000_000_000 + id * 250_000_000;
            let json = format!(r#"{{"onramp":"metronome","ingest_ns":{ns},"id":{id}}}"#);
            (json.into_bytes(), ns)
        })
        .collect();
    assert_eq!(expected, pulled);
}

#[test]
fn ticks_that_were_missed_are_left_out() {
    let host = TestHost::with_clock(1_000);
    let subject = native();
    let mut connector = first(&subject)
        .open(r#"{"interval_ms": 10, "count": 4}"#, &host)
        .unwrap();
    let mut source = connector.start(Side::Source).unwrap();
    let mut batches = source.pull_all(2).unwrap();
    host.advance(35_000_000);
    batches.extend(source.pull_all(2).unwrap());
    let times: Vec<u64> = batches
        .iter()
        .map(|batch| batch.events()[0].ingest_ns - 1_000)
        .collect();
    assert_eq!(times, [0, 10_000_000, 45_000_000, 50_000_000]);
    let ids: Vec<String> = payloads(&batches)
        .into_iter()
        .map(|json| String::from_utf8(json).unwrap())
        .collect();
    assert!(ids[3].ends_with(r#""id":3}"#), "{ids:?}");
}

#[test]
fn no_count_is_no_events() {
    let host = TestHost::with_clock(0);
    let subject = native();
    let mut connector = first(&subject)
        .open(r#"{"interval_ms": 10, "count": 0}"#, &host)
        .unwrap();
    let mut source = connector.start(Side::Source).unwrap();
    assert!(matches!(source.pull(), Ok(Outcome::End(None, _))));
    connector.tell(Command::Stop).unwrap();
}

#[test]
fn an_interval_of_nothing_is_refused() {
    for maker in native().makers() {
        let refused = maker.open(r#"{"interval_ms": 0}"#, &TestHost::new());
        let error = refused.err().expect("an error");
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.message().contains("`interval_ms`"), "{error}");
    }
}

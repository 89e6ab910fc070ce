//! Checkpoints in a directory: lanes with names that mean something to a disk, or that it does not take.

use std::fs;

use temblor::Checkpoints;

use crate::checkpoints::{checkpoint, files, lane, place};

#[test]
fn whatever_a_lane_is_called_it_is_stored_beside_the_others() {
    let (place, directory) = place();
    let long = "x".repeat(200);
    let names = [
        "g".to_owned(),
        "g/00000000000000000007.checkpoint".to_owned(),
        "g/.7.unfinished".to_owned(),
        "../../g".to_owned(),
        "/g".to_owned(),
        "g/".to_owned(),
        "g//".to_owned(),
        "g/./t".to_owned(),
        "g\0t".to_owned(),
        "g%00t".to_owned(),
        "g\\t".to_owned(),
        "größe/ 7".to_owned(),
        "x".repeat(1_000),
        "ö".repeat(150),
        format!("{long}/x"),
        format!("{long}x"),
        format!("{long}%/x"),
        long,
    ];
    for (position, name) in (1..).zip(&names) {
        let mut all = lane(name);
        if position % 2 == 0 {
            (all.flow, all.source) = (name.clone(), name.clone());
        }
        directory
            .store(&all, &checkpoint(position, name.as_bytes()))
            .unwrap();
    }
    for (position, name) in (1..).zip(&names) {
        let mut all = lane(name);
        if position % 2 == 0 {
            (all.flow, all.source) = (name.clone(), name.clone());
        }
        let found = directory.load(&all).unwrap();
        assert_eq!(found.warnings, [""; 0], "{name}");
        assert_eq!(
            found.checkpoint,
            Some(checkpoint(position, name.as_bytes())),
            "{name}"
        );
    }
    // No name leads out of the directory.
    let outside = fs::read_dir(place.path()).unwrap().count();
    assert_eq!(outside, 1);
    assert_eq!(files(place.path()).len(), names.len());
}

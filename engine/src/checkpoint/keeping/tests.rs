//! What a lane goes on with, and what it does not.

use std::sync::Mutex;

use temblor_lang::{Options, Source, compile_query};

use super::*;

/// One lane's checkpoint in memory.
#[derive(Default)]
struct Memory(Mutex<Option<Checkpoint>>);

impl Checkpoints for Memory {
    fn load(&self, _lane: &LaneName) -> Result<Found, CheckpointError> {
        Ok(Found {
            checkpoint: self.0.lock().expect("nobody panics").clone(),
            place: "`memory`".to_owned(),
            warnings: vec!["another one is torn".to_owned()],
        })
    }

    fn store(&self, _lane: &LaneName, checkpoint: &Checkpoint) -> Result<(), CheckpointError> {
        *self.0.lock().expect("nobody panics") = Some(checkpoint.clone());
        Ok(())
    }
}

fn pipeline(size: u64) -> Pipeline {
    let text = format!(
        "define window w from tumbling with size = {size} end;
        select aggr::stats::count() from in[w] into out"
    );
    let source = Arc::new(Source::new("test.trickle", text));
    let compiled = compile_query(&source, &Options::default());
    compiled.expect("the test's text is right").pipeline
}

fn keeping(store: &Arc<Memory>, pipelines: &[(&str, u64)]) -> Keeping {
    let pipelines = pipelines
        .iter()
        .map(|(name, size)| ((*name).to_owned(), pipeline(*size)));
    Keeping {
        store: Arc::clone(store) as Arc<dyn Checkpoints>,
        flow: "main".to_owned(),
        source: "orders".to_owned(),
        pipelines: pipelines.collect(),
        interval: Duration::from_secs(1),
    }
}

fn stored(store: &Arc<Memory>) {
    let pipeline = pipeline(10);
    let state = pipeline.snapshot(&pipeline.state());
    let states = ["counts", "other"].map(|name| {
        (
            name.to_owned(),
            state.clone().expect("it can be written down"),
        )
    });
    let keeping = keeping(store, &[("counts", 10)]);
    keeping
        .store("group/topic/3", 17, states.into())
        .expect("there is room");
}

#[test]
fn a_lane_of_which_nothing_is_stored_begins_with_nothing() {
    let keeping = keeping(&Arc::default(), &[("counts", 10)]);
    let stored = keeping.load("group/topic/3").expect("nothing is no error");
    assert_eq!((stored.position, &*stored.place), (None, ""));
    assert!(stored.begun.take("counts").is_none());
    assert_eq!(stored.warnings, ["another one is torn"]);
}

#[test]
fn pipelines_go_on_with_the_states_of_their_names() {
    let store = Arc::default();
    stored(&store);
    let found = keeping(&store, &[("counts", 10), ("new", 10)]).load("group/topic/3");
    let found = found.expect("it is whole");
    assert_eq!((found.position, &*found.place), (Some(17), "`memory`"));
    assert!(found.begun.take("counts").is_some());
    assert!(found.begun.take("counts").is_none(), "it is taken");
    assert!(found.begun.take("new").is_none());
    let left_out = "the state of pipeline `other` in `memory` is left out: the flow has no pipeline of that name that \
                    keeps its state by lane";
    assert_eq!(found.warnings, ["another one is torn", left_out]);
}

#[test]
fn a_pipeline_that_keeps_something_else_is_refused() {
    let store = Arc::default();
    stored(&store);
    let refused = keeping(&store, &[("counts", 11)]).load("group/topic/3");
    let error = refused.err().expect("it is refused").to_string();
    assert_eq!(
        error,
        "cannot go on with lane `group/topic/3` of connector `orders` of flow `main`: pipeline `counts` in `memory`: the \
         state is of a pipeline with other scripts, windows, aggregates or groups; run the program that wrote it, or \
         give the pipeline another name, so that it begins with an empty state, or remove the directory, so that \
         everything begins anew"
    );
}

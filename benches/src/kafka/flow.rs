//! The side that is measured: a flow that consumes, decodes, encodes and produces.

use std::io::BufRead;
use std::time::Duration;

use temblor::{Engine, FlowHandle, MetricValue};
use temblor_pdk::serde_json::json;

use crate::measure::Job;
use crate::process::Result;

/// How often is looked whether it is done.
const LOOK: Duration = Duration::from_millis(10);

/// Runs the flow until all records are delivered. One of several members says when it has its partitions, begins when
/// it is told, and ends when it is told.
pub(crate) fn run(job: &Job) -> Result<()> {
    let mut builder = Engine::builder();
    if let Some(workers) = job.workers {
        builder = builder.workers(workers);
    }
    let engine = builder.build()?;
    let deployment = engine
        .compile("kafka.troy", &text(job))
        .map_err(|error| error.to_string())?;
    let flow = deployment.flows.first().ok_or("there is no flow")?;
    let flow = engine.start(flow)?;
    match job.share {
        None => {
            while !flow.is_ended() && flow.report().counts.delivered < job.records as u64 {
                std::thread::sleep(LOOK);
            }
        }
        Some(share) => as_member(&engine, &flow, share)?,
    }
    flow.drain();
    let report = flow.wait();
    match report.is_ok() {
        true => Ok(()),
        false => Err(format!("the flow did not end well: {report:?}").into()),
    }
}

fn as_member(engine: &Engine, flow: &FlowHandle, share: usize) -> Result<()> {
    flow.pause();
    let partitions = || {
        let mut metrics = engine.metrics().into_iter();
        let cell = metrics.find(|metric| metric.name == "temblor_cell_partitions");
        cell.map(|cell| cell.value)
    };
    while !matches!(partitions(), Some(MetricValue::Count(number)) if number as usize == share) {
        if flow.is_ended() {
            return Err(format!("the flow has ended: {:?}", flow.report()).into());
        }
        std::thread::sleep(LOOK);
    }
    println!("ready");
    let mut lines = std::io::stdin().lock().lines();
    lines.next().transpose()?;
    flow.resume();
    lines.next().transpose()?;
    Ok(())
}

fn text(job: &Job) -> String {
    let consumer = json!({
        "brokers": [job.bootstrap],
        "group_id": job.group,
        "topics": [job.from],
        "rdkafka_options": crate::broker::options(),
    });
    let producer = json!({ "brokers": [job.bootstrap], "topic": job.to });
    let pipeline = match job.sets {
        false => "select event from in into out;",
        true => {
            "define script seen script let event.seen = true; event end; create script seen;
             select event from in into seen; select event from seen into out;"
        }
    };
    format!(
        r#"define flow measured
flow
  define connector consumer from kafka_consumer with codec = "json", config = {consumer} end;
  define connector producer from kafka_producer with codec = "json", config = {producer} end;
  define pipeline work pipeline {pipeline} end;
  create connector consumer;
  create connector producer;
  create pipeline work;
  connect /connector/consumer to /pipeline/work;
  connect /pipeline/work to /connector/producer;
end;
deploy flow measured;
"#
    )
}

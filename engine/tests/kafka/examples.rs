//! The examples of the Kafka connectors do what they say.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use serde_json::{Value, json};

use crate::broker;
use crate::process::{Process, root, temblor, until};
use crate::topics;

const FOLDER: &str = "connectors/kafka/examples";
/// As many events as a window of `totals.troy` takes.
const WINDOW: usize = 50;

#[test]
fn every_example_passes_the_check_and_is_formatted() {
    let folder = |path: &Path| std::fs::read_dir(root().join(path)).unwrap();
    let mut flows = Vec::new();
    for entry in folder(Path::new(FOLDER)).chain(folder(&Path::new(FOLDER).join("totals"))) {
        let path = entry.unwrap().path();
        flows.extend(path.is_file().then(|| path.display().to_string()));
    }
    assert!(flows.len() >= 5, "{flows:?}");
    for command in [&["check"][..], &["fmt", "--check"]] {
        let output = temblor(command).args(&flows).output().unwrap();
        assert!(output.status.success(), "{command:?}: {output:?}");
    }
}

/// The topics of the example in one run of it.
struct Topics {
    brokers: Value,
    orders: String,
    keyed: String,
    totals: String,
}

impl Topics {
    fn create(bootstrap: &str, test: &str) -> Topics {
        let unique = format!("{test}-{}", std::process::id());
        let topic = |name: &str, partitions| {
            let topic = format!("{name}-{unique}");
            topics::create(bootstrap, &topic, partitions);
            topic
        };
        Topics {
            brokers: bootstrap.split(',').collect(),
            orders: topic("orders", 4),
            keyed: topic("orders-by-customer", 6),
            totals: topic("totals", 2),
        }
    }

    /// What a consumer is to be set to.
    fn consumer(&self, connector: &str, topic: &str) -> Vec<String> {
        // Of what that broker needs, only what matters here: the machine may be busy, and nobody is to be taken for dead.
        let options = json!({"isolation.level": "read_uncommitted", "fetch.wait.max.ms": 10});
        vec![
            format!("{connector}.brokers={}", self.brokers),
            format!("{connector}.group_id={connector}-of-{topic}"),
            format!("{connector}.topics={}", json!([topic])),
            format!("{connector}.rdkafka_options={options}"),
        ]
    }

    fn producer(&self, connector: &str, topic: &str) -> Vec<String> {
        vec![
            format!("{connector}.brokers={}", self.brokers),
            format!("{connector}.topic={topic}"),
        ]
    }

    /// Two processes of a stage that have shared the partitions.
    fn stage(&self, name: &str, settings: &[String], dir: &Path) -> [Process; 2] {
        let flow = format!("{FOLDER}/totals/{name}.troy");
        let run = |which| Process::run(&flow, settings, dir, &format!("{name}-{which}"));
        let mut processes = [run(1), run(2)];
        processes
            .iter_mut()
            .for_each(|process| process.said(" takes over "));
        processes
    }
}

/// A flow that produces the lines of a file as they are.
const PUT: &str = r#"define flow put
flow
  use tremor::pipelines;
  define connector lines from file
  with
    codec = "binary",
    preprocessors = ["separate"],
    config = { "path": "", "mode": "read" }
  end;
  define connector orders from kafka_producer
  with
    codec = "binary",
    config = { "brokers": [""] }
  end;
  create connector lines;
  create connector orders;
  create pipeline all from pipelines::passthrough;
  connect /connector/lines to /pipeline/all;
  connect /pipeline/all to /connector/orders;
end;
deploy flow put;
"#;

#[test]
fn orders_that_nobody_can_use_become_dead_letters_and_the_flow_goes_on() {
    let Some(broker) = broker::shared() else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let topics = Topics::create(&broker.bootstrap, "dead");
    let lines = [
        r#"{"customer": "c-1", "amount": 2000}"#,
        r#"{"customer": "c-1", "amount": "#,
        r#"{"amount": 3000}"#,
        r#"{"customer": "c-2", "amount": "much"}"#,
        r#"{"customer": "c-3", "amount": 10}"#,
        r#"{"customer": "c-4", "amount": 4000}"#,
    ];
    let (path, flow) = (dir.path().join("orders.jsonl"), dir.path().join("put.troy"));
    std::fs::write(&path, lines.join("\n")).unwrap();
    std::fs::write(&flow, PUT).unwrap();
    let mut settings = topics.producer("orders", &topics.orders);
    settings.push(format!("lines.path={}", path.display()));
    let put = Process::run(flow.to_str().unwrap(), &settings, dir.path(), "put");
    assert_eq!(put.ended(), lines.len());

    let mut settings = topics.consumer("orders", &topics.orders);
    settings.extend(topics.producer("large", &topics.keyed));
    settings.extend(topics.producer("dead", &topics.totals));
    let flow = Process::run(
        &format!("{FOLDER}/orders.troy"),
        &settings,
        dir.path(),
        "orders",
    );
    let show = |topic: &str, count: usize| {
        let settings = topics.consumer("totals", topic);
        let show = format!("{FOLDER}/totals/show.troy");
        let show = Process::run(&show, &settings, dir.path(), topic);
        until(
            || show.out().lines().count() >= count,
            || show.out() + &flow.err(),
        );
        let out = show.out();
        show.stop();
        out
    };
    let mut large: Vec<Value> = show(&topics.keyed, 2)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    large.sort_by_key(|order| order["amount"].as_i64());
    let expected = [("c-1", 2000), ("c-4", 4000)];
    let expected =
        expected.map(|(customer, amount)| json!({"customer": customer, "amount": amount}));
    assert_eq!(large, expected);
    let letters = show(&topics.totals, 3);
    for part in ["invalid JSON", "`customer`", "`>`"] {
        assert!(letters.contains(part), "{part} in {letters}");
    }
    flow.stop();
}

/// Orders, and of each customer how many there are and what they come to. Everybody's fill whole windows, and no two
/// orders of a customer lie side by side.
fn orders() -> (String, BTreeMap<String, (usize, f64)>) {
    let (mut lines, mut expected) = (String::new(), BTreeMap::new());
    let mut number = 0;
    for round in 0..3 * WINDOW {
        for customer in 0..20 {
            if round >= (1 + customer % 3) * WINDOW {
                continue;
            }
            number += 1;
            let (customer, amount) = (format!("c-{customer}"), number * 7919 % 1000);
            let order =
                json!({"order": format!("o-{number}"), "customer": customer, "amount": amount});
            writeln!(lines, "{order}").unwrap();
            let (count, sum) = expected.entry(customer).or_insert((0, 0.0));
            *count += 1;
            *sum += f64::from(amount as u32);
        }
    }
    (lines, expected)
}

/// A flow that produces the lines of a file, keyed by the order.
const FILL: &str = r#"define flow fill
flow
  define connector lines from file
  with
    codec = "json",
    preprocessors = ["separate"],
    config = { "path": "", "mode": "read" }
  end;
  define connector orders from kafka_producer
  with
    codec = "json",
    config = { "brokers": [""] }
  end;
  define pipeline key
  pipeline
    define script key
    script
      let $kafka_producer = { "key": event.order };
      event
    end;
    create script key;
    select event from in into key;
    select event from key into out;
  end;
  create connector lines;
  create connector orders;
  create pipeline key;
  connect /connector/lines to /pipeline/key;
  connect /pipeline/key to /connector/orders;
end;
deploy flow fill;
"#;

#[test]
fn two_stages_sum_what_is_spread_over_partitions() {
    let Some(broker) = broker::shared() else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let topics = Topics::create(&broker.bootstrap, "stages");
    let mut settings = topics.consumer("orders", &topics.orders);
    settings.extend(topics.producer("keyed", &topics.keyed));
    let first = topics.stage("by_customer", &settings, dir.path());
    let mut settings = topics.consumer("keyed", &topics.keyed);
    settings.extend(topics.producer("totals", &topics.totals));
    let second = topics.stage("totals", &settings, dir.path());

    let (lines, expected) = orders();
    let count = lines.lines().count();
    let (path, flow) = (
        dir.path().join("orders.jsonl"),
        dir.path().join("fill.troy"),
    );
    std::fs::write(&path, lines).unwrap();
    std::fs::write(&flow, FILL).unwrap();
    let mut settings = topics.producer("orders", &topics.orders);
    settings.push(format!("lines.path={}", path.display()));
    let fill = Process::run(flow.to_str().unwrap(), &settings, dir.path(), "fill");
    assert_eq!(fill.ended(), count);

    let settings = topics.consumer("totals", &topics.totals);
    let show = Process::run(
        &format!("{FOLDER}/totals/show.troy"),
        &settings,
        dir.path(),
        "show",
    );
    let totals = || -> Vec<Value> {
        let out = show.out();
        let whole = out.rfind('\n').map_or("", |end| &out[..end]);
        whole
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    };
    let so_far = || -> u64 { totals().iter().map(|t| t["orders"].as_u64().unwrap()).sum() };
    until(
        || so_far() as usize >= count,
        || {
            format!(
                "{} of {count}\n{}",
                so_far(),
                second[0].err() + &second[1].err()
            )
        },
    );
    // Each order went through each stage once, and both processes of a stage had some.
    for stage in [first, second] {
        let shares = stage.map(Process::stop);
        assert_eq!(shares.iter().sum::<usize>(), count, "{shares:?}");
        assert!(!shares.contains(&0), "{shares:?}");
    }
    let mut found = BTreeMap::new();
    for total in totals() {
        assert_eq!(total["orders"], WINDOW, "{total}");
        let customer = total["customer"].as_str().unwrap().to_owned();
        let (orders, sum) = found.entry(customer).or_insert((0, 0.0));
        *orders += WINDOW;
        *sum += total["amount"].as_f64().unwrap();
    }
    assert_eq!(found, expected);
    show.stop();
}

//! Both connectors keep to the contract, in each way of linking them.

use temblor_pdk::testing::{Side, Subject, check};

use crate::support::{Cluster, unique};

#[test]
fn what_the_entries_say_is_sound() {
    check("temblor-connector-kafka");
}

#[test]
fn the_consumer_conforms() {
    let cluster = Cluster::mock(1);
    let topic = cluster.topic(2);
    cluster.fill(&topic, 0..100, 3);
    let config = cluster.consumer(&unique("group"), &topic).to_string();
    Subject::named("kafka_consumer").check_life(&config, Side::Source);
}

#[test]
fn the_producer_conforms() {
    let cluster = Cluster::mock(1);
    let config = cluster.producer(&cluster.topic(2)).to_string();
    Subject::named("kafka_producer").check_life(&config, Side::Sink);
}

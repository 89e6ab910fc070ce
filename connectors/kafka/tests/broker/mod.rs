//! A real broker that speaks Kafka's protocol, for tests: one for all tests of a process.
//!
//! It answers long polls slowly and calls the end of a log wrongly to those who read committed records only, so clients
//! need the options of [`options`].

mod process;

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use temblor_pdk::serde_json::{Value, from_str};

pub(crate) use process::Broker;

/// The options that clients need with it, and that keep tests short.
pub(crate) fn options() -> Value {
    from_str(process::OPTIONS).unwrap()
}

static RUNNING: Mutex<Weak<Broker>> = Mutex::new(Weak::new());

/// The broker that all tests of this process share; none where it cannot be had, which is said.
pub(crate) fn shared() -> Option<Arc<Broker>> {
    let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(broker) = running.upgrade() {
        return Some(broker);
    }
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("kafka-broker");
    match Broker::any(&folder) {
        Ok(broker) => {
            let broker = Arc::new(broker);
            *running = Arc::downgrade(&broker);
            Some(broker)
        }
        Err(reason) => {
            eprintln!(
                "skipped: there is no real broker: {reason}; set KAFKA_BOOTSTRAP to use another"
            );
            None
        }
    }
}

//! Partitions, as this crate, librdkafka and messages have them.

use std::fmt;
use std::sync::Arc;

use rdkafka::Offset;
use rdkafka::topic_partition_list::{TopicPartitionList, TopicPartitionListElem};

/// So many partitions are shown in a message.
pub(crate) const SHOWN: usize = 8;

/// A partition of a topic.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Place {
    pub(crate) topic: Arc<str>,
    pub(crate) partition: i32,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "topic `{}`, partition {}", self.topic, self.partition)
    }
}

impl Place {
    pub(crate) fn of(element: &TopicPartitionListElem<'_>) -> Self {
        Place {
            topic: element.topic().into(),
            partition: element.partition(),
        }
    }
}

/// Some partitions, as a message shows them.
pub(crate) fn brief(places: &[Place]) -> String {
    let list: Vec<String> = places
        .iter()
        .take(SHOWN)
        .map(|p| format!("{}[{}]", p.topic, p.partition))
        .collect();
    let more = match places.len().saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    list.join(", ") + &more
}

/// The partitions of a list.
pub(crate) fn places(list: &TopicPartitionList) -> Vec<Place> {
    let elements = list.elements();
    elements.iter().map(Place::of).collect()
}

/// A list of partitions, each with an offset.
pub(crate) fn list_of(offsets: impl IntoIterator<Item = (Place, i64)>) -> TopicPartitionList {
    let mut list = TopicPartitionList::new();
    for (place, offset) in offsets {
        // Fails for offsets only that no record has.
        let _ = list.add_partition_offset(&place.topic, place.partition, Offset::Offset(offset));
    }
    list
}

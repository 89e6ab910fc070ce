//! What a group of processes has made of the records: read from the output, in which each says who made it from what.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::Value;

use crate::Result;
use crate::event::Series;

/// What lies in the output: a record, or a window of records.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Made {
    pub(crate) by: String,
    /// The partition that it was made from, and which one of that partition it is.
    pub(crate) partition: u64,
    pub(crate) from: u64,
    /// Which one it is of all. Modulo the number of keys it is the number of its key.
    pub(crate) id: u64,
}

/// Why a partition has moved: how whoever had it before ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Why {
    /// It gave the partition up, or ended.
    GivenUp,
    /// It was stopped, or got no time, for so long that it was taken for dead.
    TakenForDead,
    Killed,
}

/// A partition has come to its next owner.
#[derive(Clone, Debug)]
pub(crate) struct Move {
    pub(crate) from: String,
    pub(crate) why: Why,
    /// Records that the next owner has made again.
    pub(crate) again: u64,
}

/// The sum of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Judgement {
    pub(crate) distinct: u64,
    pub(crate) lost: u64,
    pub(crate) duplicates: u64,
    /// Those of them that came from a process, or were made again after one, whose partition was another's already.
    pub(crate) late: u64,
    /// Records that come first behind a later one of the same key.
    pub(crate) backwards: u64,
    /// Those that were made from something else before, or something else from them.
    pub(crate) otherwise: u64,
    /// Lines that are no record of these.
    pub(crate) strange: Vec<String>,
    pub(crate) moves: Vec<Move>,
}

/// One owner's time with a partition.
struct Tenure {
    by: String,
    next: u64,
}

/// Judges what lies in the output, of which there should be `sent`, whose keys are numbers modulo `keys`; `read` knows what each should
/// be.
pub(crate) fn judge(
    text: &str,
    read: impl Fn(&Value) -> Option<Made>,
    (sent, keys): (u64, u64),
    why: impl Fn(&str) -> Why,
) -> Result<Judgement> {
    let mut judgement = Judgement::default();
    // In the order of each partition of the output. Whoever reads it may have read some of it twice.
    let mut places: BTreeMap<(u64, u64), Made> = BTreeMap::new();
    for line in text.lines() {
        let parsed = serde_json::from_str(line).ok();
        let made = parsed.and_then(|line: Value| {
            let place = (line["partition"].as_u64()?, line["offset"].as_u64()?);
            Some((place, read(&line["record"])?))
        });
        match made {
            Some((place, made)) => drop(places.insert(place, made)),
            None => judgement.strange.push(line.chars().take(160).collect()),
        }
    }
    let mut partitions: BTreeMap<u64, Vec<Made>> = BTreeMap::new();
    for ((partition, offset), made) in places {
        if made.partition != partition {
            let place = format!("partition {} came to {partition}, {offset}", made.partition);
            judgement.strange.push(place);
        }
        partitions.entry(partition).or_default().push(made);
    }
    let mut seen = BTreeSet::new();
    let mut last: HashMap<u64, u64> = HashMap::new();
    for all in partitions.values() {
        one(all, &why, &mut judgement);
        for made in all.iter().filter(|made| seen.insert(made.id)) {
            let before = last.insert(made.id % keys, made.id);
            judgement.backwards += u64::from(before.is_some_and(|before| before > made.id));
        }
    }
    judgement.distinct = seen.len() as u64;
    judgement.lost = (0..sent).filter(|id| !seen.contains(id)).count() as u64;
    if let Some(id) = seen.range(sent..).next() {
        judgement.strange.push(format!("{id} was never sent"));
    }
    Ok(judgement)
}

/// A record that was made from one that was sent.
pub(crate) fn record(record: &Value, series: Series) -> Option<Made> {
    let event = &record["event"];
    let id = event["id"].as_u64()?;
    let mut expected = Vec::new();
    series.write(id, &mut expected);
    let expected: Value = serde_json::from_slice(&expected).ok()?;
    let made = Made {
        by: record["by"].as_str()?.to_owned(),
        partition: record["partition"].as_u64()?,
        from: record["offset"].as_u64()?,
        id,
    };
    (expected == *event).then_some(made)
}

/// Judges one partition: who had it in turn, and what each has made again.
fn one(all: &[Made], why: &impl Fn(&str) -> Why, judgement: &mut Judgement) {
    let mut tenures: Vec<Tenure> = Vec::new();
    // Which were made, and whether that was late the last time.
    let mut by: HashMap<u64, bool> = HashMap::new();
    // Whatever happens, the same is made from the same.
    let mut from: HashMap<u64, u64> = HashMap::new();
    let mut ids: HashMap<u64, u64> = HashMap::new();
    for made in all {
        let is_same = *from.entry(made.id).or_insert(made.from) == made.from
            && *ids.entry(made.from).or_insert(made.id) == made.id;
        judgement.otherwise += u64::from(!is_same);
        let goes_on = tenures
            .iter()
            .rposition(|tenure| tenure.by == made.by)
            .filter(|at| tenures[*at].next == made.from);
        let at = match goes_on {
            Some(at) => at,
            None => {
                if let Some(before) = tenures.last() {
                    judgement.moves.push(Move {
                        from: before.by.clone(),
                        why: why(&before.by),
                        again: 0,
                    });
                }
                tenures.push(Tenure {
                    by: made.by.clone(),
                    next: 0,
                });
                tenures.len() - 1
            }
        };
        tenures[at].next = made.from + 1;
        let is_late = at + 1 < tenures.len();
        let Some(was_late) = by.insert(made.id, is_late) else {
            continue;
        };
        judgement.duplicates += 1;
        if is_late || was_late {
            judgement.late += 1;
        } else if let Some(moved) = judgement.moves.last_mut() {
            moved.again += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Judgement, Why, judge, record};
    use crate::event::Series;

    /// Judges records of one partition and one key, in the order in which they lie: whose, and from which offset.
    fn judged(records: &[(&str, u64)], sent: u64) -> Judgement {
        let series = Series { seed: 3 };
        let mut text = String::new();
        for (offset, (by, from)) in records.iter().enumerate() {
            let mut event = Vec::new();
            series.write(*from, &mut event);
            let event = String::from_utf8(event).unwrap();
            text += &format!(
                "{{\"partition\":0,\"offset\":{offset},\"record\":{{\"by\":\"{by}\",\"partition\":0,\"offset\":{from},\
                 \"event\":{event}}}}}\n"
            );
        }
        judge(
            &text,
            |made| record(made, series),
            (sent, 1),
            |by| match by {
                "killed" => Why::Killed,
                "frozen" => Why::TakenForDead,
                _ => Why::GivenUp,
            },
        )
        .unwrap()
    }

    #[test]
    fn what_is_lost_or_out_of_order_is_found() {
        let all = judged(&[("a", 0), ("a", 1), ("b", 2)], 3);
        assert_eq!((all.distinct, all.lost, all.duplicates), (3, 0, 0));
        assert_eq!((all.backwards, all.strange.len()), (0, 0));
        assert_eq!((all.moves.len(), all.moves[0].why), (1, Why::GivenUp));
        assert_eq!(judged(&[("a", 0), ("a", 2)], 3).lost, 1);
        assert_eq!(judged(&[("a", 1), ("b", 0)], 2).backwards, 1);
        assert_eq!(judged(&[("a", 0), ("a", 1)], 1).strange.len(), 1);
    }

    #[test]
    fn repeats_belong_to_the_move_before_them_or_to_a_late_owner() {
        let killed = judged(&[("killed", 0), ("killed", 1), ("b", 1), ("b", 2)], 3);
        assert_eq!((killed.duplicates, killed.late, killed.lost), (1, 0, 0));
        assert_eq!(
            (killed.moves[0].why, killed.moves[0].again),
            (Why::Killed, 1)
        );
        // The frozen one goes on where it was, while the next owner has the partition.
        let records = [
            ("frozen", 0),
            ("frozen", 1),
            ("b", 1),
            ("b", 2),
            ("frozen", 2),
            ("frozen", 3),
            ("b", 3),
            ("b", 4),
        ];
        let frozen = judged(&records, 5);
        assert_eq!((frozen.duplicates, frozen.late), (3, 2));
        assert_eq!((frozen.backwards, frozen.lost), (0, 0));
        assert_eq!((frozen.moves.len(), frozen.moves[0].again), (1, 1));
    }
}

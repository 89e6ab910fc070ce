//! What is checked, and the table that says how it went.

use crate::collect::Arrived;
use crate::engine::Sum;

/// What a scenario came to.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(crate) scenario: &'static str,
    pub(crate) rounds: u64,
    pub(crate) sent: u64,
    pub(crate) delivered: u64,
    pub(crate) lost: u64,
    pub(crate) duplicates: u64,
    pub(crate) duplicates_most: u64,
    /// What was measured, in words.
    pub(crate) notes: Vec<String>,
    /// What is wrong.
    pub(crate) findings: Vec<String>,
}

impl Report {
    pub(crate) fn new(scenario: &'static str) -> Self {
        Report {
            scenario,
            ..Report::default()
        }
    }

    /// Adds what a part of it came to.
    pub(crate) fn add(&mut self, part: Report) {
        self.sent += part.sent;
        self.delivered += part.delivered;
        self.lost += part.lost;
        self.duplicates += part.duplicates;
        self.duplicates_most += part.duplicates_most;
        self.notes.extend(part.notes);
        self.findings.extend(part.findings);
    }

    /// A finding, unless `holds`.
    pub(crate) fn check(&mut self, holds: bool, finding: impl FnOnce() -> String) {
        if !holds {
            self.findings.push(finding());
        }
    }

    pub(crate) fn note(&mut self, note: String) {
        self.notes.push(note);
    }

    /// What the engine says of so many flows adds up: each event that came in has one fate.
    pub(crate) fn check_sums(&mut self, sums: &[Sum], flows: usize) {
        let adds_up = sums.len() == flows && sums.iter().all(Sum::adds_up);
        self.check(adds_up, || {
            format!("the engine's sums of {flows} flow(s) do not add up: {sums:?}")
        });
    }

    /// The engine says of a flow that so many events came in, and that all were delivered but those that became dead
    /// letters.
    pub(crate) fn check_all_delivered(
        &mut self,
        sums: &[Sum],
        flow: &str,
        sent: u64,
        letters: u64,
    ) {
        let expected = Sum {
            flow: flow.to_owned(),
            events_in: sent,
            delivered: sent - letters,
            dropped: letters,
            ..Sum::default()
        };
        self.check(sums.contains(&expected), || {
            format!("the engine says {sums:?} where it should say {expected:?}")
        });
    }

    /// What holds for every scenario: all that was sent arrived, nothing else did, and not much of it twice.
    pub(crate) fn take(&mut self, sent: u64, duplicates_most: u64, arrived: &Arrived) {
        self.take_with(sent, (0, duplicates_most), arrived);
    }

    /// The same where some may be lost.
    pub(crate) fn take_with(
        &mut self,
        sent: u64,
        (lost_most, duplicates_most): (u64, u64),
        arrived: &Arrived,
    ) {
        let (lost, duplicates) = (arrived.missing(sent), arrived.duplicates);
        // Some scenarios begin anew with each round.
        self.sent += sent;
        self.delivered += arrived.distinct;
        self.lost += lost;
        self.duplicates += duplicates;
        self.duplicates_most += duplicates_most;
        self.check(lost <= lost_most, || format!("{lost} event(s) were lost"));
        self.check(arrived.end() <= sent, || {
            "events arrived that were not sent".into()
        });
        self.check(arrived.strange == 0, || {
            let (count, shown) = (arrived.strange, &arrived.shown);
            format!("{count} line(s) are no event that was sent, such as {shown:?}")
        });
        self.check(duplicates <= duplicates_most, || {
            format!(
                "{duplicates} duplicates are more than the {duplicates_most} that were in flight"
            )
        });
    }
}

/// Prints all reports; says whether nothing is wrong.
pub(crate) fn print(reports: &[Report]) -> bool {
    println!(
        "{:<10} {:>6} {:>10} {:>10} {:>6} {:>18}  verdict",
        "scenario", "rounds", "sent", "delivered", "lost", "duplicates (most)"
    );
    for report in reports {
        let duplicates = format!("{} ({})", report.duplicates, report.duplicates_most);
        let verdict = match report.findings.is_empty() {
            true => "ok",
            false => "FAILED",
        };
        println!(
            "{:<10} {:>6} {:>10} {:>10} {:>6} {:>18}  {verdict}",
            report.scenario, report.rounds, report.sent, report.delivered, report.lost, duplicates
        );
    }
    for report in reports {
        for note in &report.notes {
            println!("{}: {note}", report.scenario);
        }
        for finding in &report.findings {
            println!("{}: FAILED: {finding}", report.scenario);
        }
    }
    reports.iter().all(|report| report.findings.is_empty())
}

#[cfg(test)]
mod tests {
    use super::Report;
    use crate::collect::Arrived;
    use crate::event::Series;

    /// What is found when these events arrive, of ten that were sent and with two in flight.
    fn findings(ids: &[u64], line: Option<&[u8]>) -> Vec<String> {
        let series = Series { seed: 1 };
        let mut arrived = Arrived::new(series);
        ids.iter().for_each(|id| arrived.accept(*id));
        line.into_iter().for_each(|line| arrived.take(line));
        let mut report = Report::new("test");
        report.take(10, 2, &arrived);
        report.findings
    }

    #[test]
    fn what_is_wrong_is_found() {
        let all: Vec<u64> = (0..10).collect();
        assert!(findings(&all, None).is_empty());
        let few = findings(&all[1..], None);
        assert_eq!(few, ["1 event(s) were lost"]);
        let more = findings(&[&all[..], &[10]].concat(), None);
        assert_eq!(more, ["events arrived that were not sent"]);
        assert!(findings(&[&all[..], &[3, 3]].concat(), None).is_empty());
        let twice = findings(&[&all[..], &[3, 3, 4]].concat(), None);
        assert_eq!(
            twice,
            ["3 duplicates are more than the 2 that were in flight"]
        );
        let strange = findings(&all, Some(b"{\"id\":3,\"check\":\"?\"}"));
        assert!(
            strange[0].starts_with("1 line(s) are no event that was sent"),
            "{strange:?}"
        );
    }
}

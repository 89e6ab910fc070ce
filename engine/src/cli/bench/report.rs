//! The result as text and as JSON.

use serde_json::{Value, json};
use temblor_registry::LinkMode;

use super::stats::{Ratio, Ratios, Sample, medians, ratios};
use crate::cli::output::table;
use crate::cli::version::profile;

/// One side with everything that was measured of it.
pub(crate) struct Side {
    pub(crate) mode: LinkMode,
    /// One measurement for each round.
    pub(crate) rounds: Vec<Sample>,
}

/// Everything that was measured.
pub(crate) struct Results<'r> {
    pub(crate) flow: String,
    pub(crate) connector: &'r str,
    /// Events per second; `None` as fast as it went.
    pub(crate) rate: Option<f64>,
    /// What the slowest side reached as fast as it went, if that was measured.
    pub(crate) saturation: Option<f64>,
    pub(crate) sides: Vec<Side>,
}

impl Results<'_> {
    fn rounds(&self) -> usize {
        self.sides.first().map_or(0, |side| side.rounds.len())
    }

    /// Returns the first two sides that are the same; how they differ is what the measurement can resolve.
    fn twins(&self) -> Option<(&Side, &Side)> {
        self.sides.iter().enumerate().find_map(|(at, first)| {
            let mut later = self.sides.iter().skip(at + 1);
            later
                .find(|side| side.mode == first.mode)
                .map(|second| (first, second))
        })
    }

    /// Writes the result as JSON.
    pub(crate) fn json(&self) -> Value {
        let twins = self.twins().map(|(first, second)| {
            let ratios = ratios(&second.rounds, &first.rounds);
            json!({"side": first.mode, "ratios": ratios})
        });
        json!({
            "flow": self.flow,
            "connector": self.connector,
            "profile": profile(),
            "rate_per_s": self.rate,
            "saturation_per_s": self.saturation,
            "same_side": twins,
            "sides": self.sides.iter().map(|side| self.side_json(side)).collect::<Vec<_>>(),
        })
    }

    fn side_json(&self, side: &Side) -> Value {
        let mut value = json!(medians(&side.rounds));
        value["side"] = json!(side.mode);
        value["rounds"] = json!(side.rounds);
        if let Some(base) = self.sides.first() {
            value["ratios"] = json!(ratios(&side.rounds, &base.rounds));
        }
        value
    }

    /// Writes the result as text.
    pub(crate) fn text(&self) -> String {
        let rate = match (self.rate, self.saturation) {
            (None, _) => "as fast as it goes".to_owned(),
            (Some(rate), None) => format!("{rate:.0} events/s"),
            (Some(rate), Some(all)) => {
                format!("{rate:.0} events/s, half of {all:.0} that the slowest side reached")
            }
        };
        format!(
            "{}: connector `{}`, {} rounds, {rate}\nprofile: {}\n\n{}\n{}\n{}",
            self.flow,
            self.connector,
            self.rounds(),
            profile(),
            self.resolution(),
            self.medians_table(),
            self.ratios_table(),
        )
    }

    fn resolution(&self) -> String {
        match self.twins() {
            None => "no side stands twice, so nothing says what this measurement can resolve\n\
                     help: name the first side twice, as in `native,native,abi,dylib`\n"
                .to_owned(),
            Some((first, second)) => {
                let mode = first.mode;
                let cells = ratio_cells(&ratios(&second.rounds, &first.rounds));
                let rows = vec![
                    ratio_head("SAME SIDE"),
                    with_name(&format!("{mode}/{mode}"), cells),
                ];
                format!(
                    "What differs less than a side from itself says nothing:\n{}",
                    table(&rows, &[])
                )
            }
        }
    }

    fn medians_table(&self) -> String {
        let head = [
            "SIDE", "EVENTS/S", "MB/S", "P50", "P90", "P99", "P99.9", "MAX",
        ];
        let mut rows = vec![head.map(str::to_owned).to_vec()];
        for (at, side) in self.sides.iter().enumerate() {
            let Some(median) = medians(&side.rounds) else {
                continue;
            };
            rows.push(vec![
                self.label(at),
                format!("{:.0}", median.events_per_second),
                format!("{:.2}", median.bytes_per_second / 1e6),
                duration(median.p50_ns),
                duration(median.p90_ns),
                duration(median.p99_ns),
                duration(median.p999_ns),
                duration(median.max_ns),
            ]);
        }
        let text = table(&rows, &[1, 2, 3, 4, 5, 6, 7]);
        format!("Medians over the rounds; latencies from ingest to arrival:\n{text}")
    }

    fn ratios_table(&self) -> String {
        let Some((base, others)) = self.sides.split_first() else {
            return String::new();
        };
        if others.is_empty() {
            return String::new();
        }
        let mut rows = vec![ratio_head("RATIO")];
        for (at, side) in others.iter().enumerate() {
            let name = format!("{}/{}", self.label(at + 1), base.mode);
            rows.push(with_name(
                &name,
                ratio_cells(&ratios(&side.rounds, &base.rounds)),
            ));
        }
        let text = table(&rows, &[]);
        format!("Ratios of the rounds, median (lowest..highest):\n{text}")
    }

    /// Names a side; one that stands twice gets a number.
    fn label(&self, at: usize) -> String {
        let mode = self.sides[at].mode;
        let before = self.sides[..at]
            .iter()
            .filter(|side| side.mode == mode)
            .count();
        match before {
            0 => mode.to_string(),
            before => format!("{mode}#{}", before + 1),
        }
    }
}

fn ratio_head(first: &str) -> Vec<String> {
    let head = [first, "EVENTS/S", "P50", "P90", "P99", "P99.9", "MAX"];
    head.map(str::to_owned).to_vec()
}

fn with_name(name: &str, cells: [String; 6]) -> Vec<String> {
    std::iter::once(name.to_owned()).chain(cells).collect()
}

fn ratio_cells(ratios: &Ratios) -> [String; 6] {
    [
        ratios.events_per_second,
        ratios.p50_ns,
        ratios.p90_ns,
        ratios.p99_ns,
        ratios.p999_ns,
        ratios.max_ns,
    ]
    .map(ratio_cell)
}

fn ratio_cell(ratio: Option<Ratio>) -> String {
    match ratio {
        None => "-".to_owned(),
        Some(Ratio { median, min, max }) => format!("{median:.3} ({min:.3}..{max:.3})"),
    }
}

/// Writes nanoseconds with three digits and a unit.
fn duration(ns: f64) -> String {
    let (value, unit) = match ns {
        ns if ns < 1e3 => (ns, "ns"),
        ns if ns < 1e6 => (ns / 1e3, "µs"),
        ns if ns < 1e9 => (ns / 1e6, "ms"),
        ns => (ns / 1e9, "s"),
    };
    let decimals = match value {
        value if value < 10.0 => 2,
        value if value < 100.0 => 1,
        _ => 0,
    };
    format!("{value:.decimals$} {unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn side(mode: LinkMode, throughput: [f64; 2]) -> Side {
        let sample = |events_per_second: f64| Sample {
            events_per_second,
            bytes_per_second: 2e4 * events_per_second,
            p50_ns: 1e9 / events_per_second,
            p90_ns: 2e9 / events_per_second,
            p99_ns: 3e9 / events_per_second,
            p999_ns: 4e9 / events_per_second,
            max_ns: 5e9 / events_per_second,
        };
        Side {
            mode,
            rounds: throughput.map(sample).to_vec(),
        }
    }

    fn results(sides: Vec<Side>) -> Results<'static> {
        Results {
            flow: "f.troy".to_owned(),
            connector: "blaster",
            rate: None,
            saturation: None,
            sides,
        }
    }

    #[test]
    fn the_spread_of_a_side_against_itself_comes_first() {
        let text = results(vec![
            side(LinkMode::Native, [100.0, 200.0]),
            side(LinkMode::Native, [110.0, 180.0]),
            side(LinkMode::Dylib, [50.0, 100.0]),
        ])
        .text();
        let at = |part: &str| {
            text.find(part)
                .unwrap_or_else(|| panic!("{part} in\n{text}"))
        };
        assert!(at("native/native") < at("Medians over"));
        assert!(at("1.000 (0.900..1.100)") < at("Medians over"));
        assert!(at("Medians over") < at("native#2/native"));
        assert!(at("native#2/native") < at("dylib/native     0.500 (0.500..0.500)"));
        assert!(text.contains("150  3.00  7.50 ms"), "{text}");
    }

    #[test]
    fn without_a_side_that_stands_twice_it_says_what_is_unknown() {
        let text = results(vec![side(LinkMode::Abi, [1.0, 1.0])]).text();
        assert!(text.contains("no side stands twice"), "{text}");
    }

    #[test]
    fn json_has_medians_and_rounds_of_every_side() {
        let json = results(vec![
            side(LinkMode::Native, [100.0, 200.0]),
            side(LinkMode::Abi, [50.0, 100.0]),
        ])
        .json();
        let sides = json["sides"].as_array().unwrap();
        assert_eq!(sides[0]["side"], "native");
        assert_eq!(sides[0]["events_per_second"], 150.0);
        assert_eq!(sides[1]["rounds"][1]["p50_ns"], 1e7);
        assert_eq!(sides[1]["ratios"]["events_per_second"]["median"], 0.5);
        assert_eq!(json["same_side"], Value::Null);
    }

    #[test]
    fn durations_have_a_unit() {
        let texts = [5.0, 850.0, 1234.0, 45_678_901.0, 2e9].map(duration);
        assert_eq!(texts, ["5.00 ns", "850 ns", "1.23 µs", "45.7 ms", "2.00 s"]);
    }
}

//! Finds what somebody probably meant.

/// Returns the candidate that is close enough to `name` to be meant.
pub(crate) fn closest<'a>(
    name: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let distance = |candidate: &str| strsim::damerau_levenshtein(name, candidate);
    // A third of the letters may be wrong, and one always.
    let limit = (name.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .map(|candidate| (distance(candidate), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min()
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn close_names_are_found_and_others_are_not() {
        let names = ["kafka_consumer", "kafka_producer", "file"];
        assert_eq!(closest("kafka_consmer", names), Some("kafka_consumer"));
        assert_eq!(closest("flie", names), Some("file"));
        assert_eq!(closest("tcp", names), None);
    }
}

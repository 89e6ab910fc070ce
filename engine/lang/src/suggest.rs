//! Names that were probably meant.

/// How many edits a suggestion may be away.
const MAX_DISTANCE: usize = 2;

/// How long a name may be for others to be compared with it, in characters.
const MAX_LEN: usize = 100;

/// Returns the help text that names the candidate closest to `name`, if one is close.
pub(crate) fn did_you_mean<'a>(
    name: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<String> {
    nearest(name, candidates).map(|nearest| format!("did you mean `{nearest}`?"))
}

/// Returns the candidate closest to `name`, of equally close ones the first in the alphabet.
pub(crate) fn nearest<'a>(
    name: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    // A name of few letters is within two edits of almost everything.
    let len = name.chars().count();
    let allowed = MAX_DISTANCE.min(len.saturating_add(1) / 3);
    // To compare takes time and memory of the product of both lengths.
    if len > MAX_LEN {
        return None;
    }
    let scored = candidates
        .into_iter()
        .filter(|candidate| candidate.chars().take(len + allowed + 1).count() <= len + allowed)
        .map(|c| (strsim::damerau_levenshtein(name, c), c));
    scored
        .filter(|(distance, _)| *distance <= allowed)
        .min()
        .map(|(_, candidate)| candidate)
}

/// Returns the help text for an unknown name: the one that was probably meant, or all there are.
pub(crate) fn one_of(name: &str, what: &str, candidates: &[&str]) -> String {
    if let Some(nearest) = nearest(name, candidates.iter().copied()) {
        return format!("did you mean `{nearest}`?");
    }
    if candidates.is_empty() {
        return format!("there are no {what}");
    }
    let names: Vec<String> = candidates.iter().map(|name| format!("`{name}`")).collect();
    format!("the {what} are {}", names.join(", "))
}

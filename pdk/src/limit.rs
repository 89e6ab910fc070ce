//! Bounds that are on by default, as tables for whoever asks what they are.

/// A bound that is on by default. Each crate lists its own in a table, whose numbers are the constants that its code
/// uses.
///
/// What can be set in a configuration is in no table: there a key with the extension `x-limit` in the schema, which
/// holds `unit` and `beyond`, says the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// What is bounded.
    pub what: &'static str,
    /// The bound.
    pub default: u64,
    /// What the bound counts.
    pub unit: &'static str,
    /// Where it can be set; empty where it is fixed.
    pub set_by: &'static str,
    /// What happens beyond it.
    pub beyond: &'static str,
}

impl Limit {
    /// A bound that is fixed.
    #[must_use]
    pub const fn fixed(
        what: &'static str,
        default: u64,
        unit: &'static str,
        beyond: &'static str,
    ) -> Limit {
        Limit {
            what,
            default,
            unit,
            set_by: "",
            beyond,
        }
    }

    /// Says where the bound can be set.
    #[must_use]
    pub const fn set_by(mut self, place: &'static str) -> Limit {
        self.set_by = place;
        self
    }
}

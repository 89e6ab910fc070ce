//! Which of several providers of one name is used.

use crate::config::Prefer;
use crate::provider::{LinkMode, Side};

/// One provider of a name, as far as the choice is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Claim {
    pub(crate) side: Side,
    /// What `connectors.toml` says about a plugin.
    pub(crate) prefer: Option<Prefer>,
}

/// Who is used, by index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Choice {
    /// This one.
    One(usize),
    /// Nobody said which.
    Undecided,
    /// There is none on the side that was asked for.
    NoneOnSide(Side),
}

/// Chooses among `claims`, of which there is at least one.
///
/// A side that a flow asks for (`name@plugin`) rules; then the link mode of the run; then what
/// `connectors.toml` prefers.
pub(crate) fn choose(claims: &[Claim], asked: Option<Side>, link: Option<LinkMode>) -> Choice {
    let Some(side) = asked.or(link.map(LinkMode::side)) else {
        return preferred(claims);
    };
    let on_side = |claim: &Claim| claim.side == side;
    if !claims.iter().any(on_side) {
        return Choice::NoneOnSide(side);
    }
    // Several plugins can still have the name: what they prefer settles that.
    only(claims, on_side)
        .or_else(|| only(claims, |claim| on_side(claim) && prefers_plugin(claim)))
        .map_or(Choice::Undecided, Choice::One)
}

fn preferred(claims: &[Claim]) -> Choice {
    if let [_] = claims {
        return Choice::One(0);
    }
    if claims.iter().any(prefers_plugin) {
        return only(claims, prefers_plugin).map_or(Choice::Undecided, Choice::One);
    }
    let built_in = |claim: &Claim| claim.side == Side::Builtin;
    let yields = |claim: &Claim| built_in(claim) || claim.prefer == Some(Prefer::Builtin);
    match only(claims, built_in) {
        Some(index) if claims.iter().all(yields) => Choice::One(index),
        _ => Choice::Undecided,
    }
}

fn prefers_plugin(claim: &Claim) -> bool {
    claim.side == Side::Plugin && claim.prefer == Some(Prefer::Plugin)
}

/// Returns the index of the only claim for which `test` holds.
fn only(claims: &[Claim], test: impl Fn(&Claim) -> bool) -> Option<usize> {
    let mut found = claims.iter().enumerate().filter(|(_, claim)| test(claim));
    match (found.next(), found.next()) {
        (Some((index, _)), None) => Some(index),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUILT_IN: Claim = Claim {
        side: Side::Builtin,
        prefer: None,
    };
    const PLUGIN: Claim = Claim {
        side: Side::Plugin,
        prefer: None,
    };
    const WANTED: Claim = Claim {
        side: Side::Plugin,
        prefer: Some(Prefer::Plugin),
    };
    const YIELDING: Claim = Claim {
        side: Side::Plugin,
        prefer: Some(Prefer::Builtin),
    };

    fn check(claims: &[Claim], expected: Choice) {
        assert_eq!(choose(claims, None, None), expected, "{claims:?}");
    }

    #[test]
    fn a_single_provider_is_used() {
        for claim in [BUILT_IN, PLUGIN, WANTED, YIELDING] {
            check(&[claim], Choice::One(0));
        }
    }

    #[test]
    fn duplicates_need_a_preference() {
        check(&[BUILT_IN, PLUGIN], Choice::Undecided);
        check(&[BUILT_IN, WANTED], Choice::One(1));
        check(&[BUILT_IN, YIELDING], Choice::One(0));
        check(&[PLUGIN, PLUGIN], Choice::Undecided);
        check(&[PLUGIN, WANTED], Choice::One(1));
        check(&[WANTED, WANTED], Choice::Undecided);
        check(&[YIELDING, YIELDING], Choice::Undecided);
        check(&[BUILT_IN, YIELDING, YIELDING], Choice::One(0));
        check(&[BUILT_IN, YIELDING, PLUGIN], Choice::Undecided);
        check(&[BUILT_IN, PLUGIN, WANTED], Choice::One(2));
        check(&[BUILT_IN, BUILT_IN], Choice::Undecided);
        check(&[BUILT_IN, BUILT_IN, YIELDING], Choice::Undecided);
    }

    #[test]
    fn the_flow_rules_over_the_run_and_the_run_over_the_file() {
        let claims = [BUILT_IN, WANTED];
        assert_eq!(choose(&claims, None, Some(LinkMode::Abi)), Choice::One(0));
        assert_eq!(choose(&claims, None, Some(LinkMode::Dylib)), Choice::One(1));
        assert_eq!(
            choose(&claims, Some(Side::Builtin), Some(LinkMode::Dylib)),
            Choice::One(0)
        );
        assert_eq!(choose(&claims, Some(Side::Plugin), None), Choice::One(1));
        let settled = [BUILT_IN, PLUGIN];
        assert_eq!(choose(&settled, Some(Side::Plugin), None), Choice::One(1));
        assert_eq!(
            choose(&settled, None, Some(LinkMode::Native)),
            Choice::One(0)
        );
    }

    #[test]
    fn a_side_can_be_empty_or_still_undecided() {
        let plugin = Some(Side::Plugin);
        assert_eq!(
            choose(&[BUILT_IN], plugin, None),
            Choice::NoneOnSide(Side::Plugin)
        );
        assert_eq!(
            choose(&[PLUGIN], None, Some(LinkMode::Native)),
            Choice::NoneOnSide(Side::Builtin)
        );
        assert_eq!(
            choose(&[BUILT_IN, PLUGIN, PLUGIN], plugin, None),
            Choice::Undecided
        );
        assert_eq!(
            choose(&[BUILT_IN, PLUGIN, WANTED], plugin, None),
            Choice::One(2)
        );
    }
}

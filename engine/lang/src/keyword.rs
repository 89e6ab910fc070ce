//! The reserved words of all three languages.

/// A reserved word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keyword {
    Absent,
    And,
    Args,
    As,
    By,
    Case,
    Connect,
    Connector,
    Const,
    Copy,
    Create,
    Default,
    Define,
    Deploy,
    Drop,
    Each,
    Emit,
    End,
    Erase,
    Event,
    False,
    Flow,
    Fn,
    For,
    From,
    Group,
    Having,
    Insert,
    Into,
    Intrinsic,
    Let,
    Match,
    Merge,
    Mod,
    Move,
    Not,
    Null,
    Of,
    Operator,
    Or,
    Patch,
    Pipeline,
    Present,
    Recur,
    Script,
    Select,
    Set,
    Sliding,
    State,
    Stream,
    To,
    True,
    Tumbling,
    Update,
    Upsert,
    Use,
    When,
    Where,
    Window,
    With,
    Xor,
}

/// All reserved words, sorted.
const KEYWORDS: [(&str, Keyword); 61] = [
    ("absent", Keyword::Absent),
    ("and", Keyword::And),
    ("args", Keyword::Args),
    ("as", Keyword::As),
    ("by", Keyword::By),
    ("case", Keyword::Case),
    ("connect", Keyword::Connect),
    ("connector", Keyword::Connector),
    ("const", Keyword::Const),
    ("copy", Keyword::Copy),
    ("create", Keyword::Create),
    ("default", Keyword::Default),
    ("define", Keyword::Define),
    ("deploy", Keyword::Deploy),
    ("drop", Keyword::Drop),
    ("each", Keyword::Each),
    ("emit", Keyword::Emit),
    ("end", Keyword::End),
    ("erase", Keyword::Erase),
    ("event", Keyword::Event),
    ("false", Keyword::False),
    ("flow", Keyword::Flow),
    ("fn", Keyword::Fn),
    ("for", Keyword::For),
    ("from", Keyword::From),
    ("group", Keyword::Group),
    ("having", Keyword::Having),
    ("insert", Keyword::Insert),
    ("into", Keyword::Into),
    ("intrinsic", Keyword::Intrinsic),
    ("let", Keyword::Let),
    ("match", Keyword::Match),
    ("merge", Keyword::Merge),
    ("mod", Keyword::Mod),
    ("move", Keyword::Move),
    ("not", Keyword::Not),
    ("null", Keyword::Null),
    ("of", Keyword::Of),
    ("operator", Keyword::Operator),
    ("or", Keyword::Or),
    ("patch", Keyword::Patch),
    ("pipeline", Keyword::Pipeline),
    ("present", Keyword::Present),
    ("recur", Keyword::Recur),
    ("script", Keyword::Script),
    ("select", Keyword::Select),
    ("set", Keyword::Set),
    ("sliding", Keyword::Sliding),
    ("state", Keyword::State),
    ("stream", Keyword::Stream),
    ("to", Keyword::To),
    ("true", Keyword::True),
    ("tumbling", Keyword::Tumbling),
    ("update", Keyword::Update),
    ("upsert", Keyword::Upsert),
    ("use", Keyword::Use),
    ("when", Keyword::When),
    ("where", Keyword::Where),
    ("window", Keyword::Window),
    ("with", Keyword::With),
    ("xor", Keyword::Xor),
];

impl Keyword {
    /// Returns the keyword that is spelt like `word`.
    pub(crate) fn of(word: &str) -> Option<Keyword> {
        let found = KEYWORDS.binary_search_by_key(&word, |(spelling, _)| spelling);
        found.ok().map(|at| KEYWORDS[at].1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_keyword_is_found_and_nothing_else() {
        assert!(KEYWORDS.is_sorted_by(|a, b| a.0 < b.0));
        for (spelling, keyword) in KEYWORDS {
            assert_eq!(Keyword::of(spelling), Some(keyword));
        }
        for word in ["", "in", "out", "err", "Select", "selects", "nil", "self"] {
            assert_eq!(Keyword::of(word), None);
        }
    }
}

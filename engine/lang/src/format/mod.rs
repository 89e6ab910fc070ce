//! The formatter: one style for all texts, with the lines as their author broke them.
//!
//! It works on tokens, not on the tree: every token stays as it is written and where it is, so a formatted text means
//! what it meant. What changes is white space: indentation follows the constructs, one blank stands between tokens
//! where one belongs, a statement starts on a line of its own, and of several empty lines one is left.

mod indent;
mod piece;
mod spacing;

use std::sync::Arc;

use crate::Rejected;
use crate::parser;
use crate::source::{Source, Sources};
use indent::Indent;
use piece::{Piece, PieceKind};

/// What a text is, which its file's name tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceKind {
    /// A script, or a module: `.tremor`.
    Script,
    /// A query, or a module: `.trickle`.
    Query,
    /// A deployment, or a module: `.troy`.
    Deployment,
}

impl SourceKind {
    /// Tells the kind by the suffix of a file's name; none if it is another one.
    #[must_use]
    pub fn of(suffix: &str) -> Option<SourceKind> {
        match suffix {
            "tremor" => Some(SourceKind::Script),
            "trickle" => Some(SourceKind::Query),
            "troy" => Some(SourceKind::Deployment),
            _ => None,
        }
    }
}

/// Formats a text. What is formatted already comes back unchanged.
///
/// ```
/// # use std::sync::Arc;
/// # use temblor_lang::{Source, SourceKind, format};
/// let source = Arc::new(Source::new("a.tremor", "let   x=1;x+  2 # sum"));
/// assert_eq!(format(&source, SourceKind::Script).unwrap(), "let x = 1;\nx + 2 # sum\n");
/// ```
///
/// # Errors
/// Returns what is wrong with the syntax; such a text is left alone.
pub fn format(source: &Arc<Source>, kind: SourceKind) -> Result<String, Rejected> {
    let parsed = match kind {
        SourceKind::Script => parser::parse_script(source).map(drop),
        SourceKind::Query => parser::parse_query(source).map(drop),
        SourceKind::Deployment => parser::parse_deployment(source).map(drop),
    };
    // The same files may hold modules.
    if let Err(findings) = parsed
        && parser::parse_module(source).is_err()
    {
        return Err(Rejected {
            findings,
            sources: Arc::new(Sources::new(Arc::clone(source))),
        });
    }
    let pieces = piece::pieces(source).map_err(|findings| Rejected {
        findings,
        sources: Arc::new(Sources::new(Arc::clone(source))),
    })?;
    Ok(print(&pieces))
}

fn print(pieces: &[Piece<'_>]) -> String {
    let mut out = String::new();
    let mut indent = Indent::new();
    let mut before: Option<&Piece<'_>> = None;
    for (at, piece) in pieces.iter().enumerate() {
        let next = pieces[at + 1..].iter().find(|piece| piece.is_token());
        let breaks = match before {
            None => 0,
            Some(before) => breaks(before, piece),
        };
        indent.before(piece);
        if breaks > 0 {
            out.push_str(if breaks > 1 { "\n\n" } else { "\n" });
            let depth = indent.of_line(piece, next);
            out.extend(std::iter::repeat_n("  ", depth));
        } else if let Some(before) = before
            && spacing::is_spaced(before, piece, &indent)
        {
            out.push(' ');
        }
        out.push_str(piece.text);
        indent.after(piece);
        before = Some(piece);
    }
    out.push('\n');
    out
}

/// How many line ends stand between two pieces.
fn breaks(before: &Piece<'_>, piece: &Piece<'_>) -> usize {
    let forced = match before.kind {
        PieceKind::Comment | PieceKind::Doc => true,
        _ => before.is_semicolon() && !matches!(piece.kind, PieceKind::Comment),
    };
    let wanted = piece.breaks.min(2);
    match forced || Indent::starts_line(piece) {
        true => wanted.max(1),
        false => wanted,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn formatted(text: &str, kind: SourceKind) -> String {
        let source = Arc::new(Source::new("a", text));
        match format(&source, kind) {
            Ok(text) => text,
            Err(rejected) => panic!("{:?}", rejected.findings),
        }
    }

    fn check(kind: SourceKind, text: &str, expected: &str) {
        let once = formatted(text, kind);
        assert_eq!(once, expected);
        assert_eq!(formatted(&once, kind), once, "it is not stable");
    }

    #[test]
    fn expressions_get_their_blanks() {
        check(
            SourceKind::Script,
            "let  x=-1+2*( 3 -  y ) ;let y = [1 ,2 , -3][ 0 ];$a.b  == not  ! true;f ( 1,x :: g( 2 ) );x[1 : 2];<< 1 : 8 / little , \"a\" /binary>>;-  x;1  -  -1;event . a",
            "let x = -1 + 2 * (3 - y);\nlet y = [1, 2, -3][0];\n$a.b == not !true;\nf(1, x::g(2));\nx[1:2];\n<<1:8/little, \"a\"/binary>>;\n-x;\n1 - -1;\nevent.a\n",
        );
    }

    #[test]
    fn constructs_are_indented() {
        check(
            SourceKind::Script,
            "fn f(a,...) with\nlet x={\n\"a\":1,\n\"b\":[\n1,\n2]};\nx\nend;\n\n\n\n# here\nmatch event of\ncase %{a==1,b~=re|x y|} when true=>\n   1;\n2\n  case _ => 3\nend;\nfor x of\ncase (i,v)=>v\ninto 0 use + end;\npatch x of\n  insert \"a\"=>1;\nmerge=>y\nend # done",
            "fn f(a, ...) with\n  let x = {\n    \"a\": 1,\n    \"b\": [\n      1,\n      2]};\n  x\nend;\n\n# here\nmatch event of\n  case %{a == 1, b ~= re|x y|} when true =>\n    1;\n    2\n  case _ => 3\nend;\nfor x of\n  case (i, v) => v\ninto 0 use + end;\npatch x of\n  insert \"a\" => 1;\n  merge => y\nend # done\n",
        );
    }

    #[test]
    fn queries_and_flows_are_indented() {
        check(
            SourceKind::Query,
            "#!config  id=\"x\"\ndefine window w from tumbling\n  with size=2\nend;\ndefine script s\nargs\na=1\nstate\n0\nscript\nevent+args.a\nend;create script s with a=2 end;\nselect {\"n\":1}\n  from in[w]\nwhere event>1 group by set( event.a,each(event.b) )\ninto out / x\nhaving event.n>0",
            "#!config id = \"x\"\ndefine window w from tumbling\nwith size = 2\nend;\ndefine script s\nargs\n  a = 1\nstate\n  0\nscript\n  event + args.a\nend;\ncreate script s with a = 2 end;\nselect {\"n\": 1}\nfrom in[w]\nwhere event > 1 group by set(event.a, each(event.b))\ninto out/x\nhaving event.n > 0\n",
        );
        check(
            SourceKind::Deployment,
            "define flow f\nflow\n## one\ndefine connector c from null\nwith\ncodec=\"json\"\nend;\ncreate connector c;\nconnect /connector/c/out to /pipeline/p;\nend;\ndeploy flow f",
            "define flow f\nflow\n  ## one\n  define connector c from null\n  with\n    codec = \"json\"\n  end;\n  create connector c;\n  connect /connector/c/out to /pipeline/p;\nend;\ndeploy flow f\n",
        );
    }

    #[test]
    fn strings_and_heredocs_stay_as_they_are() {
        let text = "let x = \"a  #{ 1+1 }  b\";\nlet y = \"\"\"\n   kept\n #{x}\n  \"\"\";\n0xFF\n";
        check(SourceKind::Script, text, text);
    }
}

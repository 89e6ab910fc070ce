//! Compiling and folding binary literals.

use super::{Compiled, Compiler, Folded};
use crate::ast::{BytesPart, Ident};
use crate::code::Code as FindingCode;
use crate::eval::Code;
use crate::eval::code::{BytesCode, BytesKind};
use crate::finding::Finding;
use crate::span::Span;

/// The size of an integer whose size is not written.
const DEFAULT_BITS: u8 = 8;
/// The largest size.
const MAX_SIZE: u64 = 64;

impl<'c> Compiler<'c, '_> {
    pub(super) fn bytes(&mut self, parts: &[BytesPart], span: Span) -> Compiled<Folded<'c>> {
        let parts: Vec<_> = parts.iter().map(|part| self.bytes_part(part)).collect();
        let parts = parts.into_iter().collect::<Compiled<Vec<_>>>()?;
        let is_constant = parts.iter().all(|(value, ..)| value.value().is_some());
        let parts = parts.into_iter().map(|(value, kind, at)| BytesCode {
            value: self.emit(value),
            kind,
            span: at,
            context: span,
        });
        let code = Code::Bytes(parts.collect());
        if is_constant {
            self.evaluate(code, span)
        } else {
            Ok(Folded::Code(code))
        }
    }

    fn bytes_part(&mut self, part: &BytesPart) -> Compiled<(Folded<'c>, BytesKind, Span)> {
        let kind = self.bytes_kind(part);
        let value = self.fold(&part.value);
        Ok((value?, kind?, part.span))
    }

    fn bytes_kind(&mut self, part: &BytesPart) -> Compiled<BytesKind> {
        let size = match part.size {
            None => None,
            Some(size @ 1..=MAX_SIZE) => Some(size as u8),
            Some(size) => {
                let message = format!("a size of {size} is not allowed");
                let finding = Finding::error(FindingCode::BinaryPart, part.span, message);
                return self.report(finding.help(format!("it must be between 1 and {MAX_SIZE}")));
            }
        };
        let word = part.kind.as_ref().map_or("integer", |kind| &kind.name);
        let (is_signed, is_little) = match word {
            "integer"
            | "unsigned"
            | "big"
            | "unsigned_integer"
            | "big_integer"
            | "big_unsigned_integer" => (false, false),
            "signed_integer" | "big_signed_integer" => (true, false),
            "little" | "little_integer" | "little_unsigned_integer" => (false, true),
            "little_signed_integer" => (true, true),
            "binary" => return Ok(BytesKind::Binary { bytes: size }),
            _ => return self.unknown_kind(part.kind.as_ref(), part.span),
        };
        Ok(BytesKind::Integer {
            is_signed,
            is_little,
            bits: size.unwrap_or(DEFAULT_BITS),
        })
    }

    fn unknown_kind<T>(&mut self, kind: Option<&Ident>, span: Span) -> Compiled<T> {
        let word = kind.map_or("", |kind| &kind.name);
        let message = format!("`{}` is not a valid data type", word.replace('_', "-"));
        let help = match word {
            "signed" => "did you mean `signed_integer`?",
            "big_signed" => "did you mean `big_signed_integer`?",
            "little_signed" => "did you mean `little_signed_integer`?",
            "string" | "bytes" => "did you mean `binary`?",
            _ => {
                "the types are `binary` and `integer`, which can be `signed_` or `unsigned_` and \
                 `big_` or `little_`, as in `little_unsigned_integer`"
            }
        };
        let finding = Finding::error(FindingCode::BinaryPart, span, message);
        self.report(finding.help(help))
    }
}

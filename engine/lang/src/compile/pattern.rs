//! Compiling patterns.

use super::{Compiled, Compiler};
use crate::ast::{ExtractorLiteral, FieldTest, FieldTestKind, Pattern, PatternKind};
use crate::code::Code as FindingCode;
use crate::eval::code::{FieldTestCode, FieldTestCodeKind, PatternCode};
use crate::extract::Extractor;
use crate::finding::Finding;
use crate::span::Span;

impl Compiler<'_, '_> {
    /// Compiles a pattern or an element of one. The span is that of the whole `match`.
    pub(super) fn pattern(&mut self, pattern: &Pattern, matching: Span) -> Compiled<PatternCode> {
        Ok(match &pattern.kind {
            PatternKind::Ignore => PatternCode::Ignore,
            PatternKind::Expr(expr) => PatternCode::Equal(self.code(expr)?),
            PatternKind::Extract(literal) => PatternCode::Extract(self.extractor(literal)?),
            PatternKind::Record(tests) => {
                self.warn_of_tests(tests, pattern.span);
                let tests: Vec<_> = tests
                    .iter()
                    .map(|test| self.field_test(test, matching))
                    .collect();
                PatternCode::Record(tests.into_iter().collect::<Compiled<_>>()?)
            }
            PatternKind::Array(elements) => PatternCode::Array(self.elements(elements, matching)?),
            PatternKind::Tuple { elements, is_open } => PatternCode::Tuple {
                elements: self.elements(elements, matching)?,
                is_open: *is_open,
            },
            PatternKind::Bind { pattern, .. } => {
                self.pattern(pattern, matching)?;
                PatternCode::Nested(matching)
            }
        })
    }

    pub(super) fn elements(
        &mut self,
        elements: &[Pattern],
        matching: Span,
    ) -> Compiled<Box<[PatternCode]>> {
        let elements: Vec<_> = elements
            .iter()
            .map(|element| self.pattern(element, matching))
            .collect();
        elements.into_iter().collect()
    }

    fn field_test(&mut self, test: &FieldTest, matching: Span) -> Compiled<FieldTestCode> {
        let kind = match &test.kind {
            FieldTestKind::Present => FieldTestCodeKind::Present,
            FieldTestKind::Absent => FieldTestCodeKind::Absent,
            FieldTestKind::Compare(op, value) => FieldTestCodeKind::Compare(*op, self.code(value)?),
            FieldTestKind::Matches(pattern) => {
                FieldTestCodeKind::Matches(self.pattern(pattern, matching)?)
            }
        };
        let field = self.field(test.field.name.clone());
        Ok(FieldTestCode { field, kind })
    }

    fn extractor(&mut self, literal: &ExtractorLiteral) -> Compiled<Box<Extractor>> {
        let ExtractorLiteral { name, text, span } = literal;
        Extractor::compile(&name.name, text)
            .map(Box::new)
            .or_else(|reason| {
                let message = format!("invalid tilde predicate pattern: {reason}");
                let finding = Finding::error(FindingCode::Extractor, *span, message);
                self.report(finding.margin(2))
            })
    }

    fn warn_of_tests(&mut self, tests: &[FieldTest], span: Span) {
        let others = |test: &FieldTest, is_same: fn(&FieldTestKind) -> bool| {
            tests
                .iter()
                .any(|other| other.field.name == test.field.name && !is_same(&other.kind))
        };
        let is_present = |kind: &FieldTestKind| matches!(kind, FieldTestKind::Present);
        let is_absent = |kind: &FieldTestKind| matches!(kind, FieldTestKind::Absent);
        for test in tests {
            let (word, help) = match &test.kind {
                FieldTestKind::Present if others(test, is_present) => (
                    "present",
                    "any other test but `absent` holds only where the field is present",
                ),
                FieldTestKind::Absent if others(test, is_absent) => {
                    ("absent", "no other test holds where the field is absent")
                }
                _ => continue,
            };
            let name = &test.field.name;
            let message = format!("`{name}` is tested with `{word}` and with something else");
            let finding = Finding::warning(FindingCode::FieldTestedTwice, span, message);
            self.findings.push(finding.margin(2).help(help));
        }
    }
}

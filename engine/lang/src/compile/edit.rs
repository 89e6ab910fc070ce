//! Compiling `merge` and `patch`.

use super::{Compiled, Compiler};
use crate::ast::{Expr, Merge, Patch, PatchKind, PatchOperation, Text};
use crate::eval::Code;
use crate::eval::code::{MergeCode, PatchCode, PatchCodeKind, PatchOperationCode};
use crate::span::Span;

impl Compiler<'_, '_> {
    pub(super) fn merge(&mut self, merge: &Merge, span: Span) -> Compiled<Code> {
        let Merge { target, changes } = merge;
        let target = self.code(target).map(|code| (code, target.span));
        let changes = self.code(changes).map(|code| (code, changes.span));
        let merge = MergeCode {
            target: target?,
            changes: changes?,
            span,
        };
        Ok(Code::Merge(Box::new(merge)))
    }

    pub(super) fn patch(&mut self, patch: &Patch, span: Span) -> Compiled<Code> {
        let Patch { target, operations } = patch;
        let target = self.code(target).map(|code| (code, target.span));
        let operations: Vec<_> = operations
            .iter()
            .map(|operation| self.operation(operation))
            .collect();
        let patch = PatchCode {
            target: target?,
            operations: operations.into_iter().collect::<Compiled<_>>()?,
            span,
        };
        Ok(Code::Patch(Box::new(patch)))
    }

    fn operation(&mut self, operation: &PatchOperation) -> Compiled<PatchOperationCode> {
        let kind = match &operation.kind {
            PatchKind::Insert { key, value } => {
                let (key, value) = self.entry(key, value)?;
                PatchCodeKind::Insert { key, value }
            }
            PatchKind::Update { key, value } => {
                let (key, value) = self.entry(key, value)?;
                PatchCodeKind::Update { key, value }
            }
            PatchKind::Upsert { key, value } => {
                let (key, value) = self.entry(key, value)?;
                PatchCodeKind::Upsert { key, value }
            }
            PatchKind::Erase { key } => PatchCodeKind::Erase {
                key: self.key(key)?,
            },
            PatchKind::Move { from, to } => {
                let (from, to) = self.keys(from, to)?;
                PatchCodeKind::Move { from, to }
            }
            PatchKind::Copy { from, to } => {
                let (from, to) = self.keys(from, to)?;
                PatchCodeKind::Copy { from, to }
            }
            PatchKind::Merge { key, value } => {
                let (key, value) = self.entry(key, value)?;
                PatchCodeKind::Merge { key, value }
            }
            PatchKind::MergeAll { value } => PatchCodeKind::MergeAll {
                value: self.code(value)?,
            },
            PatchKind::Default { key, value } => {
                let (key, value) = self.entry(key, value)?;
                PatchCodeKind::Default { key, value }
            }
            PatchKind::DefaultAll { value } => PatchCodeKind::DefaultAll {
                value: self.code(value)?,
            },
        };
        let span = operation.span;
        Ok(PatchOperationCode { kind, span })
    }

    fn entry(&mut self, key: &Text, value: &Expr) -> Compiled<(Code, Code)> {
        let (key, value) = (self.key(key), self.code(value));
        Ok((key?, value?))
    }

    fn keys(&mut self, from: &Text, to: &Text) -> Compiled<(Code, Code)> {
        let (from, to) = (self.key(from), self.key(to));
        Ok((from?, to?))
    }

    fn key(&mut self, key: &Text) -> Compiled<Code> {
        let key = self.text(key)?;
        Ok(self.emit(key))
    }
}

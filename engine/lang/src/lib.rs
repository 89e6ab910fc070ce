//! The Troy language: lexer, parser, checker, evaluator.

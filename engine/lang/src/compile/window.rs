//! Looking up and compiling the windows of selects, when the graph is finished.

use std::sync::Arc;

use temblor_pdk::value::Value;

use super::body::Body;
use super::graph::{Clauses, DraftKind};
use super::script::ScriptKind;
use super::{Compiled, Compiler, Context, Reported, script, sliding};
use crate::ast::{self, Assign, Item, Modular, WindowDefinition, WindowKind};
use crate::code::Code;
use crate::eval::Code as EvalCode;
use crate::finding::{Finding, Phase, Severity};
pub(crate) use crate::limits::GROUPS as MAX_GROUPS;
use crate::scope::Scope;
use crate::suggest::did_you_mean;
use crate::window::{Axis, Scripted, WindowCode, WindowRule};

/// What the `with` of a window says.
#[derive(Default)]
pub(super) struct Settings {
    pub(super) size: Option<u64>,
    pub(super) interval_ns: Option<u64>,
    /// Of a sliding window.
    pub(super) slide: Option<u64>,
    max_groups: Option<u64>,
}

impl<'c> Body<'_, 'c> {
    /// Gives every select its windows, which are those of the outermost query.
    pub(super) fn windows(&mut self, scope: &Arc<Scope>) {
        let first = self.findings.len();
        for at in 0..self.graph.nodes.len() {
            let node = self.graph.nodes.get(at);
            let Some(DraftKind::Select(select)) = node.map(|node| &node.kind) else {
                continue;
            };
            let names = select.windows.clone();
            let mut windows = Vec::new();
            for (at, name) in names.iter().enumerate() {
                let window = self.window(name, scope);
                if at + 1 < names.len()
                    && let Ok((window, _)) = &window
                {
                    self.check_place(window, name);
                }
                windows.extend(window);
            }
            let node = self.graph.nodes.get_mut(at);
            if let Some(DraftKind::Select(select)) = node.map(|node| &mut node.kind)
                && let Some(Clauses::Windowed(select)) = &mut select.clauses
            {
                let limits = windows
                    .iter()
                    .filter_map(|(_, settings)| settings.max_groups);
                let limit = limits
                    .min()
                    .map(|max| usize::try_from(max).unwrap_or(usize::MAX));
                select.max_groups = limit.unwrap_or(MAX_GROUPS);
                select.windows = windows.into_iter().map(|(window, _)| window).collect();
            }
        }
        for finding in self.findings.iter_mut().skip(first) {
            if finding.severity == Severity::Error {
                finding.phase = Phase::Graph;
            }
        }
    }

    fn window(&mut self, path: &Modular, scope: &Arc<Scope>) -> Compiled<(WindowCode, Settings)> {
        let name = &path.name.name;
        let Some((definition, scope)) = scope.window(path) else {
            if !scope.is_broken(&path.modules) {
                let message = format!("unknown window `{name}`");
                let finding = Finding::error(Code::UnknownName, path.span(), message);
                let help = did_you_mean(name, scope.window_names(&path.modules));
                self.findings.push(finding.help(help.unwrap_or_else(|| {
                    "windows are looked up where the outermost query defines or uses them, also those of embedded pipelines"
                        .to_owned()
                })));
            }
            return Err(Reported);
        };
        let settings = self.settings(&definition, &scope)?;
        let rule = self.rule(&definition, &settings, &scope)?;
        let window = WindowCode {
            name: name.clone(),
            rule,
        };
        Ok((window, settings))
    }

    /// Reports a sliding window in front of another one.
    fn check_place(&mut self, window: &WindowCode, path: &Modular) {
        if matches!(window.rule, WindowRule::Sliding { .. }) {
            let message = format!(
                "the sliding window `{}` has to be the last one in the list",
                window.name
            );
            let finding = Finding::error(Code::Config, path.span(), message);
            self.findings.push(finding.help(
                "its windows overlap, so a window behind it would take events in several times; put it last, or give it a select of its own",
            ));
        }
    }

    fn settings(&mut self, definition: &WindowDefinition, scope: &Scope) -> Compiled<Settings> {
        let mut settings = Settings::default();
        let is_sliding = definition.kind == WindowKind::Sliding;
        let unknown = sliding::check_keys(definition, is_sliding);
        let is_wrong = is_sliding && !unknown.is_empty();
        self.findings.extend(unknown);
        if is_wrong {
            return Err(Reported);
        }
        for Assign { key, value: expr } in &definition.with.assigns {
            let context = Context::Constant;
            let mut compiler = Compiler::new(context, None, scope, self.pool, self.findings);
            let value = compiler.constant(expr)?;
            let number = || value.as_u64();
            let (found, expected) = match &*key.name {
                "size" => {
                    settings.size = number();
                    (settings.size.is_some(), "unsigned integer")
                }
                "interval" => {
                    settings.interval_ns = number();
                    (settings.interval_ns.is_some(), "unsigned integer")
                }
                "max_groups" => {
                    settings.max_groups = number();
                    (settings.max_groups.is_some(), "unsigned integer")
                }
                "slide" if is_sliding => {
                    settings.slide = number();
                    (settings.slide.is_some(), "unsigned integer")
                }
                // `eviction_period` and `emit_empty_windows` are known from earlier days: groups without data go by
                // themselves, and windows without data never emit.
                _ => (true, ""),
            };
            if !found {
                return self.bad_window(
                    definition,
                    &format!(
                        "`{}` is `{}`, expected {expected}",
                        key.name,
                        value.type_name()
                    ),
                );
            }
        }
        Ok(settings)
    }

    fn bad_window<T>(&mut self, definition: &WindowDefinition, why: &str) -> Compiled<T> {
        let message = format!(
            "bad configuration of window `{}`: {why}",
            definition.name.name
        );
        self.findings
            .push(Finding::error(Code::Config, definition.span, message));
        Err(Reported)
    }

    fn rule(
        &mut self,
        definition: &WindowDefinition,
        settings: &Settings,
        scope: &Scope,
    ) -> Compiled<WindowRule> {
        let state = &definition.state;
        let given = [
            settings.size.is_some(),
            settings.interval_ns.is_some(),
            state.is_some(),
        ];
        match given.into_iter().filter(|given| *given).count() {
            0 if definition.kind == WindowKind::Tumbling => {
                return self
                    .bad_window(definition, "it needs a `size`, an `interval` or a `state`");
            }
            0 | 1 => {}
            _ => {
                return self.bad_window(
                    definition,
                    "it can only have one of `size`, `interval` and `state`",
                );
            }
        }
        if definition.kind == WindowKind::Sliding {
            return self.sliding_rule(definition, settings);
        }
        if let Some(size) = settings.size {
            if size == 0 {
                return self.bad_window(definition, "its `size` is 0");
            }
            let weight = self.last_of(definition)?;
            return Ok(WindowRule::Size { size, weight });
        }
        if let Some(interval_ns) = settings.interval_ns {
            let time = self.last_of(definition)?;
            return Ok(WindowRule::Interval { interval_ns, time });
        }
        self.state_rule(definition, scope)
    }

    fn sliding_rule(
        &mut self,
        definition: &WindowDefinition,
        settings: &Settings,
    ) -> Compiled<WindowRule> {
        if definition.state.is_some() {
            let why = "a sliding window goes by `size` or `interval`, not by a `state`";
            return self.bad_window(definition, why);
        }
        let slide = match sliding::slide(settings) {
            Ok(slide) => slide,
            Err(why) => return self.bad_window(definition, &why),
        };
        let script = self.last_of(definition)?;
        let axis = match settings.size {
            Some(_) => Axis::Weight(script),
            None => Axis::Time(script),
        };
        Ok(WindowRule::Sliding { slide, axis })
    }

    fn state_rule(&mut self, definition: &WindowDefinition, scope: &Scope) -> Compiled<WindowRule> {
        let (Some(state), Some(body)) = (&definition.state, &definition.script) else {
            return self.bad_window(definition, "a window with a `state` needs a `script`");
        };
        let initial = self.state(state, None, definition.span, scope)?;
        let script = self.scripted(body, ScriptKind::Window(definition.span), definition)?;
        let tick = match &definition.tick {
            Some(tick) => {
                let kind = ScriptKind::Tick(definition.span);
                Some(self.scripted(&tick.script, kind, definition)?)
            }
            None => None,
        };
        Ok(WindowRule::State {
            initial,
            script,
            tick,
        })
    }

    fn scripted(
        &mut self,
        body: &ast::Script,
        kind: ScriptKind,
        definition: &WindowDefinition,
    ) -> Compiled<Scripted> {
        let args = Some(Value::NULL);
        let (loader, pool) = (&mut *self.loader, &mut *self.pool);
        let code = script(body, kind, args, loader, pool, self.findings)?;
        let last = body.items.iter().rev().find_map(|item| match item {
            Item::Statement(statement) => Some(statement.span),
            _ => None,
        });
        Ok(Scripted {
            code,
            last: last.unwrap_or(body.span),
            context: definition.span,
        })
    }

    /// The script of a window by size or time, of which only the last expression counts.
    fn last_of(&mut self, definition: &WindowDefinition) -> Compiled<Option<Scripted>> {
        let Some(body) = &definition.script else {
            return Ok(None);
        };
        let kind = ScriptKind::Window(definition.span);
        let mut scripted = self.scripted(body, kind, definition)?;
        if let EvalCode::Block(items) = &mut scripted.code.body {
            let items = std::mem::take(items);
            let last = items.into_iter().next_back();
            scripted.code.body = last.unwrap_or(EvalCode::Event);
        }
        Ok(Some(scripted))
    }
}

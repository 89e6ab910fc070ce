//! Creating scripts, operators and embedded pipelines.

use std::sync::Arc;

use temblor_pdk::value::{Field, OwnedValue, Value};

use super::body::{Body, Named, Names, kind_name};
use super::check::state_not_constant;
use super::graph::{Draft, DraftKind, OperatorDraft, ScriptDraft};
use super::instance::Handover;
use super::{Compiled, Compiler, Context, Reported, ScriptKind, script};
use crate::ast::{
    Args, Expr, Instance, NodeKind, OperatorDefinition, PipelineDefinition, ScriptDefinition,
};
use crate::catalogue;
use crate::code::Code;
use crate::finding::{Finding, Phase, Severity};
use crate::limits::PIPELINE_NODES as MAX_VERTICES;
use crate::scope::Scope;
use crate::span::Span;
use crate::suggest::did_you_mean;

impl<'c> Body<'_, 'c> {
    /// Makes a node. What is wrong with it is wrong with the graph, unless it is wrong wherever it is used, which was
    /// reported when it was defined.
    pub(super) fn create(
        &mut self,
        kind: NodeKind,
        instance: &Instance,
        given: &[Compiled<Value<'c>>],
        is_known: bool,
        scope: &Arc<Scope>,
        names: &mut Names,
    ) {
        let first = self.findings.len();
        let name = &instance.name.name;
        let named = if is_known {
            self.named(kind, instance, given, scope, names)
        } else {
            if !scope.is_broken(&instance.template.modules) {
                self.unknown_template(kind, instance, scope);
            }
            Err(Reported)
        };
        let later = |finding: &mut Finding| {
            if finding.severity == Severity::Error {
                finding.phase = Phase::Graph;
            }
        };
        self.findings.iter_mut().skip(first).for_each(later);
        if names.all.contains_key(name) {
            let message = format!("the name `{name}` is already in use");
            let finding = Finding::error(Code::DuplicateName, instance.span, message);
            self.graph_error(
                finding
                    .margin(2)
                    .help("ports and everything that is created in a pipeline share their names"),
            );
            return;
        }
        names
            .all
            .insert(name.clone(), named.unwrap_or(Named::Broken));
    }

    fn unknown_template(&mut self, kind: NodeKind, instance: &Instance, scope: &Arc<Scope>) {
        let name = &instance.template.name.name;
        let kind_name = kind_name(kind);
        let message = match kind {
            NodeKind::Pipeline => format!("unknown pipeline `{name}`"),
            NodeKind::Script => format!("script `{name}` is not defined"),
            NodeKind::Operator => format!("operator `{name}` not found"),
        };
        let help = match scope.has_template(kind, &instance.template) {
            true => "move its definition up".to_owned(),
            false => {
                let modules = &instance.template.modules;
                did_you_mean(name, scope.template_names(kind, modules)).unwrap_or_else(|| {
                    format!("`define {kind_name} {name} …` has to stand above, in the same body")
                })
            }
        };
        self.graph_error(Finding::error(Code::UnknownName, instance.span, message).help(help));
    }

    fn named(
        &mut self,
        kind: NodeKind,
        instance: &Instance,
        given: &[Compiled<Value<'c>>],
        scope: &Arc<Scope>,
        names: &Names,
    ) -> Compiled<Named> {
        let path = &instance.template;
        match kind {
            NodeKind::Script => {
                let (definition, scope) = scope.script(path).ok_or(Reported)?;
                let args = self.handover(kind, instance, given, &definition.args, &scope);
                self.script(instance, &definition, args?, &scope, names)
            }
            NodeKind::Operator => {
                let (definition, scope) = scope.operator(path).ok_or(Reported)?;
                let args = self.handover(kind, instance, given, &definition.args, &scope);
                self.operator(instance, &definition, args?, &scope, names)
            }
            NodeKind::Pipeline => {
                let (definition, scope) = scope.pipeline(path).ok_or(Reported)?;
                let args = self.handover(kind, instance, given, &definition.args, &scope);
                self.pipeline(instance, &definition, args?, names)
            }
        }
    }

    fn handover(
        &mut self,
        kind: NodeKind,
        instance: &Instance,
        given: &[Compiled<Value<'c>>],
        params: &Args,
        scope: &Scope,
    ) -> Compiled<Value<'c>> {
        let handover = Handover {
            kind,
            params,
            with: &instance.with,
            given,
            scope,
        };
        handover.record(self.pool, self.findings)
    }

    fn pipeline(
        &mut self,
        instance: &Instance,
        definition: &PipelineDefinition,
        args: Value<'c>,
        names: &Names,
    ) -> Compiled<Named> {
        // Definitions that embed one another twice would otherwise multiply for ever.
        if self.graph.vertices.len() > MAX_VERTICES {
            let message = format!(
                "the pipeline is too large: there are more than {MAX_VERTICES} ports, streams, scripts and \
                 operators, with those of the pipelines in it"
            );
            if self
                .findings
                .iter()
                .all(|other| other.code != Code::TooLarge)
            {
                let finding = Finding::error(Code::TooLarge, instance.span, message);
                self.graph_error(finding.help("create fewer pipelines within pipelines"));
            }
            return Err(Reported);
        }
        let prefix = names.full(&instance.name.name);
        let ports = self.embedded(&definition.query, args, prefix);
        Ok(Named::Pipeline(ports))
    }

    fn script(
        &mut self,
        instance: &Instance,
        definition: &ScriptDefinition,
        args: Value<'c>,
        scope: &Scope,
        names: &Names,
    ) -> Compiled<Named> {
        let state = match &definition.state {
            Some(state) => self.state(state, Some(args), definition.span, scope),
            None => Ok(OwnedValue::Null),
        };
        let mut bodies = Vec::new();
        let named = definition.ports.iter().map(|named| &named.script);
        for body in [&definition.script].into_iter().chain(named) {
            let (loader, pool) = (&mut *self.loader, &mut *self.pool);
            let kind = ScriptKind::Event;
            bodies.push(script(body, kind, Some(args), loader, pool, self.findings));
        }
        let mut bodies = bodies.into_iter().collect::<Compiled<Vec<_>>>()?;
        let main = bodies.remove(0);
        let vertex = self.graph.vertex(&names.full(&instance.name.name));
        self.graph.nodes.push(Draft {
            name: instance.name.name.clone(),
            kind: DraftKind::Script(ScriptDraft {
                vertex,
                main: Some(main),
                named: bodies,
                ports: ScriptDraft::ports_of(definition),
                state: state?,
                inputs: Vec::new(),
                outputs: Vec::new(),
            }),
        });
        Ok(Named::Node(self.graph.nodes.len() - 1))
    }

    /// The state that a script or a window starts with.
    pub(super) fn state(
        &mut self,
        state: &Expr,
        args: Option<Value<'c>>,
        definition: Span,
        scope: &Scope,
    ) -> Compiled<OwnedValue> {
        let first = self.findings.len();
        let mut compiler = Compiler::new(Context::Constant, args, scope, self.pool, self.findings);
        let value = compiler.constant(state);
        for finding in self.findings.iter_mut().skip(first) {
            if finding.code == Code::NotConstant && finding.span == state.span {
                let phase = finding.phase;
                *finding = state_not_constant(state.span, definition).phase(phase);
            }
        }
        Ok(value?.to_owned_value())
    }

    fn operator(
        &mut self,
        instance: &Instance,
        definition: &OperatorDefinition,
        args: Value<'c>,
        scope: &Scope,
        names: &Names,
    ) -> Compiled<Named> {
        let mut fields = Vec::new();
        for assign in &definition.with.assigns {
            let context = Context::Constant;
            let mut compiler = Compiler::new(context, Some(args), scope, self.pool, self.findings);
            let value = compiler.constant(&assign.value)?;
            fields.push(Field::new(self.pool.arena.str(&assign.key.name), value));
        }
        let config = match fields.is_empty() {
            true => "null".to_owned(),
            false => self.pool.arena.object(&fields).to_json(),
        };
        let kind = format!("{}::{}", definition.module.name, definition.kind.name);
        let made = catalogue::make(&**self.loader.catalogue(), &kind, &config);
        let ports = match made {
            Ok(operator) => operator.outputs(),
            Err(error) => {
                let finding = refused(definition, &kind, &error.to_string());
                self.graph_error(finding);
                return Err(Reported);
            }
        };
        let vertex = self.graph.vertex(&names.full(&instance.name.name));
        self.graph.nodes.push(Draft {
            name: instance.name.name.clone(),
            kind: DraftKind::Operator(OperatorDraft {
                vertex,
                kind: kind.into(),
                config: config.into(),
                ports,
                inputs: Vec::new(),
                outputs: Vec::new(),
                span: definition.span,
            }),
        });
        Ok(Named::Node(self.graph.nodes.len() - 1))
    }
}

/// Describes an operator that there is not, or that does not take its configuration.
fn refused(definition: &OperatorDefinition, kind: &str, said: &str) -> Finding {
    // The text was written as JSON for the operator to read, and nobody sees the places in that.
    let said = said.split(" at line 1 column ").next().unwrap_or(said);
    // An operator may say behind what is wrong what would be right.
    let (said, help) = match said.split_once("\nhelp: ") {
        Some((said, help)) => (said, Some(help.to_owned())),
        None => (said, None),
    };
    let message = match said.contains(kind) {
        true => said.to_owned(),
        false => format!("{kind}: {said}"),
    };
    let named = said.split('`').nth(1).unwrap_or_default();
    let assigns = &definition.with.assigns;
    let span = match assigns.iter().find(|assign| *assign.key.name == *named) {
        Some(assign) => assign.key.span,
        None => definition.module.span.to(definition.kind.span),
    };
    let finding = Finding::error(Code::Config, span, message).maybe_help(help);
    finding.context(definition.span)
}

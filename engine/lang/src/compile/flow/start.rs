//! Starting a flow: every instance in it, with all arguments filled in.

use std::sync::Arc;

use temblor_pdk::value::{Arena, OwnedValue, Value};

use super::super::query::compile_pipeline;
use super::super::{Compiled, Reported};
use super::args::Handing;
use super::body::scope_of;
use super::connector::connector;
use super::links::links;
use crate::ast::{self, FlowDefinition, FlowStatement, Instance};
use crate::code::Code;
use crate::deployment::{ConnectorSpec, Flow, PipelineSpec};
use crate::finding::Finding;
use crate::scope::{Loader, Scope};
use crate::span::Span;

/// A flow that is to be started.
pub(super) struct Start<'t> {
    pub(super) name: &'t str,
    pub(super) definition: &'t FlowDefinition,
    /// The scope that the definition stands in.
    pub(super) around: &'t Scope,
    /// The values in the `with` of the `deploy`.
    pub(super) with: &'t [ast::Assign],
    /// The scope that the `deploy` stands in.
    pub(super) here: &'t Scope,
    /// Values that come from the host.
    pub(super) host: &'t [(String, OwnedValue)],
    pub(super) at: Span,
}

impl Start<'_> {
    /// Compiles the flow.
    ///
    /// # Errors
    /// Reports what keeps it from starting.
    pub(super) fn compile(
        &self,
        loader: &mut Loader,
        findings: &mut Vec<Finding>,
    ) -> Compiled<Flow> {
        let arena = Arena::new();
        let handing = Handing {
            params: &self.definition.args.params,
            around: self.around,
            with: self.with,
            here: self.here,
            outer: None,
            host: self.host,
            what: format!("the flow `{}`", self.name),
        };
        let args = handing.record(&arena, findings)?;
        // What is wrong with names was reported where the flow is defined.
        let scope = Arc::new(scope_of(self.definition, loader, &mut Vec::new()));
        let mut body = Body {
            scope,
            args,
            arena: &arena,
            loader,
            findings,
        };
        let mut flow = Flow {
            name: self.name.to_owned(),
            definition: self.definition.name.name.to_string(),
            connectors: Vec::new(),
            pipelines: Vec::new(),
            links: Vec::new(),
            span: self.at,
        };
        let mut failed = false;
        for statement in &self.definition.body {
            failed |= body.statement(statement, &mut flow).is_err();
        }
        if failed {
            return Err(Reported);
        }
        flow.links = links(self.definition, &flow, body.findings)?;
        Ok(flow)
    }
}

/// The body of a flow whose arguments are known.
struct Body<'b, 'c> {
    scope: Arc<Scope>,
    args: Value<'c>,
    arena: &'c Arena,
    loader: &'b mut Loader,
    findings: &'b mut Vec<Finding>,
}

impl Body<'_, '_> {
    fn statement(&mut self, statement: &FlowStatement, flow: &mut Flow) -> Compiled<()> {
        let replaced = match statement {
            FlowStatement::CreateConnector(instance) => {
                let spec = self.connector(instance)?;
                put(&mut flow.connectors, spec, |spec| &spec.name)
                    .then_some(("connector", instance))
            }
            FlowStatement::CreatePipeline(instance) => {
                let spec = self.pipeline(instance)?;
                put(&mut flow.pipelines, spec, |spec| &spec.name).then_some(("pipeline", instance))
            }
            FlowStatement::Use(_) | FlowStatement::Define(_) | FlowStatement::Connect(_) => None,
        };
        if let Some((kind, instance)) = replaced {
            let name = &instance.name;
            let message = format!("this {kind} replaces another one named `{}`", name.name);
            let finding = Finding::warning(Code::Replaced, name.span, message);
            self.findings
                .push(finding.help("create it under a name of its own"));
        }
        Ok(())
    }

    fn connector(&mut self, instance: &Instance) -> Compiled<ConnectorSpec> {
        let found = self.scope.connector(&instance.template);
        let (definition, around) = found.ok_or(Reported)?;
        let handing = Handing {
            params: &definition.args.params,
            around: &around,
            with: &instance.with.assigns,
            here: &self.scope,
            outer: Some(self.args),
            host: &[],
            what: format!("the connector `{}`", instance.name.name),
        };
        let args = handing.record(self.arena, self.findings)?;
        connector(
            instance,
            &definition,
            &around,
            args,
            self.arena,
            self.findings,
        )
    }

    fn pipeline(&mut self, instance: &Instance) -> Compiled<PipelineSpec> {
        let found = self.scope.pipeline(&instance.template);
        let (definition, around) = found.ok_or(Reported)?;
        let handing = Handing {
            params: &definition.args.params,
            around: &around,
            with: &instance.with.assigns,
            here: &self.scope,
            outer: Some(self.args),
            host: &[],
            what: format!("the pipeline `{}`", instance.name.name),
        };
        let args = handing.record(self.arena, self.findings)?;
        let query = &definition.query;
        let pipeline = compile_pipeline(query, args, self.arena, self.loader, self.findings)?;
        Ok(PipelineSpec {
            name: instance.name.name.to_string(),
            pipeline,
            span: instance.span,
        })
    }
}

/// Adds an instance. Returns whether it took the place of an earlier one of the same name.
fn put<T>(instances: &mut Vec<T>, instance: T, name: fn(&T) -> &String) -> bool {
    let mut earlier = instances.iter_mut();
    match earlier.find(|earlier| name(earlier) == name(&instance)) {
        Some(earlier) => {
            *earlier = instance;
            true
        }
        None => {
            instances.push(instance);
            false
        }
    }
}

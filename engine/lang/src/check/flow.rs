//! Checking the statements of a flow.

use std::collections::HashMap;

use super::{check_params, check_unique, check_with, names, ports, query};
use crate::ast::{
    Assign, Connect, ConnectorDefinition, Definition, Endpoint, EndpointKind, FlowDefinition,
    FlowStatement, Ident, Instance, Param, PipelineDefinition,
};
use crate::code::Code;
use crate::compile::CONNECTOR_KEYS;
use crate::finding::Finding;
use crate::span::Span;
use crate::suggest::{did_you_mean, one_of};

pub(super) fn check(flow: &FlowDefinition, findings: &mut Vec<Finding>) {
    let mut checker = Checker {
        flow,
        findings,
        connectors: HashMap::new(),
        pipelines: HashMap::new(),
    };
    checker.definitions();
    for statement in &flow.body {
        match statement {
            FlowStatement::CreateConnector(instance) => checker.create_connector(instance),
            FlowStatement::CreatePipeline(instance) => checker.create_pipeline(instance),
            _ => {}
        }
    }
    checker.connections();
}

/// Something that was created, and what is connected to it.
struct Created<'t> {
    span: Span,
    /// The definition, of a pipeline.
    pipeline: Option<&'t PipelineDefinition>,
    /// Whether something goes in, and whether something comes out.
    fed: bool,
    read: bool,
}

struct Checker<'t, 'f> {
    flow: &'t FlowDefinition,
    findings: &'f mut Vec<Finding>,
    connectors: HashMap<&'t str, Created<'t>>,
    pipelines: HashMap<&'t str, Created<'t>>,
}

impl<'t> Checker<'t, '_> {
    fn connector_definitions(&self) -> impl Iterator<Item = &'t ConnectorDefinition> + use<'t> {
        self.flow
            .body
            .iter()
            .filter_map(|statement| match statement {
                FlowStatement::Define(Definition::Connector(definition)) => Some(&**definition),
                _ => None,
            })
    }

    fn definitions(&mut self) {
        let connectors = self
            .connector_definitions()
            .map(|definition| &definition.name);
        check_unique("connector", connectors, self.findings);
        let pipelines = ports::pipelines(self.flow).map(|definition| &definition.name);
        check_unique("pipeline", pipelines, self.findings);
        for definition in self.connector_definitions() {
            self.connector_definition(definition);
        }
        for definition in ports::pipelines(self.flow) {
            check_params(&definition.args.params, self.findings);
            self.defaults(&definition.args.params);
            query::check(
                &definition.query,
                Some(&definition.args.params),
                self.findings,
            );
        }
        self.defaults(&self.flow.args.params);
    }

    fn defaults(&mut self, params: &[Param]) {
        for default in params.iter().filter_map(|param| param.default.as_ref()) {
            names::check(default, None, self.findings);
        }
    }

    fn connector_definition(&mut self, definition: &ConnectorDefinition) {
        check_params(&definition.args.params, self.findings);
        self.defaults(&definition.args.params);
        check_unique(
            "key",
            definition.with.assigns.iter().map(|assign| &assign.key),
            self.findings,
        );
        for Assign { key, value } in &definition.with.assigns {
            names::check(value, Some(&definition.args.params), self.findings);
            if !CONNECTOR_KEYS.contains(&&*key.name) {
                let message = format!("`{}` is no key of the `with` of a connector", key.name);
                let help = one_of(&key.name, "keys", &CONNECTOR_KEYS);
                self.findings
                    .push(Finding::error(Code::UnknownKey, key.span, message).help(help));
            }
        }
    }

    // --- create ---

    fn create_connector(&mut self, instance: &'t Instance) {
        let found = self
            .connector_definitions()
            .find(|d| d.name.name == instance.template.name.name);
        self.values(instance);
        let names = self
            .connector_definitions()
            .map(|definition| &definition.name);
        if !self.defined("connector", instance, found.map(|d| d.span), names) {
            return;
        }
        if let Some(definition) = found {
            self.arguments(instance, &definition.args.params);
        }
        let created = Created {
            span: instance.span,
            pipeline: None,
            fed: false,
            read: false,
        };
        let earlier = self.connectors.insert(&instance.name.name, created);
        self.replaced("connector", instance, earlier);
    }

    fn create_pipeline(&mut self, instance: &'t Instance) {
        let found = ports::find_pipeline(self.flow, &instance.template.name.name);
        self.values(instance);
        let names = ports::pipelines(self.flow).map(|definition| &definition.name);
        if !self.defined("pipeline", instance, found.map(|d| d.span), names) {
            return;
        }
        if let Some(definition) = found {
            self.arguments(instance, &definition.args.params);
        }
        let created = Created {
            span: instance.span,
            pipeline: found,
            fed: false,
            read: false,
        };
        let earlier = self.pipelines.insert(&instance.name.name, created);
        self.replaced("pipeline", instance, earlier);
    }

    fn values(&mut self, instance: &Instance) {
        for Assign { value, .. } in &instance.with.assigns {
            names::check(value, Some(&self.flow.args.params), self.findings);
        }
    }

    fn arguments(&mut self, instance: &Instance, params: &[Param]) {
        check_with(
            &instance.with.assigns,
            params,
            &format!("`{}`", instance.name.name),
            self.findings,
        );
    }

    /// Reports an instance of something that is not defined, or below it only.
    fn defined(
        &mut self,
        kind: &str,
        instance: &Instance,
        definition: Option<Span>,
        names: impl Iterator<Item = &'t Ident>,
    ) -> bool {
        let Ident { name, span } = &instance.template.name;
        let (message, help) = match definition {
            Some(definition) if definition.start < instance.span.start => return true,
            Some(_) => {
                let message = format!("{kind} `{name}` is created above its definition");
                (message, "move the definition up".to_owned())
            }
            None => {
                let names: Vec<&str> = names.map(|name| &*name.name).collect();
                let message = format!("{kind} `{name}` is not defined in this flow");
                (
                    message,
                    one_of(name, &format!("{kind}s defined here"), &names),
                )
            }
        };
        self.findings
            .push(Finding::error(Code::UnknownName, *span, message).help(help));
        false
    }

    fn replaced(&mut self, kind: &str, instance: &Instance, earlier: Option<Created<'_>>) {
        if earlier.is_some() {
            let message = format!(
                "this {kind} replaces another one named `{}`",
                instance.name.name
            );
            let finding = Finding::warning(Code::Replaced, instance.name.span, message);
            self.findings
                .push(finding.help("create it under a name of its own"));
        }
    }

    // --- connect ---

    fn connections(&mut self) {
        for statement in &self.flow.body {
            if let FlowStatement::Connect(Connect { from, to, .. }) = statement {
                self.end(from, true);
                self.end(to, false);
            }
        }
        self.unconnected();
    }

    /// Checks one end of a connection; `from` says which.
    fn end(&mut self, end: &Endpoint, from: bool) {
        let Ident { name, span } = &end.name;
        let (kind, all) = match end.kind {
            EndpointKind::Connector => ("connector", &mut self.connectors),
            EndpointKind::Pipeline => ("pipeline", &mut self.pipelines),
        };
        let Some(created) = all.get_mut(&**name) else {
            let message = format!("no {kind} `{name}` is created in this flow");
            let create = format!("create it: `create {kind} {name}`");
            let help = did_you_mean(name, all.keys().copied()).unwrap_or(create);
            self.findings
                .push(Finding::error(Code::UnknownName, *span, message).help(help));
            return;
        };
        created.read |= from;
        created.fed |= !from;
        let Some(definition) = created.pipeline else {
            return;
        };
        let (what, ports) = match from {
            true => ("output port", ports::outputs(&definition.query)),
            false => ("input port", ports::inputs(&definition.query)),
        };
        let wanted = end
            .port
            .as_ref()
            .map_or(if from { "out" } else { "in" }, |port| &port.name);
        if !ports.iter().any(|port| port == wanted) {
            let span = end.port.as_ref().map_or(end.span, |port| port.span);
            let ports: Vec<&str> = ports.iter().map(String::as_str).collect();
            let message = format!("pipeline `{name}` has no {what} `{wanted}`");
            let help = one_of(wanted, &format!("{what}s"), &ports);
            self.findings
                .push(Finding::error(Code::UnknownPort, span, message).help(help));
        }
    }

    /// Warns of what is created and connected to nothing.
    fn unconnected(&mut self) {
        for (kind, all) in [
            ("connector", &self.connectors),
            ("pipeline", &self.pipelines),
        ] {
            for (name, created) in all {
                let message = match (kind, created.fed, created.read) {
                    (_, false, false) => format!("{kind} `{name}` is created but never connected"),
                    ("pipeline", false, true) => {
                        format!("pipeline `{name}` is never fed: nothing is connected to it")
                    }
                    _ => continue,
                };
                let help = match kind {
                    "connector" => format!(
                        "`connect /connector/{name} to …` or `connect … to /connector/{name}`"
                    ),
                    _ => format!("`connect … to /pipeline/{name}`"),
                };
                self.findings
                    .push(Finding::warning(Code::Unconnected, created.span, message).help(help));
            }
        }
    }
}

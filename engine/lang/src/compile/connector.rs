//! Connectors: the `with` clause of a definition, with the arguments of an instance filled in.

use temblor_pdk::value::{Arena, OwnedValue, Value};

use super::config::Setting;
use super::{Compiled, Compiler, Context, PoolBuilder, Reported};
use crate::ast::{ConnectorDefinition, Instance};
use crate::deployment::{ConfigSpans, ConnectorSpec};
use crate::finding::Finding;
use crate::scope::Scope;

/// The keys that the `with` clause of a connector definition can have.
pub(crate) const KEYS: [&str; 6] = [
    "codec",
    "config",
    "metrics_interval_s",
    "postprocessors",
    "preprocessors",
    "reconnect",
];

/// Compiles an instance of a connector, given its arguments.
///
/// # Errors
/// Reports settings that are not constant or not of the right type.
pub(super) fn connector<'c>(
    instance: &Instance,
    definition: &ConnectorDefinition,
    args: Value<'c>,
    arena: &'c Arena,
    findings: &mut Vec<Finding>,
) -> Compiled<ConnectorSpec> {
    let mut spec = ConnectorSpec {
        name: instance.name.name.to_string(),
        kind: definition.kind.name.to_string(),
        kind_span: definition.kind.span,
        codec: None,
        preprocessors: Vec::new(),
        postprocessors: Vec::new(),
        config: OwnedValue::Object(Box::default()),
        config_spans: ConfigSpans::new(definition.span),
        reconnect: None,
        metrics_interval_s: None,
        span: instance.span,
    };
    let mut failed = false;
    for assign in &definition.with.assigns {
        let (scope, mut pool) = (Scope::default(), PoolBuilder::new(arena));
        let mut compiler =
            Compiler::new(Context::Constant, Some(args), &scope, &mut pool, findings);
        let Ok(value) = compiler.constant(&assign.value) else {
            failed = true;
            continue;
        };
        let setting = Setting::new(&assign.key.name, value, &assign.value);
        if let Err(finding) = set(&mut spec, setting) {
            findings.push(finding);
            failed = true;
        }
    }
    if failed { Err(Reported) } else { Ok(spec) }
}

fn set(spec: &mut ConnectorSpec, setting: Setting<'_, '_>) -> Result<(), Finding> {
    match setting.name.as_str() {
        "codec" => spec.codec = Some(setting.named()?),
        "preprocessors" => spec.preprocessors = setting.chain()?,
        "postprocessors" => spec.postprocessors = setting.chain()?,
        "reconnect" => spec.reconnect = Some(setting.reconnect()?),
        "metrics_interval_s" => spec.metrics_interval_s = Some(setting.unsigned()?),
        "config" => {
            spec.config = setting.record()?;
            spec.config_spans = setting.spans;
        }
        // The checker has reported all others.
        _ => {}
    }
    Ok(())
}

//! Connectors: the `with` clause of a definition, with the arguments of an instance filled in.

use temblor_pdk::value::{Arena, OwnedValue, Value};

use super::super::{Compiled, Compiler, Context, PoolBuilder, Reported};
use super::args::check_unique;
use super::config::Setting;
use crate::ast::{ConnectorDefinition, Instance};
use crate::code::Code;
use crate::deployment::{ConfigSpans, ConnectorSpec};
use crate::finding::{Finding, Phase};
use crate::scope::Scope;
use crate::suggest::did_you_mean;

/// The keys that the `with` clause of a connector definition can have.
const KEYS: [&str; 7] = [
    "codec",
    "config",
    "metrics_interval_s",
    "on_failure",
    "postprocessors",
    "preprocessors",
    "reconnect",
];

/// Reports keys in the `with` of a definition that there are not, or that come twice.
pub(crate) fn check_keys(definition: &ConnectorDefinition, findings: &mut Vec<Finding>) {
    for assign in &definition.with.assigns {
        let key = &assign.key;
        if KEYS.contains(&&*key.name) {
            continue;
        }
        let message = format!(
            "invalid `with` parameter `{}` in the definition of the connector `{}`",
            key.name, definition.name.name
        );
        let keys: Vec<String> = KEYS.iter().map(|key| format!("`{key}`")).collect();
        let all = format!("the keys are {}", keys.join(", "));
        let help = match did_you_mean(&key.name, KEYS) {
            Some(meant) => format!("{meant} {all}"),
            None => all,
        };
        let finding = Finding::error(Code::UnknownKey, key.span, message);
        findings.push(finding.margin(2).help(help));
    }
    let keys = definition.with.assigns.iter().map(|assign| &assign.key);
    check_unique("key", keys, findings);
}

/// Compiles an instance of a connector, given its arguments. Names mean what they mean around its definition.
///
/// # Errors
/// Reports settings that are not constant or not of the right type.
pub(super) fn connector<'c>(
    instance: &Instance,
    definition: &ConnectorDefinition,
    around: &Scope,
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
        on_failure: None,
        metrics_interval_s: None,
        span: instance.span,
    };
    let mut failed = false;
    for assign in &definition.with.assigns {
        let mut pool = PoolBuilder::new(arena);
        let mut compiler =
            Compiler::new(Context::Constant, Some(args), around, &mut pool, findings);
        let Ok(value) = compiler.constant(&assign.value) else {
            failed = true;
            continue;
        };
        let setting = Setting::new(&assign.key.name, value, &assign.value);
        if let Err(finding) = set(&mut spec, setting) {
            findings.push(finding.phase(Phase::Graph));
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
        "on_failure" => spec.on_failure = Some(setting.on_failure()?),
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

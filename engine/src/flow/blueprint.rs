//! How a connector is made, as often as it has to be.

use std::sync::Arc;
use std::time::Duration;

use temblor_lang::{Afterwards, ConnectorSpec, Named, OnFailure as Setting, Reconnect, Retry};
use temblor_pdk::{
    BackoffPolicy, Context, Error, Host, Instance, Kind, Payload, Result, SinkInfo, SourceInfo,
};
use temblor_registry::Registered;

use super::plan::{Found, Planned, StartError};
use crate::control::Report;
use crate::decode::{self, Decoder};
use crate::encode::{self, Encoder};
use crate::engine::Inner;
use crate::frames::Step;
use crate::host::ConnectorHost;
use crate::letter::{Letters, OnFailure};
use crate::measure::Measures;
use crate::secret::Resolver;
use crate::sink::Refusal;
use crate::streams::Streams;

/// What a lost connection, a panic or a hang leads to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Recovery {
    /// The connector fails for good.
    Never,
    /// It is connected again.
    Retry {
        policy: BackoffPolicy,
        /// How often in a row; without end if none is given.
        most: Option<u64>,
        /// Whether the program says so: then also where the connector says that it cannot go on, and at the start.
        is_written: bool,
    },
}

/// Everything that a connector is made from.
pub(super) struct Blueprint {
    pub(super) inner: Arc<Inner>,
    pub(super) flow: String,
    pub(super) name: String,
    pub(super) found: Found,
    config: String,
    codec: Option<(Registered, String)>,
    preprocessors: Vec<(Registered, String)>,
    postprocessors: Vec<(Registered, String)>,
    pub(super) source: Option<SourceInfo>,
    pub(super) sink: Option<SinkInfo>,
    pub(super) recovery: Recovery,
    pub(super) refusal: Refusal,
    pub(super) reports: flume::Sender<Report>,
    /// What both sides know of the source's streams; none where there is one side only.
    streams: Option<Arc<Streams>>,
    pub(super) measures: Arc<Measures>,
}

impl Blueprint {
    /// Finds everything that the connector needs, and makes its codec and processors once, so that a mistake is found
    /// before anything runs.
    pub(super) fn new(
        inner: &Arc<Inner>,
        flow: &str,
        planned: &Planned<'_>,
        reports: flume::Sender<Report>,
    ) -> Result<Self, StartError> {
        let spec = planned.spec;
        let has_bytes = |payload: Option<Payload>| payload == Some(Payload::Bytes);
        let decodes = has_bytes(planned.source.map(|info| info.payload));
        let encodes = has_bytes(planned.sink.map(|info| info.payload));
        let codec = match &spec.codec {
            Some(named) if decodes || encodes => Some(found(inner, Kind::Codec, named)?),
            None if decodes || encodes => {
                return Err(StartError::config(spec.span, "a codec is missing"));
            }
            _ => None,
        };
        let all = |kind: Kind, list: &[Named], is_used: bool| {
            let used = list.iter().filter(|_| is_used);
            used.map(|named| found(inner, kind, named))
                .collect::<Result<Vec<_>, _>>()
        };
        Ok(Blueprint {
            preprocessors: all(Kind::Preprocessor, &spec.preprocessors, decodes)?,
            postprocessors: all(Kind::Postprocessor, &spec.postprocessors, encodes)?,
            inner: Arc::clone(inner),
            flow: flow.to_owned(),
            name: spec.name.clone(),
            found: planned.found.clone(),
            config: resolver(inner).connector(spec, &planned.found.schema())?,
            codec,
            source: planned.source,
            sink: planned.sink,
            recovery: recovery(spec),
            refusal: refusal(spec.on_failure.as_ref()),
            reports,
            streams: (planned.source.is_some() && planned.sink.is_some()).then(Streams::new),
            measures: Measures::new(
                (!inner.is_logical).then_some(inner.shared.clock),
                &inner.secrets,
            ),
        })
    }

    /// Makes the connector's own instance.
    pub(super) fn make(&self) -> Result<Box<dyn Instance>> {
        let host = Host::new(ConnectorHost {
            shared: Arc::clone(&self.inner.shared),
            flow: self.flow.clone(),
            connector: self.name.clone(),
            plugin: self.found.plugin(),
            reports: Some(self.reports.clone()),
        });
        let context = Context::new(&self.name, host);
        match &self.found {
            Found::Registered(entry) => entry.make_connector(&self.config, context),
            Found::Local(local) => local.make(context),
        }
    }

    pub(super) fn letters(&self) -> Letters {
        Letters::of_connector(&self.flow, &self.name, &self.inner.secrets)
    }

    /// What reads the source's bytes; none for a source of values.
    pub(super) fn decoder(&self) -> Result<Option<Decoder>> {
        let info = self.source.filter(|info| info.payload == Payload::Bytes);
        let (Some(info), Some((codec, config))) = (info, &self.codec) else {
            return Ok(None);
        };
        let preprocessors: Vec<(Registered, String, Arc<str>)> = self
            .preprocessors
            .iter()
            .map(|(entry, config)| {
                let about = format!("preprocessor `{}`", entry.name());
                (entry.clone(), config.clone(), about.into())
            })
            .collect();
        let name = codec.name().to_owned();
        let (codec, config) = (codec.clone(), config.clone());
        let make = move || {
            let make = |(entry, config, about): &(Registered, String, Arc<str>)| {
                Ok(Step {
                    about: Arc::clone(about),
                    preprocessor: entry.make_preprocessor(config)?,
                })
            };
            Ok(decode::Steps {
                preprocessors: preprocessors.iter().map(make).collect::<Result<_>>()?,
                codec: codec.make_codec(&config)?,
                is_stateless: codec.is_stateless(),
            })
        };
        Ok(Some(Decoder::new(
            Box::new(make),
            &name,
            self.inner.times(),
            self.letters(),
            self.refusal.then,
            info.transactional,
            self.streams.clone(),
        )))
    }

    /// What makes the sink's bytes; none for a sink of values.
    pub(super) fn encoder(&self) -> Result<Option<Encoder>> {
        let info = self.sink.filter(|info| info.payload == Payload::Bytes);
        let (Some(_), Some((codec, config))) = (info, &self.codec) else {
            return Ok(None);
        };
        let postprocessors = self.postprocessors.clone();
        let (codec, config) = (codec.clone(), config.clone());
        let make = move || {
            let make = |(entry, config): &(Registered, String)| entry.make_postprocessor(config);
            Ok(encode::Steps {
                codec: codec.make_codec(&config)?,
                postprocessors: postprocessors.iter().map(make).collect::<Result<_>>()?,
            })
        };
        Encoder::new(Box::new(make), self.streams.clone()).map(Some)
    }
}

fn resolver(inner: &Inner) -> Resolver<'_> {
    Resolver {
        environment: &inner.environment,
        secrets: &inner.secrets,
    }
}

/// Finds a codec or processor, and makes one to see whether its configuration works.
fn found(inner: &Inner, kind: Kind, named: &Named) -> Result<(Registered, String), StartError> {
    let entry = inner.registry.find(kind, &named.name).map_err(|error| {
        StartError::config(named.name_span, error.to_string()).help(error.help())
    })?;
    let config = resolver(inner).named(kind, named, &entry.schema())?;
    let made = match kind {
        Kind::Codec => entry.make_codec(&config).map(drop),
        Kind::Preprocessor => entry.make_preprocessor(&config).map(drop),
        _ => entry.make_postprocessor(&config).map(drop),
    };
    made.map_err(|error: Error| {
        let message = format!("cannot make `{}`: {error}", named.name);
        StartError::config(named.config_spans.value(""), message)
    })?;
    Ok((entry, config))
}

fn recovery(spec: &ConnectorSpec) -> Recovery {
    match &spec.reconnect {
        None => Recovery::Retry {
            policy: BackoffPolicy::default(),
            most: None,
            is_written: false,
        },
        Some(Reconnect::Never) => Recovery::Never,
        Some(Reconnect::Retry(retry)) => Recovery::Retry {
            policy: policy(retry),
            most: retry.max_retries,
            is_written: true,
        },
    }
}

fn policy(retry: &Retry) -> BackoffPolicy {
    let initial = Duration::from_millis(retry.interval_ms);
    let default = BackoffPolicy::default();
    BackoffPolicy {
        initial,
        growth: retry.growth_rate,
        max: retry
            .max_interval_ms
            .map_or(default.max, Duration::from_millis)
            .max(initial),
        randomized: retry.randomized,
    }
}

fn refusal(setting: Option<&Setting>) -> Refusal {
    let Some(setting) = setting else {
        return Refusal::default();
    };
    let retry = setting.retry.as_ref().map(|retry| {
        let most = retry.max_retries.unwrap_or_default();
        (policy(retry), u32::try_from(most).unwrap_or(u32::MAX))
    });
    let then = match setting.then {
        Afterwards::Fail => OnFailure::Fail,
        Afterwards::Drop => OnFailure::Drop,
        Afterwards::DeadLetter => OnFailure::DeadLetter,
    };
    Refusal { retry, then }
}

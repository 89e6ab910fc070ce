//! Running one case: its program, its input, and what arrives at each port.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use temblor_lang::{EvalError, Options, Pipeline, render, report};
use temblor_pdk::value::Map;
use temblor_pdk::{Arena, OwnedValue, Value};
use temblor_registry::Registry;

use super::super::alone::{ClockKind, Happening, Input, JSON, Stage};
use super::super::failure::Failure;
use super::super::modules::ModuleOptions;
use super::super::output::{nearest, quoted};
use super::super::program::{Language, Program};
use super::find::{Case, INPUT, Scope};
use super::settings::Settings;

/// Why a case cannot be run: a report for people.
pub(super) struct Wrong(pub(super) String);

impl From<Failure> for Wrong {
    fn from(failure: Failure) -> Wrong {
        Wrong(failure.to_string())
    }
}

/// What came of a case.
pub(super) struct Ran {
    /// The output ports, and what arrived at each in order.
    pub(super) ports: Vec<(String, Vec<OwnedValue>)>,
    /// What is to be said about events that failed within a query.
    pub(super) failures: Vec<String>,
    /// The codec for files that are made.
    pub(super) encoder: String,
    /// The port that events go to on which the script fails; none in a query, which has its own ways.
    err: Option<usize>,
}

/// Runs a case with the logical clock.
pub(super) fn run(
    case: &Case,
    scope: &Scope,
    registry: &Arc<Registry>,
    modules: &ModuleOptions,
) -> Result<Ran, Wrong> {
    let settings = Settings::read(case)?;
    let file = program_file(case, &settings)?;
    let pipeline = program(case, &file, &settings, modules.options(registry))?;
    let port = input_port(&pipeline, &settings)?;
    let is_script = Language::of(&file) == Language::Script;
    let (file, decoder) = input_file(case, &settings, scope)?;
    let path = case.path(&file);
    let bytes = fs::read(&path).map_err(|error| {
        Wrong(format!(
            "error: `{}` cannot be read: {error}",
            path.display()
        ))
    })?;
    let mut input = Input::new(&settings.preprocessors, &decoder, registry)?;
    input.name(Some(&path));
    let mut ran = Ran {
        ports: pipeline
            .outputs()
            .map(|name| (name.to_owned(), Vec::new()))
            .collect(),
        failures: Vec::new(),
        encoder: settings.encoder.clone().unwrap_or_else(|| JSON.to_owned()),
        err: pipeline.output("err").filter(|_| is_script),
    };
    let mut unreadable = None;
    let mut stage = Stage::new(&pipeline, port, ClockKind::Logical);
    let place = input.places();
    let mut frames = input.cut(&bytes);
    frames.append(&mut input.rest());
    stage.run(frames, input.decoder(), &mut |number, happening| {
        ran.take(happening, &place.of(number), &mut unreadable);
    });
    if settings.flush {
        let end = "the end of the input";
        stage.flush(&mut |happening| ran.take(happening, end, &mut unreadable));
    }
    match unreadable {
        Some(text) => Err(Wrong(text)),
        None => Ok(ran),
    }
}

impl Ran {
    fn take(&mut self, happening: Happening<'_>, place: &str, unreadable: &mut Option<String>) {
        match happening {
            Happening::Result { port, value } => {
                if let Some((_, values)) = self.ports.get_mut(port) {
                    values.push(value.to_owned_value());
                }
            }
            Happening::Unreadable(error) => {
                let text = format!("error: this is no event: {error}\n --> {place}");
                unreadable.get_or_insert(text);
            }
            Happening::Failed { event, error } => self.failed(event, &error, place),
        }
    }

    /// Takes an event that failed. In a flow, that of a script goes to its port `err`; that of a select goes nowhere,
    /// so nothing can be expected of it.
    fn failed(&mut self, event: Option<Value<'_>>, error: &EvalError, place: &str) {
        let port = self.err.and_then(|err| self.ports.get_mut(err));
        match (port, event) {
            (Some((_, values)), Some(event)) => {
                let text = report(error.finding(), error.sources(), false);
                let mut record = Map::new();
                record.insert("error".into(), OwnedValue::from(text));
                record.insert("event".into(), event.to_owned_value());
                values.push(OwnedValue::Object(Box::new(record)));
            }
            _ => {
                let report = error.to_string();
                let report = report.trim_end();
                self.failures.push(format!("{report}\n --> {place}"));
            }
        }
    }
}

/// Finds and compiles the program.
fn program(
    case: &Case,
    file: &Path,
    settings: &Settings,
    mut options: Options,
) -> Result<Pipeline, Wrong> {
    let path = case.path(file);
    let own = settings
        .modules
        .iter()
        .map(|directory| case.path(directory));
    options.module_path = own.chain(options.module_path).collect();
    options.args = settings.args.clone().into_iter().collect();
    let is_deployment = Language::of(&path) == Language::Deployment;
    if let (false, Some(name)) = (is_deployment, settings.args.keys().next()) {
        let message = format!("`{}` has no argument `{name}`", path.display());
        return Err(Failure::wrong(message)
            .help("`args` of `test.toml` is for the flows of a `.troy` file")
            .into());
    }
    compiled(&path, file, &options).and_then(|program| match program.deployment {
        None => {
            let message = || format!("error: `{}` does nothing", path.display());
            program.pipeline.ok_or_else(|| Wrong(message()))
        }
        Some(deployment) => {
            let flows = deployment.flows.into_iter();
            let pipelines = flows.flat_map(|flow| {
                let of_flow = flow.pipelines.into_iter();
                of_flow.map(move |spec| (format!("{}/{}", flow.name, spec.name), spec.pipeline))
            });
            let wanted = settings.pipeline.as_deref();
            Ok(one_of(pipelines.collect(), wanted, &path)?)
        }
    })
}

/// Compiles a program under its name within the case, so that the reports of scripts are the same wherever they run.
fn compiled(path: &Path, name: &Path, options: &Options) -> Result<Program, Wrong> {
    let program = Program::read_as(path, &name.display().to_string(), options)?;
    if program.verdict().is_none() {
        return Ok(program);
    }
    // Once more, with names that lead to the file.
    let program = Program::read(path, options)?;
    let findings = program.findings.iter();
    let reports: Vec<String> = findings.map(|f| render(f, &program.sources)).collect();
    Err(Wrong(reports.join("\n")))
}

fn program_file(case: &Case, settings: &Settings) -> Result<PathBuf, Failure> {
    if let Some(file) = &settings.program {
        return Ok(file.clone());
    }
    let programs = case.files.iter().map(String::as_str).filter(|file| {
        let end = Path::new(file).extension();
        end.is_some_and(|end| {
            ["tremor", "trickle", "troy"]
                .iter()
                .any(|known| end == *known)
        })
    });
    let programs: Vec<&str> = programs.collect();
    let directory = case.directory.display();
    match programs.as_slice() {
        [one] => Ok(PathBuf::from(one)),
        [] => Err(Failure::wrong(format!("`{directory}` holds no program"))
            .help("put a `.trickle`, `.tremor` or `.troy` file there, or name it in `test.toml`: `program = \"…\"`")),
        many => {
            let message = format!("`{directory}` holds several programs: {}", quoted(many.iter().copied()));
            Err(Failure::wrong(message).help("say which one is meant in `test.toml`: `program = \"…\"`"))
        }
    }
}

/// Chooses the pipeline of a deployment; its name may be given with its flow or without.
fn one_of(
    mut pipelines: Vec<(String, Pipeline)>,
    wanted: Option<&str>,
    path: &Path,
) -> Result<Pipeline, Failure> {
    let names: Vec<String> = pipelines.iter().map(|(name, _)| name.clone()).collect();
    let listed = quoted(names.iter().map(String::as_str));
    let path = path.display();
    if let Some(wanted) = wanted {
        let last = |name: &str| name.rsplit('/').next() == Some(wanted);
        pipelines.retain(|(name, _)| name == wanted || last(name));
    }
    match (pipelines.len(), wanted) {
        (1, _) => {}
        (0, None) => {
            return Err(
                Failure::wrong(format!("`{path}` deploys no pipeline")).help(
                    "test a flow that is deployed, or write a `.trickle` that uses the pipeline",
                ),
            );
        }
        (0, Some(wanted)) => {
            return Err(
                Failure::wrong(format!("`{path}` has no pipeline `{wanted}`"))
                    .help(format!("the pipelines are {listed}")),
            );
        }
        _ => {
            let help = "say which one is meant in `test.toml`: `pipeline = \"…\"`";
            return Err(
                Failure::wrong(format!("`{path}` has several pipelines: {listed}")).help(help),
            );
        }
    }
    let only = pipelines.pop().map(|(_, pipeline)| pipeline);
    only.ok_or_else(|| Failure::wrong(format!("`{path}` deploys no pipeline")))
}

fn input_port(pipeline: &Pipeline, settings: &Settings) -> Result<usize, Failure> {
    let wanted = settings.port.as_deref().unwrap_or(INPUT);
    pipeline.input(wanted).ok_or_else(|| {
        let message = format!("the pipeline has no input port `{wanted}`");
        let help = match nearest(wanted, pipeline.inputs()) {
            Some(meant) if settings.port.is_some() => format!("did you mean `{meant}`?"),
            _ => format!(
                "name one of {} in `test.toml`: `port = \"…\"`",
                quoted(pipeline.inputs())
            ),
        };
        Failure::wrong(message).help(help)
    })
}

/// Returns the file of the input and its codec.
fn input_file(
    case: &Case,
    settings: &Settings,
    scope: &Scope,
) -> Result<(String, String), Failure> {
    let with_codec = case.events(INPUT, scope);
    let bare = case.files.iter().find(|file| *file == INPUT);
    let mut found: Vec<(&str, Option<&str>)> = with_codec.map(|(f, c)| (f, Some(c))).collect();
    found.extend(bare.map(|file| (file.as_str(), None)));
    let decoder = settings.decoder.as_deref();
    let directory = case.directory.display();
    match found.as_slice() {
        [(file, codec)] => match decoder.or(*codec) {
            Some(codec) => Ok(((*file).to_owned(), codec.to_owned())),
            None => Err(
                Failure::wrong(format!("`{}` may be anything", case.shown(file))).help(
                    "name its codec in `test.toml`: `decoder = \"…\"`, or in its ending: `in.json`",
                ),
            ),
        },
        [] => Err(
            Failure::wrong(format!("`{directory}` holds no input")).help(format!(
                "write its events, one a line, into `in.json`; other endings are {}",
                quoted(scope.codecs().filter(|codec| *codec != JSON))
            )),
        ),
        many => {
            let names = quoted(many.iter().map(|(file, _)| *file));
            Err(
                Failure::wrong(format!("`{directory}` holds several inputs: {names}"))
                    .help("leave one of them"),
            )
        }
    }
}

/// Returns what a frame of a file means.
pub(super) fn decode(
    codec: &mut dyn temblor_pdk::DynCodec,
    mut bytes: Vec<u8>,
) -> Result<Option<OwnedValue>, temblor_pdk::Error> {
    let arena = Arena::new();
    let decoded = codec.decode(&mut bytes, &arena)?;
    Ok(decoded.map(Value::to_owned_value))
}

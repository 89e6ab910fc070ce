//! `temblor connectors`: what there is, where it comes from, and how it is configured.

use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};
use temblor::Secrets;
use temblor_pdk::{Function, FunctionInfo, Kind, Payload, Settles, SinkInfo, SourceInfo, abi};
use temblor_registry::{Listing, Provider, Registered, Registry, RegistryError, Status};

use super::catalogue::{self, CatalogueOptions, Link, parse_link};
use super::failure::{Exit, Failure, Outcome};
use super::log::Log;
use super::output::{print, print_json, quoted, table};
use super::schema::{self, Key};

/// Lists connectors, codecs, processors, operators and functions, or shows one of them.
#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct ConnectorsOptions {
    #[command(subcommand)]
    command: Option<ConnectorsCommand>,
    #[command(flatten)]
    list: ListOptions,
}

#[derive(Subcommand, Debug)]
enum ConnectorsCommand {
    /// Shows how one of them is configured
    Show(ShowOptions),
}

#[derive(Args, Debug)]
struct ListOptions {
    #[command(flatten)]
    catalogue: CatalogueOptions,
    /// Whose link mode to set, as in `--link file=abi`; can be repeated
    #[arg(long = "link", value_name = "NAME=MODE", value_parser = parse_link)]
    links: Vec<Link>,
    /// Writes JSON
    #[arg(long)]
    json: bool,
}

#[derive(Args, Debug)]
struct ShowOptions {
    /// The name, or `NAME@plugin`, or `NAME@builtin`
    name: String,
    /// Which kind of thing it is, if several have the name
    #[arg(long, value_parser = parse_kind)]
    kind: Option<Kind>,
    #[command(flatten)]
    catalogue: CatalogueOptions,
    /// Writes JSON
    #[arg(long)]
    json: bool,
}

fn parse_kind(name: &str) -> Result<Kind, String> {
    Kind::from_name(name).ok_or_else(|| {
        let names = quoted(Kind::ALL.into_iter().map(Kind::name));
        format!("the kinds are {names}")
    })
}

/// Runs the command.
pub(crate) fn run(options: &ConnectorsOptions, log: Log) -> Outcome {
    match &options.command {
        None => list(&options.list, log),
        Some(ConnectorsCommand::Show(options)) => show(options, log),
    }
}

fn list(options: &ListOptions, log: Log) -> Outcome {
    let mut registry = catalogue::fill(&options.catalogue, log)?;
    for link in &options.links {
        registry.link(&link.name, link.mode);
    }
    let listing = registry.listing();
    match options.json {
        true => print_json(&listing)?,
        false => print(&listing_table(&listing))?,
    }
    Ok(Exit::Done)
}

fn listing_table(listing: &[Listing]) -> String {
    let head = [
        "NAME", "KIND", "VERSION", "STATUS", "PROVIDER", "PDK", "SOURCE", "FEATURE", "REASON",
    ];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    rows.extend(listing.iter().map(row));
    table(&rows, &[])
}

fn row(entry: &Listing) -> Vec<String> {
    let known = |text: Option<&String>| text.cloned().unwrap_or_else(|| "?".to_owned());
    let none = || "-".to_owned();
    let (provider, pdk, source, feature) = match &entry.provider {
        Provider::Builtin {
            crate_name,
            feature,
            ..
        } => (
            "builtin",
            abi::VERSION.to_owned(),
            crate_name.clone(),
            feature.clone().unwrap_or_else(none),
        ),
        Provider::Plugin { path, pdk, .. } => {
            let path = path.display().to_string();
            ("plugin", known(pdk.as_ref()), path, none())
        }
    };
    vec![
        known(entry.name.as_ref()),
        known(entry.kind.as_ref()),
        known(entry.version.as_ref()),
        status(entry.status).to_owned(),
        provider.to_owned(),
        pdk,
        source,
        feature,
        entry.reason.clone().unwrap_or_default(),
    ]
}

fn status(status: Status) -> &'static str {
    match status {
        Status::Ok => "ok",
        Status::Shadowed => "shadowed",
        Status::Duplicate => "duplicate",
        Status::Refused => "refused",
        Status::Newer => "newer",
    }
}

fn show(options: &ShowOptions, log: Log) -> Outcome {
    let registry = catalogue::fill(&options.catalogue, log)?;
    let entry = find(&registry, &options.name, options.kind)?;
    let mut schema: Value = serde_json::from_str(&entry.schema()).map_err(|error| {
        let (kind, name) = (entry.kind().name(), entry.name());
        Failure::failed(format!("the schema of {kind} `{name}` is no JSON: {error}"))
            .help("build its crate again with the temblor-pdk of this program")
    })?;
    schema::hide_secrets(&mut schema);
    match options.json {
        true => print_json(&as_json(&entry, schema))?,
        false => print(&as_text(&entry, &schema))?,
    }
    Ok(Exit::Done)
}

/// Finds an entry by its name: a connector before codecs, these before processors.
fn find(registry: &Registry, name: &str, kind: Option<Kind>) -> Result<Registered, Failure> {
    let kinds = kind.map_or_else(|| Kind::ALL.to_vec(), |kind| vec![kind]);
    let mut first_error = None;
    let mut best_error = None;
    for kind in kinds {
        match registry.find(kind, name) {
            Ok(entry) => return Ok(entry),
            Err(error) => {
                let meant = matches!(&error, RegistryError::Unknown { meant: Some(_), .. });
                let exists = !matches!(&error, RegistryError::Unknown { .. });
                if exists || (meant && best_error.is_none()) {
                    best_error = Some(error);
                } else if first_error.is_none() {
                    first_error = Some(error);
                }
            }
        }
    }
    let error = best_error.or(first_error);
    Err(error.map_or_else(
        || Failure::wrong(format!("there is nothing called `{name}`")),
        |error| catalogue::of_registry(&error),
    ))
}

fn as_json(entry: &Registered, schema: Value) -> Value {
    json!({
        "name": entry.name(),
        "kind": entry.kind().name(),
        "version": entry.version(),
        "provider": entry.provider(),
        "link_mode": entry.link_mode(),
        "summary": entry.summary(),
        "source": entry.source().map(|source| json!({
            "payload": payload(source.payload),
            "transactional": source.transactional,
        })),
        "sink": entry.sink().map(|sink| json!({
            "payload": payload(sink.payload),
            "settles": settles(sink.settles),
        })),
        "functions": functions(entry).iter().map(|function| json!({
            "name": function.name,
            "min_args": function.min_args,
            "max_args": (function.max_args != Function::ANY).then_some(function.max_args),
            "pure": function.is_pure,
        })).collect::<Vec<Value>>(),
        "keys": schema::keys(&schema),
        "schema": schema,
        "example": serde_json::from_str(&shown_example(entry)).unwrap_or(Value::Null),
    })
}

fn as_text(entry: &Registered, schema: &Value) -> String {
    let mut text = format!(
        "{} `{}` {}\n{}\n\nprovider:   {}\nlink mode:  {}\n",
        entry.kind().name(),
        entry.name(),
        entry.version(),
        entry.summary(),
        entry.provider(),
        entry.link_mode(),
    );
    if entry.kind() == Kind::Connector {
        text += &format!("source:     {}\n", source(entry.source()));
        text += &format!("sink:       {}\n", sink(entry.sink()));
    }
    let keys = schema::keys(schema);
    text += &match keys.is_empty() {
        true if entry.kind() == Kind::FunctionModule => String::new(),
        true => "\nconfiguration: it has no keys\n".to_owned(),
        false => format!("\nconfiguration:\n{}", key_table(&keys)),
    };
    text += &match &functions(entry)[..] {
        [] => String::new(),
        functions => format!("\nfunctions:\n{}", function_table(functions)),
    };
    text + &example(entry)
}

/// The functions of a module; none for anything else.
fn functions(entry: &Registered) -> Vec<FunctionInfo> {
    let functions = entry.make_functions().ok();
    functions.map_or_else(Vec::new, |functions| functions.describe().to_vec())
}

/// How many arguments a function takes, in words.
fn arguments(function: &FunctionInfo) -> String {
    match (function.min_args, function.max_args) {
        (min, Function::ANY) => format!("at least {min}"),
        (min, max) if min == max => min.to_string(),
        (min, max) => format!("{min} to {max}"),
    }
}

fn function_table(functions: &[FunctionInfo]) -> String {
    let mut rows = vec![["  FUNCTION", "ARGUMENTS"].map(str::to_owned).to_vec()];
    rows.extend(
        functions
            .iter()
            .map(|function| vec![format!("  {}", function.name), arguments(function)]),
    );
    table(&rows, &[])
}

/// The example of a configuration, without what is secret of it.
fn shown_example(entry: &Registered) -> String {
    let example: Value = serde_json::from_str(entry.example()).unwrap_or_default();
    let secrets = Secrets::new();
    if let Ok(config) = serde_json::from_value(example) {
        secrets.add_written(&entry.schema(), &config);
    }
    secrets.mask(entry.example()).into_owned()
}

fn example(entry: &Registered) -> String {
    let (name, example) = (entry.name(), &*shown_example(entry));
    match entry.kind() {
        Kind::Connector => {}
        Kind::Operator => return operator_example(name, example),
        Kind::FunctionModule => return String::new(),
        _ => return format!("\nexample: {example}\n"),
    }
    let payloads = [
        entry.source().map(|source| source.payload),
        entry.sink().map(|sink| sink.payload),
    ];
    let codec = match payloads.contains(&Some(Payload::Bytes)) {
        true => "    codec = \"json\",\n",
        false => "",
    };
    format!(
        "\nexample:\n  define connector my_{name} from {name}\n  with\n{codec}    config = {example}\n  \
         end;\n"
    )
}

/// How a query defines an operator. One that has no module cannot be named there.
fn operator_example(name: &str, example: &str) -> String {
    let Some((_, kind)) = name.split_once("::") else {
        return String::new();
    };
    let config: Map<String, Value> = serde_json::from_str(example).unwrap_or_default();
    let keys: Vec<String> = config
        .iter()
        .map(|(key, value)| format!("    {key} = {value}"))
        .collect();
    let with = match keys.is_empty() {
        true => String::new(),
        false => format!("\n  with\n{}\n  end", keys.join(",\n")),
    };
    format!("\nexample:\n  define operator my_{kind} from {name}{with};\n")
}

fn key_table(keys: &[Key]) -> String {
    let head = ["  KEY", "TYPE", "DEFAULT", "DESCRIPTION"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    rows.extend(keys.iter().map(|key| {
        let default = match (&key.default, key.required) {
            (Some(default), _) => default.to_string(),
            (None, true) => "required".to_owned(),
            (None, false) => "-".to_owned(),
        };
        vec![
            format!("  {}", key.key),
            match key.secret {
                true => format!("{}, secret", key.takes),
                false => key.takes.clone(),
            },
            default,
            key.description.clone(),
        ]
    }));
    table(&rows, &[])
}

fn source(source: Option<SourceInfo>) -> String {
    match source {
        None => "none".to_owned(),
        Some(info) => {
            let fates = match info.transactional {
                true => ", learns the fate of its events",
                false => "",
            };
            format!("hands over {}{fates}", payload(info.payload))
        }
    }
}

fn sink(sink: Option<SinkInfo>) -> String {
    match sink {
        None => "none".to_owned(),
        Some(info) => format!(
            "takes {}, settles {}",
            payload(info.payload),
            settles(info.settles)
        ),
    }
}

fn payload(payload: Payload) -> &'static str {
    match payload {
        Payload::Bytes => "bytes",
        Payload::Values => "values",
    }
}

fn settles(settles: Settles) -> &'static str {
    match settles {
        Settles::OnReturn => "on return",
        Settles::Late => "late",
    }
}

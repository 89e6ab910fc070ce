//! Reading case files.

/// What kind of text a case has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Script,
    Query,
    Deployment,
}

/// One case.
#[derive(Debug)]
pub(crate) struct Case {
    pub(crate) place: String,
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) text: String,
    pub(crate) modules: Vec<(String, String)>,
    pub(crate) input: Vec<String>,
    /// None if nobody looks at what comes out.
    pub(crate) output: Option<Vec<String>>,
    /// None if there must be no error, and warnings do not matter.
    pub(crate) findings: Option<Vec<String>>,
}

/// Reads a file of which each line is a case.
pub(crate) fn parse_rows(file: &str, text: &str) -> Vec<Case> {
    let (mut event, mut meta) = ("null".to_owned(), String::new());
    let mut cases = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let place = format!("rows/{file}:{}", number + 1);
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(json) = line.strip_prefix("@event ") {
            json.clone_into(&mut event);
            continue;
        }
        if let Some(json) = line.strip_prefix("@meta ") {
            json.clone_into(&mut meta);
            continue;
        }
        let parts = line.rsplit_once("==>");
        let (script, expected) = parts.unwrap_or_else(|| panic!("{place}: `==>` is missing"));
        let (mut output, mut findings) = (None, None);
        match expected.trim() {
            expected if expected.starts_with("compile") => {
                findings = Some(vec![expected.to_owned()]);
            }
            "drop" => output = Some(Vec::new()),
            expected if expected.starts_with("run") => {
                output = Some(vec![expected.replacen("run", "failed", 1)]);
            }
            expected => output = Some(vec![expected.to_owned()]),
        }
        let mut input = Vec::new();
        if !meta.is_empty() {
            input.push(format!("@meta {meta}"));
        }
        input.push(event.clone());
        cases.push(Case {
            place,
            name: script.trim().to_owned(),
            kind: Kind::Script,
            text: script.trim().replace('⏎', "\n"),
            modules: Vec::new(),
            input,
            output,
            findings,
        });
    }
    cases
}

/// Reads a file of cases that take several lines.
pub(crate) fn parse_cases(file: &str, text: &str) -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    let mut section = String::new();
    for (number, line) in text.lines().enumerate() {
        if let Some(name) = line.strip_prefix("=== ") {
            cases.push(Case {
                place: format!("cases/{file}:{}", number + 1),
                name: name.to_owned(),
                kind: Kind::Script,
                text: String::new(),
                modules: Vec::new(),
                input: Vec::new(),
                output: None,
                findings: None,
            });
            section = "note".to_owned();
            continue;
        }
        let Some(case) = cases.last_mut() else {
            continue;
        };
        if let Some(name) = line.strip_prefix("--- ") {
            name.trim().clone_into(&mut section);
            start(case, &section);
        } else {
            add(case, &section, line);
        }
    }
    cases
}

fn start(case: &mut Case, section: &str) {
    match section {
        "script" => case.kind = Kind::Script,
        "query" => case.kind = Kind::Query,
        "deployment" => case.kind = Kind::Deployment,
        "out" => case.output = Some(Vec::new()),
        "findings" => case.findings = Some(Vec::new()),
        "in" | "note" => {}
        module => {
            let name = module.strip_prefix("module ");
            let name = name.unwrap_or_else(|| panic!("{}: section `{module}`", case.place));
            case.modules.push((name.to_owned(), String::new()));
        }
    }
}

fn add(case: &mut Case, section: &str, line: &str) {
    let is_filled = !line.trim().is_empty();
    match section {
        "script" | "query" | "deployment" => push_line(&mut case.text, line),
        "in" if is_filled => case.input.push(line.to_owned()),
        "out" if is_filled => case.output.iter_mut().for_each(|out| out.push(line.into())),
        "findings" if is_filled => case
            .findings
            .iter_mut()
            .for_each(|all| all.push(line.into())),
        "in" | "out" | "findings" | "note" => {}
        _ => {
            if let Some((_, text)) = case.modules.last_mut() {
                push_line(text, line);
            }
        }
    }
}

fn push_line(text: &mut String, line: &str) {
    text.push_str(line);
    text.push('\n');
}

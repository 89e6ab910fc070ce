//! What crosses the boundary is plain data: no type of std or of an allocator is in it.
//!
//! Read from the source, because the compiler does not tell the types of fields. The sizes and offsets themselves are
//! compared with literal numbers by the unit tests of `abi` and `value`.

use std::path::{Path, PathBuf};

/// Bodies that only their maker looks into: the other side has a pointer to the head, which is the first field.
const PRIVATE: [&str; 4] = ["ArenaBody", "BatchBody", "BufferBody", "HostWaker"];

/// The types that may cross beside pointers, functions and the structs of the same kind.
const PLAIN: [&str; 12] = [
    "u8",
    "u16",
    "u32",
    "u64",
    "usize",
    "AtomicUsize",
    "Cell",
    "MaybeUninit",
    "NonNull",
    "PhantomData",
    "PrefixRef",
    "RStr",
];

struct Struct {
    file: PathBuf,
    name: String,
    fields: Vec<(String, String)>,
}

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

/// The name behind `struct` or `union`, if the line opens one.
fn opened(line: &str) -> Option<String> {
    let mut words = line.split(|c: char| !c.is_alphanumeric() && c != '_');
    words.find(|word| ["struct", "union"].contains(word))?;
    words.next().map(str::to_owned)
}

fn is_field(line: &str) -> bool {
    let line = line.trim();
    !line.starts_with("//") && !line.starts_with('#')
}

/// The fields of a struct from its text between the braces.
fn fields(body: &str) -> Vec<(String, String)> {
    let mut fields = Vec::new();
    let (mut depth, mut field) = (0i32, String::new());
    let lines: Vec<_> = body.lines().filter(|line| is_field(line)).collect();
    for c in lines.join(" ").replace("->", "").chars() {
        depth += i32::from("(<{".contains(c)) - i32::from(")>}".contains(c));
        if c == ',' && depth == 0 {
            fields.push(std::mem::take(&mut field));
        } else {
            field.push(c);
        }
    }
    fields.push(field);
    let split = fields.iter().filter_map(|field| field.split_once(':'));
    split
        .map(|(name, ty)| (name.trim().to_owned(), ty.trim().to_owned()))
        .collect()
}

/// Every struct and union with a C layout.
fn structs() -> Vec<Struct> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    rust_files(&root.join("src"), &mut files);
    rust_files(&root.join("root/src"), &mut files);
    let mut found = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file).expect("a source file");
        for rest in text.split("#[repr(C)]\n").skip(1) {
            let line = rest.lines().find(|line| is_field(line)).expect("a line");
            let name = opened(line).expect("a struct");
            let body = rest.split_once("{\n").expect("fields").1;
            let body = body.split_once("\n}\n").expect("an end").0;
            let fields = fields(body);
            let file = file.clone();
            found.push(Struct { file, name, fields });
        }
    }
    found
}

/// The identifiers of a type that say what is in it: not what a pointer points at, nor a function's.
fn named(ty: &str) -> Vec<&str> {
    let ty = ty.trim_start_matches("pub(crate)").trim();
    if ty.starts_with('*') || ty.starts_with("NonNull<") || ty.starts_with("PhantomData<") {
        return Vec::new();
    }
    let function = ["unsafe extern", "extern \"C\"", "Option<unsafe extern"];
    if function.iter().any(|start| ty.starts_with(start)) {
        return Vec::new();
    }
    let words = ty.split(|c: char| !c.is_alphanumeric() && c != '_' && c != '\'');
    words
        .filter(|word| !word.is_empty() && !word.starts_with('\''))
        .collect()
}

#[test]
fn only_plain_data_crosses() {
    let structs = structs();
    let mut known: Vec<&str> = structs.iter().map(|s| s.name.as_str()).collect();
    // Transparent over a pointer or over one of the structs.
    known.extend(["Cancel", "Host", "Payload", "Lane", "Fate", "mut"]);
    for it in structs
        .iter()
        .filter(|s| !PRIVATE.contains(&s.name.as_str()))
    {
        assert!(!it.fields.is_empty(), "`{}` has no field", it.name);
        for (field, ty) in &it.fields {
            for word in named(ty) {
                assert!(
                    PLAIN.contains(&word) || known.contains(&word),
                    "{}: `{}.{field}: {ty}` crosses the boundary and is not plain data",
                    it.file.display(),
                    it.name,
                );
            }
        }
    }
}

#[test]
fn what_only_the_maker_sees_begins_with_what_both_see() {
    for name in PRIVATE {
        let all = structs();
        let body = all.iter().find(|s| s.name == name).expect(name);
        assert_eq!(
            body.fields[0].0.trim_start_matches("pub(super) "),
            "head",
            "{name}"
        );
    }
}

#[test]
fn every_struct_that_crosses_is_in_the_fingerprint() {
    // The root is listed where it is filled in; a payload is the last eight bytes of a value.
    let elsewhere = ["Root", "Payload", "PullLimits"];
    let structs = structs();
    assert!(structs.len() > 25, "only {} structs found", structs.len());
    for it in structs {
        if PRIVATE.contains(&it.name.as_str()) || elsewhere.contains(&it.name.as_str()) {
            continue;
        }
        let size = format!("size_of::<{}", it.name);
        let text = |path: &Path| std::fs::read_to_string(path).expect("a source file");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let listed = [it.file.clone(), source.join("abi/instance/mod.rs")];
        assert!(
            listed.iter().any(|path| text(path).contains(&size)),
            "{}: `{}` has a C layout and is not in the module's `LAYOUT`",
            it.file.display(),
            it.name,
        );
    }
}

/// The structs that cross as they are declared, in the order of their names: what the compiler's numbers do not show,
/// such as the arguments of functions, is in here.
fn declarations() -> String {
    let mut structs = structs();
    structs.retain(|it| !PRIVATE.contains(&it.name.as_str()));
    structs.sort_by(|a, b| a.name.cmp(&b.name));
    let mut text = String::new();
    for it in structs {
        text += &format!("{}\n", it.name);
        for (field, ty) in it.fields {
            let field = field.rsplit(' ').next().unwrap_or_default();
            let ty: Vec<&str> = ty.split_whitespace().collect();
            let ty = ty
                .join(" ")
                .replace("( ", "(")
                .replace(", )", ")")
                .replace(",)", ")");
            text += &format!("    {field}: {ty}\n");
        }
    }
    text
}

#[test]
fn the_epoch_is_frozen() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/epoch1.txt");
    let now = declarations();
    if std::env::var_os("TEMBLOR_WRITE_EPOCH").is_some() {
        std::fs::write(&path, &now).expect("it can be written");
    }
    let frozen = std::fs::read_to_string(&path).expect("a file");
    let mut lines = now.lines().zip(frozen.lines());
    let differs = lines.find(|(now, frozen)| now != frozen);
    assert!(
        now == frozen,
        "what crosses the boundary is declared otherwise than in tests/epoch1.txt, first at {differs:?}. Epoch 1 is \
         frozen: plugins in the field were built for that file. Take the change back and give what is new a struct of \
         its own, found through `get_extension` (docs/plugins.md). Only such a new struct is added to the file, by \
         running this test with TEMBLOR_WRITE_EPOCH=1; a line that is there stays as it is until epoch 2"
    );
}

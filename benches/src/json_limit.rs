//! What JSON costs at least: CPU seconds per GB of newline-delimited JSON on one thread, without any engine around.
//!
//! ```text
//! json_limit --generate BYTES PATH
//! json_limit [--mode MODE]... [--rounds N] PATH
//! ```
//!
//! Modes: `lines` reads and splits; `parse-tape` and `parse-arena` also parse; `tape` writes the tape again, and is
//! the limit; `arena` decodes to values and writes them; `edit` also renames a field and adds one, and copies what
//! is below the top from the input; `splice` copies each untouched event from the input. Without a mode all of them
//! are run, one after the other in every round, so that what slows the machine down slows down all.

mod json_input;

use std::fs::File;
use std::hint::black_box;
use std::io::Read;
use std::process::ExitCode;

use memchr::memchr_iter;
use simd_json::{Buffers, Node, StaticNode, Tape, fill_tape};
use temblor_codecs as _;
use temblor_pdk::{Arena, DynCodec, Field, Kind, Value};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

const READ: usize = 256 * 1024;
/// Events that are decoded into one arena before they are encoded.
const BATCH: usize = 256;

const MODES: [Mode; 7] = [
    ("lines", || Ok(Box::new(Lines))),
    ("parse-tape", || TapeRun::make(false)),
    ("parse-arena", || ArenaRun::make(None)),
    ("tape", || TapeRun::make(true)),
    ("arena", || ArenaRun::make(Some(write))),
    ("edit", || ArenaRun::make(Some(edit))),
    ("splice", || ArenaRun::make(Some(splice))),
];

/// A name and what makes the work.
type Mode = (&'static str, Make);

type Make = fn() -> Result<Box<dyn Work>>;

/// What is done with the lines of one read.
trait Work {
    fn run(&mut self, lines: &mut [&mut [u8]], out: &mut Vec<u8>) -> Result<()>;
}

struct Lines;

impl Work for Lines {
    fn run(&mut self, lines: &mut [&mut [u8]], _out: &mut Vec<u8>) -> Result<()> {
        black_box(lines);
        Ok(())
    }
}

struct TapeRun {
    buffers: Buffers,
    tape: Tape<'static>,
    writes: bool,
}

impl TapeRun {
    fn make(writes: bool) -> Result<Box<dyn Work>> {
        Ok(Box::new(TapeRun {
            buffers: Buffers::default(),
            tape: Tape(Vec::new()),
            writes,
        }))
    }
}

impl Work for TapeRun {
    fn run(&mut self, lines: &mut [&mut [u8]], out: &mut Vec<u8>) -> Result<()> {
        for line in lines {
            let mut tape = std::mem::replace(&mut self.tape, Tape(Vec::new())).reset();
            fill_tape(line, &mut self.buffers, &mut tape)?;
            if self.writes {
                write_tape(&mut black_box(&tape).0.iter(), out);
                out.push(b'\n');
            }
            self.tape = tape.reset();
        }
        Ok(())
    }
}

/// Writes the next value of a tape with the same functions that write values.
fn write_tape(nodes: &mut std::slice::Iter<'_, Node<'_>>, out: &mut Vec<u8>) {
    match nodes.next() {
        Some(Node::String(text)) => Value::from(*text).write_json(out),
        Some(Node::Static(scalar)) => scalar_value(*scalar).write_json(out),
        Some(Node::Object { len, .. }) => {
            out.push(b'{');
            for at in 0..*len {
                if at > 0 {
                    out.push(b',');
                }
                write_tape(nodes, out);
                out.push(b':');
                write_tape(nodes, out);
            }
            out.push(b'}');
        }
        Some(Node::Array { len, .. }) => {
            out.push(b'[');
            for at in 0..*len {
                if at > 0 {
                    out.push(b',');
                }
                write_tape(nodes, out);
            }
            out.push(b']');
        }
        None => {}
    }
}

fn scalar_value(scalar: StaticNode) -> Value<'static> {
    match scalar {
        StaticNode::I64(number) => Value::from(number),
        StaticNode::U64(number) => Value::from(number),
        StaticNode::F64(number) => Value::from(number),
        StaticNode::Bool(truth) => Value::from(truth),
        StaticNode::Null => Value::NULL,
    }
}

/// Writes one decoded event; the arena is the batch's.
type Write = for<'a> fn(&mut dyn DynCodec, &'a Arena, Value<'a>, &mut Vec<u8>) -> Result<()>;

struct ArenaRun {
    codec: Box<dyn DynCodec>,
    write: Option<Write>,
}

impl ArenaRun {
    fn make(write: Option<Write>) -> Result<Box<dyn Work>> {
        let mut entries = temblor_pdk::entries();
        let json = entries.find(|entry| entry.kind() == Kind::Codec && entry.name() == "json");
        let codec = json
            .ok_or("codec `json` is not linked in")?
            .make_codec("{}")?;
        Ok(Box::new(ArenaRun { codec, write }))
    }
}

impl Work for ArenaRun {
    fn run(&mut self, lines: &mut [&mut [u8]], out: &mut Vec<u8>) -> Result<()> {
        for lines in lines.chunks_mut(BATCH) {
            let arena = Arena::new();
            let mut values = Vec::with_capacity(BATCH);
            for line in lines {
                values.extend(self.codec.decode(line, &arena)?);
            }
            let Some(write) = self.write else {
                black_box(&values);
                continue;
            };
            for value in values {
                write(self.codec.as_mut(), &arena, black_box(value), out)?;
                out.push(b'\n');
            }
        }
        Ok(())
    }
}

fn write<'a>(
    _: &mut dyn DynCodec,
    _: &'a Arena,
    value: Value<'a>,
    out: &mut Vec<u8>,
) -> Result<()> {
    value.write_json(out);
    Ok(())
}

fn splice<'a>(
    codec: &mut dyn DynCodec,
    _: &'a Arena,
    value: Value<'a>,
    out: &mut Vec<u8>,
) -> Result<()> {
    Ok(codec.encode(value, out)?)
}

fn edit<'a>(
    codec: &mut dyn DynCodec,
    arena: &'a Arena,
    value: Value<'a>,
    out: &mut Vec<u8>,
) -> Result<()> {
    let fields = value.as_object().map(|record| record.fields());
    let mut rest = fields.unwrap_or_default().iter();
    let next = |rest: &mut std::slice::Iter<'_, Field<'a>>| match rest.next() {
        Some(field) if field.key() == "level" => Field::new("severity", field.value()),
        Some(field) => *field,
        None => Field::new("engine", Value::from("limit")),
    };
    let edited = arena.object_of(rest.len() + 1, &mut rest, next, |_| None);
    Ok(codec.encode(edited, out)?)
}

/// What a pass over the input did.
struct Pass {
    read: u64,
    written: u64,
    cpu_s: f64,
}

/// Nanoseconds that this thread, the only one, has been on a processor.
fn cpu_ns() -> Result<u64> {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    let first = stat.split(' ').next().ok_or("schedstat is empty")?;
    Ok(first.parse()?)
}

fn pass(path: &str, make: Make) -> Result<Pass> {
    let mut work = make()?;
    let mut file = File::open(path)?;
    let mut buffer = vec![0; 4 * READ];
    let (mut filled, mut read, mut written) = (0, 0, 0);
    let mut out = Vec::new();
    let start = cpu_ns()?;
    loop {
        let count = file.read(&mut buffer[filled..filled + READ])?;
        if count == 0 {
            break;
        }
        read += count as u64;
        let end = filled + count;
        let rest = run_lines(work.as_mut(), &mut buffer[..end], filled, &mut out)?;
        written += black_box(&out).len() as u64;
        out.clear();
        buffer.copy_within(rest..end, 0);
        filled = end - rest;
        if filled > READ {
            return Err("a line of the input is too long".into());
        }
    }
    let cpu_s = (cpu_ns()? - start) as f64 / 1e9;
    Ok(Pass {
        read,
        written,
        cpu_s,
    })
}

/// Runs the whole lines of `bytes`, in which there is no line end before `from`; returns where the rest begins.
fn run_lines(
    work: &mut dyn Work,
    bytes: &mut [u8],
    from: usize,
    out: &mut Vec<u8>,
) -> Result<usize> {
    let ends: Vec<usize> = memchr_iter(b'\n', &bytes[from..]).collect();
    let mut lines = Vec::with_capacity(ends.len());
    let (mut rest, mut start) = (bytes, 0);
    for end in ends {
        let end = from + end;
        let (line, behind) = rest.split_at_mut(end + 1 - start);
        lines.push(&mut line[..end - start]);
        (rest, start) = (behind, end + 1);
    }
    work.run(&mut lines, out)?;
    Ok(start)
}

fn measure(path: &str, modes: &[Mode], rounds: usize) -> Result<()> {
    let mut costs: Vec<Vec<f64>> = vec![Vec::new(); modes.len()];
    for round in 0..=rounds {
        for (at, (name, make)) in modes.iter().enumerate() {
            let pass = pass(path, *make)?;
            // The first round fills caches and says what is done.
            if round == 0 {
                println!("{name}: {} bytes read, {} written", pass.read, pass.written);
            } else {
                costs[at].push(pass.cpu_s / (pass.read as f64 / 1e9));
            }
        }
    }
    println!(
        "{:12} {:>8} {:>8} {:>8}  CPU s/GB, {rounds} rounds",
        "mode", "min", "median", "max"
    );
    for ((name, _), mut cost) in modes.iter().zip(costs) {
        cost.sort_by(f64::total_cmp);
        if let [min, .., max] | [min @ max] = cost.as_slice() {
            let median = cost[cost.len() / 2];
            println!("{name:12} {min:8.3} {median:8.3} {max:8.3}");
        }
    }
    Ok(())
}

fn run() -> Result<()> {
    let mut args = std::env::args().skip(1);
    let (mut modes, mut rounds, mut path) = (Vec::new(), 5, None);
    while let Some(arg) = args.next() {
        let mut value = || args.next().ok_or(format!("`{arg}` needs a value"));
        match arg.as_str() {
            "--generate" => return json_input::generate(value()?.parse()?, &value()?),
            "--rounds" => rounds = value()?.parse()?,
            "--mode" => {
                let name = value()?;
                let mode = MODES.iter().find(|mode| mode.0 == name);
                modes.push(*mode.ok_or(format!("there is no mode `{name}`"))?);
            }
            _ => path = Some(arg),
        }
    }
    let path = path.ok_or("which file? help: json_limit --generate 500000000 events.json")?;
    if modes.is_empty() {
        modes = MODES.to_vec();
    }
    measure(&path, &modes, rounds)
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

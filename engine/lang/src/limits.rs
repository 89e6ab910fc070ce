//! What programs may take, so that no text and no event takes all memory, all of the native stack or all time.

use temblor_pdk::Limit;

/// How deep expressions of a text may nest. It bounds the stack of everything that walks the tree, also of the
/// evaluator, in unoptimised builds and on threads with small stacks.
pub(crate) const EXPRESSION_DEPTH: u32 = 128;

/// How many modules may be loading at once, each for the sake of the one before. It bounds the stack.
pub(crate) const MODULE_CHAIN: usize = 32;

/// The longest text that can be compiled, in bytes.
pub(crate) const TEXT_BYTES: usize = u32::MAX as usize - 1;

/// How many ports, streams, scripts and operators a pipeline can have, with those of the pipelines embedded in it.
pub(crate) const PIPELINE_NODES: usize = 100_000;

/// The start of a call over that fails. What does not end by then is not likely to.
pub(crate) const RESTARTS: u32 = 1024;

/// How many expressions may be evaluated for one event: calls that multiply would hold a flow up for years.
pub(crate) const STEPS: u64 = 50_000_000;

/// How deep expressions may nest while they run, those of the functions that are being called included. The parser
/// bounds the depth of one expression; this bounds the use of the native stack.
pub(crate) const NESTED_CALLS: u32 = 1024;

/// How deep values may be nested. Events as deep as JSON may be, with something around them, are fine; everything that
/// walks through a value may rely on it.
pub(crate) const VALUE_DEPTH: usize = 1024 + 128;

/// How large values may be, as [`temblor_pdk::Value::size`] counts: 256 MiB. Since values share their parts, a script
/// could otherwise build one in no time that nobody can ever write.
pub(crate) const VALUE_SIZE: usize = 1 << 24;

/// The bytes of a unit of [`VALUE_SIZE`].
const SIZE_UNIT: usize = 16;

/// How much memory the arena of a batch may take, with everything that is kept for the batch.
pub(crate) const BATCH_MEMORY: usize = 2 << 30;

/// The longest range, so that two numbers do not fill the memory.
pub(crate) const RANGE_ELEMENTS: i128 = 10_000_000;

/// The longest random string.
pub(crate) const RANDOM_CHARACTERS: u64 = 10_000_000;

/// The deepest nesting that functions read from JSON.
pub(crate) const JSON_DEPTH: usize = 1024;

/// How many groups a select keeps if nobody says anything else. Without a limit a select that is grouped by something
/// that never comes again would take all memory.
pub(crate) const GROUPS: usize = 100_000;

/// How many groups one event can be in. Products of `each`es grow fast.
pub(crate) const GROUPS_OF_EVENT: usize = 1_000_000;

/// How often events may go from node to node on behalf of one event. Selects that read one node copy its events, and
/// copies of copies are soon more than anybody can wait for.
pub(crate) const MOVES: usize = 10_000_000;

/// How large a compiled regular expression may become, in bytes; what the `regex` crate allows too.
pub(crate) const REGEX_BYTES: usize = 10 * 1024 * 1024;

/// How deep references of a grok pattern may lead to references; also ends those that lead in a circle.
pub(crate) const GROK_DEPTH: usize = 64;

/// How long a grok pattern may become with all that it refers to, in bytes.
pub(crate) const GROK_BYTES: usize = 1024 * 1024;

/// How many classes `grouper::bucket` keeps; of more, those are forgotten that were not seen for the longest time.
pub(crate) const BUCKET_CLASSES: usize = 10_000;

/// What becomes of a program that goes beyond.
const PROGRAM: &str = "the program is refused, with the place";
/// What becomes of an event that goes beyond.
const EVENT: &str = "the event fails with the place, the next goes on";

/// All of them, as `temblor limits` lists them.
pub const LIMITS: &[Limit] = &[
    Limit::fixed("a text of a program", TEXT_BYTES as u64, "bytes", PROGRAM),
    Limit::fixed(
        "nested expressions of a text, of which parentheses take more than one",
        EXPRESSION_DEPTH as u64,
        "levels",
        PROGRAM,
    ),
    Limit::fixed(
        "modules that use modules",
        MODULE_CHAIN as u64,
        "levels",
        PROGRAM,
    ),
    Limit::fixed(
        "ports, streams, scripts and operators of a pipeline, with those of the pipelines in it",
        PIPELINE_NODES as u64,
        "nodes",
        PROGRAM,
    ),
    Limit::fixed(
        "a compiled regular expression",
        REGEX_BYTES as u64,
        "bytes",
        PROGRAM,
    ),
    Limit::fixed(
        "patterns in patterns of `grok`",
        GROK_DEPTH as u64,
        "levels",
        PROGRAM,
    ),
    Limit::fixed(
        "a `grok` pattern with all that it refers to",
        GROK_BYTES as u64,
        "bytes",
        PROGRAM,
    ),
    Limit::fixed(
        "restarts of a function with `recur`",
        RESTARTS as u64,
        "restarts",
        EVENT,
    ),
    Limit::fixed(
        "expressions evaluated for one event",
        STEPS,
        "expressions",
        EVENT,
    ),
    Limit::fixed(
        "expressions evaluated one inside the other, through calls",
        NESTED_CALLS as u64,
        "levels",
        EVENT,
    ),
    Limit::fixed(
        "nesting of a value that is kept",
        VALUE_DEPTH as u64,
        "levels",
        EVENT,
    ),
    Limit::fixed(
        "a value that is kept",
        (VALUE_SIZE * SIZE_UNIT) as u64,
        "bytes",
        EVENT,
    ),
    Limit::fixed(
        "memory for the values of a batch",
        BATCH_MEMORY as u64,
        "bytes",
        EVENT,
    ),
    Limit::fixed("`range::range`", RANGE_ELEMENTS as u64, "elements", EVENT),
    Limit::fixed("`random::string`", RANDOM_CHARACTERS, "characters", EVENT),
    Limit::fixed(
        "nesting of JSON that functions read",
        JSON_DEPTH as u64,
        "levels",
        EVENT,
    ),
    Limit::fixed(
        "groups of a select with windows",
        GROUPS as u64,
        "groups",
        "events of groups for which there is no room go to the port `err`",
    )
    .set_by("`max_groups` of its windows"),
    Limit::fixed(
        "groups of one event",
        GROUPS_OF_EVENT as u64,
        "groups",
        EVENT,
    ),
    Limit::fixed(
        "ways from node to node that one event takes, with its copies",
        MOVES as u64,
        "moves",
        EVENT,
    ),
    Limit::fixed(
        "classes of `grouper::bucket`",
        BUCKET_CLASSES as u64,
        "classes",
        "those not seen for the longest time are forgotten",
    ),
];

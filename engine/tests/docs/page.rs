//! Pages of the documentation taken apart: fenced blocks and tables.

/// A fenced block.
pub(crate) struct Block {
    /// What stands behind the fence.
    pub(crate) info: String,
    pub(crate) text: String,
    /// The line of the fence, from 1.
    pub(crate) line: usize,
}

/// A row of a table, with the heading that it stands below.
pub(crate) struct Row {
    pub(crate) heading: String,
    pub(crate) head: Vec<String>,
    pub(crate) cells: Vec<String>,
    pub(crate) line: usize,
}

impl Row {
    /// The cell in the column of that name.
    pub(crate) fn cell(&self, column: &str) -> Option<&str> {
        let at = self.head.iter().position(|name| name == column)?;
        self.cells.get(at).map(String::as_str)
    }
}

/// All blocks of a page, in order.
pub(crate) fn blocks(markdown: &str) -> Vec<Block> {
    let (mut blocks, mut open): (Vec<Block>, Option<Block>) = (Vec::new(), None);
    for (at, line) in markdown.lines().enumerate() {
        match (line.strip_prefix("```"), open.take()) {
            (Some(_), Some(block)) => blocks.push(block),
            (Some(info), None) => {
                open = Some(Block {
                    info: info.to_owned(),
                    text: String::new(),
                    line: at + 1,
                });
            }
            (None, Some(mut block)) => {
                block.text.push_str(line);
                block.text.push('\n');
                open = Some(block);
            }
            (None, None) => {}
        }
    }
    blocks
}

/// All rows of all tables of a page, without the lines that say what the columns are.
pub(crate) fn rows(markdown: &str) -> Vec<Row> {
    let (mut rows, mut heading, mut head) = (Vec::new(), String::new(), Vec::new());
    let mut is_code = false;
    for (at, line) in markdown.lines().enumerate() {
        is_code ^= line.starts_with("```");
        if is_code {
            continue;
        }
        if line.starts_with('#') {
            heading = line.trim_start_matches('#').trim().replace('`', "");
        }
        if !line.starts_with('|') {
            head.clear();
        } else if head.is_empty() {
            head = cells(line);
        } else if !line.starts_with("|-") {
            rows.push(Row {
                heading: heading.clone(),
                head: head.clone(),
                cells: cells(line),
                line: at + 1,
            });
        }
    }
    rows
}

/// The cells of a line of a table. A pipe within a cell is written `\|`.
fn cells(line: &str) -> Vec<String> {
    let mut cells = vec![String::new()];
    let mut chars = line.trim().trim_start_matches('|').chars().peekable();
    while let Some(char) = chars.next() {
        let last = cells.len() - 1;
        match char {
            '\\' if chars.peek() == Some(&'|') => {
                chars.next();
                cells[last].push('|');
            }
            '|' => cells.push(String::new()),
            char => cells[last].push(char),
        }
    }
    // What stands behind the last pipe is no cell.
    cells.pop();
    cells.iter().map(|cell| cell.trim().to_owned()).collect()
}

/// The text of a cell that is code.
pub(crate) fn code(cell: &str) -> &str {
    let inner = |quotes: &str| cell.strip_prefix(quotes)?.strip_suffix(quotes);
    let found = inner("``").or_else(|| inner("`"));
    found.map_or(cell, str::trim)
}

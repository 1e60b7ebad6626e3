use tenon_syntax::{Language, SourceFile};

use super::label::{FenceLabel, path_in_comment, path_in_heading};
use super::slice::looks_like_code;
use super::{Block, MAX_BLOCKS, MAX_REPLY_BYTES};
use crate::style::{dedent, indentation};

/// The blocks of a reply in order. A reply without any fence is one block; empty blocks are left out.
pub fn extract_blocks(text: &str) -> Vec<Block> {
    let text = cleaned(text);
    let lines: Vec<&str> = text.lines().collect();
    let fences = lines.iter().filter(|line| Fence::read(line).is_some()).count();
    let mut reader = Reader {
        lines: &lines,
        next: 0,
        blocks: Vec::new(),
    };
    reader.read_opened_by_the_prompt(fences);
    while reader.next < lines.len() && reader.blocks.len() < MAX_BLOCKS {
        match reader.line(reader.next).and_then(Fence::read) {
            Some(fence) => reader.read_block(fence),
            None => reader.next += 1,
        }
    }
    if fences == 0 && !text.trim().is_empty() {
        reader.push(FenceLabel::default(), None, &text, false);
    }
    reader.blocks
}

/// One kind of line end, no byte order mark, no marks of a chat template.
fn cleaned(text: &str) -> String {
    let mut end = text.len().min(MAX_REPLY_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let text = text.get(..end).unwrap_or_default();
    let text = text
        .trim_start_matches('\u{feff}')
        .replace("\r\n", "\n")
        .replace('\r', "\n");
    // An echoed turn starts behind its mark; nothing counts behind the end of the turn.
    let text = match text.rsplit_once("<|im_start|>assistant") {
        Some((_, answer)) => answer,
        None => text.as_str(),
    };
    ["<|im_end|>", "<|endoftext|>", "<|eot_id|>", "</s>"]
        .into_iter()
        .fold(text, |text, mark| {
            text.split_once(mark).map_or(text, |(before, _)| before)
        })
        .to_owned()
}

/// A line of three or more backticks or tildes.
#[derive(Debug, Clone, Copy)]
struct Fence<'line> {
    character: char,
    length: usize,
    indentation: &'line str,
    info: &'line str,
}

impl<'line> Fence<'line> {
    fn read(line: &'line str) -> Option<Self> {
        let indentation = indentation(line);
        let rest = line.get(indentation.len()..)?;
        let character = rest.chars().next().filter(|first| matches!(first, '`' | '~'))?;
        let length = rest.chars().take_while(|other| *other == character).count();
        let info = rest.get(length..)?.trim();
        // "```code```" on one line is inline code.
        (length >= 3 && !(character == '`' && info.contains('`'))).then_some(Self {
            character,
            length,
            indentation,
            info,
        })
    }

    fn may_end(&self, opening: &Fence<'_>) -> bool {
        self.character == opening.character && self.length >= opening.length
    }
}

struct Reader<'text> {
    lines: &'text [&'text str],
    next: usize,
    blocks: Vec<Block>,
}

impl<'text> Reader<'text> {
    fn line(&self, index: usize) -> Option<&'text str> {
        self.lines.get(index).copied()
    }

    /// Where the prompt ended with an opening fence, the reply starts with code and the first fence ends it.
    fn read_opened_by_the_prompt(&mut self, fences: usize) {
        let first = self.lines.iter().position(|line| Fence::read(line).is_some());
        let Some(end) = first else {
            return;
        };
        let bare = self
            .line(end)
            .and_then(Fence::read)
            .is_some_and(|fence| fence.info.is_empty());
        let before = self.lines.get(..end).unwrap_or_default().join("\n");
        if bare && fences % 2 == 1 && looks_like_code(&before) {
            self.push(FenceLabel::default(), None, &before, true);
            self.next = end + 1;
        }
    }

    fn read_block(&mut self, opening: Fence<'text>) {
        let mut label = FenceLabel::parse(opening.info);
        let heading = self.heading_above(self.next);
        let mut start = self.next + 1;
        // The language alone on the line below the fence.
        if label == FenceLabel::default()
            && let Some(line) = self.line(start)
            && let Some(language) = Language::from_name(line)
        {
            label.language = Some(language.name().to_owned());
            start += 1;
        }
        let language = label.language.as_deref().and_then(Language::from_name);
        let end = self.end_of_block(start, &opening, language);
        let closing = self.line(end).and_then(Fence::read);
        let closed = closing.is_some_and(|fence| fence.info.is_empty());
        let mut code = String::new();
        if let Some(first) = label.code.take() {
            code.push_str(&first);
            code.push('\n');
        }
        for line in self.lines.get(start..end).unwrap_or_default() {
            code.push_str(
                line.strip_prefix(opening.indentation)
                    .unwrap_or(line.trim_start()),
            );
            code.push('\n');
        }
        self.push(label, heading, &code, closed);
        // A fence that names a language ends this block and opens the next.
        self.next = if closed { end + 1 } else { end };
    }

    /// The index of the line that ends a block: the first fence up to which the code parses; if it parses up to
    /// none, the first fence. So fences inside docstrings end nothing.
    fn end_of_block(&self, start: usize, opening: &Fence<'_>, language: Option<Language>) -> usize {
        let candidates: Vec<usize> = (start..self.lines.len())
            .filter(|index| {
                self.line(*index)
                    .and_then(Fence::read)
                    .is_some_and(|fence| fence.may_end(opening))
            })
            .take(12)
            .collect();
        let complete = |end: &usize| {
            let lines = self.lines.get(start..*end).unwrap_or_default();
            is_complete(&dedent(&lines.join("\n")), language)
        };
        let found = candidates.iter().copied().find(complete);
        found
            .or_else(|| candidates.first().copied())
            .unwrap_or(self.lines.len())
    }

    fn heading_above(&self, fence: usize) -> Option<String> {
        let above = self.lines.get(..fence)?.iter().rev().take(2);
        above
            .filter(|line| !line.trim().is_empty())
            .find_map(|line| path_in_heading(line))
    }

    fn push(&mut self, label: FenceLabel, heading: Option<String>, code: &str, closed: bool) {
        let mut code = code.trim_matches('\n');
        let first = code.lines().next().unwrap_or_default();
        let named = path_in_comment(first);
        if named.is_some() {
            // The line is an answer to "which file", not part of the file.
            code = code
                .get(first.len()..)
                .unwrap_or_default()
                .trim_start_matches('\n');
        }
        if code.trim().is_empty() {
            return;
        }
        self.blocks.push(Block {
            language: label.language,
            path: label.path.or(named).or(heading),
            code: format!("{}\n", code.trim_end()),
            closed,
        });
    }
}

/// Whether `code` may end here. Without a language only open docstrings tell.
fn is_complete(code: &str, language: Option<Language>) -> bool {
    match language {
        Some(language) => SourceFile::parse(language, code).is_ok_and(|file| file.error_count() == 0),
        None => ["\"\"\"", "'''"]
            .into_iter()
            .all(|quotes| code.matches(quotes).count().is_multiple_of(2)),
    }
}

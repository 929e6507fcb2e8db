//! What a command prints: one JSON value with `--json`, calm text without, and nothing else.
//!
//! Whatever comes from an agent or from the network is made inert before it reaches a terminal (F14, H01).

use std::fmt::Display;
use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use comfy_table::{ContentArrangement, Table, presets};
use serde::Serialize;
use serde_json::Value;
use zeroize::Zeroizing;

use super::failure::{Exit, Failure};
use crate::base::clock::Timestamp;

/// Where a command's answer goes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    json: bool,
}

impl Output {
    /// Machine-readable or not.
    #[must_use]
    pub(crate) const fn new(json: bool) -> Self {
        Self { json }
    }

    /// Whether the answer is for a machine.
    #[must_use]
    pub(crate) const fn is_json(self) -> bool {
        self.json
    }

    /// Prints the answer: `value` for machines, what `human` writes for people.
    ///
    /// # Errors
    /// When standard output cannot be written.
    pub(crate) fn answer(self, value: &impl Serialize, human: impl FnOnce(&mut Page)) -> Result<(), Failure> {
        if self.json {
            let text = serde_json::to_string(value).map_err(|error| Failure::because("no JSON", &error))?;
            return print(&Zeroizing::new(format!("{text}\n")));
        }
        let mut page = Page::default();
        human(&mut page);
        print(&page.0)
    }

    /// Says on standard error why the command failed.
    pub(crate) fn failure(self, failure: &Failure) {
        let text = if self.json { format!("{}\n", failure.document()) } else { failure.lines() };
        note(&text);
    }

    /// Says something to a person who watches; a machine is not told.
    pub(crate) fn remark(self, text: &str) {
        if !self.json {
            note(&format!("{text}\n"));
        }
    }
}

/// Text for people, line by line.
#[derive(Debug, Default)]
pub(crate) struct Page(String);

impl Page {
    /// One line.
    pub(crate) fn line(&mut self, text: impl AsRef<str>) {
        self.0.push_str(&inert(text.as_ref()));
        self.0.push('\n');
    }

    /// An empty line.
    pub(crate) fn gap(&mut self) {
        self.0.push('\n');
    }

    /// A name and its value.
    pub(crate) fn field(&mut self, name: &str, value: impl Display) {
        self.line(format!("{name:<14} {value}"));
    }

    /// A name and its value, where there is one.
    pub(crate) fn field_if(&mut self, name: &str, value: Option<impl Display>) {
        if let Some(value) = value {
            self.field(name, value);
        }
    }

    /// A table, or `empty` when it has no rows.
    pub(crate) fn table(&mut self, head: &[&str], rows: Vec<Vec<String>>, empty: &str) {
        self.table_under("", head, rows, empty);
    }

    /// A table whose lines begin with `margin`.
    pub(crate) fn table_under(&mut self, margin: &str, head: &[&str], rows: Vec<Vec<String>>, empty: &str) {
        if rows.is_empty() {
            self.line(format!("{margin}{empty}"));
            return;
        }
        let mut table = Table::new();
        table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
        table.set_header(head.iter().map(|name| name.to_uppercase()));
        for row in rows {
            table.add_row(row.iter().map(|cell| inert(cell)));
        }
        for line in table.lines() {
            let line = line.strip_prefix(' ').unwrap_or(&line);
            self.line(format!("{margin}{}", line.trim_end()));
        }
    }

    /// What was written so far.
    #[must_use]
    pub(crate) fn text(&self) -> &str {
        &self.0
    }
}

/// Several things on one line, a dash for none.
#[must_use]
pub(crate) fn listed<T: Display>(things: impl IntoIterator<Item = T>) -> String {
    let texts: Vec<String> = things.into_iter().map(|thing| thing.to_string()).collect();
    if texts.is_empty() { "-".to_owned() } else { texts.join(", ") }
}

/// A moment to the second: what people read in tables.
#[must_use]
pub(crate) fn moment(at: Timestamp) -> String {
    let text = at.to_string();
    text.split_once('.').map_or_else(|| text.clone(), |(seconds, _)| format!("{seconds}Z"))
}

/// A scope item on one line.
#[must_use]
pub(crate) fn item_line(item: &Value) -> String {
    match crate::domain::scope::ScopeItem::parse(item) {
        Ok(item) => item.to_string(),
        Err(_) => item.to_string(),
    }
}

/// The text with everything that could move a cursor or change the direction of reading written as `\u{…}`.
#[must_use]
pub(crate) fn inert(text: &str) -> String {
    let plain = |c: char| c.to_string().parse::<crate::domain::inert::Inert<1>>().is_ok() || c == ' ';
    text.chars().map(|c| if plain(c) { c.to_string() } else { c.escape_unicode().to_string() }).collect()
}

/// Asks a person at the terminal; nothing when there is no terminal to ask at.
///
/// # Errors
/// When the terminal cannot be read.
pub(crate) fn ask(question: &str) -> Result<Option<String>, Failure> {
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return Ok(None);
    }
    note(question);
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line)?;
    Ok(Some(line.trim().to_owned()))
}

/// Prints text that is the answer itself, byte for byte, for example a checkpoint.
///
/// # Errors
/// When standard output cannot be written.
pub(crate) fn plain(text: &str) -> Result<(), Failure> {
    print(text)
}

/// Writes to standard error. When even that is closed, nobody is listening.
pub(crate) fn note(text: &str) {
    let mut stderr = io::stderr().lock();
    let _ = stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush());
}

/// Writes to standard output. A reader who has gone away (`exeat log list | head`) is no failure.
fn print(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

/// The end of a command that did what it was asked.
pub(crate) const DONE: Result<Exit, Failure> = Ok(Exit::Done);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f14_text_from_agents_cannot_move_the_cursor_or_turn_the_line() {
        let hostile = "ok\u{1b}[2K\r\u{202e}evil\u{200b}\n";
        assert_eq!(inert(hostile), "ok\\u{1b}[2K\\u{d}\\u{202e}evil\\u{200b}\\u{a}");
    }

    #[test]
    fn a_table_is_aligned_and_has_no_frame() {
        let mut page = Page::default();
        page.table(
            &["id", "name"],
            vec![vec!["a".into(), "first".into()], vec!["bb".into(), "x".into()]],
            "none",
        );
        assert_eq!(page.text(), "ID  NAME\na   first\nbb  x\n");
    }
}

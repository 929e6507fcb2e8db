//! What the demo says: numbered steps, and every expectation with whether it held.

use serde_json::{Value, json};

use crate::cli::failure::Failure;
use crate::cli::output::{Output, Page, plain};

/// The telling of the demo.
pub(super) struct Stage {
    output: Output,
    step: u32,
    held: Vec<Value>,
}

impl Stage {
    pub(super) const fn new(output: Output) -> Self {
        Self { output, step: 0, held: Vec::new() }
    }

    pub(super) fn opening(&self) -> Result<(), Failure> {
        self.tell(|page| {
            page.line(
                "Exeat demo: an agent, a person and an upstream, all on this machine. Nothing leaves it.",
            );
        })
    }

    /// Begins the next step.
    pub(super) fn step(&mut self, title: &str) -> Result<(), Failure> {
        self.step += 1;
        let number = self.step;
        self.tell(|page| {
            page.gap();
            page.line(format!("{number:>2}. {title}"));
        })
    }

    /// Says something.
    pub(super) fn say(&self, text: impl AsRef<str>) -> Result<(), Failure> {
        self.tell(|page| page.line(format!("    {}", text.as_ref()).trim_end()))
    }

    /// Shows a page of its own.
    pub(super) fn show(&self, write: impl FnOnce(&mut Page)) -> Result<(), Failure> {
        let mut inner = Page::default();
        write(&mut inner);
        self.tell(|page| {
            for line in inner.text().lines() {
                if line.is_empty() { page.gap() } else { page.line(format!("    {line}")) }
            }
        })
    }

    /// Something had to be so.
    ///
    /// # Errors
    /// When it is not: the demo has failed.
    pub(super) fn expect(&mut self, what: &str, held: bool) -> Result<(), Failure> {
        if !held {
            return Err(Failure::new(format!("the demo expected: {what}"))
                .with_remedy("run it with --data-dir DIR and read DIR/serve.log"));
        }
        self.held.push(Value::from(what));
        self.tell(|page| page.line(format!("    \u{2713} {what}")))
    }

    /// The end.
    pub(super) fn closing(&self) -> Result<(), Failure> {
        let document = json!({ "held": self.held });
        self.output.answer(&document, |page| {
            page.gap();
            page.line(format!("Done: {} expectations held.", self.held.len()));
            page.line("For real: exeat init --data-dir data --person YOU, then exeat serve --data-dir data");
        })
    }

    fn tell(&self, write: impl FnOnce(&mut Page)) -> Result<(), Failure> {
        if self.output.is_json() {
            return Ok(());
        }
        let mut page = Page::default();
        write(&mut page);
        plain(page.text())
    }
}

//! The text of an event stream: what stands behind `data:`, one line after the other (WHATWG HTML §9.2).

/// Where in a stream the text of its events stands.
#[derive(Debug, Default)]
pub(super) struct Events {
    line: Line,
    /// Places in what is kept of the stream.
    places: Vec<usize>,
}

/// Where in a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line {
    /// So many characters of `data:` were read.
    Name(usize),
    /// `data:` was read, and the one space that may follow was not.
    Colon,
    Text,
    /// In a line of another kind.
    Other,
}

impl Default for Line {
    fn default() -> Self {
        Self::Name(0)
    }
}

const NAME: &[u8] = b"data:";

impl Events {
    /// Reads on; `bytes` stand at `from` in what is kept.
    pub(super) fn read(&mut self, bytes: &[u8], from: usize) {
        for (place, byte) in (from..).zip(bytes) {
            self.line = match (self.line, byte) {
                (_, b'\n' | b'\r') => Line::Name(0),
                (Line::Name(at), byte) if NAME.get(at) == Some(byte) => {
                    if at + 1 == NAME.len() {
                        Line::Colon
                    } else {
                        Line::Name(at + 1)
                    }
                }
                (Line::Name(_) | Line::Other, _) => Line::Other,
                (Line::Colon, b' ') => Line::Text,
                (Line::Colon | Line::Text, _) => {
                    self.places.push(place);
                    Line::Text
                }
            };
        }
    }

    /// Where the text stands.
    pub(super) fn places(&self) -> &[usize] {
        &self.places
    }

    /// The first `count` bytes are no longer kept.
    pub(super) fn forget(&mut self, count: usize) {
        let gone = self.places.partition_point(|place| *place < count);
        self.places.drain(..gone);
        for place in &mut self.places {
            *place -= count;
        }
    }
}

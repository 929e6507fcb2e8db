//! What a parser says, in words that can go back to anybody: the field and what was expected, never the value that was sent.

use serde_path_to_error::{Path, Segment};

use crate::domain::problem::Problem;
use crate::edges::problem::invalid;

/// What a problem points at when it is the whole body.
const WHOLE: &str = "body";

/// The problem behind a JSON parser's message about what stands at `path`.
pub(super) fn in_json(path: &Path, message: &str) -> Problem {
    let mut pointer = pointer(path);
    if let Some(name) = named(message)
        && pointer.rsplit('/').next() != Some(name)
    {
        pointer = format!("{pointer}/{name}");
    }
    invalid(if is_plain(&pointer) { &pointer } else { WHOLE }, &without_value(without_position(message)))
}

/// The same for the parameters of a query or a form, where parameter and message come as one text behind a heading.
pub(super) fn in_parameters(text: &str) -> Problem {
    let said = text.split_once(": ").map_or(text, |(_, said)| said);
    let (parameter, message) = match said.split_once(": ") {
        Some((parameter, message)) if is_plain(parameter) => (parameter, message),
        _ => (named(said).unwrap_or(WHOLE), said),
    };
    invalid(if is_plain(parameter) { parameter } else { WHOLE }, &without_value(message))
}

/// The place as a JSON pointer (RFC 6901).
fn pointer(path: &Path) -> String {
    let step = |segment: &Segment| match segment {
        Segment::Seq { index } => Some(format!("/{index}")),
        Segment::Map { key } => Some(format!("/{key}")),
        Segment::Enum { .. } | Segment::Unknown => None,
    };
    path.iter().filter_map(step).collect()
}

/// The field a message is about when its path leads only to the object around it.
fn named(message: &str) -> Option<&str> {
    let about = ["missing field `", "unknown field `", "duplicate field `"];
    about.iter().find_map(|start| message.strip_prefix(start)?.split('`').next())
}

fn without_position(message: &str) -> &str {
    message.rsplit_once(" at line ").map_or(message, |(before, _)| before)
}

/// Parsers quote what they found: it goes, what they expected stays.
fn without_value(message: &str) -> String {
    let quoting = ["invalid type: ", "invalid value: ", "invalid length ", "unknown variant "];
    if quoting.iter().any(|start| message.starts_with(start)) {
        let expected = message.rsplit_once(", expected ").map_or("another value", |(_, expected)| expected);
        return format!("expected {expected}");
    }
    if message.starts_with("unknown field ") {
        return "not a field of this request".to_owned();
    }
    if message.starts_with("missing field ") {
        return "must be there".to_owned();
    }
    if message.starts_with("duplicate field ") {
        return "said twice".to_owned();
    }
    message.chars().take(200).collect()
}

/// Whether a place made of what was sent can be shown.
fn is_plain(place: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"_-./".contains(&b);
    !place.is_empty() && place.len() <= 64 && place.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::{in_parameters, without_value};

    #[test]
    fn j01_a_value_that_was_sent_is_never_repeated() {
        let said = [
            "invalid type: string \"hunter2\", expected u32",
            "unknown variant `hunter2`, expected `approve` or `deny`",
            "invalid value: integer `5`, expected hunters",
        ];
        for message in said {
            let what = without_value(message);
            assert!(!what.contains("hunter2") && what.starts_with("expected "), "{what}");
        }
    }

    #[test]
    fn a_parameter_is_named_as_far_as_it_is_plain() {
        let named = |text: &str| in_parameters(text).more["field"].as_str().unwrap().to_owned();
        assert_eq!(named("Failed to deserialize query string: wait: invalid digit found in string"), "wait");
        assert_eq!(named("Failed to deserialize query string: unknown field `x`, expected `wait`"), "x");
        assert_eq!(
            named("Failed to deserialize query string: unknown field `\u{1b}[2J`, expected `wait`"),
            "body"
        );
    }
}

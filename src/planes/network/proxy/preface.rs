//! The first line on a run's socket: which process is behind the connection, as the shim saw it. Pure, so that it can be fuzzed.
//!
//! It never says who is calling: the socket does. What it says is kept as *observed*, which is as good as the shim is.

use serde::{Deserialize, Deserializer};

use crate::domain::step::{MAX_PARENTS, ObservedStep};

/// The longest line, with its end, in bytes.
pub const MAX_PREFACE_BYTES: usize = 4096;

/// The line is not a preface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected one line of JSON that says which process is behind the connection")]
pub struct InvalidPreface;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Preface {
    v: u8,
    #[serde(default, deserialize_with = "present")]
    step: Option<ObservedStep>,
}

/// `null` is not another way to leave it out.
fn present<'de, D: Deserializer<'de>>(from: D) -> Result<Option<ObservedStep>, D::Error> {
    ObservedStep::deserialize(from).map(Some)
}

/// Reads the line, without its end. `None` when the shim could not tell.
///
/// # Errors
/// Anything but `{"v":1}`, with or without a `step` of the known fields, each once.
pub fn parse(line: &[u8]) -> Result<Option<ObservedStep>, InvalidPreface> {
    if line.len() >= MAX_PREFACE_BYTES || line.first() != Some(&b'{') || line.iter().any(u8::is_ascii_control)
    {
        return Err(InvalidPreface);
    }
    let preface: Preface = serde_json::from_slice(line).map_err(|_| InvalidPreface)?;
    let step = preface.step;
    let fits = |step: &ObservedStep| {
        step.pid > 0 && step.parents.len() <= MAX_PARENTS && step.parents.iter().all(|parent| parent.pid > 0)
    };
    if preface.v != 1 || !step.as_ref().is_none_or(fits) { Err(InvalidPreface) } else { Ok(step) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{InvalidPreface, MAX_PREFACE_BYTES, parse};

    const COMMAND: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn step(more: &str) -> String {
        format!(r#"{{"v":1,"step":{{"pid":7,"executable":"/usr/bin/git","command":"{COMMAND}"{more}}}}}"#)
    }

    #[test]
    fn what_the_shim_saw_is_read() {
        assert_eq!(parse(br#"{"v":1}"#), Ok(None));
        let seen =
            parse(step(r#","parents":[{"pid":1,"executable":"/bin/sh"}]"#).as_bytes()).unwrap().unwrap();
        assert_eq!((seen.pid, seen.executable.as_str()), (7, "/usr/bin/git"));
        assert_eq!((seen.command.to_string().as_str(), seen.parents[0].pid), (COMMAND, 1));
    }

    #[test]
    fn anything_else_is_refused() {
        let parents = r#"{"pid":1,"executable":"/x"},"#.repeat(33);
        for line in [
            String::new(),
            "{}".to_owned(),
            "[1]".to_owned(),
            r#"{"v":2}"#.to_owned(),
            r#"{"v":1,"v":1}"#.to_owned(),
            r#"{"v":1,"step":null}"#.to_owned(),
            r#"{"v":1,"step":{}}"#.to_owned(),
            r#"{"v":1,"run":"run_1"}"#.to_owned(),
            r#"{"v":1} {"v":1}"#.to_owned(),
            " {\"v\":1}".to_owned(),
            "{\"v\":\t1}".to_owned(),
            step(r#","run":"x""#),
            step(r#","parents":[{"pid":0,"executable":"/x"}]"#),
            step(&format!(r#","parents":[{}]"#, parents.trim_end_matches(','))),
            step("").replace("\"pid\":7", "\"pid\":0"),
            step("").replace("\"pid\":7", "\"pid\":-1"),
            step("").replace("\"pid\":7", "\"pid\":7.5"),
            step("").replace("/usr/bin/git", "/usr/bin/\\u001bgit"),
            step("").replace("/usr/bin/git", &"x".repeat(1025)),
            step("").replace(COMMAND, "no"),
            "GET / HTTP/1.1".to_owned(),
        ] {
            assert_eq!(parse(line.as_bytes()), Err(InvalidPreface), "{line}");
        }
        assert_eq!(parse(step(&" ".repeat(MAX_PREFACE_BYTES)).as_bytes()), Err(InvalidPreface));
    }

    proptest! {
        /// Whatever is read says the same when it is written and read again; nothing panics.
        #[test]
        fn a_preface_has_one_reading(pid in 1_u32.., executable in "[ -~]{1,80}", junk in any::<Vec<u8>>()) {
            let _ = parse(&junk);
            let line = serde_json::json!({"v": 1, "step": {"pid": pid, "executable": executable, "command": COMMAND}});
            if let Ok(Some(seen)) = parse(line.to_string().as_bytes()) {
                let again = serde_json::json!({"v": 1, "step": seen});
                prop_assert_eq!(parse(again.to_string().as_bytes()), Ok(Some(seen)));
            } else {
                prop_assert!(executable.trim().is_empty());
            }
        }

        #[test]
        fn a_preface_that_was_cut_or_changed_is_another_or_none(cut in 0_usize..200, byte in any::<u8>()) {
            let line = step("").into_bytes();
            let cut = cut % line.len();
            prop_assert_eq!(parse(&line[..cut]), Err(InvalidPreface));
            let mut changed = line.clone();
            changed[cut] = byte;
            if changed != line && parse(&changed).is_ok() {
                prop_assert_ne!(parse(&changed), parse(&line));
            }
        }
    }
}

//! The other side of the scrubber: decodes a text in every way that readers do, and says whether the secret is in any of them.
//!
//! It shares nothing with the scrubber. It decodes whole texts, where the scrubber compares symbols.

/// Whether `secret` can be read in `text`.
pub(crate) fn reads(text: &[u8], secret: &[u8]) -> bool {
    let mut texts = vec![text.to_vec()];
    for _ in 0..2 {
        let decoders = [percent, backslash, entities];
        let decoded = texts.iter().flat_map(|text| decoders.map(|decode| decode(text)));
        let decoded: Vec<_> = decoded.collect();
        texts.extend(decoded);
        texts.sort();
        texts.dedup();
    }
    texts.iter().any(|text| holds(text, secret) || in_digits(text, secret))
}

/// One zero between two characters is UTF-16; more of them are what no reader passes over.
fn holds(text: &[u8], secret: &[u8]) -> bool {
    let before = std::iter::once(1).chain(text.iter().copied());
    let kept = before.zip(text).filter(|(before, byte)| **byte != 0 || *before == 0);
    let without_zeros: Vec<u8> = kept.map(|(_, byte)| *byte).collect();
    without_zeros.windows(secret.len()).any(|part| part == secret)
}

fn in_digits(text: &[u8], secret: &[u8]) -> bool {
    let joined: Vec<u8> = text.iter().copied().filter(|byte| !b"\r\n\0".contains(byte)).collect();
    let runs = |value: fn(u8) -> Option<u32>, bits: usize, digits: usize| {
        joined.split(|byte| value(*byte).is_none()).any(|run| {
            (0..digits).any(|from| {
                let values = run.iter().skip(from).filter_map(|byte| value(*byte));
                holds(&packed(values, bits), secret)
            })
        })
    };
    runs(hex, 4, 2) || runs(base64, 6, 4)
}

fn packed(values: impl Iterator<Item = u32>, bits: usize) -> Vec<u8> {
    let (mut out, mut held, mut count) = (Vec::new(), 0_u32, 0);
    for value in values {
        held = (held << bits) | value;
        count += bits;
        if count >= 8 {
            count -= 8;
            out.push(u8::try_from((held >> count) & 0xff).unwrap_or_default());
            held &= (1 << count) - 1;
        }
    }
    out
}

fn hex(byte: u8) -> Option<u32> {
    char::from(byte).to_digit(16)
}

fn base64(byte: u8) -> Option<u32> {
    Some(u32::from(match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' | b'-' => 62,
        b'/' | b'_' => 63,
        _ => return None,
    }))
}

/// Replaces whatever `at` reads at a place by the character it gives; it also gives how long that was.
fn replaced(text: &[u8], at: fn(&[u8]) -> Option<(u8, usize)>) -> Vec<u8> {
    let (mut out, mut rest) = (Vec::new(), text);
    while let Some((first, others)) = rest.split_first() {
        let (byte, length) = at(rest).unwrap_or((*first, 1));
        out.push(byte);
        rest = rest.get(length..).unwrap_or(others);
    }
    out
}

fn number(digits: &[u8], radix: u32) -> Option<u8> {
    let text = std::str::from_utf8(digits).ok().filter(|text| text.bytes().all(|b| b.is_ascii_hexdigit()))?;
    u8::try_from(u32::from_str_radix(text, radix).ok()?).ok().filter(u8::is_ascii)
}

fn percent(text: &[u8]) -> Vec<u8> {
    replaced(text, |rest| match rest {
        [b'%', high, low, ..] => Some((number(&[*high, *low], 16)?, 3)),
        _ => None,
    })
}

fn backslash(text: &[u8]) -> Vec<u8> {
    replaced(text, |rest| match rest {
        [b'\\', b'u', digits @ ..] => Some((number(digits.get(..4)?, 16)?, 6)),
        [b'\\', b'x', digits @ ..] => Some((number(digits.get(..2)?, 16)?, 4)),
        [b'\\', b'n', ..] => Some((b'\n', 2)),
        [b'\\', b'r', ..] => Some((b'\r', 2)),
        [b'\\', other, ..] if other.is_ascii_punctuation() => Some((*other, 2)),
        _ => None,
    })
}

fn entities(text: &[u8]) -> Vec<u8> {
    replaced(text, |rest| {
        let end = rest.iter().take(10).position(|byte| *byte == b';')?;
        let byte = match rest.get(..end)? {
            b"&amp" => b'&',
            b"&lt" => b'<',
            b"&gt" => b'>',
            b"&quot" => b'"',
            b"&apos" => b'\'',
            [b'&', b'#', b'x', digits @ ..] if digits.len() <= 2 => number(digits, 16)?,
            [b'&', b'#', digits @ ..] if digits.len() <= 3 => number(digits, 10)?,
            _ => return None,
        };
        Some((byte, end + 1))
    })
}

mod oracle;
mod streams;

use std::fmt::Write as _;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use bytes::Bytes;
use proptest::prelude::*;

use super::{Needle, Scrubber, masked};
use crate::base::secret::Secret;

fn needle(secret: &str) -> Arc<Needle> {
    Arc::new(Needle::new(Secret::new(secret.as_bytes().to_vec())))
}

/// Feeds `text`, cut at `cuts`.
fn run(mut scrubber: Scrubber, text: &[u8], cuts: &[usize]) -> (Vec<u8>, u64) {
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut % (text.len() + 1)).chain([0, text.len()]).collect();
    cuts.sort_unstable();
    let mut out = Vec::new();
    for ends in cuts.windows(2) {
        out.extend_from_slice(&scrubber.feed(Bytes::copy_from_slice(&text[ends[0]..ends[1]])));
    }
    out.extend_from_slice(&scrubber.finish());
    (out, scrubber.masked())
}

fn percent(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        write!(out, "%{byte:02X}").unwrap();
        out
    })
}

fn form(text: &str) -> String {
    let one = |b: u8| if b.is_ascii_alphanumeric() { char::from(b).to_string() } else { format!("%{b:02x}") };
    text.bytes().map(one).collect()
}

fn json(text: &str) -> String {
    serde_json::to_string(text).unwrap()
}

fn unicode(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        write!(out, "\\u{byte:04x}").unwrap();
        out
    })
}

fn html(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;").replace('\'', "&#39;")
}

fn broken(text: &str, width: usize) -> String {
    text.as_bytes()
        .chunks(width)
        .fold(String::new(), |out, line| out + std::str::from_utf8(line).unwrap() + "\r\n")
}

/// Every way of `secret` that is to be found.
fn spelled(secret: &str, before: &str) -> Vec<String> {
    let pair = format!("{before}{secret}\n");
    let slashes = |text: &str| text.replace('/', "\\/");
    vec![
        secret.to_owned(),
        percent(secret),
        percent(secret).to_lowercase(),
        form(secret),
        form(&form(secret)),
        json(secret),
        json(&json(secret)),
        slashes(&json(secret)),
        unicode(secret),
        json(&unicode(secret)),
        html(secret),
        json(&html(secret)),
        percent(&json(secret)),
        hex::encode(secret),
        hex::encode_upper(secret),
        STANDARD.encode(secret),
        STANDARD.encode(&pair),
        STANDARD_NO_PAD.encode(&pair),
        URL_SAFE.encode(&pair),
        URL_SAFE_NO_PAD.encode(format!("{pair}{before}")),
        slashes(&STANDARD.encode(&pair)),
        form(&STANDARD.encode(&pair)),
        broken(&STANDARD.encode(&pair), 7),
        json(&broken(&STANDARD.encode(&pair), 5)),
        secret.bytes().flat_map(|byte| [char::from(byte), '\0']).collect(),
    ]
}

prop_compose! {
    fn secrets()(text in "[!-~]{8,40}") -> String { text }
}

fn cuts() -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(0..20_000_usize, 0..12)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn e02_no_encoding_is_readable_afterwards_wherever_it_was_cut(
        secret in secrets(),
        before in "[ -~]{0,5}",
        front in "[ -~]{0,30}",
        long in prop::bool::weighted(0.2),
        tail in "[ -~]{0,30}",
        cuts in cuts(),
    ) {
        // A long text is looked at through the sieve.
        let front = if long { format!("{}{front}", "lorem ipsum ".repeat(800)) } else { front };
        for spelling in spelled(&secret, &before) {
            let text = format!("{front} {spelling} {tail}");
            prop_assert!(oracle::reads(&text.as_bytes()[front.len()..], secret.as_bytes()), "{spelling}");
            let (out, count) = run(Scrubber::whole(needle(&secret)), text.as_bytes(), &cuts);
            prop_assert!(!oracle::reads(&out[front.len()..], secret.as_bytes()), "{spelling} of {secret}");
            prop_assert_eq!(out.len(), text.len());
            prop_assert!(count >= 1);
            prop_assert_eq!(&out[..front.len()], front.as_bytes());
            prop_assert_eq!(&out[front.len() + spelling.len() + 2..], tail.as_bytes());
            let (uncut, same) = run(Scrubber::whole(needle(&secret)), text.as_bytes(), &[]);
            prop_assert_eq!((out, count), (uncut, same));
        }
    }

    #[test]
    fn e03_a_live_stream_shows_at_most_the_first_three_symbols(
        secret in secrets(),
        before in "[ -~]{0,5}",
        front in "[ -~]{0,30}",
        cuts in cuts(),
    ) {
        for spelling in spelled(&secret, &before) {
            let text = format!("{front} {spelling} ");
            let (whole, _) = run(Scrubber::whole(needle(&secret)), text.as_bytes(), &[]);
            let (live, count) = run(Scrubber::live(needle(&secret)), text.as_bytes(), &cuts);
            prop_assert!(!oracle::reads(&live, secret.as_bytes()), "{spelling}");
            prop_assert!(count >= 1);
            let shown = whole.iter().zip(&live).filter(|(whole, live)| whole != live).count();
            // A symbol is at most twelve bytes long: one character, escaped twice.
            prop_assert!(shown <= 3 * 12, "{shown} of {spelling}");
            prop_assert_eq!(live.len(), text.len());
        }
    }

    #[test]
    fn what_is_not_the_secret_passes_unchanged(
        secret in "[a-z0-9%&;u\\\\]{8,40}",
        text in "([a-z0-9%&;u\\\\]{0,20}|%2[0-9]|\\\\u00[2-7][0-9]|\r\n){0,40}",
        cuts in cuts(),
    ) {
        // All but the last character, and then another.
        let near = format!("{text}{}\u{1}{text}", &secret[..secret.len() - 1]);
        prop_assume!(!oracle::reads(near.as_bytes(), secret.as_bytes()));
        let (out, count) = run(Scrubber::whole(needle(&secret)), near.as_bytes(), &cuts);
        prop_assert_eq!((out.as_slice(), count), (near.as_bytes(), 0));
        let (out, _) = run(Scrubber::live(needle(&secret)), near.as_bytes(), &cuts);
        prop_assert_eq!(out.as_slice(), near.as_bytes());
    }

    #[test]
    fn any_bytes_keep_their_length(
        secret in secrets(),
        bytes in prop::collection::vec(any::<u8>(), 0..12_000),
        cuts in cuts(),
    ) {
        for scrubber in [Scrubber::whole, Scrubber::live, Scrubber::events] {
            let (out, count) = run(scrubber(needle(&secret)), &bytes, &cuts);
            prop_assert_eq!((out.as_slice(), count), (bytes.as_slice(), 0));
        }
    }
}

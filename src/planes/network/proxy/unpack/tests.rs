use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use http::HeaderValue;

use super::*;

/// `{"ok":true,"text":"exeat exeat exeat exeat exeat exeat"}`, as a brotli stream.
const BROTLI: &str = "GzcA+J3J4+57KhZwPlaXvdHtKZ2+FgEpo9tha3R4UpJZmKoDdsmUMhcfPAoB";

fn packed(coding: Coding, text: &[u8]) -> Vec<u8> {
    match coding {
        Coding::Gzip => {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
            encoder.write_all(text).unwrap();
            encoder.finish().unwrap()
        }
        Coding::Deflate => {
            let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
            encoder.write_all(text).unwrap();
            encoder.finish().unwrap()
        }
        Coding::Brotli => STANDARD.decode(BROTLI).unwrap(),
    }
}

/// Everything, given piece by piece.
fn unpacked(coding: Coding, packed: &[u8], size: usize) -> io::Result<Vec<u8>> {
    let (mut unpacking, mut out) = (Unpacking::new(coding), Vec::new());
    let mut all = |unpacking: &mut Unpacking| {
        loop {
            match unpacking.next() {
                Ok(piece) if piece.is_empty() => return Ok(()),
                Ok(piece) => out.extend_from_slice(&piece),
                Err(error) => return Err(error),
            }
        }
    };
    for piece in packed.chunks(size) {
        unpacking.push(Bytes::copy_from_slice(piece));
        all(&mut unpacking)?;
    }
    unpacking.end();
    all(&mut unpacking)?;
    Ok(out)
}

fn coding(values: &[&'static str]) -> Result<Option<Coding>, Refused> {
    let mut headers = HeaderMap::new();
    for value in values {
        headers.append(header::CONTENT_ENCODING, HeaderValue::from_static(value));
    }
    Coding::of(&headers)
}

#[test]
fn one_known_coding_is_taken_off_and_nothing_else() {
    assert_eq!(coding(&[]), Ok(None));
    assert_eq!(coding(&["identity", ""]), Ok(None));
    assert_eq!(coding(&["GZip"]), Ok(Some(Coding::Gzip)));
    assert_eq!(coding(&["identity, br"]), Ok(Some(Coding::Brotli)));
    for values in [&["gzip, gzip"][..], &["gzip", "br"], &["zstd"], &["compress"], &["gzip;q=1"]] {
        assert_eq!(coding(values), Err(Refused::CODING), "{values:?}");
    }
}

#[test]
fn what_is_packed_is_unpacked_however_it_was_cut() {
    let text = "the quick brown fox ".repeat(20_000);
    for coding in [Coding::Gzip, Coding::Deflate] {
        for size in [1, 7, 1000, 1_000_000] {
            assert_eq!(unpacked(coding, &packed(coding, text.as_bytes()), size).unwrap(), text.as_bytes());
        }
    }
    let text = br#"{"ok":true,"text":"exeat exeat exeat exeat exeat exeat"}"#;
    for size in [1, 7, 1000] {
        assert_eq!(unpacked(Coding::Brotli, &packed(Coding::Brotli, text), size).unwrap(), text);
        let mut bare = DeflateEncoder::new(Vec::new(), Compression::default());
        bare.write_all(text).unwrap();
        assert_eq!(unpacked(Coding::Deflate, &bare.finish().unwrap(), size).unwrap(), text);
        let two = [packed(Coding::Gzip, text), packed(Coding::Gzip, text)].concat();
        assert_eq!(unpacked(Coding::Gzip, &two, size).unwrap(), text.repeat(2));
    }
}

#[test]
fn what_is_cut_short_or_something_else_is_no_answer() {
    let text = "the quick brown fox ".repeat(200);
    for coding in [Coding::Gzip, Coding::Deflate, Coding::Brotli] {
        let mut packed = packed(coding, text.as_bytes());
        packed.pop();
        assert!(unpacked(coding, &packed, 10).is_err(), "{coding:?} cut short");
        assert!(unpacked(coding, b"{\"not\": \"packed\"}", 10).is_err(), "{coding:?} it is not");
    }
}

#[test]
fn j12_what_grows_beyond_all_measure_is_cut_off() {
    let small = packed(Coding::Gzip, &vec![0; 64 * 1024 * 1024]);
    assert!(small.len() < 100_000);
    assert!(unpacked(Coding::Gzip, &small, 16 * 1024).is_err());
}

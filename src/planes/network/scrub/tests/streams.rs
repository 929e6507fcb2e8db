//! What is masked still reads, and nothing waits that need not.

use super::*;

const SECRET: &str = "s3cr3t/of+4n=Upstream";

fn fed(scrubber: &mut Scrubber, text: &str) -> String {
    String::from_utf8(scrubber.feed(Bytes::copy_from_slice(text.as_bytes())).to_vec()).unwrap()
}

fn text(text: &str) -> String {
    String::from_utf8(masked(&needle(SECRET), text.as_bytes()).expect("it is in there")).unwrap()
}

#[test]
fn what_is_masked_still_reads_as_what_it_was() {
    let stars = "*".repeat(SECRET.len());
    let document =
        serde_json::json!({ "token": SECRET, "pair": STANDARD.encode(format!("user:{SECRET}:x")) });
    for document in [document.to_string(), document.to_string().replace('/', "\\u002f")] {
        let read: serde_json::Value = serde_json::from_str(&text(&document)).unwrap();
        assert_eq!(read["token"], *stars);
        let pair = STANDARD.decode(read["pair"].as_str().unwrap()).unwrap();
        assert_eq!(String::from_utf8(pair).unwrap(), format!("user:{stars}:x"));
    }
    assert_eq!(text(&percent(SECRET)), "%2A".repeat(SECRET.len()));
    assert_eq!(hex::decode(text(&hex::encode(SECRET))).unwrap(), stars.as_bytes());
    let url = URL_SAFE_NO_PAD.decode(text(&URL_SAFE_NO_PAD.encode(format!("a{SECRET}b")))).unwrap();
    assert_eq!(String::from_utf8(url).unwrap(), format!("a{stars}b"));
}

#[test]
fn occurrences_are_counted_and_those_that_overlap_are_all_masked() {
    let (out, count) = run(Scrubber::whole(needle("abcabcab")), b"-abcabcabcab-abcabcab-", &[7]);
    assert_eq!((out.as_slice(), count), (&b"-***********-********-"[..], 3));
}

#[test]
fn a_mask_is_never_part_of_the_secret() {
    let (out, _) = run(Scrubber::whole(needle("****abcd")), b"****abcdabcd", &[]);
    assert_eq!(out, b"xxxxxxxxabcd");
}

#[test]
fn what_cannot_be_the_secret_passes_at_once() {
    let mut scrubber = Scrubber::whole(needle(SECRET));
    for piece in ["{\"a\":1}\n", "plain words and a full stop.", "100%, ", "C:\\new ", "a & b "] {
        assert_eq!(fed(&mut scrubber, piece), piece);
    }
    assert_eq!(fed(&mut scrubber, "then s3cr3t/"), "then ", "this may be it");
    assert_eq!(fed(&mut scrubber, "and other things."), "s3cr3t/and other things.", "it was not");
    assert_eq!(fed(&mut scrubber, "then %"), "then ", "an escape may be it");
    assert_eq!(fed(&mut scrubber, "41 "), "%41 ");
    assert_eq!((scrubber.finish().len(), scrubber.masked()), (0, 0));
}

#[test]
fn a_live_stream_does_not_wait_for_a_letter_to_go_on() {
    let mut scrubber = Scrubber::live(needle(SECRET));
    for piece in ["y", "e", "s", "\\", "%", "s3", "s3c"] {
        assert_eq!(fed(&mut scrubber, piece), piece);
    }
    assert_eq!(fed(&mut scrubber, "s3"), "s3");
    assert_eq!(
        fed(&mut scrubber, &format!("{}!", &SECRET[2..])),
        format!("{}!", "*".repeat(SECRET.len() - 2))
    );
    assert_eq!(fed(&mut scrubber, &SECRET[..4]), "");
    assert_eq!(scrubber.finish(), &SECRET[..4], "the end of the stream is no secret");
    assert_eq!(scrubber.masked(), 1);
}

#[test]
fn e03_a_secret_in_the_lines_of_one_event_or_of_two() {
    let masked = "*".repeat(SECRET.len());
    let stream = format!("data: x{}\ndata: {}y\n\n", &SECRET[..5], &SECRET[5..]);
    let (out, count) = run(Scrubber::events(needle(SECRET)), stream.as_bytes(), &[]);
    let expected = format!("data: x{}\ndata: {}y\n\n", &masked[..5], &masked[5..]);
    assert_eq!((String::from_utf8(out).unwrap(), count), (expected, 1));
    for between in [
        "\ndata: ",
        "\r\ndata:",
        "\n\ndata: ",
        "\n\nid: 7\nevent: token\ndata: ",
        "\n\n: still here\n\ndata: ",
    ] {
        for at in 4..SECRET.len() {
            for spelling in [SECRET.to_owned(), percent(SECRET), STANDARD.encode(SECRET)] {
                let stream = format!("data: x{}{between}{}y\n\n", &spelling[..at], &spelling[at..]);
                let mut scrubber = Scrubber::events(needle(SECRET));
                let mut out = String::new();
                for piece in stream.as_bytes().chunks(3) {
                    out.push_str(&fed(&mut scrubber, std::str::from_utf8(piece).unwrap()));
                }
                out.push_str(std::str::from_utf8(&scrubber.finish()).unwrap());
                assert_eq!((out.len(), scrubber.masked()), (stream.len(), 1), "{out}");
                assert!(out.contains(between), "{out}");
                assert!(!oracle::reads(out.replace(between, "").as_bytes(), SECRET.as_bytes()), "{out}");
            }
        }
    }
}

#[test]
fn e03_events_pass_as_they_come() {
    let mut scrubber = Scrubber::events(needle(SECRET));
    // Each ends as the secret begins, or as its base64 or hex does.
    for event in
        ["data: yes\n\n", "data: c3\n\n", ": ping\n\n", "id: s3c\ndata: {\"a\":\"s3\"}\n\n", "data: 733\n\n"]
    {
        assert_eq!(fed(&mut scrubber, event), event);
    }
    let kept: usize = (0..100_000)
        .map(|_| {
            fed(&mut scrubber, ": ping\n\n");
            scrubber.kept.len()
        })
        .max()
        .unwrap();
    assert!(kept < 200_000, "{kept}");
    // What was once seen in one line is counted once.
    fed(&mut scrubber, &format!("data: {SECRET}\n\n"));
    assert_eq!(scrubber.masked(), 1);
}

#[test]
fn a_long_secret_is_found_in_a_long_text() {
    let secret: String =
        (0..2 * 1024).map(|at| char::from(b'!' + u8::try_from(at * at % 93).unwrap())).collect();
    for spelling in [secret.clone(), STANDARD.encode(&secret), hex::encode(&secret), percent(&secret)] {
        let text = format!("{}{spelling}{}", "x".repeat(20_000), "y".repeat(20_000));
        let (out, count) =
            run(Scrubber::whole(needle(&secret)), text.as_bytes(), &[100, 19_999, 20_500, 22_000]);
        assert_eq!((out.len(), count), (text.len(), 1));
        assert!(!oracle::reads(&out, secret.as_bytes()));
    }
}

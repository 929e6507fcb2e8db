//! An export in the hands of somebody who would rather it said something else.

use exeat::base::crypto::sign::SigningKey;
use exeat::base::secret::Secret;
use exeat::domain::ledger::checkpoint::{Checkpoint, SignedCheckpoint};
use exeat::domain::ledger::export::{ExportWriter, Header, MAX_LINE};
use exeat::domain::ledger::merkle::{Frontier, leaf_hash};
use exeat::domain::ledger::note::{Origin, VerifierKey};
use exeat::domain::ledger::verify::{Verdict, Verified, verify};
use proptest::prelude::*;

const LOG: &str = "exeat.example/log";
/// Entries per committed batch, so checkpoints stand at 3, 5, 6 and 10.
const BATCHES: [u64; 4] = [3, 2, 1, 4];
const SIZE: u64 = 10;

#[test]
fn an_untouched_export_verifies_with_the_public_key_alone() {
    let verified = check(&export()).unwrap();
    assert_eq!((verified.size(), verified.origin().as_str()), (SIZE, LOG));
    assert_eq!(verified.root(), &verified.checkpoint().claim().root);
    let again = verify(&export()[..], &trusted(), Some(verified.checkpoint())).unwrap();
    assert_eq!(again.root(), verified.root());
}

#[test]
fn an_export_continues_each_of_its_own_earlier_checkpoints() {
    for batches in 0..=BATCHES.len() {
        let earlier = check(&log("entry", &BATCHES[..batches])).unwrap();
        let verified = verify(&export()[..], &trusted(), Some(earlier.checkpoint())).unwrap();
        assert_eq!(verified.size(), SIZE);
    }
}

#[test]
fn an_export_has_the_documented_lines() {
    let export = String::from_utf8(log("entry", &[1])).unwrap();
    let lines: Vec<&str> = export.lines().collect();
    let key = trusted()[0].to_string();
    let header = format!(r#"{{"format":"exeat-ledger/1","origin":"{LOG}","keys":["{key}"],"size":1}}"#);
    assert_eq!(lines[0], header);
    let entry = entry("entry", 0);
    let leaf = leaf_hash(entry.as_bytes());
    assert_eq!(lines[1], format!(r#"{{"index":0,"leaf":"{leaf}","entry":{entry}}}"#));
    assert!(lines[2].starts_with(&format!(r#"{{"checkpoint":"{LOG}\n1\n"#)), "{}", lines[2]);
    assert_eq!(lines.len(), 3);
}

#[test]
fn h02_an_edited_entry_is_named() {
    let edited = edit(|line| line.replace("read 4", "read 9"));
    assert!(matches!(check(&edited), Err(Verdict::EntryAltered { index: 4 })));
}

#[test]
fn h02_an_edited_entry_with_its_hash_made_again_is_narrowed_to_its_batch() {
    let edited = forged(&export(), 4, &entry("entry", 4).replace("read", "kept"));
    assert!(matches!(check(&edited), Err(Verdict::CheckpointMismatch { first: 3, last: 4 })));
    let bare = without(&edited, |line| line.contains("checkpoint") && !line.contains("\\n10\\n"));
    assert!(matches!(check(&bare), Err(Verdict::CheckpointMismatch { first: 0, last: 9 })));
}

#[test]
fn h02_a_batch_signed_again_by_a_stranger_is_refused() {
    let stranger = log_by(&key(8), "forged", &BATCHES, &[]);
    assert!(matches!(check(&stranger), Err(Verdict::UnknownKey { first: 0, last: 2 })));
    let mismatched = replace(&export(), r"\n5\n", r"\n4\n");
    assert!(matches!(check(&mismatched), Err(Verdict::BadSignature { first: 3, last: 4 })));
}

#[test]
fn h02_a_deleted_entry_is_named_wherever_it_stood() {
    for index in 0..SIZE - 1 {
        let deleted = without(&export(), |line| line.starts_with(&format!("{{\"index\":{index},")));
        let verdict = check(&deleted).unwrap_err();
        assert!(matches!(verdict, Verdict::OutOfPlace { index: named } if named == index), "{verdict}");
    }
    let last = without(&export(), |line| line.starts_with("{\"index\":9,"));
    assert!(matches!(check(&last), Err(Verdict::OutOfPlace { index: 9 })));
}

#[test]
fn h02_a_deleted_entry_is_narrowed_to_its_batch_when_the_rest_is_renumbered() {
    let deleted = without(&export(), |line| line.starts_with("{\"index\":1,"));
    let deleted = replace(&deleted, "{\"index\":2,", "{\"index\":1,");
    assert!(matches!(check(&deleted), Err(Verdict::OutOfPlace { index: 2 })));
    let mut moved: Vec<String> = lines(&deleted);
    let borrowed = moved.remove(4).replace("{\"index\":3,", "{\"index\":2,");
    moved.insert(3, borrowed);
    assert!(matches!(check(&joined(&moved)), Err(Verdict::CheckpointMismatch { first: 0, last: 2 })));
}

#[test]
fn h02_a_deleted_tail_is_named() {
    let whole = lines(&export());
    // Header, then 3 + 1, 2 + 1, 1 + 1 and 4 + 1 lines.
    for (kept, missing) in [(1, 0), (3, 2), (4, 3), (5, 3), (10, 6), (13, 9)] {
        let verdict = check(&joined(&whole[..kept])).unwrap_err();
        assert!(matches!(verdict, Verdict::Truncated { index } if index == missing), "{kept}: {verdict}");
    }
    let uncovered = check(&joined(&whole[..14])).unwrap_err();
    assert!(matches!(uncovered, Verdict::Truncated { index: 6 }), "{uncovered}");
    let mid_line = export();
    assert!(matches!(check(&mid_line[..mid_line.len() - 1]), Err(Verdict::Truncated { index: 10 })));
}

#[test]
fn h02_a_tail_deleted_with_its_header_corrected_needs_a_known_checkpoint_only_at_a_batch_end() {
    let whole = lines(&export());
    let mid_batch = replace(&joined(&whole[..7]), "\"size\":10", "\"size\":5");
    assert!(matches!(check(&mid_batch), Err(Verdict::Truncated { index: 3 })));
    let batch_end = replace(&joined(&whole[..8]), "\"size\":10", "\"size\":5");
    assert_eq!(check(&batch_end).unwrap().size(), 5);
    let known = check(&export()).unwrap();
    let verdict = verify(&batch_end[..], &trusted(), Some(known.checkpoint()));
    assert!(matches!(verdict, Err(Verdict::RolledBack { size: 5, known: 10 })));
}

#[test]
fn h02_reordered_entries_are_named() {
    let mut swapped = lines(&export());
    swapped.swap(1, 2);
    assert!(matches!(check(&joined(&swapped)), Err(Verdict::OutOfPlace { index: 0 })));
    swapped[1] = swapped[1].replace("{\"index\":1,", "{\"index\":0,");
    swapped[2] = swapped[2].replace("{\"index\":0,", "{\"index\":1,");
    assert!(matches!(check(&joined(&swapped)), Err(Verdict::CheckpointMismatch { first: 0, last: 2 })));
}

#[test]
fn h02_an_entry_put_in_twice_or_beyond_the_end_is_named() {
    let mut twice = lines(&export());
    twice.insert(3, twice[2].clone());
    assert!(matches!(check(&joined(&twice)), Err(Verdict::OutOfPlace { index: 2 })));
    let longer = replace(&export(), "\"size\":10", "\"size\":6");
    assert!(matches!(check(&longer), Err(Verdict::Malformed { line: 11, index: 6 })));
}

#[test]
fn h02_segments_swapped_between_replicas_are_narrowed_to_the_segment() {
    let (ours, theirs) = (lines(&export()), lines(&log("other", &BATCHES)));
    let mixed = [&ours[..5], &theirs[5..8], &ours[8..]].concat();
    assert!(matches!(check(&joined(&mixed)), Err(Verdict::CheckpointMismatch { first: 3, last: 4 })));
}

#[test]
fn h02_a_restored_old_copy_is_a_rollback_to_whoever_kept_a_checkpoint() {
    let known = check(&export()).unwrap();
    let old = log("entry", &BATCHES[..3]);
    let verdict = verify(&old[..], &trusted(), Some(known.checkpoint())).unwrap_err();
    assert!(matches!(verdict, Verdict::RolledBack { size: 6, known: 10 }));
    assert_eq!(verdict.suspects(), Some(6..=6));
}

#[test]
fn h02_an_old_copy_that_grew_another_way_is_a_fork_to_whoever_kept_a_checkpoint() {
    let known = check(&log("entry", &BATCHES)).unwrap();
    let other = log("other", &[5, 6]);
    assert_eq!(check(&other).unwrap().size(), 11);
    let verdict = verify(&other[..], &trusted(), Some(known.checkpoint())).unwrap_err();
    assert!(matches!(verdict, Verdict::Forked { last: 9 }));
    assert_eq!(verdict.suspects(), Some(0..=9));
}

#[test]
fn a_known_checkpoint_of_another_log_or_key_is_no_measure() {
    for (origin, seed) in [(LOG, 8), ("other.example/log", 7)] {
        let known = Checkpoint::of(name(origin), &Frontier::default()).sign(&key(seed));
        let verdict = verify(&export()[..], &trusted(), Some(&known));
        assert!(matches!(verdict, Err(Verdict::Known(_))));
    }
}

#[test]
fn keys_in_the_header_are_not_trusted() {
    let stranger = log_by(&key(8), "entry", &BATCHES, &[VerifierKey::new(name(LOG), key(8).public())]);
    assert!(matches!(check(&stranger), Err(Verdict::UnknownKey { .. })));
    assert!(matches!(verify(&export()[..], &[], None), Err(Verdict::UnknownKey { .. })));
}

#[test]
fn a_log_under_another_name_is_not_this_log() {
    let other = "\"origin\":\"exeat.example/gol\"";
    let renamed = replace(&export(), &format!("\"origin\":\"{LOG}\""), other);
    assert!(matches!(check(&renamed), Err(Verdict::UnknownKey { first: 0, last: 2 })));
    let renamed = replace(&export(), LOG, "exeat.example/gol");
    assert!(matches!(check(&renamed), Err(Verdict::Malformed { line: 1, index: 0 })));
}

#[test]
fn an_export_without_any_checkpoint_is_refused_even_when_empty() {
    let bare = without(&export(), |line| line.contains("checkpoint"));
    assert!(matches!(check(&bare), Err(Verdict::Truncated { index: 0 })));
    let empty = without(&log("entry", &[]), |line| line.contains("checkpoint"));
    assert!(matches!(check(&empty), Err(Verdict::Truncated { index: 0 })));
    assert_eq!(check(&log("entry", &[])).unwrap().size(), 0);
}

#[test]
fn h04_every_field_of_an_entry_is_hashed() {
    let original: serde_json::Value = serde_json::from_str(&entry("entry", 4)).unwrap();
    let fields: Vec<String> = original.as_object().unwrap().keys().cloned().collect();
    assert!(fields.len() > 4);
    for field in fields {
        let mut altered = original.clone();
        altered[&field] = "someone else".into();
        let mut bereft = original.clone();
        bereft.as_object_mut().unwrap().remove(&field);
        let mut joined = original.clone();
        joined[format!("{field}_too")] = true.into();
        for value in [altered, bereft, joined] {
            let text = String::from_utf8(serde_json_canonicalizer::to_vec(&value).unwrap()).unwrap();
            let edited = edit(|line| line.replace(&entry("entry", 4), &text));
            assert!(matches!(check(&edited), Err(Verdict::EntryAltered { index: 4 })), "{field}");
        }
    }
}

#[test]
fn an_entry_that_reads_two_ways_is_refused_even_when_it_was_signed_so() {
    for entry in [
        r#"{"a":1,"a":2}"#,
        r#"{"a":{"b":1,"b":1}}"#,
        r#"{"b":1,"a":2}"#,
        r#"{"a": 1}"#,
        r#"{"a":1} "#,
        r#"{"a":1}}"#,
        r#"{"a":1},"entry":{"a":1}"#,
        r#"{"a":1.0}"#,
        r#"{"a":"\u0041"}"#,
        r#"{"a":9007199254740993}"#,
        r"[1]",
        r#""text""#,
        "",
        "{",
    ] {
        let signed = signed_as_is(entry.as_bytes());
        assert!(matches!(check(&signed), Err(Verdict::EntryAltered { index: 0 })), "{entry}");
    }
    assert!(matches!(check(&signed_as_is(b"{\"a\":\"\xff\"}")), Err(Verdict::EntryAltered { index: 0 })));
    let deep = format!("{}{}", "{\"a\":".repeat(100_000), "}".repeat(100_000));
    assert!(matches!(check(&signed_as_is(deep.as_bytes())), Err(Verdict::EntryAltered { index: 0 })));
    assert_eq!(check(&signed_as_is(br#"{"a":"A","b":1}"#)).unwrap().size(), 1);
}

#[test]
fn what_is_no_line_of_an_export_is_refused_with_its_number() {
    for bad in ["", " ", "{}", "[]", "{\"checkpoint\":1}", "{\"checkpoint\":\"x\"}", "{\"entry\":{}}"] {
        let mut spoiled = lines(&export());
        spoiled.insert(2, bad.into());
        assert!(matches!(check(&joined(&spoiled)), Err(Verdict::Malformed { line: 3, index: 1 })), "{bad}");
    }
    for header in ["", "{}", "{\"format\":\"exeat-ledger/2\",\"origin\":\"a\",\"keys\":[],\"size\":0}"] {
        let verdict = check(format!("{header}\n").as_bytes());
        assert!(matches!(verdict, Err(Verdict::Malformed { line: 1, index: 0 })), "{header}");
    }
    assert!(matches!(check(b""), Err(Verdict::Malformed { line: 1, index: 0 })));
    let extra = replace(&export(), "\"size\":10", "\"size\":10,\"more\":1");
    assert!(matches!(check(&extra), Err(Verdict::Malformed { line: 1, .. })));
}

#[test]
fn a_line_without_end_is_refused_before_it_is_read() {
    let endless = std::io::BufReader::new(std::io::repeat(b'{'));
    assert!(matches!(verify(endless, &trusted(), None), Err(Verdict::Malformed { line: 1, .. })));
}

#[test]
fn the_writer_refuses_what_the_verifier_would() {
    let mut writer = ExportWriter::start(Vec::new(), &Header::new(name(LOG), Vec::new(), 1)).unwrap();
    let before = writer.sink().len();
    let leaf = leaf_hash(b"");
    assert!(writer.entry(0, &leaf, b"{\n}").is_err());
    assert!(writer.entry(0, &leaf, &vec![b' '; MAX_LINE]).is_err());
    assert_eq!(writer.sink().len(), before);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_change_of_one_byte_is_found_or_leaves_every_entry_as_it_was(
        at in any::<prop::sample::Index>(), byte: u8, how in 0..3,
    ) {
        let mut mutated = export();
        let at = at.index(mutated.len());
        match how {
            0 => mutated[at] = byte,
            1 => { mutated.remove(at); }
            _ => mutated.insert(at, byte),
        }
        if check(&mutated).is_ok() {
            prop_assert_eq!(entries(&mutated), entries(&export()));
        }
    }

    #[test]
    fn any_shuffling_of_lines_is_found_or_leaves_every_entry_as_it_was(
        picks in prop::collection::vec(any::<prop::sample::Index>(), 0..20),
    ) {
        let whole = lines(&export());
        let mut mutated = whole.clone();
        for pair in picks.chunks_exact(2) {
            let line = mutated.remove(pair[0].index(mutated.len()));
            mutated.insert(pair[1].index(mutated.len() + 1), line);
        }
        if check(&joined(&mutated)).is_ok() {
            prop_assert_eq!(entries(&joined(&mutated)), entries(&export()));
        }
    }

    #[test]
    fn no_bytes_make_the_verifier_panic(bytes: Vec<u8>, keep in any::<prop::sample::Index>()) {
        let _ = check(&bytes);
        let whole = export();
        let _ = check(&[&whole[..keep.index(whole.len())], &bytes, b"\n"].concat());
        let _ = SignedCheckpoint::parse(&String::from_utf8_lossy(&bytes));
        let _ = Frontier::from_bytes(&bytes);
    }
}

#[test]
fn every_byte_of_an_export_replaced_in_turn_is_found_or_leaves_every_entry_as_it_was() {
    let whole = log("entry", &[2, 1]);
    let before = entries(&whole);
    for at in 0..whole.len() {
        for byte in [b'0', b'1', b'"', b' ', b'\n', b'}', whole[at] ^ 1, whole[at] ^ 0x20] {
            let mut mutated = whole.clone();
            mutated[at] = byte;
            assert!(check(&mutated).is_err() || entries(&mutated) == before, "byte {at} to {byte}");
        }
    }
}

fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&Secret::new(vec![seed; 32])).unwrap()
}

fn name(text: &str) -> Origin {
    text.parse().unwrap()
}

fn trusted() -> Vec<VerifierKey> {
    vec![VerifierKey::new(name(LOG), key(7).public())]
}

fn check(export: &[u8]) -> Result<Verified, Verdict> {
    verify(export, &trusted(), None)
}

/// The canonical bytes of one entry.
fn entry(kind: &str, index: u64) -> String {
    let entry = serde_json::json!({
        "type": kind, "approver": "per_alice", "policy": index, "step": {"tool": "Bash é\u{0}"},
        "target": format!("read {index}"), "nothing": null, "many": [1, "2", false],
    });
    String::from_utf8(serde_json_canonicalizer::to_vec(&entry).unwrap()).unwrap()
}

fn export() -> Vec<u8> {
    log("entry", &BATCHES)
}

fn log(kind: &str, batches: &[u64]) -> Vec<u8> {
    log_by(&key(7), kind, batches, &trusted())
}

/// A log of such entries, committed in such batches.
fn log_by(key: &SigningKey, kind: &str, batches: &[u64], keys: &[VerifierKey]) -> Vec<u8> {
    let header = Header::new(name(LOG), keys.to_vec(), batches.iter().sum());
    let mut writer = ExportWriter::start(Vec::new(), &header).unwrap();
    let mut tree = Frontier::default();
    for batch in batches {
        for _ in 0..*batch {
            let entry = entry(kind, tree.size());
            let leaf = leaf_hash(entry.as_bytes());
            writer.entry(tree.size(), &leaf, entry.as_bytes()).unwrap();
            tree.append(leaf);
        }
        writer.checkpoint(&Checkpoint::of(name(LOG), &tree).sign(key).to_note()).unwrap();
    }
    if batches.is_empty() {
        writer.checkpoint(&Checkpoint::of(name(LOG), &tree).sign(key).to_note()).unwrap();
    }
    writer.finish().unwrap()
}

/// A log of one entry with exactly these bytes, hashed and signed.
fn signed_as_is(entry: &[u8]) -> Vec<u8> {
    let mut writer = ExportWriter::start(Vec::new(), &Header::new(name(LOG), Vec::new(), 1)).unwrap();
    let mut tree = Frontier::default();
    tree.append(leaf_hash(entry));
    writer.entry(0, &leaf_hash(entry), entry).unwrap();
    writer.checkpoint(&Checkpoint::of(name(LOG), &tree).sign(&key(7)).to_note()).unwrap();
    writer.finish().unwrap()
}

fn lines(export: &[u8]) -> Vec<String> {
    str::from_utf8(export).unwrap().lines().map(ToOwned::to_owned).collect()
}

fn joined(lines: &[String]) -> Vec<u8> {
    lines.iter().flat_map(|line| format!("{line}\n").into_bytes()).collect()
}

/// The export with each line changed.
fn edit(change: impl Fn(String) -> String) -> Vec<u8> {
    joined(&lines(&export()).into_iter().map(change).collect::<Vec<_>>())
}

fn replace(export: &[u8], from: &str, to: &str) -> Vec<u8> {
    joined(&lines(export).into_iter().map(|line| line.replace(from, to)).collect::<Vec<_>>())
}

fn without(export: &[u8], dropped: impl Fn(&str) -> bool) -> Vec<u8> {
    joined(&lines(export).into_iter().filter(|line| !dropped(line)).collect::<Vec<_>>())
}

/// The export with entry `index` saying `text`, and its leaf hash made to fit.
fn forged(export: &[u8], index: u64, text: &str) -> Vec<u8> {
    let start = format!("{{\"index\":{index},");
    let line = format!("{start}\"leaf\":\"{}\",\"entry\":{text}}}", leaf_hash(text.as_bytes()));
    let fit = |old: String| if old.starts_with(&start) { line.clone() } else { old };
    joined(&lines(export).into_iter().map(fit).collect::<Vec<_>>())
}

/// The entries as whoever reads the file would see them.
fn entries(export: &[u8]) -> Vec<Vec<u8>> {
    export.split(|b| *b == b'\n').filter(|line| line.starts_with(b"{\"index\"")).map(<[u8]>::to_vec).collect()
}

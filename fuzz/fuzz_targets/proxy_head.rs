//! Request heads from arbitrary bytes, whole and in two pieces.
//!
//! What is accepted ends where it ends, is read by an independent parser in the same way, and has one `Host`, or none
//! where the authority of `CONNECT` says it all.
#![no_main]

use exeat::planes::network::proxy::head::{MAX_HEAD_BYTES, check, find_end, values_in};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let whole = find_end(data, 0);
    for cut in [data.len() / 3, data.len() / 2] {
        // In two pieces: the same end, or the same refusal, only perhaps sooner.
        match find_end(&data[..cut], 0) {
            Ok(None) => assert_eq!(find_end(data, cut).ok(), whole.as_ref().ok().copied()),
            Ok(Some(end)) => assert_eq!(whole.as_ref().ok(), Some(&Some(end))),
            Err(_) => assert!(whole.is_err()),
        }
    }
    let Ok(Some(end)) = whole else {
        assert!(check(data).is_err());
        return;
    };
    assert!(end <= MAX_HEAD_BYTES);
    let bytes = &data[..end];
    let Ok(head) = check(bytes) else { return };
    let mut storage = [httparse::EMPTY_HEADER; 256];
    let mut other = httparse::Request::new(&mut storage);
    let parsed = other.parse(bytes).expect("an independent parser reads it too");
    assert_eq!(parsed, httparse::Status::Complete(end), "and ends it at the same byte");
    assert_eq!(other.method, Some(head.method.as_str()));
    // Old clients open a tunnel without `Host`; its authority is then the only word on where to.
    let hosts = values_in(bytes, "host").len();
    assert!(hosts == 1 || hosts == 0 && head.method.as_str() == "CONNECT", "{hosts} hosts");
});

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;

use proptest::prelude::*;

use super::*;

fn used<'a>(paths: impl IntoIterator<Item = &'a str>) -> Used {
    let mut used = Used::default();
    for path in paths {
        used.count(Access::Read, Path::new(path), false, 1);
    }
    used
}

fn told(used: &Used) -> Vec<(String, u64)> {
    used.folded().lines().iter().map(|line| (line.path.to_string(), line.count)).collect()
}

fn pair(path: &str, count: u64) -> (String, u64) {
    (path.to_owned(), count)
}

#[test]
fn what_is_little_is_named() {
    let used = used(["/w/a", "/w/a", "/w/b/c", "/"]);
    assert_eq!(told(&used), [pair("/", 1), pair("/w/a", 2), pair("/w/b/c", 1)]);
}

#[test]
fn what_is_much_is_folded_from_below() {
    let paths: Vec<String> = (0..500).map(|n| format!("/w/src/deep/{n}")).collect();
    let used = used(paths.iter().map(String::as_str).chain(["/w/README"]));
    assert_eq!(told(&used), [pair("/w/README", 1), pair("/w/src/deep/**", 500)]);
}

#[test]
fn what_is_too_much_to_remember_counts_for_the_directory_around_it() {
    let paths: Vec<String> = (0..MOST_PLACES + 500).map(|n| format!("/w/{n}")).collect();
    let total: u64 = told(&used(paths.iter().map(String::as_str))).iter().map(|(_, count)| count).sum();
    assert_eq!(total, MOST_PLACES as u64 + 500);
    let deep = format!("/w{}", "/d".repeat(2000));
    assert_eq!(told(&used([deep.as_str()])), [pair(&format!("/w{}/**", "/d".repeat(31)), 1)]);
    let long = format!("/w/{}/{}/{}", "a".repeat(250), "b".repeat(250), "c".repeat(250));
    assert_eq!(
        told(&used([long.as_str()])),
        [pair(&format!("/w/{}/{}/**", "a".repeat(250), "b".repeat(250)), 1)]
    );
}

#[test]
fn processes_are_one_place_and_what_is_forbidden_of_them_is_told() {
    let mut used = used(["/proc/7/maps", "/proc/8/maps"]);
    used.count(Access::Read, Path::new("/proc/1/environ"), true, 1);
    assert_eq!(told(&used), [pair("/proc/**", 2), pair("/proc/1/environ", 1)]);
}

#[test]
fn f14_names_of_files_cannot_mislead_who_reads_them() {
    let mut used = used(["/w/a\u{202e}b\u{1b}[2K\n", "/w/**", "/w/a\\u{202e}b"]);
    used.count(Access::Read, Path::new(OsStr::from_bytes(b"/w/\xff")), false, 1);
    let lines: Vec<String> = told(&used).into_iter().map(|(path, _)| path).collect();
    assert_eq!(lines, ["/w/\\*\\*", "/w/\\u{fffd}", "/w/a\\\\u{202e}b", "/w/a\\u{202e}b\\u{1b}[2K\\u{a}"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn no_opening_is_lost_and_the_lines_are_bounded(
        paths in proptest::collection::vec("(/[a-d*\u{202e}é\"\\\\]{1,90}){1,9}", 1..600)
    ) {
        let mut used = Used::default();
        for (index, path) in paths.iter().enumerate() {
            let access = if index % 2 == 0 { Access::Read } else { Access::Write };
            used.count(access, Path::new(path), index % 3 == 0, 1);
        }
        let folded = used.folded();
        prop_assert_eq!(folded.lines().iter().map(|line| line.count).sum::<u64>(), paths.len() as u64);
        prop_assert!(serde_json::to_vec(&folded).unwrap().len() < 60_000);
    }
}

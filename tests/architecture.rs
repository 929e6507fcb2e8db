//! The rules of the house, read from the source itself. `architecture/rules.rs` has them, with every exception.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "what a test prepares must work for the test to mean anything"
)]

#[path = "architecture/rules.rs"]
mod rules;
#[path = "architecture/source.rs"]
mod source;

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use exeat::domain::problem::ProblemKind;

use self::rules::{
    LONG_FILE, LONG_FILES, LONGEST_FILE, LONGEST_FUNCTION, NOT_IN_DOMAIN, NOT_IN_PROXY, ROOMS, RULES,
};
use self::source::{Source, begins, files, read, sources};

/// Fails with one line for each fault.
fn none(faults: impl IntoIterator<Item = String>) {
    let list = faults.into_iter().fold(String::new(), |mut list, fault| {
        writeln!(list, "  {fault}").unwrap();
        list
    });
    assert!(list.is_empty(), "against the rules of the house:\n{list}");
}

/// The program without its unit tests.
fn program() -> impl Iterator<Item = &'static Source> {
    sources().iter().filter(|source| !source.is_test())
}

#[test]
fn imports_go_one_way() {
    let mut faults = Vec::new();
    for source in program() {
        let Some(room) = source.room() else { continue };
        let Some((_, may)) = ROOMS.iter().find(|(name, _)| *name == room) else {
            faults.push(format!("src/{room}: a room that architecture/rules.rs does not know"));
            continue;
        };
        for (other, _) in ROOMS.iter().filter(|(other, _)| *other != room && !may.contains(other)) {
            let path = format!("crate::{other}");
            faults.extend(
                source
                    .naming(&[&path])
                    .map(|(line, name)| format!("src/{}:{line}: {room} names {name}", source.path)),
            );
        }
    }
    none(faults);
}

#[test]
fn what_is_dangerous_is_named_only_at_home() {
    let mut faults = Vec::new();
    for source in program() {
        for rule in RULES {
            let at_home = rule.home.iter().any(|home| source.is_in(home));
            if at_home || rule.except.iter().any(|(file, _)| source.is_in(file)) {
                continue;
            }
            faults.extend(source.naming(rule.names).map(|(line, name)| {
                format!("src/{}:{line}: {name} belongs to {}", source.path, rule.home.join(", "))
            }));
        }
    }
    none(faults);
}

#[test]
fn no_exception_is_kept_that_nothing_needs() {
    let mut faults = Vec::new();
    for (rule, (file, reason)) in RULES.iter().flat_map(|rule| rule.except.iter().map(move |one| (rule, one)))
    {
        let used = program().any(|source| source.is_in(file) && source.naming(rule.names).next().is_some());
        let double = rule.home.iter().any(|home| file.starts_with(home));
        if !used || double {
            faults.push(format!("{file} no longer needs {}: take the exception away", rule.names.join(", ")));
        }
        if reason.len() < 10 {
            faults.push(format!("{file}: say why it names {}", rule.names.join(", ")));
        }
    }
    none(faults);
}

#[test]
fn the_rules_of_the_domain_are_pure() {
    let domain = program().filter(|source| source.is_in("domain/"));
    none(domain.flat_map(|source| {
        source.naming(NOT_IN_DOMAIN).map(|(line, name)| format!("src/{}:{line}: {name}", source.path))
    }));
}

#[test]
fn the_proxy_sees_neither_store_nor_vault() {
    let proxy = program().filter(|source| source.is_in("planes/network/"));
    none(proxy.flat_map(|source| {
        source.naming(NOT_IN_PROXY).map(|(line, name)| format!("src/{}:{line}: {name}", source.path))
    }));
}

#[test]
fn files_and_functions_are_short() {
    let mut faults = Vec::new();
    for source in sources() {
        let lines = source.text.lines().count();
        let ceiling = LONG_FILES.iter().find(|(file, ..)| *file == source.path).map(|(_, most, _)| *most);
        let most = ceiling.unwrap_or(LONG_FILE).min(LONGEST_FILE);
        if !source.is_test() && lines > most {
            faults.push(format!("src/{}: {lines} lines, at most {most}", source.path));
        }
        if ceiling.is_some() && lines <= LONG_FILE {
            faults.push(format!("src/{}: short now; take it off the list of long files", source.path));
        }
        let long = source.functions.iter().filter(|(.., length)| *length > LONGEST_FUNCTION);
        faults.extend(
            long.map(|(name, line, length)| {
                format!("src/{}:{line}: fn {name} has {length} lines", source.path)
            }),
        );
    }
    let gone = LONG_FILES
        .iter()
        .filter(|(file, ..)| !Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(file).exists());
    faults.extend(gone.map(|(file, ..)| format!("src/{file}: gone; take it off the list of long files")));
    none(faults);
}

#[test]
fn no_lint_is_silenced_without_being_expected() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let tests: Vec<Source> = files(&root.join("tests"))
        .into_iter()
        .map(|file| {
            let path = format!("../tests/{}", file.strip_prefix(root.join("tests")).unwrap().display());
            read(path, fs::read_to_string(&file).unwrap())
        })
        .collect();
    none(tests.iter().chain(sources()).flat_map(|source| {
        let at = |line: &usize| format!("src/{}:{line}: `allow`; take `expect` with a reason", source.path);
        source.allows.iter().map(at).collect::<Vec<_>>()
    }));
}

#[test]
fn every_file_says_what_it_is() {
    let silent = program().filter(|source| !source.text.starts_with("//!"));
    none(silent.map(|source| format!("src/{}: begin with `//!`", source.path)));
}

#[test]
fn every_problem_is_explained() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/problems.md");
    let page = fs::read_to_string(page).unwrap();
    let rows: Vec<Vec<&str>> = page
        .lines()
        .filter(|line| line.starts_with("| `"))
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
        .collect();
    let named: Vec<String> = rows.iter().map(|row| format!("{} {}", row[0], row[1])).collect();
    let known: Vec<String> =
        ProblemKind::ALL.iter().map(|kind| format!("`{}` {}", kind.name(), kind.status())).collect();
    assert_eq!(named, known, "docs/problems.md lists every problem, in the order of domain/problem.rs");
    none(
        rows.iter()
            .filter(|row| row.len() != 4 || row.iter().any(|cell| cell.is_empty()))
            .map(|row| row.join("|")),
    );
}

#[test]
fn the_reader_sees_through_the_ways_to_hide_a_name() {
    let text = r#"//! A file.
        use std::{env as surroundings, fmt};
        use super::super::store::Store;
        fn one() { let _ = format!("{}", crate::broker::name(secret.expose_secret())); }
        #[cfg(test)] mod tests { use sqlx::Pool; }
        #[cfg_attr(unix, allow(dead_code))] fn two() { a.expose_secret(); tokio::spawn(b); }
    "#;
    let source = read("domain/scope/path.rs".to_owned(), text.to_owned());
    let lines = |name: &str| source.naming(&[name]).map(|(line, _)| line).collect::<Vec<_>>();
    assert_eq!(lines("std::env"), [2]);
    assert_eq!(lines("crate::domain::store"), [3], "two up from path is domain");
    assert_eq!(lines("crate::broker"), [4]);
    assert_eq!(lines(".expose_secret"), [4, 6]);
    assert_eq!(lines("tokio::spawn"), [6]);
    assert!(lines("sqlx").is_empty());
    assert_eq!((source.allows.as_slice(), source.functions.len()), (&[6][..], 2));
    assert!(begins("ring::digest", "ring") && !begins("rings", "ring"));
}

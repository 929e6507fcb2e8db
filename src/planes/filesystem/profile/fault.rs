//! What is wrong with a profile, told by the path of the field.

use std::path::{Component, Path, PathBuf};

use serde_json::json;

use super::{Access, Environment, Terms};
use crate::domain::run::Rung;
use crate::domain::scope::ScopeItem;

/// Names that never pass: keys and places of Exeat, and what the dynamic loader obeys.
const RESERVED: [&str; 3] = ["EXEAT_", "LD_", "GCONV_PATH"];

/// The terms in this TOML; else the field, what is wrong with it, and in which line.
pub(super) fn read(text: &str) -> Result<Terms, String> {
    let line = |error: &toml::de::Error| {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        format!("line {}", before.matches('\n').count() + 1)
    };
    let document =
        toml::Deserializer::parse(text).map_err(|error| format!("{}: {}", line(&error), error.message()))?;
    serde_path_to_error::deserialize(document).map_err(|error| {
        let (path, error) = (error.path().to_string(), error.into_inner());
        let path = if path == "." { String::new() } else { format!("{path}: ") };
        format!("{path}{} ({})", error.message(), line(&error))
    })
}

/// Why these terms contradict themselves.
pub(super) fn contradiction(terms: &Terms) -> Option<String> {
    let read_only = terms.rung == Rung::ReadOnly;
    if read_only && terms.workspace.access == Access::Write {
        return Some("workspace.access: the rung read-only writes nothing; say `read`".to_owned());
    }
    if read_only && !terms.files.write.is_empty() {
        return Some("files.write: the rung read-only writes nothing; leave it empty".to_owned());
    }
    if let Some(field) = terms.limits.fault() {
        return Some(format!("limits.{field}: must be at least 1 and at most 2^32"));
    }
    hosts(terms).or_else(|| paths(terms)).or_else(|| environment(&terms.environment))
}

fn hosts(terms: &Terms) -> Option<String> {
    let hosts = &terms.network.hosts;
    if terms.rung < Rung::Networked && !hosts.is_empty() {
        return Some("network.hosts: needs the rung networked".to_owned());
    }
    hosts.iter().enumerate().find_map(|(index, host)| {
        let refused = ScopeItem::parse(&json!({ "type": "network", "hosts": [host] })).err()?;
        Some(format!("network.hosts[{index}]: {refused}"))
    })
}

fn paths(terms: &Terms) -> Option<String> {
    let (files, workspace) = (&terms.files, &terms.workspace);
    let absolute = [("system", &files.system), ("read", &files.read), ("write", &files.write)];
    for (field, paths) in absolute {
        if let Some((index, path)) = odd(paths, true) {
            let path = path.display();
            return Some(format!("files.{field}[{index}]: {path} must be an absolute path without . or .."));
        }
    }
    let below = "must be a path below the workspace, without . or ..";
    if let Some((index, path)) = odd(&workspace.protect, false) {
        return Some(format!("workspace.protect[{index}]: {} {below}", path.display()));
    }
    let held = workspace.held.keys().find(|path| !is_plain(path, false));
    held.map(|path| format!("workspace.held: {} {below}", path.display()))
}

fn odd(paths: &[PathBuf], absolute: bool) -> Option<(usize, &PathBuf)> {
    paths.iter().enumerate().find(|(_, path)| !is_plain(path, absolute))
}

fn environment(terms: &Environment) -> Option<String> {
    for (index, name) in terms.pass.iter().enumerate() {
        let plain = name.strip_suffix('*').unwrap_or(name);
        if plain.is_empty() || !is_name(plain) {
            return Some(format!("environment.pass[{index}]: {name:?} is not the name of a variable"));
        }
        if reaches_reserved(name) {
            let own = "is Exeat's own, or would change what builds the walls";
            return Some(format!("environment.pass[{index}]: {name} {own}"));
        }
    }
    let mut set = terms.set.iter();
    let bad = set.find(|(name, value)| !is_name(name) || reaches_reserved(name) || value.contains('\0'));
    bad.map(|(name, _)| format!("environment.set.{name}: may not be set"))
}

fn reaches_reserved(pattern: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => RESERVED.iter().any(|name| name.starts_with(start) || start.starts_with(name)),
        None => RESERVED.iter().any(|name| pattern.starts_with(name)),
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

fn is_plain(path: &Path, absolute: bool) -> bool {
    let named = path.components().filter(|part| matches!(part, Component::Normal(_))).count();
    let odd = path.components().any(|part| matches!(part, Component::CurDir | Component::ParentDir));
    path.is_absolute() == absolute
        && (absolute || named > 0)
        && !odd
        && !path.as_os_str().as_encoded_bytes().contains(&0)
}

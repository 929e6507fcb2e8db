//! The source as the rules see it: every path that a file names, its functions, its attributes.
//!
//! Paths are taken from the syntax tree, from `use` trees in full, and from the words inside macro calls. What is under
//! `#[cfg(test)]` is not the program and is passed over.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};

/// One file.
pub(crate) struct Source {
    /// Its path under `src/`, with `/`.
    pub(crate) path: String,
    pub(crate) text: String,
    /// Line and path, `crate::…` where it leads into this crate; a method is `.name`.
    pub(crate) names: Vec<(usize, String)>,
    /// Name, line and length of every function.
    pub(crate) functions: Vec<(String, usize, usize)>,
    /// Lines with `#[allow(…)]`, also inside `cfg_attr`.
    pub(crate) allows: Vec<usize>,
}

impl Source {
    /// Whether it is a file of unit tests, which its parent declares under `#[cfg(test)]`.
    pub(crate) fn is_test(&self) -> bool {
        self.path.ends_with("/tests.rs") || self.path.contains("/tests/")
    }

    /// The room it is in; none for `main.rs` and `lib.rs`.
    pub(crate) fn room(&self) -> Option<&str> {
        self.path.split_once('/').map(|(room, _)| room)
    }

    /// Whether it is `place`, or inside it when that ends in `/`.
    pub(crate) fn is_in(&self, place: &str) -> bool {
        if place.ends_with('/') { self.path.starts_with(place) } else { self.path == place }
    }

    /// The lines on which it names one of `what`, or something in it.
    pub(crate) fn naming<'a>(&'a self, what: &'a [&'a str]) -> impl Iterator<Item = (usize, &'a str)> {
        let hit =
            |name: &str| what.iter().any(|one| begins(name, one) || begins(name, &format!("crate::{one}")));
        self.names.iter().filter(move |(_, name)| hit(name)).map(|(line, name)| (*line, name.as_str()))
    }
}

/// Every file of the program, read once.
pub(crate) fn sources() -> &'static [Source] {
    static SOURCES: LazyLock<Vec<Source>> = LazyLock::new(read_all);
    &SOURCES
}

fn read_all() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = files(&root);
    files.sort();
    let path = |file: &Path| file.strip_prefix(&root).unwrap().to_str().unwrap().replace('\\', "/");
    files.iter().map(|file| read(path(file), fs::read_to_string(file).unwrap())).collect()
}

/// Every `.rs` file under `folder`.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|end| end == "rs") {
            found.push(path);
        }
    }
    found
}

/// Reads one file.
pub(crate) fn read(path: String, text: String) -> Source {
    let file = syn::parse_file(&text).unwrap_or_else(|error| panic!("{path}: {error}"));
    let mut reader = Reader { module: module(&path), ..Reader::default() };
    reader.visit_file(&file);
    Source { path, text, names: reader.names, functions: reader.functions, allows: reader.allows }
}

/// Whether path `name` is `prefix` or goes on from it.
pub(crate) fn begins(name: &str, prefix: &str) -> bool {
    name.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

fn module(path: &str) -> Vec<String> {
    let path = path.trim_end_matches(".rs").trim_end_matches("/mod");
    let root = ["main", "lib"].contains(&path);
    if root { Vec::new() } else { path.split('/').map(str::to_owned).collect() }
}

#[derive(Default)]
struct Reader {
    module: Vec<String>,
    names: Vec<(usize, String)>,
    functions: Vec<(String, usize, usize)>,
    allows: Vec<usize>,
}

impl Reader {
    fn name(&mut self, line: usize, segments: &[String]) {
        let path = self.resolved(segments);
        self.names.push((line, path));
    }

    /// `self::` and `super::` from the root of the crate, so that no path leaves its room by going up.
    fn resolved(&self, segments: &[String]) -> String {
        let mut base = self.module.clone();
        let mut rest = segments;
        let relative = |word: &String| word == "self" || word == "super";
        if !rest.first().is_some_and(relative) || rest.len() == 1 {
            return segments.join("::").replacen("exeat::", "crate::", 1);
        }
        while let Some((word, more)) = rest.split_first().filter(|(word, _)| relative(word)) {
            if word == "super" {
                drop(base.pop());
            }
            rest = more;
        }
        let full = std::iter::once("crate").chain(base.iter().map(String::as_str));
        full.chain(rest.iter().map(String::as_str)).collect::<Vec<_>>().join("::")
    }

    fn tree(&mut self, before: &[String], tree: &syn::UseTree) {
        let with = |ident: &syn::Ident| [before, &[ident.to_string()]].concat();
        match tree {
            syn::UseTree::Path(path) => self.tree(&with(&path.ident), &path.tree),
            syn::UseTree::Name(name) => self.name(name.ident.span().start().line, &with(&name.ident)),
            syn::UseTree::Rename(name) => self.name(name.ident.span().start().line, &with(&name.ident)),
            syn::UseTree::Glob(glob) => self.name(glob.star_token.spans[0].start().line, before),
            syn::UseTree::Group(group) => group.items.iter().for_each(|tree| self.tree(before, tree)),
        }
    }

    /// The paths among the words of a macro call.
    fn tokens(&mut self, tokens: TokenStream) {
        let (mut path, mut line, mut colons, mut dot) = (Vec::<String>::new(), 0, 0, false);
        for token in tokens {
            match token {
                TokenTree::Ident(word) => {
                    if dot {
                        self.names.push((word.span().start().line, format!(".{word}")));
                    }
                    if colons != 2 {
                        self.flush(line, &mut path);
                        line = word.span().start().line;
                    }
                    path.push(word.to_string());
                    (colons, dot) = (0, false);
                }
                TokenTree::Punct(mark) if mark.as_char() == ':' => colons += 1,
                other => {
                    self.flush(line, &mut path);
                    (colons, dot) = (0, matches!(&other, TokenTree::Punct(mark) if mark.as_char() == '.'));
                    if let TokenTree::Group(group) = other {
                        self.tokens(group.stream());
                    }
                }
            }
        }
        self.flush(line, &mut path);
    }

    fn flush(&mut self, line: usize, path: &mut Vec<String>) {
        if !path.is_empty() {
            self.name(line, &std::mem::take(path));
        }
    }

    fn function(&mut self, signature: &syn::Signature, block: &syn::Block) {
        let first = signature.fn_token.span.start().line;
        let last = block.brace_token.span.close().end().line;
        self.functions.push((signature.ident.to_string(), first, last + 1 - first));
    }
}

impl<'ast> Visit<'ast> for Reader {
    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        if is_test(&module.attrs) {
            return;
        }
        self.module.push(module.ident.to_string());
        visit::visit_item_mod(self, module);
        drop(self.module.pop());
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        if !is_test(&item.attrs) {
            self.tree(&[], &item.tree);
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let words: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        let line = path.segments.first().map_or(0, |segment| segment.ident.span().start().line);
        self.name(line, &words);
        visit::visit_path(self, path);
    }

    fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
        self.names.push((call.method.span().start().line, format!(".{}", call.method)));
        visit::visit_expr_method_call(self, call);
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        self.tokens(call.tokens.clone());
        visit::visit_macro(self, call);
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        if is_test(&item.attrs) {
            return;
        }
        self.function(&item.sig, &item.block);
        visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.function(&item.sig, &item.block);
        visit::visit_impl_item_fn(self, item);
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        if let Some(block) = &item.default {
            self.function(&item.sig, block);
        }
        visit::visit_trait_item_fn(self, item);
    }

    fn visit_attribute(&mut self, attribute: &'ast syn::Attribute) {
        let line = attribute.pound_token.spans[0].start().line;
        let inside = match &attribute.meta {
            syn::Meta::List(list) if attribute.path().is_ident("cfg_attr") => {
                holds(list.tokens.clone(), "allow")
            }
            _ => false,
        };
        if attribute.path().is_ident("allow") || inside {
            self.allows.push(line);
        }
        // Without this attribute the compiler refuses unsafe code, so where it may stand is where unsafe code is.
        if let syn::Meta::List(list) = &attribute.meta
            && holds(list.tokens.clone(), "unsafe_code")
        {
            self.names.push((line, "unsafe_code".to_owned()));
        }
        visit::visit_attribute(self, attribute);
    }
}

fn is_test(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        syn::Meta::List(list) => attribute.path().is_ident("cfg") && list.tokens.to_string() == "test",
        _ => false,
    })
}

fn holds(tokens: TokenStream, word: &str) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(ident) => ident == word,
        TokenTree::Group(group) => holds(group.stream(), word),
        _ => false,
    })
}

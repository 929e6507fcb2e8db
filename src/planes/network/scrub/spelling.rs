//! How a character can be spelled: as itself, or escaped once or twice in the ways of URLs, JSON, HTML and programs.
//!
//! One list serves both who looks for a secret and who skips what cannot hold one; so neither knows a spelling that the other does
//! not. Nothing here depends on a secret.

use std::collections::BTreeSet;
use std::sync::LazyLock;

/// A set of ASCII characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Set(u128);

impl Set {
    pub(super) const EMPTY: Self = Self(0);

    pub(super) const fn of(byte: u8) -> Self {
        if byte < 128 { Self(1 << byte) } else { Self(0) }
    }

    pub(super) const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(super) const fn has(self, byte: u8) -> bool {
        self.0 & Self::of(byte).0 != 0
    }

    pub(super) const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    pub(super) fn bytes(self) -> impl Iterator<Item = u8> {
        (0..128).filter(move |byte| self.has(*byte))
    }
}

/// What every escape begins with.
pub(super) const INTRODUCERS: Set = Set::of(b'%').with(Set::of(b'\\')).with(Set::of(b'&'));

/// Names of HTML for characters that have one (WHATWG HTML §13.5).
const NAMED: [(u8, &str); 37] = [
    (b'!', "excl"),
    (b'"', "quot"),
    (b'"', "QUOT"),
    (b'#', "num"),
    (b'$', "dollar"),
    (b'%', "percnt"),
    (b'&', "amp"),
    (b'&', "AMP"),
    (b'\'', "apos"),
    (b'(', "lpar"),
    (b')', "rpar"),
    (b'*', "ast"),
    (b'+', "plus"),
    (b',', "comma"),
    (b'.', "period"),
    (b'/', "sol"),
    (b':', "colon"),
    (b';', "semi"),
    (b'<', "lt"),
    (b'<', "LT"),
    (b'=', "equals"),
    (b'>', "gt"),
    (b'>', "GT"),
    (b'?', "quest"),
    (b'@', "commat"),
    (b'[', "lbrack"),
    (b'[', "lsqb"),
    (b'\\', "bsol"),
    (b']', "rbrack"),
    (b']', "rsqb"),
    (b'^', "Hat"),
    (b'_', "lowbar"),
    (b'`', "grave"),
    (b'{', "lbrace"),
    (b'|', "vert"),
    (b'}', "rbrace"),
    (b'~', "tilde"),
];

/// Every spelling of every character, as lists and as a tree.
pub(super) struct Spellings {
    lists: Vec<Vec<Vec<u8>>>,
    nodes: Vec<Node>,
}

#[derive(Default)]
struct Node {
    children: Vec<(u8, usize)>,
    /// What the way to here spells.
    says: Set,
    /// What longer ways through here spell.
    leads_to: Set,
}

static ALL: LazyLock<Spellings> = LazyLock::new(Spellings::new);

/// The one list.
pub(super) fn all() -> &'static Spellings {
    &ALL
}

impl Spellings {
    fn new() -> Self {
        let lists: Vec<Vec<Vec<u8>>> = (0..128).map(escaped_once_or_twice).collect();
        let mut nodes = vec![Node::default()];
        for (byte, spellings) in (0..128).zip(&lists) {
            for spelling in spellings {
                insert(&mut nodes, Set::of(byte), spelling);
            }
        }
        Self { lists, nodes }
    }

    /// How `byte` is escaped.
    pub(super) fn of(&self, byte: u8) -> &[Vec<u8>] {
        self.lists.get(usize::from(byte)).map_or(&[], Vec::as_slice)
    }

    /// Gives to `ends` where spellings end that begin at `from` and spell one of `wanted`. True when a longer view could show another.
    pub(super) fn read(&self, view: &[u8], from: usize, wanted: Set, mut ends: impl FnMut(usize)) -> bool {
        let mut node = self.nodes.first();
        for at in from.. {
            let Some(here) = node else { return false };
            let Some(byte) = view.get(at) else { return here.leads_to.meets(wanted) };
            let next = here.children.iter().find(|(label, _)| label == byte);
            node = next.and_then(|(_, next)| self.nodes.get(*next));
            if node.is_some_and(|node| node.says.meets(wanted)) {
                ends(at + 1);
            }
        }
        false
    }
}

fn insert(nodes: &mut Vec<Node>, says: Set, spelling: &[u8]) {
    let mut at = 0;
    for byte in spelling {
        let fresh = nodes.len();
        let Some(node) = nodes.get_mut(at) else { return };
        node.leads_to = node.leads_to.with(says);
        at = if let Some((_, next)) = node.children.iter().find(|(label, _)| label == byte) {
            *next
        } else {
            node.children.push((*byte, fresh));
            nodes.push(Node::default());
            fresh
        };
    }
    if let Some(node) = nodes.get_mut(at) {
        node.says = node.says.with(says);
    }
}

/// The second time whatever is not a letter or digit is escaped, by one rule for the whole.
fn escaped_once_or_twice(byte: u8) -> Vec<Vec<u8>> {
    let once = escaped(byte);
    let mut all: BTreeSet<Vec<u8>> = once.iter().cloned().collect();
    for spelling in &once {
        all.extend([
            each(spelling, |byte| b"\\\"".contains(&byte), |byte| format!("\\{}", char::from(byte))),
            each(spelling, |byte| byte == b'\\', |byte| format!("\\u{byte:04x}")),
            each(spelling, |byte| byte == b'&', |byte| format!("\\u{byte:04x}")),
            each(spelling, |byte| byte == b'&', |_| "&amp;".to_owned()),
            each(spelling, |byte| byte == b'%', |byte| format!("%{byte:02X}")),
            each(spelling, |byte| !byte.is_ascii_alphanumeric(), |byte| format!("%{byte:02X}")),
            each(spelling, |byte| !byte.is_ascii_alphanumeric(), |byte| format!("%{byte:02x}")),
        ]);
    }
    all.into_iter().collect()
}

fn each(text: &[u8], is_special: impl Fn(u8) -> bool, escape: impl Fn(u8) -> String) -> Vec<u8> {
    let spell = |byte: &u8| if is_special(*byte) { escape(*byte).into_bytes() } else { vec![*byte] };
    text.iter().flat_map(spell).collect()
}

fn escaped(byte: u8) -> Vec<Vec<u8>> {
    let mut all = vec![
        format!("%{byte:02X}"),
        format!("%{byte:02x}"),
        format!("\\u{byte:04X}"),
        format!("\\u{byte:04x}"),
        format!("\\u{{{byte:x}}}"),
        format!("\\x{byte:02X}"),
        format!("\\x{byte:02x}"),
        format!("&#{byte};"),
        format!("&#{byte:03};"),
        format!("&#x{byte:X};"),
        format!("&#x{byte:x};"),
        format!("&#x{byte:04X};"),
        format!("&#x{byte:04x};"),
    ];
    if byte.is_ascii_punctuation() {
        all.push(format!("\\{}", char::from(byte)));
    }
    match byte {
        b'\n' => all.push("\\n".to_owned()),
        b'\r' => all.push("\\r".to_owned()),
        _ => {}
    }
    all.extend(NAMED.iter().filter(|(named, _)| *named == byte).map(|(_, name)| format!("&{name};")));
    all.into_iter().map(String::into_bytes).collect()
}

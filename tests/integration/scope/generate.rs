//! Items and targets over so small an alphabet that patterns overlap, contain and meet each other all the time.

use exeat::domain::scope::{
    Access, BodyFacts, FilesystemTarget, HttpTarget, Label, NetworkTarget, Push, ScopeItem, Target,
};
use exeat::domain::upstream::Scheme;
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Value, json};

const METHODS: [&str; 4] = ["GET", "HEAD", "POST", "PUT"];
const HOSTS: [&str; 8] = [
    "example.com:443",
    "a.example.com:443",
    "b.example.com:443",
    "a.b.example.com:443",
    "*.example.com:443",
    "*.b.example.com:443",
    "*.example.com:8443",
    "a.example.com:8443",
];
const ADDRESSES: [(&str, u16); 6] = [
    ("example.com", 443),
    ("a.example.com", 443),
    ("b.example.com", 443),
    ("a.b.example.com", 443),
    ("a.example.com", 8443),
    ("c.b.example.com", 443),
];

/// The JSON of an item as an agent might write it: in any order, with repetitions and spare members.
pub(super) fn written() -> impl Strategy<Value = Value> {
    prop_oneof![4 => http(), 2 => git(), 2 => network(), 2 => filesystem()]
}

pub(super) fn item() -> impl Strategy<Value = ScopeItem> {
    written().prop_map(|value| super::item(&value))
}

/// Two items of one type that differ in at most one field: near misses, where a wrong yes would hide.
pub(super) fn siblings() -> impl Strategy<Value = (ScopeItem, ScopeItem)> {
    let two = |one: BoxedStrategy<Value>| (one.clone(), one, any::<prop::sample::Index>());
    let kinds = [http().boxed(), git().boxed(), network().boxed(), filesystem().boxed()].map(two);
    proptest::strategy::Union::new_weighted([4, 2, 1, 1].into_iter().zip(kinds).collect()).prop_map(
        |(one, mut other, index)| {
            let names =
                ["methods", "paths", "query", "body", "identity", "access", "repositories", "refs", "delete"];
            let differs = index.get(&names);
            for name in names.iter().filter(|name| *name != differs) {
                match one.get(*name) {
                    Some(value) => other[*name] = value.clone(),
                    None => drop(other.as_object_mut().and_then(|fields| fields.remove(*name))),
                }
            }
            (super::item(&fitting(one)), super::item(&fitting(other)))
        },
    )
}

pub(super) fn target() -> impl Strategy<Value = Target> {
    prop_oneof![4 => request(), 3 => of_git(), 2 => connection(), 2 => file()]
}

fn http() -> impl Strategy<Value = Value> {
    let methods = vec(select(&METHODS[..]), 1..4);
    let paths =
        vec(pattern(), 1..4).prop_map(|list| list.iter().map(|p| format!("/{p}")).collect::<Vec<_>>());
    let identity = option::weighted(0.1, select(&["service:bot", "user:alice"][..]));
    (methods, paths, option::weighted(0.4, query()), option::weighted(0.5, body()), identity).prop_map(
        |(methods, paths, query, body, identity)| {
            let mut value = json!({"type": "http", "upstream": "api", "methods": methods, "paths": paths});
            if let Some(query) = query {
                value["query"] = query;
            }
            if let Some(body) = body {
                value["body"] = body;
            }
            if let Some(identity) = identity {
                value["identity"] = json!(identity);
            }
            fitting(value)
        },
    )
}

fn git() -> impl Strategy<Value = Value> {
    let repositories =
        vec(pattern(), 1..3).prop_map(|list| list.iter().map(|p| format!("/{p}")).collect::<Vec<_>>());
    let refs = vec(file_pattern().prop_map(|pattern| format!("refs/{pattern}")), 1..3);
    let identity = option::weighted(0.1, select(&["service:bot", "user:alice"][..]));
    (repositories, option::weighted(0.7, (refs, option::of(any::<bool>()))), identity).prop_map(
        |(repositories, write, identity)| {
            let mut value =
                json!({"type": "git", "upstream": "api", "repositories": repositories, "access": "read"});
            if let Some((refs, delete)) = write {
                value["access"] = json!("write");
                value["refs"] = json!(refs);
                if let Some(delete) = delete {
                    value["delete"] = json!(delete);
                }
            }
            if let Some(identity) = identity {
                value["identity"] = json!(identity);
            }
            value
        },
    )
}

/// What git asks for, and nearly that.
fn of_git() -> impl Strategy<Value = Target> {
    const OLD: &str = "1111111111111111111111111111111111111111";
    const NEW: &str = "2222222222222222222222222222222222222222";
    const NONE: &str = "0000000000000000000000000000000000000000";
    let path = vec(select(&["a", "b", "c"][..]), 0..4).prop_map(|parts| parts.join("/"));
    let tail = select(
        &[
            ("GET", "info/refs?service=git-upload-pack"),
            ("GET", "info/refs?service=git-receive-pack"),
            ("GET", "info/refs?service=git-receive-pack&x=1"),
            ("GET", "info/refs"),
            ("POST", "git-upload-pack"),
            ("POST", "git-receive-pack"),
            ("POST", "git-receive-pack"),
            ("POST", "git-receive-pack"),
            ("PUT", "git-receive-pack"),
        ][..],
    );
    let name = vec(select(&["a", "b", "c"][..]), 1..4).prop_map(|parts| format!("refs/{}", parts.join("/")));
    let change = select(&[(NONE, NEW), (OLD, NEW), (OLD, NONE)][..]);
    let push = btree_map(name, change, 0..3).prop_map(|updates| {
        let lines = updates.iter().map(|(name, (old, new))| format!("{old} {new} {name}\n"));
        let packets = lines.map(|line| format!("{:04x}{line}", line.len() + 4)).collect::<Vec<_>>().concat();
        Push::read(format!("{packets}0000").as_bytes()).expect("a push").expect("as a whole")
    });
    (path, tail, option::weighted(0.9, push)).prop_map(|(path, (method, tail), push)| {
        let upstream = "api".parse().expect("a name");
        let raw = if path.is_empty() { format!("/{tail}") } else { format!("/{path}/{tail}") };
        let target =
            HttpTarget::new(upstream, Scheme::Https, "api.example.com", 443, method, &raw).expect("plain");
        match push.filter(|_| method != "GET") {
            Some(push) => target.with_body(BodyFacts::push(push)).into(),
            None => target.into(),
        }
    })
}

/// An item about bodies with methods that have one, and one about reading without what only pushes have.
fn fitting(mut value: Value) -> Value {
    if value["type"] == "git" {
        let fields = value.as_object_mut().expect("an item");
        if fields["access"] == "read" {
            fields.remove("refs");
            fields.remove("delete");
        } else if !fields.contains_key("refs") {
            fields.insert("refs".to_owned(), json!(["refs/a/*"]));
        }
        return value;
    }
    if value.get("body").is_some() {
        for method in value["methods"].as_array_mut().into_iter().flatten() {
            if method == "GET" || method == "HEAD" {
                *method = json!(if method == "GET" { "POST" } else { "PUT" });
            }
        }
    }
    value
}

fn body() -> impl Strategy<Value = Value> {
    let scalars =
        || vec(prop_oneof![Just(json!(1)), Just(json!(true)), Just(json!("x")), Just(json!(""))], 1..4);
    let names = |of: &'static [&'static str]| option::of(vec(select(of), 1..4));
    let pointers = prop_oneof![
        btree_map(select(&["/a", "/b", "/c/0"][..]), scalars(), 1..3),
        btree_map(select(&["/a/b", "/b", "/~1"][..]), scalars(), 1..3),
    ];
    let kinds = vec(select(&["query", "mutation", "subscription"][..]), 1..3);
    let graphql =
        (option::weighted(0.9, kinds), names(&["f", "g"]), names(&["N", "M"]), names(&["h1", "h2"]));
    let graphql = graphql.prop_map(|(operations, fields, names, persisted)| {
        let mut rule = serde_json::Map::new();
        let persisted = if operations.is_none() { Some(persisted.unwrap_or(vec!["h1"])) } else { persisted };
        let limits = operations.is_some();
        let members = [
            ("operations", operations),
            ("fields", fields.filter(|_| limits)),
            ("names", names.filter(|_| limits)),
            ("persisted", persisted),
        ];
        rule.extend(members.into_iter().filter_map(|(name, list)| Some((name.to_owned(), json!(list?)))));
        json!({ "graphql": rule })
    });
    let rpc = (vec(select(&["tools/call", "tools/list", "ping"][..]), 1..4), names(&["s", "t"]));
    let rpc = rpc.prop_map(|(methods, tools)| match tools.filter(|_| methods.contains(&"tools/call")) {
        Some(tools) => json!({ "json_rpc": { "methods": methods, "tools": tools } }),
        None => json!({ "json_rpc": { "methods": methods } }),
    });
    prop_oneof![
        pointers.prop_map(|rule| json!({ "json": rule })),
        graphql,
        rpc,
        query().prop_map(|rule| json!({ "form": rule })),
    ]
}

/// Bodies of every kind, in the alphabet of the rules, and some of none.
fn sent_body() -> impl Strategy<Value = Option<BodyFacts>> {
    let value = || {
        prop_oneof![
            Just(json!(1)),
            Just(json!(true)),
            Just(json!("x")),
            Just(json!("")),
            Just(json!(1.0)),
            Just(json!({"b": 1}))
        ]
    };
    let object = btree_map(select(&["a", "b", "/"][..]), value(), 0..3);
    let object = (object, option::of(value())).prop_map(|(map, first)| {
        let mut body = json!(map);
        if let Some(first) = first {
            body["c"] = json!([first]);
        }
        body.to_string()
    });
    let selected = vec(select(&["f", "g", "f: g", "... on Q { g }", "...F"][..]), 1..3);
    let operation = (select(&["query N", "query M", "query", "mutation N", "subscription"][..]), selected)
        .prop_map(|(head, fields)| format!("{head} {{ {} }}", fields.join(" ")));
    let request =
        (option::weighted(0.8, vec(operation, 1..3)), option::weighted(0.3, select(&["h1", "h2"][..])));
    let request = request.prop_map(|(operations, hash)| {
        let mut request = json!({});
        if let Some(operations) = operations {
            request["query"] = json!(format!("{} fragment F on Q {{ f }}", operations.join(" ")));
        }
        if let Some(hash) = hash {
            request["documentId"] = json!(hash);
        }
        request
    });
    let call = (select(&["tools/call", "tools/list", "ping", "other"][..]), select(&["s", "t", "u"][..]))
        .prop_map(
            |(method, tool)| json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": {"name": tool}}),
        );
    let one_or_many = |list: Vec<Value>| {
        if list.len() == 1 { list[0].to_string() } else { json!(list).to_string() }
    };
    let form = vec((select(&["x", "y", "z"][..]), select(&["1", "2", "3"][..])), 0..3).prop_map(|pairs| {
        let pairs: std::collections::BTreeMap<_, _> = pairs.into_iter().collect();
        pairs.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
    });
    let read = |content_type: &'static str, text: String| {
        let label = Label { content_type: &[content_type.as_bytes()], encoding: &[] };
        Some(BodyFacts::read(label, text.as_bytes(), 4096).unwrap_or_else(|fault| panic!("{fault}: {text}")))
    };
    let json =
        prop_oneof![object, vec(request, 1..3).prop_map(one_or_many), vec(call, 1..3).prop_map(one_or_many)];
    prop_oneof![
        1 => Just(None),
        6 => json.prop_map(move |text| read("application/json", text)),
        2 => form.prop_map(move |text| read("application/x-www-form-urlencoded", text)),
    ]
}

fn query() -> impl Strategy<Value = Value> {
    let values = prop_oneof![Just(vec!["*"]), vec(select(&["1", "2"][..]), 1..3),];
    btree_map(select(&["x", "y"][..]), values, 0..3).prop_map(|map| json!(map))
}

fn network() -> impl Strategy<Value = Value> {
    vec(select(&HOSTS[..]), 1..4).prop_map(|hosts| json!({"type": "network", "hosts": hosts}))
}

fn filesystem() -> impl Strategy<Value = Value> {
    let path = (any::<bool>(), file_pattern())
        .prop_map(|(absolute, pattern)| format!("{}{pattern}", if absolute { "/" } else { "" }));
    (select(&["read", "write"][..]), vec(path, 1..4))
        .prop_map(|(access, paths)| json!({"type": "filesystem", "access": access, "paths": paths}))
}

fn pattern() -> impl Strategy<Value = String> {
    (vec(select(&["a", "b", "*"][..]), 0..4), select(&["", "", "slash", "rest"][..])).prop_map(
        |(mut parts, end)| {
            match end {
                "rest" => parts.push("**"),
                "slash" => parts.push(""),
                _ => {}
            }
            parts.join("/")
        },
    )
}

fn file_pattern() -> impl Strategy<Value = String> {
    (vec(select(&["a", "b", "*"][..]), 1..4), any::<bool>()).prop_map(|(mut parts, rest)| {
        if rest {
            parts.push("**");
        }
        parts.join("/")
    })
}

fn request() -> impl Strategy<Value = Target> {
    let path = (vec(select(&["a", "b", "c"][..]), 0..5), any::<bool>()).prop_map(|(mut parts, slash)| {
        if slash {
            parts.push("");
        }
        parts.join("/")
    });
    let pair = (select(&["x", "y", "z"][..]), select(&["1", "2", "3"][..]));
    let query = vec(pair, 0..3).prop_map(|pairs| {
        let text: Vec<_> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
        if text.is_empty() { String::new() } else { format!("?{}", text.join("&")) }
    });
    (select(&METHODS[..]), path, query, sent_body()).prop_map(|(method, path, query, body)| {
        let upstream = "api".parse().expect("a name");
        let raw = format!("/{path}{query}");
        let target =
            HttpTarget::new(upstream, Scheme::Https, "api.example.com", 443, method, &raw).expect("plain");
        match body {
            Some(facts) => target.with_body(facts).into(),
            None => target.into(),
        }
    })
}

fn connection() -> impl Strategy<Value = Target> {
    select(&ADDRESSES[..]).prop_map(|(host, port)| NetworkTarget::new(host, port).expect("plain").into())
}

fn file() -> impl Strategy<Value = Target> {
    let path = (any::<bool>(), vec(select(&["a", "b", "c"][..]), 1..5))
        .prop_map(|(absolute, parts)| format!("{}{}", if absolute { "/" } else { "" }, parts.join("/")));
    (select(&[Access::Read, Access::Write][..]), path)
        .prop_map(|(access, path)| FilesystemTarget::new(access, &path).expect("plain").into())
}

/// Any JSON at all, often nearly an item.
pub(super) fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        hostile_text().prop_map(Value::from),
    ];
    let names = select(
        &[
            "type",
            "upstream",
            "identity",
            "methods",
            "paths",
            "query",
            "delivery",
            "hosts",
            "access",
            "body",
            "repositories",
            "refs",
            "delete",
            "~/é",
        ][..],
    );
    let tree = leaf.prop_recursive(4, 32, 6, move |inner| {
        prop_oneof![
            vec(inner.clone(), 0..6).prop_map(Value::from),
            btree_map(names.clone(), inner, 0..6).prop_map(|map| json!(map)),
        ]
    });
    // Half of them are items with one field replaced, so that the reader is reached beyond `type`.
    (written(), any::<proptest::sample::Index>(), tree, any::<bool>()).prop_map(
        |(mut item, index, tree, whole)| {
            if whole {
                return tree;
            }
            if let Some(fields) = item.as_object_mut() {
                let name = index.get(&fields.keys().cloned().collect::<Vec<_>>()).clone();
                fields.insert(name, tree);
            }
            item
        },
    )
}

/// Text made of the pieces parsers disagree about.
pub(super) fn hostile_text() -> impl Strategy<Value = String> {
    let pieces = [
        "/", "/", "/", "a", "b", ".", "..", "...", "//", "\\", "%2F", "%2f", "%5C", "%2E", "%2e", "%252e",
        "%25", "2e", "2F", "%", "%4", "%41", "%C3%A9", "%c3%a9", "%C0%AF", "%FF", "%00", "%0D%0A", "%20",
        " ", "\r\n", "\0", ";", ";x", "%3B", "?", "&", "=", "+", "#", "*", "**", ":", "@", "é", "http://",
        "x=1", "%26", "%3F", "~",
    ];
    vec(select(pieces.to_vec()), 0..10).prop_map(|parts| parts.concat())
}

/// The same item written another way: lists turned round and repeated.
pub(super) fn rewritten() -> impl Strategy<Value = (Value, Value)> {
    written().prop_flat_map(|value| {
        let order = subsequence(vec!["methods", "paths", "hosts", "repositories", "refs"], 0..=5);
        (Just(value), order).prop_map(|(value, touched)| {
            let mut other = value.clone();
            for name in touched {
                if let Some(list) = other.get_mut(name).and_then(Value::as_array_mut) {
                    let again = list.clone();
                    list.reverse();
                    list.extend(again);
                }
            }
            (value, other)
        })
    })
}

//! The documents: every row of a table is in its document and back, and nothing changes unseen.

use std::collections::BTreeSet;

use exeat::edges::{api, inside, review, route::Route};
use serde_json::{Value, to_value};

fn in_table(table: &[Route]) -> BTreeSet<(String, String)> {
    let rows = table.iter().flat_map(Route::operations);
    rows.map(|(method, path)| (method.as_str().to_lowercase(), path)).collect()
}

fn in_document(document: &Value) -> BTreeSet<(String, String)> {
    let paths = document["paths"].as_object().unwrap();
    let operations = |(path, item): (&String, &Value)| {
        let methods: Vec<String> = item.as_object().unwrap().keys().cloned().collect();
        methods.into_iter().map(|method| (method, path.clone())).collect::<Vec<_>>()
    };
    paths.iter().flat_map(operations).collect()
}

/// What programs call on the review listener: pages are in no document.
fn called() -> Vec<Route> {
    review::table().into_iter().filter(|route| !route.is_page()).collect()
}

#[test]
fn every_route_is_in_the_document_and_back() {
    let tables = [
        (api::table(), api::document()),
        (called(), review::document()),
        (inside::table(), inside::document()),
    ];
    for (table, document) in tables {
        let rows: usize = table.iter().map(|route| route.operations().len()).sum();
        assert_eq!(rows, in_table(&table).len(), "no row twice");
        let paths = |route: &Route| {
            route.operations().into_iter().map(|(_, path)| path).collect::<BTreeSet<_>>().len()
        };
        assert!(table.iter().all(|route| paths(route) == 1), "one path a row: its access is its own");
        assert_eq!(in_table(&table), in_document(&to_value(&document).unwrap()));
    }
}

/// What a router answers is what its table holds: nothing is routed anywhere else in the source.
#[test]
fn j08_nothing_is_routed_beside_the_tables() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/edges");
    let mut folders = vec![root.clone()];
    let mut handlers = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let source = std::fs::read_to_string(&path).unwrap();
            handlers += source.matches("#[utoipa::path(").count();
            for beside in [".route(", ".nest(", ".merge(", "route_service(", "axum::routing::get"] {
                assert!(!source.contains(beside), "{}: `{beside}`", path.display());
            }
        }
    }
    assert_eq!(
        handlers,
        api::table().len() + called().len() + inside::table().len(),
        "every documented handler is in a table"
    );
}

#[test]
fn every_operation_but_the_public_ones_takes_a_key() {
    for document in [api::document(), review::document()] {
        let document = to_value(&document).unwrap();
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                let public = operation.get("security").is_none();
                assert!(!public || method == "get", "{method} {path}");
            }
        }
    }
}

#[test]
fn the_documents_change_only_on_purpose() {
    let steady = |document: Value| {
        let mut document = document;
        document["info"]["version"] = Value::from("[version]");
        document
    };
    insta::assert_json_snapshot!("agent", steady(to_value(api::document()).unwrap()));
    insta::assert_json_snapshot!("inside", steady(to_value(inside::document()).unwrap()));
    insta::assert_json_snapshot!("review", steady(to_value(review::document()).unwrap()));
}

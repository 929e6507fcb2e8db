//! Every route of both tables, with every kind of wrong caller.

use axum::Router;
use axum::http::{Method, StatusCode, header};
use exeat::domain::principal::Role;
use exeat::edges::caller::Access;
use exeat::edges::{api, review, route::Route};

use super::{House, json_request, request, send};

/// The rows of a table as (method, path with an id in it, who may call).
fn rows(table: Vec<Route>) -> Vec<(Method, String, Access)> {
    let id = |path: String| {
        let path = path.replace("{id}", "apr_0193559c0a0070008000000000000000").replace("{*path}", "a/b");
        path.replace("{subject}", "apr_0193559c0a0070008000000000000000").replace("{index}", "0")
    };
    let row = |route: Route| {
        let access = route.access();
        route.operations().into_iter().map(|(method, path)| (method, path, access)).collect::<Vec<_>>()
    };
    let rows: Vec<_> =
        table.into_iter().flat_map(row).map(|(method, path, who)| (method, id(path), who)).collect();
    assert!(rows.len() > 10, "the table is read");
    rows
}

async fn status(router: &Router, key: Option<&str>, method: &Method, path: &str) -> StatusCode {
    json_request(router, key, method.clone(), path, None).await.status
}

#[tokio::test]
async fn j08_every_row_refuses_who_may_not_call_it() {
    let house = House::new().await;
    let wrong = PlainKeys::wrong();
    for (router, table, foreign) in [
        (&house.agent, api::table(), &house.reviewer),
        (&house.review, called(review::table()), &house.agent_key),
    ] {
        for (method, path, access) in rows(table) {
            let told = async |key: Option<&str>| status(router, key, &method, &path).await;
            if access == Access::Anyone {
                assert_eq!(method, Method::GET, "{path}: what anybody may call changes nothing");
                assert!(told(None).await.is_success(), "{path}");
                continue;
            }
            assert_eq!(told(None).await, StatusCode::UNAUTHORIZED, "no key: {method} {path}");
            assert_eq!(
                told(Some(&wrong.agent)).await,
                StatusCode::UNAUTHORIZED,
                "wrong key: {method} {path}"
            );
            assert_eq!(
                told(Some(&wrong.review)).await,
                StatusCode::UNAUTHORIZED,
                "wrong key: {method} {path}"
            );
            assert_eq!(told(Some(foreign)).await, StatusCode::UNAUTHORIZED, "f01: {method} {path}");
            assert_eq!(told(Some("")).await, StatusCode::UNAUTHORIZED, "empty key: {method} {path}");
            assert_eq!(
                told(Some(&house.layer_key)).await,
                StatusCode::UNAUTHORIZED,
                "layer: {method} {path}"
            );
        }
    }
}

/// What programs call.
fn called(table: Vec<Route>) -> Vec<Route> {
    table.into_iter().filter(|route| !route.is_page()).collect()
}

/// A page is shown to a browser with a session; any key, a reviewer's too, is sent to where sessions begin.
#[tokio::test]
async fn j08_no_page_is_shown_to_a_key() {
    let house = House::new().await;
    let pages = review::table().into_iter().filter(Route::is_page).collect();
    let wrong = PlainKeys::wrong();
    let keys =
        [None, Some(&wrong.review), Some(&house.agent_key), Some(&house.reviewer), Some(&house.operator)];
    for (method, path, access) in rows(pages) {
        for key in keys {
            let status = status(&house.review, key.map(String::as_str), &method, &path).await;
            match (access, &method) {
                (Access::Anyone, &Method::GET) => assert_eq!(status, StatusCode::OK, "{path}"),
                // Signing in, with a body that is no form.
                (Access::Anyone, _) => assert!(status.is_client_error(), "{path}: {status}"),
                _ => assert_eq!(status, StatusCode::SEE_OTHER, "{method} {path}"),
            }
        }
    }
}

/// The status when these are shown as keys of layers.
async fn shown(router: &Router, keys: &[&str], method: &Method, path: &str) -> StatusCode {
    let asked = request(None, method.clone(), path);
    let asked = keys.iter().fold(asked, |asked, key| asked.header("exeat-layer-key", *key));
    send(router, asked.body(axum::body::Body::empty()).unwrap()).await.status
}

/// A layer's key counts in its own header and on its own rows, and no other key counts there.
#[tokio::test]
async fn j08_a_layer_is_known_on_its_own_rows_alone() {
    let house = House::new().await;
    let wrong = PlainKeys::wrong();
    for (router, table) in [(&house.agent, api::table()), (&house.review, called(review::table()))] {
        for (method, path, access) in rows(table).into_iter().filter(|row| row.2 != Access::Anyone) {
            let told = async |keys: &[&str]| shown(router, keys, &method, &path).await;
            let known = told(&[&house.layer_key]).await != StatusCode::UNAUTHORIZED;
            assert_eq!(known, access == Access::Layer, "{method} {path}");
            for keys in [
                &[house.agent_key.as_str()][..],
                &[&house.operator],
                &[&wrong.layer],
                &[&house.layer_key, &house.layer_key],
                &[""],
            ] {
                assert_eq!(told(keys).await, StatusCode::UNAUTHORIZED, "{method} {path}");
            }
        }
    }
}

#[tokio::test]
async fn j03_every_row_refuses_a_person_without_its_role() {
    let house = House::new().await;
    let people = [
        (Role::Operator, &house.operator),
        (Role::Reviewer, &house.reviewer),
        (Role::Auditor, &house.auditor),
    ];
    for (method, path, access) in rows(review::table()) {
        let Access::Person(roles) = access else { continue };
        for (role, key) in people.iter().filter(|(role, _)| !roles.contains(role)) {
            let answer = house.person(key, method.clone(), &path, None).await;
            assert_eq!(answer.problem(), "role_required", "{role:?}: {method} {path}");
        }
        for (role, key) in people.iter().filter(|(role, _)| roles.contains(role)) {
            let status = house.person(key, method.clone(), &path, None).await.status;
            let refused = [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN].contains(&status);
            assert!(!refused, "{role:?}: {method} {path}: {status}");
        }
    }
}

#[tokio::test]
async fn j03_what_belongs_to_another_agent_looks_like_what_is_not_there() {
    let house = House::new().await;
    for path in
        ["/v1/approvals/apr_0193559c0a0070008000000000000000", "/v1/approvals/nonsense", "/v1/nowhere"]
    {
        let answer = house.asks(Method::GET, path, None).await;
        assert_eq!(
            (answer.status, answer.problem().as_str()),
            (StatusCode::NOT_FOUND, "not_found"),
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_wrong_key_is_on_record_and_a_flood_of_them_is_bounded() {
    let house = House::new().await;
    let wrong = PlainKeys::wrong();
    for _ in 0..100 {
        assert_eq!(status(&house.agent, Some(&wrong.agent), &Method::GET, "/v1/me").await, 401);
    }
    let path = "/v1/ledger/entries?type=authentication_failed&limit=1000";
    let entries = house.person(&house.auditor, Method::GET, path, None).await.json();
    let entries = entries["entries"].as_array().unwrap();
    assert!((1..=60).contains(&entries.len()), "{}", entries.len());
    assert_eq!(entries[0]["entry"]["event"]["listener"], "agent");
}

#[tokio::test]
async fn c15_two_authorization_headers_are_none() {
    let house = House::new().await;
    let twice = request(Some(&house.agent_key), Method::GET, "/v1/me")
        .header(header::AUTHORIZATION, format!("Bearer {}", house.agent_key));
    let answer = send(&house.agent, twice.body(axum::body::Body::empty()).unwrap()).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert_eq!(answer.headers[header::WWW_AUTHENTICATE], "Bearer realm=\"exeat\"");
}

#[tokio::test]
async fn f01_neither_another_name_nor_another_origin_is_answered() {
    let house = House::new().await;
    for router in [&house.agent, &house.review] {
        let rebound = http::Request::get("/openapi.json").header(header::HOST, "evil.example.com");
        let answer = send(router, rebound.body(axum::body::Body::empty()).unwrap()).await;
        assert_eq!(answer.problem(), "misdirected");
        let page =
            request(None, Method::GET, "/openapi.json").header(header::ORIGIN, "https://evil.example.com");
        let answer = send(router, page.body(axum::body::Body::empty()).unwrap()).await;
        assert_eq!(answer.problem(), "cross_origin");
        assert!(answer.headers.get(header::ACCESS_CONTROL_ALLOW_ORIGIN).is_none());
    }
}

#[tokio::test]
async fn unknown_routes_and_methods_are_problems_with_the_security_headers() {
    let house = House::new().await;
    for router in [&house.agent, &house.review] {
        let missing = json_request(router, None, Method::GET, "/v2/everything", None).await;
        assert_eq!((missing.status.as_u16(), missing.problem().as_str()), (404, "not_found"));
        for method in [Method::DELETE, Method::TRACE, Method::OPTIONS, Method::PUT] {
            let refused = json_request(router, None, method, "/v1/approvals", None).await;
            assert_eq!((refused.status.as_u16(), refused.problem().as_str()), (405, "method_not_allowed"));
            assert!(refused.headers.contains_key(header::ALLOW));
            assert_eq!(refused.headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
            assert_eq!(refused.headers[header::CACHE_CONTROL], "no-store");
            assert_eq!(refused.headers[header::REFERRER_POLICY], "no-referrer");
            assert!(
                refused.headers[header::CONTENT_SECURITY_POLICY]
                    .to_str()
                    .unwrap()
                    .starts_with("default-src 'none'")
            );
            assert!(!refused.headers.contains_key(header::SET_COOKIE));
        }
    }
}

/// Keys of the right shape that nobody holds.
struct PlainKeys {
    agent: String,
    review: String,
    layer: String,
}

impl PlainKeys {
    fn wrong() -> Self {
        use exeat::domain::key::{KeyKind, PlainKey};
        let random = exeat::base::random::SystemRandomness::default();
        let key = |kind| PlainKey::new(kind, &random).unwrap().shown_once().to_owned();
        Self { agent: key(KeyKind::Agent), review: key(KeyKind::Review), layer: key(KeyKind::Layer) }
    }
}

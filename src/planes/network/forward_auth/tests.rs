use super::*;

const NGINX: [(&str, &str); 2] =
    [("x-original-method", "GET"), ("x-original-url", "https://api.example.com/a/b?c=d")];
const FORWARDED: [(&str, &str); 4] = [
    ("x-forwarded-method", "GET"),
    ("x-forwarded-proto", "https"),
    ("x-forwarded-host", "api.example.com"),
    ("x-forwarded-uri", "/a/b?c=d"),
];
const ENVOY: [(&str, &str); 2] =
    [("x-forwarded-proto", "https"), ("x-forwarded-host", "api.example.com:443")];

fn asked(form: LayerForm, path: &str, lines: &[(&str, &str)]) -> Result<String, &'static str> {
    let mut headers = HeaderMap::new();
    for (name, value) in [("host", "whoever:1"), ("exeat-layer-key", "k")].iter().chain(lines) {
        headers.append(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
    }
    let original =
        Original::read(form, (&Method::GET, &path.parse().unwrap()), headers).map_err(Refused::name)?;
    let named = |name: &str| original.headers.contains_key(name);
    assert!(!named("exeat-layer-key") && !named("host") && !SAYING.iter().any(|name| named(name)));
    Ok(format!("{} {}{}", original.method, original.origin, original.path))
}

#[test]
fn each_form_says_the_same_request() {
    let said = Ok("GET https://api.example.com/a/b?c=d".to_owned());
    assert_eq!(asked(LayerForm::Nginx, PATH, &NGINX), said);
    assert_eq!(asked(LayerForm::Forwarded, PATH, &FORWARDED), said);
    assert_eq!(asked(LayerForm::Forwarded, "/v1/authorize?c=d", &FORWARDED), said);
    assert_eq!(asked(LayerForm::Forwarded, "/v1/authorize?c=e", &FORWARDED), Err("another_query"));
    assert_eq!(asked(LayerForm::Envoy, "/v1/authorize/a/b?c=d", &ENVOY), said);
    assert_eq!(
        asked(LayerForm::Envoy, "/v1/authorize/", &ENVOY),
        Ok("GET https://api.example.com/".to_owned())
    );
}

#[test]
fn e09_a_question_prints_without_what_is_in_it() {
    let mut headers = HeaderMap::new();
    for (name, value) in NGINX.into_iter().chain([("authorization", "Bearer s3cret")]) {
        headers.append(name, value.parse().unwrap());
    }
    let original = Original::read(LayerForm::Nginx, (&Method::GET, &PATH.parse().unwrap()), headers).unwrap();
    let wanted = Wanted::read("https://api.example.com/a?key=s3cret").unwrap();
    let printed = format!("{original:?} {wanted:?}");
    assert!(
        printed.contains("api.example.com") && !printed.contains("s3cret") && !printed.contains("c=d"),
        "{printed}"
    );
}

#[test]
fn a_request_said_in_two_forms_or_in_another_has_two_readings() {
    let both: Vec<_> = NGINX.iter().chain(&FORWARDED).copied().collect();
    for form in LayerForm::ALL {
        for path in [PATH, "/v1/authorize/a/b"] {
            assert_eq!(asked(form, path, &both), Err("another_form"), "{form:?}");
        }
    }
    assert_eq!(asked(LayerForm::Nginx, PATH, &FORWARDED), Err("another_form"));
    assert_eq!(asked(LayerForm::Forwarded, PATH, &NGINX), Err("another_form"));
    assert_eq!(asked(LayerForm::Envoy, PATH, &ENVOY), Err("another_form"));
    assert_eq!(asked(LayerForm::Nginx, "/v1/authorize/a/b", &NGINX), Err("another_form"));
    assert_eq!(asked(LayerForm::Nginx, "/v1/authorize?x=y", &NGINX), Err("another_form"));
    assert_eq!(asked(LayerForm::Envoy, "/v1/authorized/a", &ENVOY), Err("another_form"));
    assert_eq!(
        asked(LayerForm::Envoy, "http://api.example.com/v1/authorize/a", &ENVOY),
        Err("absolute_form")
    );
}

#[test]
fn c15_what_is_said_twice_or_not_at_all_is_refused() {
    for (form, path, lines) in [
        (LayerForm::Nginx, PATH, &NGINX[..]),
        (LayerForm::Forwarded, PATH, &FORWARDED[..]),
        (LayerForm::Envoy, "/v1/authorize/a", &ENVOY[..]),
    ] {
        for at in 0..lines.len() {
            let twice: Vec<_> = lines.iter().chain([&lines[at]]).copied().collect();
            assert_eq!(asked(form, path, &twice), Err("not_said_once"), "{}", lines[at].0);
            let without: Vec<_> =
                lines.iter().enumerate().filter(|(other, _)| *other != at).map(|(_, line)| *line).collect();
            assert_eq!(asked(form, path, &without), Err("not_said_once"), "{}", lines[at].0);
        }
    }
}

#[test]
fn a07_a_host_with_user_information_a_list_or_a_trailing_dot_is_refused() {
    for host in
        ["a@api.example.com", "api.example.com, evil.com", "api.example.com.", "api.example.com:", "[::1", ""]
    {
        let url = format!("https://{host}/a");
        let nginx = [("x-original-method", "GET"), ("x-original-url", url.as_str())];
        assert!(asked(LayerForm::Nginx, PATH, &nginx).is_err(), "{host}");
        let mut lines = FORWARDED;
        lines[2].1 = host;
        assert!(asked(LayerForm::Forwarded, PATH, &lines).is_err(), "{host}");
        let envoy = [ENVOY[0], ("x-forwarded-host", host)];
        assert!(asked(LayerForm::Envoy, "/v1/authorize/a", &envoy).is_err(), "{host}");
    }
}

#[test]
fn d06_a_path_that_is_an_absolute_form_or_has_a_fragment_is_refused() {
    for uri in ["https://evil.com/a", "a", "*", "", "/a#b", "/a\\b", "//evil.com/a"] {
        let mut lines = FORWARDED;
        lines[3].1 = uri;
        let read = asked(LayerForm::Forwarded, PATH, &lines);
        // What begins with two slashes is a path with an empty segment; the target refuses it.
        assert!(read.is_err() || uri == "//evil.com/a", "{uri}: {read:?}");
    }
    for url in ["ftp://api.example.com/a", "https://api.example.com", "//api.example.com/a", "/a", "https:/a"]
    {
        let nginx = [("x-original-method", "GET"), ("x-original-url", url)];
        assert!(asked(LayerForm::Nginx, PATH, &nginx).is_err(), "{url}");
    }
    let mut lines = FORWARDED;
    lines[1].1 = "HTTPS";
    assert_eq!(asked(LayerForm::Forwarded, PATH, &lines), Err("scheme"));
}

#[test]
fn c16_a_credential_that_cannot_stand_in_a_header_is_not_handed_out() {
    let secret = |bytes: &[u8]| Secret::new(bytes.to_vec());
    let said = |slot: &str, bytes: &[u8]| {
        let (name, value) = field(&slot.parse().unwrap(), &secret(bytes), "u").map_err(Refused::name)?;
        assert!(value.is_sensitive() && !format!("{value:?}").contains("s3"));
        Ok(format!("{name}: {}", value.to_str().unwrap()))
    };
    assert_eq!(said("bearer", b"s3").as_deref(), Ok("authorization: Bearer s3"));
    assert_eq!(said("header:X-Api-Key", b"s3").as_deref(), Ok("x-api-key: s3"));
    assert_eq!(said("basic:", b"s3").as_deref(), Ok("authorization: Basic dTpzMw=="));
    assert_eq!(said("bearer", b"a\r\nb"), Err("credential_not_placeable"));
    assert_eq!(said("query:key", b"s3"), Err("slot_not_by_layer"));
}

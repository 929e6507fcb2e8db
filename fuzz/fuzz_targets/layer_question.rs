//! Questions of layers, from arbitrary header lines: the first byte is the form, then the method and path of the question, then
//! `name: value` lines.
//!
//! What is accepted was said in one form: its origin is one that an upstream could have, its path begins with a slash and is in what was
//! said, byte for byte, and a header that said anything was there once.
#![no_main]

use exeat::domain::layer::LayerForm;
use exeat::planes::network::forward_auth::Original;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use libfuzzer_sys::fuzz_target;

const SAYING: [&str; 6] = [
    "x-original-method",
    "x-original-url",
    "x-forwarded-method",
    "x-forwarded-proto",
    "x-forwarded-host",
    "x-forwarded-uri",
];

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut lines = text.split('\n');
    let (Some(form), Some(question)) = (lines.next(), lines.next()) else { return };
    let Ok(form) = form.parse::<LayerForm>() else { return };
    let Some((method, uri)) = question.split_once(' ') else { return };
    let (Ok(method), Ok(uri)) = (method.parse::<Method>(), uri.parse::<Uri>()) else { return };
    let mut headers = HeaderMap::new();
    for line in lines {
        let Some((name, value)) = line.split_once(": ") else { return };
        let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::from_str(value)) else { return };
        headers.append(name, value);
    }
    let kept = headers.clone();
    let Ok(original) = Original::read(form, (&method, &uri), headers) else { return };
    let said: Vec<&str> = SAYING.into_iter().filter(|name| kept.contains_key(*name)).collect();
    for name in &said {
        assert_eq!(kept.get_all(*name).iter().count(), 1, "{name}");
    }
    let nginx = said.iter().filter(|name| name.starts_with("x-original")).count();
    assert!(nginx == 0 || nginx == said.len(), "two forms: {said:?}");
    let origin = original.origin();
    assert!(!origin.host.contains('@') && !origin.host.ends_with('.') && origin.port != 0);
    assert_eq!(origin.host, origin.host.to_ascii_lowercase());
});

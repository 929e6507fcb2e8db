//! Whatever is minted reads back, whatever is changed does not, and nothing that is sent makes the verifier stumble.

use std::time::Duration;

use exeat::base::clock::Timestamp;
use exeat::domain::scope::ScopeItem;
use exeat::domain::token::{looks_like_token, mint};
use proptest::prelude::*;
use serde_json::json;

use super::fixture::{
    AUDIENCE, NOW, SEED, claiming, claims_text, exchanged, issuer, keys, minted, verifier, verify,
};

fn any_item() -> impl Strategy<Value = ScopeItem> {
    let methods = prop::sample::subsequence(vec!["GET", "HEAD", "POST", "PUT", "DELETE"], 1..=5);
    let segment = prop_oneof!["[a-z0-9._~-]{1,8}[a-z0-9]", Just("*".to_owned()), Just("a%20b".to_owned())];
    let path = (prop::collection::vec(segment, 0..5), any::<bool>()).prop_map(|(segments, rest)| {
        let rest = (rest || segments.is_empty()).then(|| "**".to_owned());
        format!("/{}", segments.into_iter().chain(rest).collect::<Vec<_>>().join("/"))
    });
    let query = prop::option::of(prop::collection::btree_map(
        "[a-z]{1,4}",
        prop::collection::vec("[a-z]{0,4}", 1..3),
        0..3,
    ));
    (methods, prop::collection::vec(path, 1..4), query).prop_filter_map("an item", |(methods, paths, query)| {
        let mut value = json!({
            "type": "http", "upstream": "github", "identity": "service:ci-bot", "methods": methods, "paths": paths,
        });
        if let Some(query) = query {
            value["query"] = json!(query);
        }
        ScopeItem::parse(&value).ok()
    })
}

proptest! {
    #[test]
    fn what_is_minted_reads_back(
        items in prop::collection::vec(any_item(), 1..5),
        micros in 0..4_000_000_000_000_000_i64,
        life in 1..3600_u64,
    ) {
        let at = Timestamp::from_micros(micros);
        let exchange = exchanged(items, at, Duration::from_secs(life));
        let token = mint(&keys(SEED), &issuer(), AUDIENCE, &exchange).unwrap();
        let read = verifier().verify(token.expose_secret(), at).unwrap();
        let planned = exchange.value();
        prop_assert_eq!(read.id(), planned.token());
        prop_assert_eq!(read.approval(), planned.approval());
        prop_assert_eq!(read.agent(), planned.agent());
        prop_assert_eq!(read.on_behalf_of(), planned.on_behalf_of());
        prop_assert_eq!(read.run(), planned.run());
        prop_assert_eq!(read.identity(), planned.identity());
        prop_assert_eq!(read.items(), planned.items());
        prop_assert_eq!(read.approvers(), planned.approvers());
        prop_assert_eq!(read.statement_digest(), planned.statement_digest());
        prop_assert_eq!(read.expires_at().as_seconds(), planned.expires_at().as_seconds());
        prop_assert!(read.expires_at() <= planned.expires_at());
        prop_assert!(looks_like_token(token.expose_secret()));
    }

    #[test]
    fn arbitrary_text_is_refused(text in any::<String>(), parts in "[A-Za-z0-9_-]{0,40}\\.[A-Za-z0-9_-]{0,40}\\.[A-Za-z0-9_-]{0,90}") {
        prop_assert!(verify(&text).is_err());
        prop_assert!(verify(&parts).is_err());
        let _: bool = looks_like_token(&text);
    }

    #[test]
    fn arbitrary_claims_are_refused_even_when_signed(claims in any::<String>(), cut in 0..400_usize, more in any::<char>()) {
        prop_assert!(verify(&claiming(&claims)).is_err());
        let whole = claims_text();
        let cut = cut.min(whole.len() - 1);
        prop_assert!(verify(&claiming(&whole[..cut])).is_err());
        let inserted = format!("{}{more}{}", &whole[..cut], &whole[cut..]);
        // A letter more in a text may well be another valid text; anything that is accepted says so in its claims.
        if let Ok(read) = verify(&claiming(&inserted)) {
            prop_assert_ne!(&*read, &*verify(&minted()).unwrap());
        }
    }
}

#[test]
fn any_change_of_one_byte_is_refused() {
    let (verifier, token) = (verifier(), minted());
    assert!(verifier.verify(&token, NOW).is_ok());
    for at in 0..token.len() {
        let mut changed = token.clone().into_bytes();
        for byte in [b'A', b'_', b'.', b'=', b' ', changed[at] ^ 1, changed[at] ^ 0x20] {
            let original = changed[at];
            changed[at] = byte;
            let text = String::from_utf8(changed.clone()).unwrap();
            assert!(text == token || verifier.verify(&text, NOW).is_err(), "byte {at}: {byte}");
            changed[at] = original;
        }
        let cut = token.get(..at).unwrap();
        assert!(verifier.verify(cut, NOW).is_err());
    }
}

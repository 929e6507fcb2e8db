//! Phase 2: whose agent key is in `Proxy-Authorization`, or which run the socket belongs to.
//!
//! Basic with the key as password (RFC 7617), because that is what `http://user:KEY@proxy` becomes in every client, or
//! Bearer. A missing key and a wrong one get the same answer.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::Proxy;
use super::gate::Caller;
use super::read::Way;
use super::reason::Refused;
use crate::base::secret::Secret;
use crate::domain::problem::Problem;

/// The longest header value that is looked at.
const MAX_BYTES: usize = 1024;

/// Finds out who is calling: on a run's socket the run, and elsewhere from the values of `Proxy-Authorization`.
pub(super) async fn caller<'a>(
    proxy: &Proxy,
    way: &Way,
    mut values: impl Iterator<Item = &'a [u8]>,
) -> Result<Caller, Problem> {
    match way {
        // Two identities for one request would be two readings of it.
        Way::Run(_) if values.next().is_some() => return Err(Refused::TWO_IDENTITIES.problem()),
        Way::Run(caller) | Way::Tunnel { caller, .. } => return Ok(caller.clone()),
        Way::Plain => {}
    }
    let Some(key) = key(values) else {
        return Err(proxy.parts.gate.refuse_stranger(Refused::AGENT_KEY).await);
    };
    proxy.parts.gate.identify(key).await?.ok_or_else(|| Refused::AGENT_KEY.problem())
}

fn key<'a>(mut values: impl Iterator<Item = &'a [u8]>) -> Option<Secret> {
    let (Some(value), None) = (values.next(), values.next()) else { return None };
    if value.len() > MAX_BYTES {
        return None;
    }
    let (scheme, rest) = std::str::from_utf8(value).ok()?.split_once(' ')?;
    let key = if scheme.eq_ignore_ascii_case("bearer") {
        rest.as_bytes().to_vec()
    } else if scheme.eq_ignore_ascii_case("basic") {
        let pair = Zeroizing::new(STANDARD.decode(rest).ok()?);
        let colon = pair.iter().position(|b| *b == b':')?;
        pair.get(colon + 1..)?.to_vec()
    } else {
        return None;
    };
    (!key.is_empty()).then(|| Secret::new(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(values: &[&str]) -> Option<String> {
        let key = key(values.iter().map(|value| value.as_bytes()))?;
        Some(String::from_utf8(key.expose_secret().to_vec()).unwrap())
    }

    #[test]
    fn the_key_is_the_password_or_the_bearer() {
        assert_eq!(found(&["Bearer k1"]).as_deref(), Some("k1"));
        assert_eq!(found(&[&format!("basic {}", STANDARD.encode("agent:k:2"))]).as_deref(), Some("k:2"));
        assert_eq!(found(&[&format!("Basic {}", STANDARD.encode(":k3"))]).as_deref(), Some("k3"));
    }

    #[test]
    fn anything_else_is_no_key() {
        let no_password = format!("Basic {}", STANDARD.encode("agent:"));
        let no_colon = format!("Basic {}", STANDARD.encode("agent"));
        for values in [
            &[][..],
            &["Bearer a", "Bearer b"],
            &["k"],
            &["Digest k"],
            &["Basic *"],
            &[&no_password],
            &[&no_colon],
        ] {
            assert_eq!(found(values), None, "{values:?}");
        }
    }
}

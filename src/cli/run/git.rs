//! git asks for a password, and finds a placeholder: by settings in variables, so that no file of the run has to hold them.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};

use super::placeholders::own_variable;
use crate::edges::wire::PasswordFor;

/// How many settings there are (git-config(1), ENVIRONMENT).
const COUNT: &str = "GIT_CONFIG_COUNT";

/// The variables that have git find what it needs at each of these origins, after the settings that are `given` already.
pub(super) fn settings(
    passwords: &[PasswordFor],
    given: &BTreeMap<OsString, OsString>,
) -> Vec<(String, String)> {
    let count = given.get(OsStr::new(COUNT)).and_then(|count| count.to_str()?.parse().ok());
    let first: usize = count.unwrap_or(0);
    let each = passwords.iter().flat_map(|PasswordFor { upstream, origin, user }| {
        let variable = own_variable(upstream.as_str());
        // A shell of git's runs it (gitcredentials(7)); of this text nothing but the variable's name comes from elsewhere.
        let helper = format!("!f() {{ test \"$1\" != get || echo \"password=$(printenv {variable})\"; }}; f");
        [
            (format!("credential.{origin}.username"), user.clone()),
            (format!("credential.{origin}.helper"), helper),
        ]
    });
    let (mut all, mut next) = (Vec::new(), first);
    for (key, value) in each {
        all.push((format!("GIT_CONFIG_KEY_{next}"), key));
        all.push((format!("GIT_CONFIG_VALUE_{next}"), value));
        next = next.saturating_add(1);
    }
    if !all.is_empty() {
        all.push((COUNT.to_owned(), next.to_string()));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn password(upstream: &str, origin: &str) -> PasswordFor {
        let (upstream, origin) = (upstream.parse().unwrap(), origin.parse().unwrap());
        PasswordFor { upstream, origin, user: "x-access-token".to_owned() }
    }

    #[test]
    fn git_is_told_where_the_password_of_each_origin_stands() {
        let all = [password("our-forge", "https://git.test"), password("b", "https://git.test:8443")];
        let set: BTreeMap<String, String> = settings(&all, &BTreeMap::new()).into_iter().collect();
        assert_eq!(set["GIT_CONFIG_COUNT"], "4");
        assert_eq!(set["GIT_CONFIG_KEY_0"], "credential.https://git.test.username");
        assert_eq!(set["GIT_CONFIG_VALUE_0"], "x-access-token");
        assert!(set["GIT_CONFIG_VALUE_1"].contains("printenv OUR_FORGE_TOKEN"), "{set:?}");
        assert_eq!(set["GIT_CONFIG_KEY_3"], "credential.https://git.test:8443.helper");
    }

    #[test]
    fn what_a_profile_tells_git_stays() {
        let given = BTreeMap::from([("GIT_CONFIG_COUNT".into(), "2".into())]);
        let set = settings(&[password("b", "https://git.test")], &given);
        assert_eq!(set.first().unwrap().0, "GIT_CONFIG_KEY_2");
        assert_eq!(set.last().unwrap(), &("GIT_CONFIG_COUNT".to_owned(), "4".to_owned()));
        assert!(settings(&[], &given).is_empty());
    }
}

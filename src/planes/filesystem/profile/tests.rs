//! Profiles that are understood, and those that contradict themselves.

use super::*;

#[test]
fn the_built_in_profiles_are_understood_and_stand_on_their_rung() {
    for (name, _) in BUILT_IN {
        let profile = Profile::load(name).unwrap();
        assert_eq!(profile.terms().rung.as_str(), name);
        assert!(profile.terms().files.write.is_empty(), "{name} writes outside the workspace");
    }
}

#[test]
fn a_profile_that_contradicts_itself_is_refused() {
    let good = BUILT_IN[2].1;
    for (from, to, said) in [
        ("rung = \"networked\"", "rung = \"workspace-write\"\nsurprise = 1", "surprise"),
        ("rung = \"networked\"", "rung = \"read-only\"", "read-only writes nothing"),
        ("hosts = []", "hosts = []\nports = 1", "ports"),
        ("seconds = 14400", "seconds = 0", "limits.seconds"),
        ("read = []", "read = [\"home\"]", "files.read"),
        ("read = []", "read = [\"/home/../root\"]", "files.read"),
        ("\"TERM\"", "\"EXEAT_AGENT_KEY\"", "EXEAT_AGENT_KEY"),
        ("\"TERM\"", "\"E*\"", "E*"),
        ("\"TERM\"", "\"LD_PRELOAD\"", "LD_PRELOAD"),
        ("\".ci\"", "\"../outside\"", "../outside"),
    ] {
        let text = good.replacen(from, to, 1);
        let refused = Profile::parse("p", None, &text).unwrap_err().to_string();
        assert!(text != good && refused.contains(said), "{said}: {refused}");
    }
}

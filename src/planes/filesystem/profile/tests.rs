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
    let good = BUILT_IN[2].1.replacen("hosts = []", "hosts = [\"a.example:443\"]", 1);
    assert!(Profile::parse("p", None, &good).is_ok());
    for (from, to, said) in [
        ("rung = \"networked\"", "rung = \"networked\"\nsurprise = 1", "surprise: unknown field `surprise`"),
        ("rung = \"networked\"", "rung = \"root\"", "rung: unknown variant `root`"),
        ("rung = \"networked\"", "", "missing field `rung`"),
        (
            "rung = \"networked\"",
            "rung = \"read-only\"",
            "workspace.access: the rung read-only writes nothing",
        ),
        ("rung = \"networked\"", "rung = \"workspace-write\"", "network.hosts: needs the rung networked"),
        ("hosts = [\"a.example:443\"]", "hosts = []\nports = 1", "network.ports: unknown field `ports`"),
        ("hosts = [\"a.example:443\"]", "hosts = [\"a.example:443\", \"*.com:443\"]", "network.hosts[1]: "),
        ("hosts = [\"a.example:443\"]", "hosts = [7]", "network.hosts[0]: invalid type"),
        ("seconds = 14400", "seconds = 0", "limits.seconds: must be"),
        ("seconds = 14400", "seconds = \"an hour\"", "limits.seconds: invalid type"),
        ("seconds = 14400", "seconds = -1", "limits.seconds: invalid value"),
        ("seconds = 14400", "seconds = ", "line 62: "),
        ("read = []", "read = [\"home\"]", "files.read[0]: home must be"),
        ("read = []", "read = [\"/a\", \"/home/../root\"]", "files.read[1]: /home/../root must be"),
        ("\"TERM\"", "\"EXEAT_AGENT_KEY\"", "environment.pass[0]: EXEAT_AGENT_KEY is Exeat's own"),
        ("\"TERM\"", "\"E*\"", "environment.pass[0]: E*"),
        ("\"TERM\"", "\"LD_PRELOAD\"", "environment.pass[0]: LD_PRELOAD"),
        ("PATH = ", "LD_AUDIT = ", "environment.set.LD_AUDIT: may not be set"),
        ("\".git/hooks\"", "\".git/hooks\", \"../outside\"", "workspace.protect[1]: ../outside must be"),
        ("\".git/commondir\"", "\"/etc/x\"", "workspace.held: /etc/x must be"),
    ] {
        let text = good.replacen(from, to, 1);
        let refused = Profile::parse("p", None, &text).unwrap_err().to_string();
        assert!(text != good && refused.contains(said), "{said}: {refused}");
    }
}

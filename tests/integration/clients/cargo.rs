//! cargo, with a sparse registry.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use exeat::base::crypto::hash::sha256;
use serde_json::json;

use super::depot::{Asked, Door, found, not_found};
use super::scene::Scene;

/// The toolchain that builds this test.
fn toolchain() -> PathBuf {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let said = Command::new(rustc).args(["--print", "sysroot"]).output().unwrap();
    PathBuf::from(String::from_utf8(said.stdout).unwrap().trim())
}

/// A crate as `cargo package` packs it.
fn packed() -> Vec<u8> {
    let dir = tempfile::TempDir::new().unwrap();
    let source = dir.path().join("exeat-probe-1.0.0/src");
    fs::create_dir_all(&source).unwrap();
    fs::write(source.join("lib.rs"), "pub const VALUE: &str = \"fetched\";\n").unwrap();
    let manifest = "[package]\nname = \"exeat-probe\"\nversion = \"1.0.0\"\nedition = \"2021\"\n";
    fs::write(dir.path().join("exeat-probe-1.0.0/Cargo.toml"), manifest).unwrap();
    let tar = Command::new("tar").args(["-czf", "-", "exeat-probe-1.0.0"]).current_dir(dir.path()).output();
    tar.unwrap().stdout
}

#[tokio::test]
async fn i01_cargo_builds_with_a_crate_from_a_governed_registry() {
    let packed = packed();
    let sum = sha256(&[&packed]).to_string();
    let registry = move |base: &str, asked: &Asked| match asked.path.as_str() {
        "/index/config.json" => {
            let config = json!({"dl": format!("{base}/crates/{{crate}}/{{version}}"), "auth-required": true});
            found("application/json", config.to_string())
        }
        "/index/ex/ea/exeat-probe" => {
            let line = json!({"name": "exeat-probe", "vers": "1.0.0", "deps": [], "cksum": sum, "features": {},
                "yanked": false});
            found("text/plain", format!("{line}\n"))
        }
        "/crates/exeat-probe/1.0.0" => found("application/gzip", packed.clone()),
        _ => not_found(),
    };
    let scene = Scene::open(Door::Bearer, registry).await;
    let index = scene.depot.origin();
    scene.write(".cargo/config.toml", &format!("[registries.depot]\nindex = \"sparse+{index}/index/\"\n"));
    let manifest = "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\n\
        [dependencies]\nexeat-probe = { version = \"1\", registry = \"depot\" }\n";
    scene.write("Cargo.toml", manifest);
    scene.write("src/lib.rs", "pub use exeat_probe::VALUE;\n");
    let profile = scene.profile(&[&toolchain()], &[]);
    let ran = scene.run_in(&profile, "cargo check --quiet && ls target").await.expect(0);
    assert!(ran.out.contains("\ndebug\n"), "{ran:?}");
    scene.proven_straight(&ran, 3);
    assert!(scene.users().await.iter().all(|user| user.ends_with("/cargo")), "{:?}", scene.users().await);
}

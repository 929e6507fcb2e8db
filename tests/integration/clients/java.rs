//! Java, whose programs trust what stands in a store of Java's own kind.

use super::depot::{Asked, Door, Reply, found};
use super::scene::Scene;

fn goods(_: &str, asked: &Asked) -> Reply {
    found("text/plain", format!("{} of {} bytes", asked.path, asked.body.len()))
}

const MAIN: &str = r#"
import java.net.URI;
import java.net.URL;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;

public class Main {
    public static void main(String[] arguments) throws Exception {
        String key = "Bearer " + System.getenv("DEPOT_TOKEN");
        var old = new URL(arguments[0] + "/one").openConnection();
        old.setRequestProperty("Authorization", key);
        System.out.println(new String(old.getInputStream().readAllBytes()));
        var post = HttpRequest.BodyPublishers.ofByteArray(new byte[500000]);
        var request = HttpRequest.newBuilder(URI.create(arguments[0] + "/two")).header("Authorization", key).POST(post);
        System.out.println(HttpClient.newHttpClient().send(request.build(), BodyHandlers.ofString()).body());
    }
}
"#;

#[tokio::test]
async fn i01_java_reaches_a_governed_host_with_both_of_its_clients() {
    let scene = Scene::open(Door::Bearer, goods).await;
    scene.write("Main.java", MAIN);
    let ran = scene.run(&format!("java Main.java {}", scene.depot.origin())).await.expect(0);
    assert!(ran.out.ends_with("/one of 0 bytes\n/two of 500000 bytes\n"), "{ran:?}");
    scene.proven_straight(&ran, 2);
}

#[tokio::test]
async fn i02_javas_store_holds_the_systems_authorities_and_exeats() {
    let scene = Scene::open(Door::Bearer, goods).await;
    // With the password that everybody uses, and without one.
    let list = "keytool -list -keystore /run/exeat/ca.jks";
    let ran = scene
        .run(&format!("{list} -storepass changeit; {list} </dev/null; grep -c BEGIN $SSL_CERT_FILE"))
        .await;
    let ran = ran.expect(0);
    let count: usize = ran.out.trim().lines().next_back().unwrap().parse().unwrap();
    assert!(count > 1, "{ran:?}");
    assert_eq!(ran.out.matches("trustedCertEntry").count(), 2 * count, "{}", ran.out);
}

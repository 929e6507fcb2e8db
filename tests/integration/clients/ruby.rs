//! Ruby's own client.

use super::depot::{Asked, Door, Reply, found};
use super::scene::Scene;

fn goods(_: &str, asked: &Asked) -> Reply {
    found("text/plain", format!("{} of {} bytes", asked.path, asked.body.len()))
}

#[tokio::test]
async fn i01_rubys_net_http_reaches_a_governed_host() {
    let scene = Scene::open(Door::Bearer, goods).await;
    let script = "require 'net/http'
key = { 'Authorization' => \"Bearer #{ENV['DEPOT_TOKEN']}\" }
puts Net::HTTP.get(URI(\"#{ARGV[0]}/one\"), key)
puts Net::HTTP.post(URI(\"#{ARGV[0]}/two\"), 'x' * 500000, key).body
";
    scene.write("main.rb", script);
    let ran = scene.run(&format!("ruby main.rb {}", scene.depot.origin())).await.expect(0);
    assert!(ran.out.ends_with("/one of 0 bytes\n/two of 500000 bytes\n"), "{ran:?}");
    // Ruby looks the name up before it takes the proxy, which counts as an attempt to get past it, and does no harm.
    scene.proven(&ran, 2);
}

//! Events reach whoever wants them, with the commands of the manual.

use tenon_testkit::{FakeServer, FakeUpstream, HttpAnswer, UpstreamReply};

use crate::running::{Server, patiently};
use crate::site::{REPOSITORY, Site};

fn receiver() -> FakeServer {
    FakeServer::start(|_| Some(HttpAnswer::whole(200, "text/plain", "")))
}

fn serve(site: &Site, sink: &FakeServer) -> Server {
    let folder = site.repository.path().to_str().unwrap();
    let arguments = [
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--allow-path",
        folder,
        "--allow-webhook",
        "127.0.0.1",
    ];
    let mut command = site.lasting(&arguments, "serve.log");
    command.env("K_SINK", sink.address());
    Server::start(command)
}

#[test]
fn what_happens_is_told_to_a_webhook_and_to_the_sink() {
    let upstream = FakeUpstream::start([UpstreamReply::text("`half` gives one half of a number.")]);
    let site = Site::new(&upstream);
    let (target, sink) = (receiver(), receiver());
    let server = serve(&site, &sink);
    site.register(&server, &[]);
    site.ask(&server, &["webhook", "add", "http://10.0.0.1/"])
        .expect(2)
        .says("--allow-webhook");
    let add = ["webhook", "add", &target.address(), "--event", "job.succeeded"];
    let secret = site.ask(&server, &add).expect(0).stdout;
    assert!(secret.starts_with("whsec_"), "{secret}");

    let submit = ["job", "submit", "explain", "half", "--repository", REPOSITORY];
    site.ask(&server, &[&submit[..], &["--watch"]].concat()).expect(0);
    patiently("the events arrive", || {
        (target.requests().len(), sink.requests().len()) == (1, 2)
    });
    let request = &target.requests()[0];
    assert!(request.header("webhook-signature").unwrap().starts_with("v1,"));
    let told = sink.requests();
    let kinds: Vec<_> = told
        .iter()
        .map(|request| request.header("ce-type").unwrap())
        .collect();
    assert_eq!(kinds, ["job.submitted", "job.succeeded"]);

    let listed = site.ask(&server, &["webhook", "list"]).expect(0);
    assert!(!listed.stdout.contains("whsec_"));
    listed.says(&target.address()).says("sink");
    let all = site.ask(&server, &["webhook", "list", "--json"]).expect(0).json();
    let webhooks = all["webhooks"].as_array().unwrap();
    let own = webhooks
        .iter()
        .find(|webhook| webhook["kind"] == "webhook")
        .unwrap();
    let id = own["id"].as_str().unwrap();
    let delivery = request.header("webhook-id").unwrap();
    patiently("it is written down", || {
        let deliveries = site
            .ask(&server, &["webhook", "deliveries", "--webhook", id])
            .expect(0)
            .stdout;
        deliveries.contains(delivery) && deliveries.contains("delivered, 1 attempt")
    });
    site.ask(&server, &["webhook", "replay", delivery])
        .expect(0)
        .says("pending");
    patiently("it arrives again", || target.requests().len() == 2);
    assert_eq!(target.requests()[1].header("webhook-id"), Some(delivery));

    let rotated = site.ask(&server, &["webhook", "rotate", id]).expect(0).stdout;
    assert!(rotated.starts_with("whsec_") && rotated != secret, "{rotated}");
    let rotate = ["webhook", "rotate", id];
    site.ask(&server, &rotate).expect(2).says("signs until");
    site.ask(&server, &[&rotate[..], &["--now"]].concat()).expect(0);
    site.ask(&server, &["webhook", "enable", id]).expect(0).says(id);
    site.ask(&server, &["webhook", "remove", id]).expect(0);
    site.ask(&server, &["webhook", "remove", id])
        .expect(2)
        .says("there is no webhook");
    assert_eq!(server.stop(), Some(0), "{}", site.said("serve.log"));
}

//! Whoever asks twice does not wait.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use tenon_testkit::{FakeUpstream, UpstreamReply};

use crate::running::patiently;
use crate::site::{REPOSITORY, Site};

#[test]
fn a_second_signal_ends_a_server_that_still_has_something_to_finish() {
    let upstream = FakeUpstream::start(Vec::<UpstreamReply>::new());
    let site = Site::new(&upstream);
    let server = site.serve(&["--no-models", "--workers", "0"]);
    site.register(&server, &[]);
    let submit = [
        "job",
        "submit",
        "explain",
        "half",
        "--repository",
        REPOSITORY,
        "--json",
    ];
    let job = site.ask(&server, &submit).expect(0).json();

    // Nobody works on the job: whoever watches it is answered as long as the server lets them.
    let address = server.url.strip_prefix("http://").unwrap().to_owned();
    let mut watching = TcpStream::connect(&address).unwrap();
    let (id, key) = (job["id"].as_str().unwrap(), site.first_key());
    write!(
        watching,
        "GET /api/v1/jobs/{id}/events HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {key}\r\n\r\n"
    )
    .unwrap();
    let mut first = [0; 12];
    watching.read_exact(&mut first).unwrap();
    assert_eq!(&first, b"HTTP/1.1 200");

    server.signal();
    patiently("it takes no more", || TcpStream::connect(&address).is_err());
    assert_eq!(server.stop(), Some(130), "{}", site.said("serve.log"));
}

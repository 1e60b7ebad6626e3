//! Pulling over HTTP and from local folders, faults included. The server is real and so is the disk.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use support::{Recorder, entry, hugging_face, options, tiny_model};
use tempfile::TempDir;
use tenon_runtime::{FileState, ModelFolder, Network, PullError, PullEvent, PullOptions, Pulled, pull};
use tenon_testkit::{DeafPort, FakeServer, Framing, HttpAnswer, HttpRequest, Step};
use tokio_util::sync::CancellationToken;

/// Larger than a few of the pieces that are written at once.
fn content() -> Vec<u8> {
    tiny_model(1 << 20)
}

struct Room {
    _root: TempDir,
    folder: ModelFolder,
    recorder: Recorder,
}

impl Room {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let catalog = vec![entry(&content(), vec![hugging_face()])];
        let folder = ModelFolder::with_catalog(root.path().join("models"), catalog);
        Self {
            _root: root,
            folder,
            recorder: Recorder::default(),
        }
    }

    async fn pull(&self, options: &PullOptions) -> Result<Pulled, PullError> {
        let entry = &self.folder.catalog()[0];
        pull(
            entry,
            &self.folder,
            options,
            &self.recorder,
            &CancellationToken::new(),
        )
        .await
    }

    fn partial_bytes(&self) -> u64 {
        let partial = self.folder.partial_path_of(&self.folder.catalog()[0]);
        fs::metadata(partial).map_or(0, |metadata| metadata.len())
    }

    fn put_partial(&self, bytes: &[u8]) {
        fs::create_dir_all(self.folder.root()).unwrap();
        fs::write(self.folder.partial_path_of(&self.folder.catalog()[0]), bytes).unwrap();
    }

    fn assert_whole(&self) {
        let path = self.folder.path_of(&self.folder.catalog()[0]);
        assert!(
            fs::read(path).unwrap() == content(),
            "the file is not the one that was served"
        );
        assert_eq!(self.folder.list().unwrap()[0].state, FileState::Verified);
        assert_eq!(self.partial_bytes(), 0);
    }
}

/// Serves `content` as Hugging Face would, ranges included.
fn serve(request: &HttpRequest, content: &[u8]) -> HttpAnswer {
    assert_eq!(request.path, "/nobody/tiny/resolve/main/tiny-model.gguf");
    let start = request.header("range").map(|range| {
        range
            .strip_prefix("bytes=")
            .unwrap()
            .strip_suffix('-')
            .unwrap()
            .parse::<usize>()
            .unwrap()
    });
    let Some(start) = start else {
        return HttpAnswer::whole(200, "application/octet-stream", content);
    };
    let range = format!("bytes {start}-{}/{}", content.len() - 1, content.len());
    HttpAnswer::whole(206, "application/octet-stream", &content[start..]).with_header("content-range", &range)
}

/// The same, but the connection is lost after `bytes`.
fn serve_part(request: &HttpRequest, content: &[u8], bytes: usize) -> HttpAnswer {
    let mut answer = serve(request, content);
    if let Some(Step::Send(body)) = answer.steps.first_mut() {
        body.truncate(bytes);
    }
    answer.steps.push(Step::Cut);
    answer
}

#[tokio::test]
async fn a_file_is_brought_verified_and_found_the_next_time() {
    let server = FakeServer::start(|request| Some(serve(request, &content())));
    let room = Room::new();
    let pulled = room.pull(&options(&server.address())).await.unwrap();
    assert_eq!(pulled.source.as_deref(), Some("Hugging Face `nobody/tiny`"));
    room.assert_whole();
    assert!(room.recorder.only_advanced());
    let whole = PullEvent::Advanced {
        bytes_done: content().len() as u64,
        bytes_total: content().len() as u64,
    };
    assert!(room.recorder.events().contains(&whole));

    let again = room.pull(&options(&server.address())).await.unwrap();
    assert_eq!(again.source, None);
    assert_eq!(
        server.requests().len(),
        1,
        "nothing is asked for a file that is there"
    );
}

#[tokio::test]
async fn a_connection_lost_half_way_is_continued_where_it_broke() {
    let calls = Arc::new(AtomicUsize::new(0));
    let server = FakeServer::start(move |request| match calls.fetch_add(1, Ordering::SeqCst) {
        0 => Some(serve_part(request, &content(), 1_500_000)),
        1 => Some(HttpAnswer::whole(503, "text/plain", "try later")),
        2 => Some(serve_part(request, &content(), 1_000_000)),
        _ => Some(serve(request, &content())),
    });
    let room = Room::new();
    room.pull(&options(&server.address())).await.unwrap();
    room.assert_whole();
    let ranges: Vec<_> = server
        .requests()
        .iter()
        .map(|request| request.header("range").map(str::to_owned))
        .collect();
    let range = |start: &str| Some(format!("bytes={start}-"));
    assert_eq!(
        ranges,
        [None, range("1500000"), range("1500000"), range("2500000")]
    );
    assert!(room.recorder.only_advanced());
}

#[tokio::test]
async fn what_was_brought_is_kept_for_the_next_call() {
    let server = FakeServer::start(|request| Some(serve_part(request, &content(), 0)));
    let first = FakeServer::start(|request| match request.header("range") {
        None => Some(serve_part(request, &content(), 2_000_000)),
        Some(_) => Some(serve_part(request, &content(), 0)),
    });
    let room = Room::new();
    let error = room.pull(&options(&first.address())).await.unwrap_err();
    let PullError::NoSource { partial_bytes, .. } = error else {
        panic!("{error}")
    };
    assert_eq!((partial_bytes, room.partial_bytes()), (2_000_000, 2_000_000));
    assert_eq!(
        room.folder.list().unwrap()[0].state,
        FileState::Partial { bytes: 2_000_000 }
    );
    room.pull(&options(&server.address())).await.unwrap_err();
    assert_eq!(
        room.partial_bytes(),
        2_000_000,
        "nothing is lost by a call that brings nothing"
    );

    let server = FakeServer::start(|request| Some(serve(request, &content())));
    room.pull(&options(&server.address())).await.unwrap();
    room.assert_whole();
    assert_eq!(server.requests()[0].header("range"), Some("bytes=2000000-"));
}

#[tokio::test]
async fn a_server_that_ignores_ranges_is_read_from_the_beginning() {
    let server = FakeServer::start(|_| Some(HttpAnswer::whole(200, "application/octet-stream", content())));
    let room = Room::new();
    room.put_partial(&content()[..1_000]);
    room.pull(&options(&server.address())).await.unwrap();
    room.assert_whole();
}

#[tokio::test]
async fn a_wrong_digest_is_refused_and_nothing_of_it_is_kept() {
    let server = FakeServer::start(|request| {
        let mut wrong = content();
        *wrong.last_mut().unwrap() ^= 1;
        Some(serve(request, &wrong))
    });
    let room = Room::new();
    let error = room.pull(&options(&server.address())).await.unwrap_err();
    let message = error.to_string();
    let entry = &room.folder.catalog()[0];
    let place = room.folder.path_of(entry).display().to_string();
    for said in ["digest", &entry.digest.to_string(), "put it at", &place] {
        assert!(message.contains(said), "{message}");
    }
    assert_eq!(room.folder.list().unwrap()[0].state, FileState::Absent);
    assert!(!room.folder.path_of(entry).exists());
}

#[tokio::test]
async fn a_spoiled_partial_file_does_not_spoil_the_next_pull() {
    let server = FakeServer::start(|request| Some(serve(request, &content())));
    let room = Room::new();
    room.put_partial(&vec![7; 1_000_000]);
    room.pull(&options(&server.address())).await.unwrap();
    room.assert_whole();
    let restarted = |event: &PullEvent| matches!(event, PullEvent::Restarted { .. });
    assert!(room.recorder.events().iter().any(restarted));

    let other = Room::new();
    other.put_partial(&vec![7; content().len() + 1]);
    other.pull(&options(&server.address())).await.unwrap();
    other.assert_whole();
}

#[tokio::test]
async fn a_damaged_file_is_replaced_only_by_the_right_one() {
    let room = Room::new();
    let path = room.folder.path_of(&room.folder.catalog()[0]);
    fs::create_dir_all(room.folder.root()).unwrap();
    fs::write(&path, b"cut off").unwrap();
    let broken = FakeServer::start(|_| Some(HttpAnswer::whole(404, "text/plain", "gone")));
    room.pull(&options(&broken.address())).await.unwrap_err();
    assert_eq!(fs::read(&path).unwrap(), b"cut off");
    let server = FakeServer::start(|request| Some(serve(request, &content())));
    room.pull(&options(&server.address())).await.unwrap();
    room.assert_whole();
}

#[tokio::test]
async fn servers_with_other_files_are_passed_over() {
    let shorter = FakeServer::start(|_| Some(HttpAnswer::whole(200, "text/html", "please log in")));
    let room = Room::new();
    room.pull(&options(&shorter.address())).await.unwrap_err();
    assert!(
        room.recorder.reasons()[0].contains("13 bytes instead of"),
        "{:?}",
        room.recorder.reasons()
    );

    let endless = FakeServer::start(|_| {
        Some(HttpAnswer {
            status: 200,
            headers: Vec::new(),
            framing: Framing::Chunked,
            steps: vec![Step::Send(vec![0; content().len() + 1])],
        })
    });
    let room = Room::new();
    room.pull(&options(&endless.address())).await.unwrap_err();
    assert!(
        room.recorder.reasons()[0].contains("more than"),
        "{:?}",
        room.recorder.reasons()
    );
    assert_eq!(room.partial_bytes(), 0);

    let shifted = FakeServer::start(|_| {
        let answer = HttpAnswer::whole(206, "application/octet-stream", "xxx");
        Some(answer.with_header("content-range", "bytes 0-2/3"))
    });
    let room = Room::new();
    room.put_partial(b"GGUF");
    room.pull(&options(&shifted.address())).await.unwrap_err();
    assert!(
        room.recorder.reasons()[0].contains("bytes 0-2/3"),
        "{:?}",
        room.recorder.reasons()
    );
    assert_eq!(room.partial_bytes(), 4);
}

#[tokio::test]
async fn a_source_that_does_not_answer_is_passed_over_and_said() {
    let server = FakeServer::start(|_| None);
    let room = Room::new();
    let patient = PullOptions {
        idle_timeout: Duration::from_millis(50),
        ..options(&server.address())
    };
    room.pull(&patient).await.unwrap_err();
    assert!(
        room.recorder.reasons()[0].contains("sent nothing"),
        "{:?}",
        room.recorder.reasons()
    );

    let free = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let room = Room::new();
    let error = room
        .pull(&options(&format!("http://{free}")))
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("does not connect") && error.contains("put it at"),
        "{error}"
    );
}

#[tokio::test]
async fn a_source_that_does_not_connect_in_time_is_passed_over_and_said() {
    let deaf = DeafPort::open();
    let room = Room::new();
    let hasty = PullOptions {
        connect_timeout: Duration::from_millis(100),
        ..options(&deaf.address())
    };
    room.pull(&hasty).await.unwrap_err();
    assert_eq!(room.recorder.reasons(), ["it does not connect within 0.1 s"]);
}

#[tokio::test]
async fn offline_with_nothing_cached_is_one_clear_error() {
    let server = FakeServer::start(|_| None);
    let room = Room::new();
    let offline = PullOptions {
        network: Network::Offline,
        ..options(&server.address())
    };
    let message = room.pull(&offline).await.unwrap_err().to_string();
    let entry = &room.folder.catalog()[0];
    let place = room.folder.path_of(entry).display().to_string();
    for said in ["offline", "tiny-model.gguf", &entry.digest.to_string(), &place] {
        assert!(message.contains(said), "{message}");
    }
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn local_folders_and_the_cache_of_other_tools_are_used_first() {
    for place in [
        "tiny-model.gguf",
        "models--nobody--tiny/snapshots/abc123/tiny-model.gguf",
    ] {
        let cache = tempfile::tempdir().unwrap();
        let file = cache.path().join(place);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, content()).unwrap();
        let room = Room::new();
        let offline = PullOptions {
            network: Network::Offline,
            local_folders: vec![cache.path().to_owned()],
            ..PullOptions::default()
        };
        room.pull(&offline).await.unwrap();
        room.assert_whole();
        assert!(file.exists());
    }
}

#[tokio::test]
async fn a_local_file_with_other_content_is_passed_over() {
    let cache = tempfile::tempdir().unwrap();
    fs::write(cache.path().join("tiny-model.gguf"), vec![1; content().len()]).unwrap();
    let server = FakeServer::start(|request| Some(serve(request, &content())));
    let room = Room::new();
    let options = PullOptions {
        local_folders: vec![cache.path().to_owned()],
        ..options(&server.address())
    };
    room.pull(&options).await.unwrap();
    room.assert_whole();
    assert!(
        room.recorder.reasons()[0].contains("digest"),
        "{:?}",
        room.recorder.reasons()
    );
}

#[tokio::test]
async fn a_full_disk_is_said_before_anything_is_brought() {
    let server = FakeServer::start(|_| None);
    let root = tempfile::tempdir().unwrap();
    let mut huge = entry(&content(), vec![hugging_face()]);
    huge.bytes = u64::MAX / 2;
    let folder = ModelFolder::with_catalog(root.path(), vec![huge.clone()]);
    let (options, recorder, cancel) = (
        options(&server.address()),
        Recorder::default(),
        CancellationToken::new(),
    );
    let pulled = pull(&huge, &folder, &options, &recorder, &cancel);
    let error = pulled.await.unwrap_err();
    assert!(
        matches!(
            error,
            PullError::NoSpace {
                free_bytes: Some(_),
                ..
            }
        ),
        "{error}"
    );
    assert!(error.to_string().contains("free some"), "{error}");
    assert!(server.requests().is_empty());
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_disk_that_fills_up_on_the_way_stops_the_pull() {
    let server = FakeServer::start(|request| Some(serve(request, &content())));
    let room = Room::new();
    fs::create_dir_all(room.folder.root()).unwrap();
    // The device that is always full: every write to it fails as on a full disk.
    let partial = room.folder.partial_path_of(&room.folder.catalog()[0]);
    std::os::unix::fs::symlink("/dev/full", partial).unwrap();
    let error = room.pull(&options(&server.address())).await.unwrap_err();
    assert!(matches!(error, PullError::NoSpace { .. }), "{error}");
    assert_eq!(server.requests().len(), 1, "another source would not help");
}

#[tokio::test]
async fn a_pull_that_is_cancelled_ends_at_once_and_is_continued_later() {
    let server = FakeServer::start(|request| {
        let mut answer = serve_part(request, &content(), 3_000_000);
        *answer.steps.last_mut().unwrap() = Step::Hang;
        Some(answer)
    });
    let room = Room::new();
    let cancel = CancellationToken::new();
    let options = PullOptions {
        idle_timeout: Duration::from_secs(3_600),
        ..options(&server.address())
    };
    let stop = cancel.clone();
    let observer = |event: PullEvent| {
        if matches!(event, PullEvent::Advanced { bytes_done, .. } if bytes_done >= 1_000_000) {
            stop.cancel();
        }
    };
    let pulled = pull(
        &room.folder.catalog()[0],
        &room.folder,
        &options,
        &observer,
        &cancel,
    );
    let error = pulled.await.unwrap_err();
    assert!(matches!(error, PullError::Cancelled { .. }), "{error}");
    server.disconnected().await;
    assert!(room.partial_bytes() >= 1_000_000);

    let server = FakeServer::start(|request| Some(serve(request, &content())));
    room.pull(&support::options(&server.address())).await.unwrap();
    room.assert_whole();
    assert!(server.requests()[0].header("range").is_some());
}

#[tokio::test]
async fn two_pulls_of_one_model_do_not_mix() {
    let server = FakeServer::start(|request| {
        let mut answer = serve_part(request, &content(), 2_000_000);
        *answer.steps.last_mut().unwrap() = Step::Hang;
        Some(answer)
    });
    let room = Room::new();
    let entry = &room.folder.catalog()[0];
    let options = PullOptions {
        idle_timeout: Duration::from_secs(3_600),
        ..options(&server.address())
    };
    let cancel = CancellationToken::new();
    let (started, first_started) = tokio::sync::mpsc::unbounded_channel();
    let mut first_started = first_started;
    let observer = move |event: PullEvent| {
        let _ = started.send(event);
    };
    let first = pull(entry, &room.folder, &options, &observer, &cancel);
    let second = async {
        first_started.recv().await.unwrap();
        let error = room.pull(&options).await.unwrap_err();
        cancel.cancel();
        error
    };
    let (first, second) = tokio::join!(first, second);
    assert!(matches!(first, Err(PullError::Cancelled { .. })));
    assert!(matches!(second, PullError::Busy { .. }), "{second}");
}

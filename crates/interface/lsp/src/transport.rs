//! Messages over standard input and output. One that cannot be read is told and left out; a frame that cannot be, or
//! that is too long, ends the session.

use std::io::{self, BufRead, ErrorKind, Read as _};
use std::sync::{Arc, OnceLock};
use std::thread::{self, JoinHandle};

use crossbeam_channel::{Sender, bounded};
use lsp_server::{Connection, Message, Notification};
use serde_json::json;

use crate::delivery::ERROR;

/// Buffers of 10 MB are sent whole, and escaped.
const MOST_BYTES: usize = 64 * 1024 * 1024;
const LONGEST_HEADER: u64 = 1024;

/// The threads that read and write.
pub(crate) struct Threads {
    /// Why nothing more is read.
    failure: Arc<OnceLock<String>>,
    writer: JoinHandle<io::Result<()>>,
}

impl Threads {
    /// Why nothing more is read, if something is wrong with it.
    pub fn failure(&self) -> Option<&String> {
        self.failure.get()
    }

    /// Waits until everything is written.
    pub fn join(self) -> io::Result<()> {
        let written = self.writer.join();
        written.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

/// The client that this process was started by.
pub(crate) fn stdio() -> (Connection, Threads) {
    let (sender, outgoing) = bounded::<Message>(0);
    let (arrived, receiver) = bounded::<Message>(0);
    let told = sender.clone();
    let failure = Arc::new(OnceLock::new());
    let failed = Arc::clone(&failure);
    thread::spawn(move || {
        // It is known before the session hears that nothing more comes.
        if let Err(error) = forward(io::stdin().lock(), &arrived, &told) {
            let _ = failed.set(error.to_string());
        }
    });
    let writer = thread::spawn(move || {
        let mut output = io::stdout().lock();
        outgoing.iter().try_for_each(|message| message.write(&mut output))
    });
    (Connection { sender, receiver }, Threads { failure, writer })
}

fn forward(mut input: impl BufRead, arrived: &Sender<Message>, told: &Sender<Message>) -> io::Result<()> {
    while let Some(body) = body(&mut input)? {
        match serde_json::from_slice::<Message>(&body) {
            Ok(message) => {
                let is_last = matches!(&message, Message::Notification(it) if it.method == "exit");
                if arrived.send(message).is_err() || is_last {
                    break;
                }
            }
            Err(error) => {
                let said = format!("Tenon: a message of {} bytes was left out: {error}", body.len());
                let parameters = json!({ "type": ERROR, "message": said });
                let notification = Notification::new("window/logMessage".to_owned(), parameters);
                let _ = told.send(Message::Notification(notification));
            }
        }
    }
    Ok(())
}

/// What the next frame holds; `None` at the end.
fn body(input: &mut impl BufRead) -> io::Result<Option<Vec<u8>>> {
    let wrong = |said: String| io::Error::new(ErrorKind::InvalidData, said);
    let mut length = None;
    loop {
        let mut line = Vec::new();
        let read = input.by_ref().take(LONGEST_HEADER).read_until(b'\n', &mut line)?;
        if read == 0 {
            return Ok(None);
        }
        let text = String::from_utf8_lossy(&line);
        let header = text.strip_suffix("\r\n");
        let header = header.ok_or_else(|| wrong(format!("this is no header of a message: {text:?}")))?;
        if header.is_empty() {
            break;
        }
        if let Some((name, value)) = header.split_once(':')
            && name.eq_ignore_ascii_case("Content-Length")
        {
            let number = value.trim().parse::<usize>();
            length = Some(number.map_err(|_| wrong(format!("this is no length: {header:?}")))?);
        }
    }
    let length = length.ok_or_else(|| wrong("a message has no Content-Length".to_owned()))?;
    if length > MOST_BYTES {
        let said = format!("a message of {length} bytes is too long: {MOST_BYTES} are read");
        return Err(wrong(said));
    }
    let mut body = vec![0; length];
    input.read_exact(&mut body)?;
    Ok(Some(body))
}

#[cfg(test)]
mod tests {
    use crossbeam_channel::unbounded;

    use super::*;

    fn frame(body: &str) -> String {
        format!("Content-Length: {}\r\n\r\n{body}", body.len())
    }

    /// What arrives, what is told, and how it ends.
    fn read(input: &str) -> (Vec<Message>, Vec<Message>, io::Result<()>) {
        let (arrived, arriving) = unbounded();
        let (told, telling) = unbounded();
        let ended = forward(input.as_bytes(), &arrived, &told);
        drop((arrived, told));
        (arriving.iter().collect(), telling.iter().collect(), ended)
    }

    #[test]
    fn what_is_no_message_is_left_out_and_told() {
        let good = frame(r#"{"jsonrpc":"2.0","method":"initialized","params":{}}"#);
        let wrong = ["{\"jsonrpc\": oops}", "[]", "{}", "\u{fffd}"]
            .map(frame)
            .concat();
        let (arrived, told, ended) = read(&format!("{good}{wrong}{good}"));
        ended.unwrap();
        assert_eq!((arrived.len(), told.len()), (2, 4));
    }

    #[test]
    fn headers_are_read_as_clients_write_them() {
        let body = r#"{"jsonrpc":"2.0","method":"exit"}"#;
        let odd = format!(
            "Content-Type: application/vscode-jsonrpc; charset=utf-8\r\ncontent-length:{}\r\n\r\n{body}behind",
            body.len()
        );
        let (arrived, told, ended) = read(&odd);
        ended.unwrap();
        assert_eq!((arrived.len(), told.len()), (1, 0));
    }

    #[test]
    fn a_frame_without_end_or_bound_ends_the_session() {
        for (input, said) in [
            ("Content-Length: 99999999999999\r\n\r\n{}", "too long"),
            ("Content-Length: -1\r\n\r\n{}", "no length"),
            ("Content-Length: 2\n\n{}", "no header"),
            ("\r\n{}", "no Content-Length"),
            (&"x".repeat(5000), "no header"),
            ("Content-Length: 9\r\n\r\n{}", "fill whole buffer"),
        ] {
            let (arrived, _, ended) = read(input);
            let error = ended.unwrap_err().to_string();
            assert!(arrived.is_empty() && error.contains(said), "{error}");
        }
        read("").2.unwrap();
    }
}

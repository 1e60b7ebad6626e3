//! HTTP as it goes over the wire, for what the typed client does not show.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use crate::running::PATIENCE;

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    head: String,
    pub body: String,
}

/// Asks for what is at a path.
pub fn get(url: &str, path: &str, key: &str) -> Answer {
    send(url, &format!("GET {path}"), key, &[], "")
}

/// Sends a JSON document to a path.
pub fn post(url: &str, path: &str, key: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    send(url, &format!("POST {path}"), key, headers, body)
}

fn send(url: &str, what: &str, key: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let headers: String = headers
        .iter()
        .map(|(name, value)| format!("{name}: {value}\r\n"))
        .collect();
    let address = url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(
        stream,
        "{what} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {key}\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n{headers}\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    Answer {
        status: head.split(' ').nth(1).unwrap().parse().unwrap(),
        head: head.to_ascii_lowercase(),
        body: body.to_owned(),
    }
}

impl Answer {
    /// The value of a header, its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.head.lines().filter_map(|line| line.split_once(": "));
        headers.find(|(key, _)| *key == name).map(|(_, value)| value)
    }
}

//! As much of a browser as signing in takes: cookies, and redirects that are followed one at a time.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

/// Keeps cookies by host, as browsers do: whatever the port and the path. It speaks HTTP without TLS, and waits for
/// every answer: use it beside a server, not on its only thread.
#[derive(Debug, Clone, Default)]
pub struct Browser {
    cookies: BTreeMap<(String, String), String>,
}

/// What came back.
#[derive(Debug, Clone)]
pub struct Page {
    /// The status code.
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: String,
    url: String,
}

const PATIENCE: Duration = Duration::from_secs(60);

impl Browser {
    /// Looks at an address.
    pub fn get(&mut self, url: &str) -> Page {
        self.send("GET", url, &[], "")
    }

    /// Sends a form from a page of the same host.
    pub fn submit(&mut self, url: &str, form: &str) -> Page {
        let (origin, _, _) = parts(url);
        let headers = [
            ("content-type", "application/x-www-form-urlencoded"),
            ("origin", origin),
        ];
        self.send("POST", url, &headers, form)
    }

    /// Sends anything.
    pub fn send(&mut self, method: &str, url: &str, headers: &[(&str, &str)], body: &str) -> Page {
        let (_, authority, path) = parts(url);
        let host = authority.split(':').next().unwrap_or_default();
        let mine = self.cookies.iter().filter(|((of, _), _)| of == host);
        let cookies: Vec<String> = mine.map(|((_, name), value)| format!("{name}={value}")).collect();
        let mut head = format!("{method} {path} HTTP/1.1\r\nhost: {authority}\r\nconnection: close\r\n");
        if !cookies.is_empty() {
            head.push_str(&format!("cookie: {}\r\n", cookies.join("; ")));
        }
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        let request = format!("{head}content-length: {}\r\n\r\n{body}", body.len());
        let mut stream = TcpStream::connect(authority).expect("somebody listens there");
        let _ = stream.set_read_timeout(Some(PATIENCE));
        stream
            .write_all(request.as_bytes())
            .expect("the request is taken");
        let page = Page::read(stream, url);
        for cookie in page.all("set-cookie") {
            self.keep(host, cookie);
        }
        page
    }

    /// The value of a cookie.
    pub fn cookie(&self, name: &str) -> Option<&str> {
        let mut named = self.cookies.iter().filter(|((_, of), _)| of == name);
        named.next().map(|(_, value)| value.as_str())
    }

    /// Keeps a cookie, whoever says so.
    pub fn keep(&mut self, host: &str, cookie: &str) {
        let pair = cookie.split(';').next().unwrap_or_default();
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let key = (host.to_owned(), name.trim().to_owned());
        match value {
            "" => self.cookies.remove(&key),
            value => self.cookies.insert(key, value.to_owned()),
        };
    }
}

impl Page {
    /// The first header of that name.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        headers
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// Every header of that name.
    pub fn all<'own>(&'own self, name: &'own str) -> impl Iterator<Item = &'own str> {
        let named = self.headers.iter().filter(move |(key, _)| key == name);
        named.map(|(_, value)| value.as_str())
    }

    /// Where it leads, as a whole address.
    ///
    /// # Panics
    /// When it leads nowhere.
    pub fn leads_to(&self) -> String {
        let location = self.header("location");
        let location =
            location.unwrap_or_else(|| panic!("status {} leads nowhere: {}", self.status, self.body));
        match location.starts_with('/') {
            true => format!("{}{location}", parts(&self.url).0),
            false => location.to_owned(),
        }
    }

    fn read(stream: TcpStream, url: &str) -> Self {
        let mut stream = BufReader::new(stream);
        let mut line = || {
            let mut line = String::new();
            stream.read_line(&mut line).expect("an answer comes");
            line.trim_end().to_owned()
        };
        let status = line().split(' ').nth(1).and_then(|status| status.parse().ok());
        let mut headers = Vec::new();
        while let Some((name, value)) = line().split_once(':') {
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        let mut page = Self {
            status: status.expect("an answer has a status"),
            headers,
            body: String::new(),
            url: url.to_owned(),
        };
        let mut body = Vec::new();
        match page.header("transfer-encoding") {
            Some("chunked") => read_chunks(&mut stream, &mut body),
            _ => drop(stream.read_to_end(&mut body)),
        }
        page.body = String::from_utf8_lossy(&body).into_owned();
        page
    }
}

fn read_chunks(stream: &mut BufReader<TcpStream>, body: &mut Vec<u8>) {
    loop {
        let mut size = String::new();
        stream.read_line(&mut size).expect("a chunk comes");
        let size = u64::from_str_radix(size.trim(), 16).expect("a chunk has a size");
        stream.by_ref().take(size).read_to_end(body).expect("it is whole");
        let mut end = String::new();
        stream.read_line(&mut end).expect("a chunk has an end");
        if size == 0 {
            return;
        }
    }
}

/// The origin, the authority and the path of an address.
fn parts(url: &str) -> (&str, &str, &str) {
    let rest = url.strip_prefix("http://").expect("an address without TLS");
    let length = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(length);
    let origin = url.get(..url.len() - path.len()).unwrap_or_default();
    (origin, authority, if path.is_empty() { "/" } else { path })
}

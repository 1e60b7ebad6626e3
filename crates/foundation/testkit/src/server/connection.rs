use std::io;
use std::sync::{Arc, PoisonError};

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::{Framing, HttpAnswer, HttpRequest, Shared, Step};

const MAX_LINE: u64 = 64 * 1024;

pub(super) async fn accept<H>(listener: &TcpListener, shared: Arc<Shared>, handler: Arc<H>)
where
    H: Fn(&HttpRequest) -> Option<HttpAnswer> + Send + Sync + 'static,
{
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            return;
        };
        let (shared, handler) = (Arc::clone(&shared), Arc::clone(&handler));
        connections.spawn(async move {
            // A client that goes away is part of many tests.
            let _ = serve(stream, &shared, &*handler).await;
        });
    }
}

async fn serve<H>(stream: TcpStream, shared: &Shared, handler: &H) -> io::Result<()>
where
    H: Fn(&HttpRequest) -> Option<HttpAnswer>,
{
    let mut stream = BufReader::new(stream);
    let Some(request) = read_request(&mut stream).await? else {
        return Ok(());
    };
    shared
        .requests
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(request.clone());
    let Some(answer) = handler(&request) else {
        return hang(&mut stream, shared).await;
    };
    stream.write_all(head(&answer).as_bytes()).await?;
    for step in answer.steps {
        match step {
            Step::Send(bytes) if answer.framing == Framing::Chunked => {
                stream
                    .write_all(format!("{:x}\r\n", bytes.len()).as_bytes())
                    .await?;
                stream.write_all(&bytes).await?;
                stream.write_all(b"\r\n").await?;
            }
            Step::Send(bytes) => stream.write_all(&bytes).await?,
            Step::Cut => return stream.shutdown().await,
            Step::Hang => {
                stream.flush().await?;
                return hang(&mut stream, shared).await;
            }
        }
        stream.flush().await?;
        // Lets the client see this piece before the next one.
        tokio::task::yield_now().await;
    }
    if answer.framing == Framing::Chunked {
        stream.write_all(b"0\r\n\r\n").await?;
    }
    stream.shutdown().await
}

async fn hang(stream: &mut BufReader<TcpStream>, shared: &Shared) -> io::Result<()> {
    // Ends when the client closes, or resets, the connection.
    let result = tokio::io::copy(stream, &mut tokio::io::sink()).await;
    shared.disconnected.send_modify(|count| *count += 1);
    result.map(|_| ())
}

async fn read_request(stream: &mut BufReader<TcpStream>) -> io::Result<Option<HttpRequest>> {
    let line = read_line(stream).await?;
    let mut words = line.split(' ');
    let (Some(method), Some(path)) = (words.next(), words.next()) else {
        return Ok(None);
    };
    let mut request = HttpRequest {
        method: method.to_owned(),
        path: path.to_owned(),
        headers: Vec::new(),
        body: Vec::new(),
    };
    loop {
        let line = read_line(stream).await?;
        let Some((name, value)) = line.split_once(':') else {
            break;
        };
        request
            .headers
            .push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let length = request
        .header("content-length")
        .and_then(|length| length.parse().ok());
    request.body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut request.body).await?;
    Ok(Some(request))
}

async fn read_line(stream: &mut BufReader<TcpStream>) -> io::Result<String> {
    let mut line = String::new();
    stream.take(MAX_LINE).read_line(&mut line).await?;
    Ok(line.trim_end().to_owned())
}

fn head(answer: &HttpAnswer) -> String {
    let mut head = format!("HTTP/1.1 {} Scripted\r\nconnection: close\r\n", answer.status);
    match answer.framing {
        Framing::Chunked => head.push_str("transfer-encoding: chunked\r\n"),
        Framing::Length(bytes) => head.push_str(&format!("content-length: {bytes}\r\n")),
    }
    for (name, value) in &answer.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    head
}

//! `tenon login`: a key for this machine, by way of a browser.

use std::net::Ipv4Addr;

use tenon_api::{Door, RedeemRequest};
use tenon_client::{Client, query};
use tenon_config::Overrides;
use tenon_domain::{Digest, Secret};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use crate::arguments::LoginArguments;
use crate::failure::{Exit, Failure};
use crate::output::Output;
use crate::{composition, server_client, service_composition};

const LONGEST_LINE: u64 = 4096;
const DONE: &str = "Tenon has its key now. You can close this page.\n";
const ELSEWHERE: &str = "There is nothing here.\n";

/// `tenon login`.
pub async fn run(arguments: LoginArguments) -> Result<Exit, Failure> {
    let settings = composition::settings(None, &Overrides::default())?;
    let output = Output::new(false, settings.no_color);
    let server = server_client::address(&settings, arguments.server.as_deref()).trim_end_matches('/');
    let failed = |error: std::io::Error| {
        Failure::new(Exit::Missing, format!("cannot listen for the browser: {error}"))
    };
    // Only this machine's browser reaches it, and what it brings is of use only with the verifier.
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .await
        .map_err(failed)?;
    let port = listener.local_addr().map_err(failed)?.port().to_string();
    let verifier = tenon_access::token().map_err(|error| Failure::new(Exit::Missing, error.to_string()))?;
    let machine = service_composition::machine_name().unwrap_or_else(|| "this machine".to_owned());
    let asked = query(&[
        ("port", Some(&port)),
        ("challenge", Some(&Digest::of(verifier.expose()).hex())),
        ("name", Some(&format!("tenon on {machine}"))),
    ]);
    Client::knock(server, Door::Program, &asked).await?;
    output.say("open this address in a browser on this machine, and say yes there:");
    output.result(&format!("{server}{}{asked}", Door::Program.path()));
    let code = timeout(arguments.wait, browser(&listener)).await.map_err(|_| {
        Failure::new(Exit::Missing, "no browser came in time").with_help("run `tenon login` again")
    })?;
    let request = RedeemRequest {
        code: code.map_err(failed)?,
        verifier: verifier.expose().to_owned(),
    };
    let created = Client::redeem(server, &request).await?;
    let kept = service_composition::keep_login(&settings, server, &Secret::new(&created.secret))?;
    let until = created.key.expires_at.unwrap_or_default();
    output.say(&format!(
        "signed in: the key {} is kept in {} until {until}",
        created.key.id,
        kept.display()
    ));
    Ok(Exit::Success)
}

/// Waits for the browser that brings a code; whoever else comes is sent away.
async fn browser(listener: &TcpListener) -> std::io::Result<String> {
    loop {
        let (stream, _) = listener.accept().await?;
        // One that goes away, or says nothing of use, is not the one that is waited for.
        if let Ok(Some(code)) = greet(stream).await {
            return Ok(code);
        }
    }
}

async fn greet(stream: TcpStream) -> std::io::Result<Option<String>> {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    (&mut stream).take(LONGEST_LINE).read_line(&mut line).await?;
    let target = line.strip_prefix("GET /?code=");
    let code = target
        .and_then(|rest| rest.split([' ', '&']).next())
        .map(str::to_owned);
    let code = code.filter(|code| code.bytes().all(|byte| byte.is_ascii_alphanumeric()) && !code.is_empty());
    let (status, text) = match code {
        Some(_) => ("200 OK", DONE),
        None => ("404 Not Found", ELSEWHERE),
    };
    let answer = format!(
        "HTTP/1.1 {status}\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: {}\r\nreferrer-policy: no-referrer\r\nconnection: close\r\n\r\n{text}",
        text.len()
    );
    stream.write_all(answer.as_bytes()).await?;
    stream.shutdown().await?;
    Ok(code)
}
